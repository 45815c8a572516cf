"""The command that measures, and what is done with what it found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from remixd.cli._benched import check, compare, record, report
from remixd.cli._options import FILE, Seconds
from remixd.cli._out import note, print_json, print_table
from remixd.errors import RemixdError

if TYPE_CHECKING:
    from remixd.bench.results import Figure, Limit, Result

INTERRUPTED = 130


class Benches(click.Group):
    """A group whose first word may be a bench, or nothing at all: then benches run."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `run` before what is no command."""
        named = args[:1] and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else ["run", *args])


@click.group(cls=Benches, subcommand_metavar="[NAME | all | COMMAND] [OPTIONS]")
def bench() -> None:
    """Measure remixd on this machine: `remixd bench NAME`, or all of it: `remixd bench all --quick`.

    `remixd bench run --help` tells the options of measuring.
    """


for command in (report, compare, record, check):
    bench.add_command(command)


@bench.command("run")
@click.argument("name", default="all", metavar="[NAME]")
@click.option("--quick", is_flag=True, help="Few samples: seconds instead of minutes.")
@click.option("--full", is_flag=True, help="Everything crossed with everything: an hour or more (latency).")
@click.option("--seconds", type=Seconds(above=True), help="How long a load lasts (load).")
@click.option(
    "--json", "path", type=FILE, metavar="FILE", help="Write the result here, raw samples too; - for stdout."
)
@click.option("--show", is_flag=True, help="Show the result in FILE instead of measuring.")
@click.option("--tables", type=FILE, metavar="FILE", help="Write comparisons with peers here, in Markdown.")
@click.option("--plots", type=FILE, metavar="FOLDER", help="Draw comparisons with peers here, as PNG files.")
@click.pass_context
def run_benches(
    context: click.Context,
    name: str,
    quick: bool,
    full: bool,
    seconds: float | None,
    path: Path | None,
    show: bool,
    tables: Path | None,
    plots: Path | None,
) -> None:
    """Measure.

    NAME is one bench; without it all run, with --quick within five minutes. Every figure comes with its
    spread, and the run with the noise floor of the machine. A run that is interrupted keeps what it found.
    """
    from remixd.bench.results import Result
    from remixd.bench.runner import run

    if quick and full:
        raise click.UsageError("--quick and --full are two ends: give one")
    if plots is not None:
        from remixd.bench.plots import check

        check()
    if show:
        if path is None:
            raise click.UsageError("--show needs --json FILE")
        result = Result.load(path)
    else:
        file = None if path == Path("-") else path
        result = run(name, quick=quick, path=file, tell=note, seconds=seconds, full=full)
    if path == Path("-"):
        print_json(result.to_json())
    else:
        _print(result)
    _write(result, tables, plots)
    if show:
        return
    if result.interrupted:
        context.exit(INTERRUPTED)
    failed = [each for each in result.benches if each.state == "failed"]
    if failed:
        raise RemixdError("; ".join(f"bench {each.name} failed: {each.reason}" for each in failed))


def _write(result: Result, tables: Path | None, plots: Path | None) -> None:
    if tables is not None:
        from remixd.bench.tables import write_markdown

        write_markdown(result, tables)
    if plots is not None:
        from remixd.bench.plots import draw

        for drawn in draw(result, plots):
            note(f"drew {drawn}")


def _print(result: Result) -> None:
    from remixd.bench.tables import tables_of

    print_table(
        "nothing was measured",
        ("bench", "figure", "case", "n", "median", "quartiles", "p90", "p99", "p99.9", "max", "to reach"),
        list(_rows(result)),
    )
    for each in result.benches:
        for table in tables_of(each):
            print(f"\n{table.title}. {table.note}")
            print_table(table.title, table.columns, table.rows)
    machine = result.machine
    print(f"\n{machine['cpu']}, {machine['cores_usable']} of {machine['cores']} cores, {machine['kernel']}")
    for each in result.benches:
        if each.state != "done":
            print(f"{each.name} {each.state}: {each.reason}")
        for skip in each.skips:
            print(f"{each.name} skipped {skip['part']}: {skip['reason']}")


def _rows(result: Result) -> Iterator[tuple[object, ...]]:
    from remixd.bench.tables import is_tabled

    for figure in result.noise:
        yield "noise", *_row(figure)
    for each in result.benches:
        for figure in each.figures:
            if not is_tabled(each, figure):
                yield each.name, *_row(figure)


def _row(figure: Figure) -> tuple[object, ...]:
    told = figure.summary()
    shown = {name: _number(value, figure.unit) if figure.tells(name) else "-" for name, value in told.items()}
    reach = ", ".join(_verdict(figure, limit, told) for limit in figure.limits)
    case = " ".join(str(value) for value in figure.case.values())
    quartiles = f"{shown['q1']} - {shown['q3']}"
    columns = (shown["median"], quartiles, shown["p90"], shown["p99"], shown["p999"], shown["max"])
    return figure.name, case, len(figure.samples), *columns, reach


def _verdict(figure: Figure, limit: Limit, told: Mapping[str, float]) -> str:
    kept = "yes" if told[limit.statistic] <= limit.at_most else "NO"
    return (
        f"{limit.statistic} {_number(limit.at_most, figure.unit)} "
        f"{kept if figure.tells(limit.statistic) else 'too few to tell'}"
    )


def _number(value: float, unit: str) -> str:
    """Three digits that count, with the unit; shares as per cent."""
    if unit == "share":
        return f"{value * 100:.3g} %"
    digits = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return digits if unit in ("count", "ratio") else f"{digits} {unit}"
