"""Results as one page that needs nothing else: every figure plotted, with its spread, limits and floors.

Whatever stands in a result file is text to the page: it is escaped, never interpreted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from remixd.errors import InvalidInput, Unavailable
from remixd.track.fields import one_line

from . import plots
from .compare import Noise, case_text
from .distances import distances, floor_of, quantity
from .report_plots import Row, draw_rows
from .results import Bench, Figure, Result

ROWS_MOST: Final = 60
"""Of one plot; what has more gets several."""
COLUMNS: Final = ("case", "run", "n", "median", "quartiles", "p90", "p99", "p99.9", "max", "distance")
RUNNING: Final = "it was still running when this was written: it goes on, or it ended without a word"
STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c1917; --paper: #fdfcfa; --faint: #78716c; --line: #d6d3d1; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7e5e4; --paper: #171513; --faint: #a8a29e; --line: #44403c; }
}
body { color: var(--ink); background: var(--paper); font: 15px/1.45 system-ui, sans-serif;
  max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-top: 1px solid var(--line);
  padding-top: 1rem; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
td, th { padding: .15rem .7rem .15rem 0; text-align: left; vertical-align: top; }
tr + tr td { border-top: 1px solid var(--line); }
.wide { overflow-x: auto; } .faint { color: var(--faint); } .kept { color: #3f9b62; }
.broken { color: #dc2626; font-weight: 600; } .marked { background: #f59e0b33; padding: .3rem .6rem; }
svg { max-width: 100%; height: auto; } svg text { font-family: inherit !important; }
summary { cursor: pointer; color: var(--faint); }
"""

Named = tuple[str, Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written beside the page, and what is lacking in it; empty if nothing is."""

    pictures: tuple[Path, ...]
    lacking: str


def write_report(results: Sequence[Named], output: Path) -> Written:
    """Write the page, and a PNG of each plot beside it as `STEM-NAME.png`.

    Args:
        results: runs with a name for each.
        output: the page; it is replaced.

    Without matplotlib there are no plots, which the page says. Raises InvalidInput if a file cannot be
    written. Thread: [control].
    """
    lacking = ""
    try:
        plots.check()
    except Unavailable as error:
        lacking = f"No plots: {error}"
    pictures = Pictures(output) if not lacking else None
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text("\n".join(_page(results, pictures, lacking)), "utf-8")
    except OSError as error:
        raise InvalidInput(f"cannot write {output}: {error.strerror}") from None
    return Written(pictures=tuple(pictures.written) if pictures else (), lacking=lacking)


class Pictures:
    """Draws plots and keeps which files they are in."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self.written: list[Path] = []

    def draw(self, name: str, title: str, unit: str, rows: Sequence[Row]) -> str:
        """Draw rows as a PNG of a name that is not taken yet; returns the SVG."""
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:80] or "figure"
        taken = {path.name for path in self.written}
        number, file = 1, f"{self._output.stem}-{slug}.png"
        while file in taken:
            number += 1
            file = f"{self._output.stem}-{slug}-{number}.png"
        path = self._output.with_name(file)
        drawn = draw_rows(title, unit, rows, path)
        self.written.append(path)
        return drawn


def _text(value: object) -> str:
    return escape(one_line(str(value), 2000))


def _page(results: Sequence[Named], pictures: Pictures | None, lacking: str) -> Iterator[str]:
    title = "remixd bench: " + ", ".join(name for name, _ in results)
    yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<style>{STYLE}</style></head><body><h1>{_text(title)}</h1>"
    if lacking:
        yield f'<p class="marked">{_text(lacking)}</p>'
    yield '<p class="faint">A row is a case. Dots are samples; of thirty and more the area is their '
    yield "histogram (heights as square roots, so that single late ones are seen). The bar goes from "
    yield "quartile to quartile, the line is the median, ticks are p90, p99, p99.9 and the maximum; red is a "
    yield "limit, dotted green the floor of the same run.</p>"
    for name, result in results:
        yield from _run(name, result)
    yield from _limits(results)
    for bench_name in dict.fromkeys(bench.name for _, result in results for bench in result.benches):
        yield from _bench(bench_name, results, pictures)
    yield "</body></html>"


def _run(name: str, result: Result) -> Iterator[str]:
    """Where and what a run was, how noisy, and whether it is whole."""
    machine, commit = result.machine, result.commit
    at = f"commit {commit['id'][:12]}{' and changes' if commit['changed'] else ''}" if commit else "no commit"
    yield f"<h2>{_text(name)}</h2>"
    for told in _marks(result):
        yield f'<p class="marked">{_text(told)}</p>'
    cores = f"{machine.get('cores_usable', '?')} of {machine.get('cores', '?')} cores"
    yield f"<p>{_text(machine.get('cpu', 'a CPU'))}, {_text(cores)}, {_text(machine.get('system', ''))}; "
    yield f"{_text(result.started_at)} to {_text(result.ended_at or '?')}; {_text(at)}.<br>"
    yield f"The run was {_text(Noise.of(result))}.</p>"
    yield "<details><summary>machine and versions</summary><table>"
    for key, value in {**machine, **result.versions, **result.settings}.items():
        yield f"<tr><td>{_text(key)}</td><td>{_text(value)}</td></tr>"
    yield "</table></details>"


