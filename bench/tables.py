"""Results as tables that a person reads: one a question, one row a system.

A figure that was measured of several systems has `system` in its case; of some benches those make tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from remixd.errors import InvalidInput

from .bench_kernel import HARNESS
from .bench_quality import FLOOR, UNSTRETCHED
from .results import Bench, Figure, Result
from .scoring import METRICS, TONE_METRICS, Metric

REFERENCES: Final = (FLOOR, UNSTRETCHED, HARNESS)
"""Systems that only serve to read the others by."""

MAGNITUDES: Final = ("crest", "level", "offset", "length")
"""Metrics whose sign says nothing: their mean is that of magnitudes."""

CASE: Final = ("system", "setting", "sessions", "block")
"""What is varied where single blocks are timed."""

TABLED: Final = ("audience", "kernel", "quality", "session")
"""Benches that make tables of what they compare."""

NONE: Final = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Cells as text; `best` are the row and column of those to stress."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    best: frozenset[tuple[int, int]] = frozenset()

    def to_markdown(self) -> str:
        """The table in Markdown, the best cells bold."""
        lines = [f"### {self.title}", "", self.note, "", f"| {' | '.join(self.columns)} |"]
        lines.append(f"|{'---|' * len(self.columns)}")
        for at, row in enumerate(self.rows):
            cells = [f"**{cell}**" if (at, place) in self.best else cell for place, cell in enumerate(row)]
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines) + "\n"


def is_tabled(bench: Bench, figure: Figure) -> bool:
    """Whether a figure is in one of `tables_of` its bench."""
    return bench.name in TABLED and "system" in figure.case


def tables_of(bench: Bench) -> list[Table]:
    """All tables of a bench: none, if it compares no systems."""
    figures = [figure for figure in bench.figures if is_tabled(bench, figure)]
    if not figures:
        return []
    if bench.name == "audience":
        from .audience_report import tables_of as audience_tables  # it makes tables of this module's

        return list(audience_tables(figures))
    return list(_quality(figures)) if bench.name == "quality" else list(_costs(figures))


def write_markdown(result: Result, path: Path) -> None:
    """Write the tables of a result, what was run and where. Raises InvalidInput if that cannot be done."""
    machine, commit = result.machine, result.commit
    at = f", commit {commit['id'][:12]}{' and changes' if commit['changed'] else ''}" if commit else ""
    parts = [f"{machine['cpu']}, {machine['cores_usable']} cores, {result.started_at[:10]}{at}.\n"]
    for bench in result.benches:
        parts += [table.to_markdown() for table in tables_of(bench)]
        parts += [f"Left out: {skip['part']} ({skip['reason']}).\n" for skip in bench.skips]
        if how := bench.settings.get("peers"):
            parts.append("\n".join(f"- {name}: {told}" for name, told in how.items()) + "\n")
    try:
        path.write_text("\n".join(parts), "utf-8")
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error.strerror}") from None


def mean_of(figure: Figure, key: str) -> float:
    """The mean of a quality figure over conditions, of magnitudes where the sign says nothing."""
    samples = np.asarray(figure.samples)
    return float(np.mean(np.abs(samples) if key in MAGNITUDES else samples))


def _quality(figures: Sequence[Figure]) -> Iterator[Table]:
    for change, stem in _distinct(figures, "change", "stem"):
        here = [each for each in figures if (each.case["change"], each.case["stem"]) == (change, stem)]
        yield _quality_table(change, stem, here)


def _quality_table(change: str, stem: str, figures: Sequence[Figure]) -> Table:
    labels = {figure.name for figure in figures}
    shown = {key: each for key, each in {**METRICS, **TONE_METRICS}.items() if each.label in labels}
    mean = {
        (figure.case["system"], key): mean_of(figure, key)
        for figure in figures
        for key, metric in shown.items()
        if metric.label == figure.name
    }
    systems = [system for (system,) in _distinct(figures, "system")]
    values = [[mean.get((system, key)) for key in shown] for system in systems]
    what = "tempi" if change == "tempo" else "keys"
    return Table(
        title=f"{stem}, {change}",
        note=f"Mean of {len(figures[0].samples)} {what}; {_units(shown.values())}.",
        columns=("system", *(metric.label for metric in shown.values())),
        rows=tuple((system, *map(_cell, row)) for system, row in zip(systems, values, strict=True)),
        best=_best(systems, values, list(shown.values())),
    )


def _units(metrics: Iterable[Metric]) -> str:
    """What is measured in what."""
    labels: dict[str, list[str]] = {}
    for metric in metrics:
        if metric.unit:
            labels.setdefault(metric.unit, []).append(metric.label)
    return "; ".join(f"{', '.join(named)} in {unit}" for unit, named in labels.items())


def _best(
    systems: Sequence[str], values: Sequence[Sequence[float | None]], metrics: Sequence[Metric]
) -> frozenset[tuple[int, int]]:
    """Of each column, the cell of a stretcher that is nearest to the metric's best."""
    found = []
    for column, metric in enumerate(metrics):
        away = {
            row: abs(value - metric.best)
            for row, value in enumerate(line[column] for line in values)
            if value is not None and systems[row] not in REFERENCES
        }
        if away:
            found.append((min(away, key=lambda row: away[row]), column + 1))
    return frozenset(found)


