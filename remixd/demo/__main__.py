"""Write the demo song: `python -m remixd.demo FOLDER [--bpm N] [--semitones N]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from remixd.demo import Song, write_song
from remixd.demo.grid import HOME_BPM


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line and leave."""
        self.exit(2, f"error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the song and print its folder. Returns the exit code; an error is one line on stderr."""
    parser = _Parser(prog="python -m remixd.demo", description="Write the demo song as a folder of stems.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="made if it is not there")
    parser.add_argument("--bpm", type=float, default=HOME_BPM, metavar="N", help="tempo (%(default)g)")
    parser.add_argument("--semitones", type=float, default=0.0, metavar="N", help="transposition (0)")
    given = parser.parse_args(arguments)
    try:
        print(write_song(given.folder, Song(bpm=given.bpm, semitones=given.semitones)))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error.filename or given.folder}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
