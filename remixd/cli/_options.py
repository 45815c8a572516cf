"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

FILE: Final = click.Path(path_type=Path)


class Seconds(click.ParamType[float]):
    """A number of seconds from `least` to `most`; `least` itself too, unless `above`."""

    name = "seconds"

    def __init__(self, least: float = 0.0, most: float = 86_400.0, *, above: bool = False) -> None:
        self.least = least
        self.most = most
        self.above = above

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the number."""
        try:
            seconds = float(value)
        except ValueError:
            self.fail(f"{value!r} is not a number", param, ctx)
        if not seconds >= self.least or (self.above and seconds == self.least):
            self.fail(
                f"{value} is not {'more than' if self.above else 'at least'} {self.least:g}", param, ctx
            )
        if seconds > self.most:
            self.fail(f"{value} is more than {self.most:g}", param, ctx)
        return seconds


def json_option(command: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON value, and nothing else.")(
        command
    )


def daemon_option(command: F) -> F:
    """`--daemon`."""
    return click.option(
        "--daemon",
        metavar="HOST:PORT",
        help="The daemon to talk to.  [default: REMIXD_LISTEN, else 127.0.0.1:7400]",
    )(command)


def sink_option(command: F) -> F:
    """`--sink`."""
    return click.option(
        "--sink",
        metavar="KIND[:NAME]",
        help="Where sessions play: stream, device, device:NAME, file:PATH.wav, null, null:fast.  "
        "[default: the daemon's, else stream]",
    )(command)


def library_option(command: F) -> F:
    """`--library`."""
    return click.option(
        "--library",
        type=FILE,
        metavar="DIR",
        help="The library to use.  [default: REMIXD_LIBRARY, else that of the daemon if one runs, "
        "else ~/.local/share/remixd]",
    )(command)