def _marks(result: Result) -> Iterator[str]:
    if result.interrupted:
        yield "This run was interrupted: what it found until then is here."
    elif not result.complete:
        yield "This run is not complete."
    for bench in result.benches:
        if bench.state not in ("done", "skipped"):
            yield f"{bench.name} {bench.state}: {bench.reason or RUNNING}"


def _limits(results: Sequence[Named]) -> Iterator[str]:
    """Every limit, those that are broken first."""
    rows = []
    for name, result in results:
        for bench in result.benches:
            for figure in bench.figures:
                for each in distances(bench, figure, result):
                    if each.kept is not None:
                        words = (name, bench.name, figure.name, case_text(figure), each.told)
                        rows.append((each.kept, words))
    if not rows:
        return
    rows.sort(key=lambda row: row[0])
    broken = sum(not kept for kept, _ in rows)
    yield f"<h2>Limits</h2><p>{len(rows) - broken} kept, {broken} broken.</p>"
    yield f'<details{" open" if broken else ""}><summary>all of them</summary><div class="wide"><table>'
    for kept, words in rows:
        cells = "".join(f"<td>{_text(word)}</td>" for word in words)
        sign = '<td class="kept">kept</td>' if kept else '<td class="broken">broken</td>'
        yield f"<tr>{sign}{cells}</tr>"
    yield "</table></div></details>"


def _bench(name: str, results: Sequence[Named], pictures: Pictures | None) -> Iterator[str]:
    benches = [
        (run, number, result, bench)
        for number, (run, result) in enumerate(results)
        for bench in result.benches
        if bench.name == name
    ]
    yield f"<h2>{_text(name)}</h2><p>{_text(benches[0][3].question)}</p>"
    for run, _, _, bench in benches:
        if bench.reason:
            yield f'<p class="marked">{_text(run)}: {_text(bench.state)}, {_text(bench.reason)}</p>'
        for skip in bench.skips:
            yield f'<p class="faint">{_text(run)}: without {_text(skip["part"])}: {_text(skip["reason"])}</p>'
    keys = dict.fromkeys((figure.name, figure.unit) for *_, bench in benches for figure in bench.figures)
    for figure_name, unit in keys:
        found = [
            (run, number, result, bench, figure)
            for run, number, result, bench in benches
            for figure in bench.figures
            if (figure.name, figure.unit) == (figure_name, unit)
        ]
        found.sort(key=lambda each: case_text(each[4]) if len(results) > 1 else "")  # runs side by side
        yield from _figure(name, figure_name, unit, found, pictures)


Found = tuple[str, int, Result, Bench, Figure]


def _figure(
    bench: str, name: str, unit: str, found: Sequence[Found], pictures: Pictures | None
) -> Iterator[str]:
    yield f"<h3>{_text(name)}</h3>"
    notes = dict.fromkeys(figure.note for *_, figure in found if figure.note)
    if notes:
        yield f'<p class="faint">{_text("; ".join(notes))}</p>'
    if pictures:
        several = len({run for run, *_ in found}) > 1
        for start in range(0, len(found), ROWS_MOST):
            rows = [_row(each, several=several) for each in found[start : start + ROWS_MOST]]
            yield pictures.draw(f"{bench}-{name}", one_line(f"{bench}: {name}"), one_line(unit), rows)
    yield '<details><summary>numbers</summary><div class="wide"><table><tr>'
    yield "".join(f"<th>{column}</th>" for column in COLUMNS) + "</tr>"
    for run, _, result, holder, figure in found:
        told = figure.summary()
        words = [case_text(figure), run, len(figure.samples), *_cells(figure, told, unit)]
        ways = "; ".join(each.told for each in distances(holder, figure, result))
        broken = ' class="broken"' if figure.met is False else ""
        cells = "".join(f"<td>{_text(word)}</td>" for word in words)
        yield f"<tr>{cells}<td{broken}>{_text(ways)}</td></tr>"
    yield "</table></div></details>"


def _cells(figure: Figure, told: Mapping[str, float], unit: str) -> tuple[str, ...]:
    shown = {name: quantity(value, unit) if figure.tells(name) else "-" for name, value in told.items()}
    quartiles = f"{shown['q1']} - {shown['q3']}"
    return shown["median"], quartiles, shown["p90"], shown["p99"], shown["p999"], shown["max"]


def _row(found: Found, *, several: bool) -> Row:
    run, number, _, bench, figure = found
    case = " ".join(map(str, figure.case.values())) or "all"
    floor = floor_of(bench, figure)
    return Row(
        label=one_line(f"{case} ({run})" if several else case),
        samples=figure.samples,
        run=number,
        limits=[limit.at_most for limit in figure.limits],
        floor=floor.summary()["median"] if floor else None,
    )
