"""What is done with results of `remixd bench`: reported, compared, kept, and held against guards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from remixd.cli._options import FILE, json_option
from remixd.cli._out import note, print_json, print_table
from remixd.errors import RemixdError

if TYPE_CHECKING:
    from remixd.bench.compare import Change, Comparison

RESULTS = click.argument("paths", type=FILE, nargs=-1, required=True, metavar="RESULTS...")
REPORT = Path("report.html")
HISTORY = Path("build/bench/history")
ORDER = ("worse", "better", "differs", "within noise", "too few")
ALIKE = ORDER[3:]


@click.command()
@RESULTS
@click.option("-o", "--output", type=FILE, default=REPORT, metavar="FILE", help=f"[default: {REPORT}]")
def report(paths: tuple[Path, ...], output: Path) -> None:
    """Write one page with every figure, its plot, its limits and floors; a PNG of each plot beside it."""
    from remixd.bench.report import write_report
    from remixd.bench.results import Result

    written = write_report([(path.stem, Result.load(path)) for path in paths], output)
    if written.lacking:
        note(written.lacking)
    note(f"wrote {output} and {len(written.pictures)} pictures")


@click.command()
@click.argument("before", type=FILE, metavar="A")
@click.argument("after", type=FILE, metavar="B")
@click.option("--all", "everything", is_flag=True, help="Show what did not change, too.")
@json_option
@click.pass_context
def compare(context: click.Context, before: Path, after: Path, everything: bool, as_json: bool) -> None:
    """Say what became worse or better from result A to result B, beyond the noise of both.

    It exits with 1 if anything became worse.
    """
    from remixd.bench.compare import compare as compare_results
    from remixd.bench.results import Result

    found = compare_results(Result.load(before), Result.load(after))
    if as_json:
        print_json({"regressions": len(found.regressions), "comparison": found})
    else:
        _print(found, everything=everything)
    context.exit(1 if found.regressions else 0)


@click.command()
@RESULTS
@click.option("--history", type=FILE, default=HISTORY, metavar="DIR", help=f"[default: {HISTORY}]")
def record(paths: tuple[Path, ...], history: Path) -> None:
    """Keep results in a history, and compare each with the last complete one of an equal machine."""
    from remixd.bench.compare import compare as compare_results
    from remixd.bench.history import record as keep
    from remixd.bench.results import Result

    for path in paths:
        result = Result.load(path)
        kept, before = keep(result, history)
        note(f"kept as {kept}")
        if before is None:
            note("no complete run of an equal machine was kept before it")
        else:
            note(f"beside {before.name}:")
            _print(compare_results(Result.load(before), result), everything=False)


@click.command()
@click.argument("paths", type=FILE, nargs=-1, metavar="[RESULTS...]")
@json_option
@click.pass_context
def check(context: click.Context, paths: tuple[Path, ...], as_json: bool) -> None:
    """Hold ratios against their limits: of RESULTS, else of quick runs of the benches that have some.

    Only ratios to what ran beside count, never seconds. It exits with 1 if a limit is broken.
    """
    from remixd.bench.guards import check as guard
    from remixd.bench.guards import guarded_benches
    from remixd.bench.results import Result
    from remixd.bench.runner import run

    if paths:
        results = [Result.load(path) for path in paths]
    else:
        results = [run(name, quick=True, path=None, tell=note) for name in guarded_benches()]
        if any(result.interrupted for result in results):
            raise KeyboardInterrupt
    found = list(guard(results))
    if as_json:
        print_json(found)
    else:
        for each in found:
            print(f"{each.state:<12}  {each.told}")
    if all(each.state == "not measured" for each in found):
        raise RemixdError("nothing that is guarded was measured")
    context.exit(1 if any(each.state == "broken" for each in found) else 0)


def _print(found: Comparison, *, everything: bool) -> None:
    """A comparison as a table, with how noisy both runs were."""
    for name, noise in zip("AB", found.noise, strict=True):
        print(f"{name} was {noise}")
    for remark in found.remarks:
        print(remark)
    shown = [each for each in found.changes if everything or each.verdict not in ALIKE]
    shown.sort(key=lambda each: ORDER.index(each.verdict))
    columns = ("", "bench", "figure", "case", "of", "A", "B", "B / A", "95 %", "noise")
    print_table("nothing changed beyond noise", columns, [_row(each) for each in shown])
    counts = {verdict: sum(each.verdict == verdict for each in found.changes) for verdict in ORDER}
    print("; ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    if any(found.only):
        print(f"{found.only[0]} figures are of A alone, {found.only[1]} of B alone")


def _row(change: Change) -> tuple[object, ...]:
    ratio = "" if change.ratio is None else f"{change.ratio:.3g}"
    interval = "" if change.ratio is None else f"{change.low:.3g} - {change.high:.3g}"
    values = [f"{value:.3g} {change.unit}".strip() for value in (change.before, change.after)]
    verdict = f"{change.verdict} (breaks {change.limit})" if change.limit else change.verdict
    noise = f"{change.noise:.0%}"
    return verdict, change.bench, change.name, change.case, change.statistic, *values, ratio, interval, noise
