"""What the command line prints: values on stdout, everything else on stderr."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import click

BLOCKS: Final = " ▁▂▃▄▅▆▇█"
"""Nothing to all of a column, in eighths."""

TABLE_COLUMNS: Final = 200
"""Width of a table that goes to a file or pipe."""


def plain(value: Any) -> Any:
    """The same value in JSON's types; a number that is not finite becomes null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def print_json(value: Any, *, lines: bool = False) -> None:
    """Print one JSON value; on one line each if there will be several."""
    print(json.dumps(plain(value), ensure_ascii=False, indent=None if lines else 2), flush=lines)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table, or the title alone if it has no rows."""
    if not rows:
        print(title)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*("" if cell is None else escape(str(cell)) for cell in row))
    width = None if sys.stdout.isatty() else TABLE_COLUMNS
    Console(highlight=False, width=width).print(table)


def note(text: str) -> None:
    """Tell something that is not the answer."""
    click.echo(text, err=True)


@contextmanager
def progress(title: str) -> Iterator[Callable[[float, str], None]]:
    """A bar on stderr, if a person watches; yields what moves it: the share done, and what is being done."""
    with watched(title) as (_, move):
        yield move


@contextmanager
def watched(title: str) -> Iterator[tuple[bool, Callable[[float, str], None]]]:
    """As `progress`; yields before that whether a person watches, so that all is shown anyway."""
    if not sys.stderr.isatty():
        yield False, lambda _done, _doing: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[doing]}"))
    console = Console(stderr=True)
    # What is printed meanwhile goes above the bar, but never from a file or pipe to the terminal.
    with Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task(escape(title), total=1.0, doing="")
        yield True, lambda done, doing: bar.update(task, completed=done, doing=escape(doing))


def minutes(seconds: float) -> str:
    """A length as a person reads it: `3:07`."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"