def _costs(figures: Sequence[Figure]) -> Iterator[Table]:
    by_name: dict[str, list[Figure]] = {}
    for figure in figures:
        by_name.setdefault(figure.name, []).append(figure)
    cost = by_name.get("CPU of four stems", [])
    for (setting,) in _distinct(cost, "setting"):
        yield _cost_table(
            setting,
            [each for each in cost if each.case["setting"] == setting],
            [each for each in by_name.get("times the cost", []) if each.case["setting"] == setting],
        )
    blocks = by_name.get("block over mean block", [])
    if blocks:
        yield _evenness_table(blocks, by_name["block over its deadline"])


def _cost_table(setting: str, cost: Sequence[Figure], ratios: Sequence[Figure]) -> Table:
    overs = [over for (over,) in _distinct(ratios, "over")]
    ratio = {(each.case["system"], each.case["over"]): each for each in ratios}
    rows = []
    for each in cost:
        system = str(each.case["system"])
        told = each.summary()
        against = (ratio.get((system, over)) for over in overs)
        times = (_spread(of.summary()) if of else NONE for of in against)
        rows.append((system, _spread(told), _digits(1e3 / told["median"]), *times))
    return Table(
        title=f"Cost of four stems, {setting}",
        note="CPU milliseconds a second of stereo sound, median (quartiles); ratios are of the same round.",
        columns=("system", "ms a second", "sessions a core", *(f"times {over}" for over in overs)),
        rows=tuple(rows),
    )


def _evenness_table(over_mean: Sequence[Figure], over_deadline: Sequence[Figure]) -> Table:
    share = {tuple(each.case.items()): each.summary() for each in over_deadline}
    rows = []
    for each in over_mean:
        told, deadline = each.summary(), share[tuple(each.case.items())]
        case = [str(each.case[name]) for name in CASE]
        worst = f"{_digits(deadline['max'] * 100)} %"
        rows.append((*case, _digits(told["p99"]), _digits(told["max"]), worst))
    return Table(
        title="Evenness",
        note=f"{over_mean[0].note}; sessions began at random times. The deadline is what a block lasts.",
        columns=(*CASE, "p99 / mean", "worst / mean", "worst / deadline, a session"),
        rows=tuple(rows),
    )


def _spread(told: dict[str, float]) -> str:
    return f"{_digits(told['median'])} ({_digits(told['q1'])}-{_digits(told['q3'])})"


def _digits(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _cell(value: float | None) -> str:
    if value is None:
        return NONE
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _distinct(figures: Iterable[Figure], *names: str) -> list[tuple[str, ...]]:
    """The values of parts of the cases, each once, in order."""
    return list(dict.fromkeys(tuple(str(each.case[name]) for name in names) for each in figures))
