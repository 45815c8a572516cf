"""Beat grids that people already have: read from a file that was named, instead of being computed.

A grid file is a rekordbox collection (`.xml`), a MIDI file with the song's tempo map (`.mid`), or a CSV of
beats (`.csv`). None is looked for: `remixd import SONG --grid FILE` names it. What such files say is
checked here; what is wrong is told with its line.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np

from remixd.errors import InvalidInput
from remixd.track.analysis import LEAST_BEAT_S, LONGEST_S, SLACK_S, Analysis
from remixd.track.fields import printable
from remixd.track.flac import reason

GridKind = Literal["rekordbox", "midi", "csv"]

BPM: Final = (1.0, 1000.0)
"""The least and greatest tempo of a grid, in beats a minute."""
COUNTS: Final = (1, 32)
"""The least and greatest number of beats in a bar."""
_NAMES: Final = {"rekordbox": "a rekordbox collection", "midi": "a MIDI tempo map", "csv": "a list of beats"}
_FOUR: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SongNames:
    """By what a collection may know a song: where its file or folder is, and its title."""

    path: Path
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Beats at one distance, up to the next span.

    Attributes:
        where: the place in the file, such as `line 7`, for people.
        start_s: the first beat, at least 0.
        period_s: from one beat to the next.
        metre: such as `4/4`; None where the file tells none.
        number: of the first beat in its bar, from 1.
        beats: how many there are at most; None: until the next span or the end of the song.
    """

    where: str
    start_s: float
    period_s: float
    metre: str | None
    number: int = 1
    beats: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GridFile:
    """What a grid file says: its kind, its name for people, and its spans in the order of time."""

    kind: GridKind
    name: str
    spans: tuple[Span, ...]

    def fail(self, where: str, problem: str) -> InvalidInput:
        """The error that a place in the file has a problem."""
        return broken(self.name, where, problem)

    def apply(self, analysis: Analysis) -> Analysis:
        """The analysis with its beats, downbeats, tempo and metre replaced by the file's.

        Its `source` becomes `grid`. Phrases, sections and chords stay. Where the file has no bars, 4/4 from
        the first beat on is assumed, and told as estimated.

        Raises InvalidInput, naming the line, where a listed beat is past the end of the song, or fewer than
        two beats lie in it.
        """
        beats, downbeats = self._beats(analysis.duration_s)
        metres = Counter(span.metre for span in self.spans if span.metre)
        periods = np.diff(beats)
        others = [name for name in analysis.estimated if name not in ("bpm", "beats", "metre", "downbeats")]
        assumed = [] if metres else ["metre", "downbeats"]
        sure = {
            "bpm": 1.0,
            "beats": 1.0,
            "metre": 1.0 if metres else 0.0,
            "downbeats": 1.0 if metres else 0.0,
        }
        return replace(
            analysis,
            source="grid",
            bpm=float(np.clip(round(60.0 / float(np.median(periods)), 6), *BPM)),
            metre=metres.most_common(1)[0][0] if metres else "4/4",
            beats_s=tuple(beats),
            downbeats_s=tuple(downbeats),
            estimated=(*others, *assumed),
            confidence={**analysis.confidence, **sure},
        )

    def digest(self) -> str:
        """A text that is another where the beats are."""
        return repr([(s.start_s, s.period_s, s.metre, s.number, s.beats) for s in self.spans])

    def note(self) -> str:
        """Where the beats are from, as a sentence of the package's notes."""
        return f"beats from {self.name}, {_NAMES[self.kind]}"

    def _beats(self, duration_s: float) -> tuple[list[float], list[float]]:
        """Every beat of the song, and those that begin a bar; in seconds."""
        beats: list[float] = []
        downbeats: list[float] = []
        barred = any(span.metre for span in self.spans)
        song_end_s = duration_s + SLACK_S
        for span, after in itertools.zip_longest(self.spans, self.spans[1:]):
            if (
                self.kind == "csv" and span.start_s > song_end_s
            ):  # beats of another song, or of its other edit
                raise self.fail(
                    span.where, f"{span.start_s:g} s is past the end of the song, {duration_s:.3f} s"
                )
            # The last beat before a correction of the grid gives way to it.
            end_s = min(song_end_s, after.start_s - 0.5 * span.period_s) if after else song_end_s
            count = int(span.metre.partition("/")[0]) if span.metre else _FOUR
            number = span.number if barred else len(beats) % _FOUR + 1
            limit = span.beats or int(LONGEST_S / LEAST_BEAT_S)
            for index in range(limit):
                time_s = span.start_s + index * span.period_s
                if time_s >= end_s:
                    break
                if beats and time_s - beats[-1] < LEAST_BEAT_S:
                    raise self.fail(span.where, f"a beat at {time_s:g} s is too near to the one before it")
                beats.append(time_s)
                if (number - 1 + index) % count == 0:
                    downbeats.append(time_s)
        if len(beats) < 2:
            raise self.fail("", f"fewer than two beats lie within the song's {duration_s:.3f} s")
        return beats, downbeats


def read_grid(path: Path, song: SongNames) -> GridFile:
    """Read a grid file, by its suffix: `.xml`, `.mid`, `.midi` or `.csv`.

    Raises InvalidInput, naming the file and the line, where it is missing, of another kind, or broken.
    Thread: [ingest].
    """
    from remixd.analysis.grid_csv import read_csv
    from remixd.analysis.grid_midi import read_midi
    from remixd.analysis.grid_rekordbox import read_rekordbox

    name = printable(path.name)
    readers: dict[str, tuple[GridKind, Callable[[Path, SongNames], Sequence[Span]]]] = {
        ".xml": ("rekordbox", read_rekordbox),
        ".mid": ("midi", read_midi),
        ".midi": ("midi", read_midi),
        ".csv": ("csv", read_csv),
    }
    if path.suffix.lower() not in readers:
        raise broken(name, "", "is no beat grid: rekordbox's .xml, a .mid or a .csv is one")
    kind, read = readers[path.suffix.lower()]
    try:
        if not path.is_file():
            raise broken(name, "", "is not there, or no file")
        spans = tuple(read(path, song))
    except OSError as error:
        raise broken(name, "", f"cannot be read: {reason(error)}") from None
    grid = GridFile(kind=kind, name=name, spans=spans)
    for before, after in itertools.pairwise(spans):
        if after.start_s <= before.start_s:
            raise grid.fail(
                after.where, f"{after.start_s:g} s is not after the {before.start_s:g} s before it"
            )
    return grid


def broken(name: str, where: str, problem: str) -> InvalidInput:
    """The error that a grid file has a problem, at a place such as `line 7` or nowhere in particular."""
    return InvalidInput(f"{name}: {where}: {problem}" if where else f"{name}: {problem}")


def check_range(name: str, where: str, what: str, text: object, low: float, high: float) -> float:
    """A number of a grid file. Raises InvalidInput where it is none, or not within `low` to `high`."""
    try:
        value = float(str(text))
    except ValueError:
        raise broken(name, where, f"{what} {printable(text)[:40]!r} is not a number") from None
    if not low <= value <= high:  # false for NaN too
        raise broken(name, where, f"{what} is {value:g}: not within {low:g} to {high:g}")
    return value
