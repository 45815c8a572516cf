"""The ingest worker: does one thing, tells how far it is as JSON lines on stdout, and ends.

    python -m remixd.analysis import PATH --library DIR [--map NAME=ROLE]... [--grid FILE] [--splitter NAME]
    python -m remixd.analysis cache TRACK --library DIR --cache-max BYTES [--stem NAME]... [--sum]

Lines are `{"progress", "doing"}`, and one last `{"track"}`, `{"built"}` or `{"error": {"kind", "message"}}`;
it exits with 0 or 1. Nothing else is written to stdout.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TextIO

import av.logging

from remixd.analysis.ingest import ingest
from remixd.analysis.warm import warm
from remixd.errors import Exhausted, InvalidInput, RemixdError
from remixd.track.fields import printable
from remixd.track.flac import reason
from remixd.track.import_options import ImportOptions, check_splitter
from remixd.track.library import Library
from remixd.track.roles import parse_mapping
from remixd.track.variants import as_sum, of_stems

PROGRESS_S: Final = 0.1
NICENESS: Final = 5
"""Behind the engine and whatever else plays."""


class Teller:
    """Writes JSON lines, progress no more often than every PROGRESS_S or when something new begins."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._doing = ""
        self._told_s = 0.0

    def tell(self, line: dict[str, Any]) -> None:
        """Write one line at once."""
        self._out.write(json.dumps(line) + "\n")
        self._out.flush()

    def progress(self, share: float, doing: str) -> None:
        """Tell how far it is, 0 to 1."""
        now = time.monotonic()
        if doing != self._doing or now - self._told_s >= PROGRESS_S:
            self._doing, self._told_s = doing, now
            self.tell({"progress": round(share, 3), "doing": doing})


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; returns the exit status."""
    teller = Teller(_stdout_apart())
    av.logging.set_level(None)
    os.nice(NICENESS)
    try:
        options = _parse(arguments)
        with Library(options.library) as library:
            if options.task == "import":
                _import(options, library, teller)
            else:
                track = library.get(options.track)
                if options.stem:
                    track = of_stems(track, options.stem)
                if options.sum:
                    track = as_sum(track)
                done = warm(track, library.path, options.cache_max, teller.progress)
                teller.tell({"built": done.built, "dropped": done.dropped, "notes": done.notes})
    except Exception as error:  # whatever it is, the one who waits is told
        told = told_as(error)
        if not isinstance(error, RemixdError):
            traceback.print_exc()
        with contextlib.suppress(OSError):
            teller.tell({"error": {"kind": type(told).__name__, "message": str(told)}})
        return 1
    return 0


def _import(options: argparse.Namespace, library: Library, teller: Teller) -> None:
    how = ImportOptions(
        roles=parse_mapping(options.map),
        grid=options.grid,
        splitter=check_splitter(options.splitter),
        again=options.again,
    )
    done = ingest(options.path, library, how, teller.progress)
    track = done.track
    teller.tell(
        {
            "track": {
                "id": track.id,
                "title": track.title,
                "stems": track.to_json()["stems"],
                "new": done.new,
                "notes": list(track.notes),
            }
        }
    )


def _stdout_apart() -> TextIO:
    """Keep stdout for ourselves, and send to stderr what C++ code prints to it."""
    ours = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return ours


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m remixd.analysis")
    tasks = parser.add_subparsers(dest="task", required=True)
    importing = tasks.add_parser("import")
    importing.add_argument("path", type=Path)
    importing.add_argument("--map", action="append", default=[], metavar="NAME=ROLE")
    importing.add_argument("--grid", type=Path)
    importing.add_argument("--splitter", default="", metavar="NAME")
    importing.add_argument("--again", action="store_true")
    caching = tasks.add_parser("cache")
    caching.add_argument("track")
    caching.add_argument("--stem", action="append", default=[], metavar="NAME")
    caching.add_argument("--sum", action="store_true")
    caching.add_argument("--cache-max", type=int, required=True, metavar="BYTES")
    for task in (importing, caching):
        task.add_argument("--library", type=Path, required=True)
    return parser.parse_args(arguments)


def told_as(error: Exception) -> RemixdError:
    """The error as one line for a person."""
    if isinstance(error, RemixdError):
        return error
    if isinstance(error, MemoryError):
        return Exhausted("there is not enough memory to import this")
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return Exhausted("the disk of the library is full")
        where = f"{printable(error.filename)}: " if error.filename else ""
        return InvalidInput(f"{where}{reason(error)}")
    return RemixdError(f"the import failed within: {type(error).__name__}: {printable(error)}")


if __name__ == "__main__":
    sys.exit(main())
