"""The bars of a song, as the groove layer needs them: beats, metre, chords, whether its bass plays. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from remixd.director.groove import Measure
from remixd.errors import InvalidInput
from remixd.track.analysis import Analysis
from remixd.track.camelot import parse_key
from remixd.units import RATE_HZ

BAR, PHRASE = 2, 3
"""Levels of a mark: what begins at a beat."""

BEATS_MAX: Final = 32
"""Beats of one bar that are played to; what is longer is no bar."""

_ROOT: Final = re.compile(r"([A-G])([#b]?)", re.ASCII)
_LETTERS: Final = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def root_of(chord: str) -> int | None:
    """The pitch class of a chord's root, 0 = C, such as "F#m7"; None for "N", no chord."""
    found = _ROOT.match(chord)
    if found is None:
        return None
    return (_LETTERS[found[1]] + {"": 0, "#": 1, "b": -1}[found[2]]) % 12


@dataclass(frozen=True)
class Measures:
    """The bars of one track.

    Args:
        track: its id.
        analysis: of it.
        beats, levels: source frames of its beats, and what begins at each (`Beats` of control's score).
        bass_stems: the names of its stems that are its bass.
    """

    track: str
    analysis: Analysis
    beats: Sequence[float]
    levels: Sequence[int]
    bass_stems: tuple[str, ...] = ()

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The beat, by its index, with which each bar begins."""
        return tuple(index for index, level in enumerate(self.levels) if level >= BAR)

    def __len__(self) -> int:
        return max(len(self.starts) - 1, 0)

    def at(self, frame: float) -> int | None:
        """The bar in which a source frame lies; None before the first and after the last."""
        here = bisect_right(self.starts, frame, key=lambda index: self.beats[index]) - 1
        return here if 0 <= here < len(self) else None

    def span(self, bar: int) -> tuple[float, float]:
        """The source frames at which a bar begins and ends."""
        return self.beats[self.starts[bar]], self.beats[self.starts[bar + 1]]

    def measure(self, bar: int, *, bass_is_off: bool = False) -> Measure | None:
        """One bar; None if it is too long to be one.

        Args:
            bar: from 0, less than the length.
            bass_is_off: whether the song's own bass is not to be heard anyway.
        """
        first, last = self.starts[bar], self.starts[bar + 1]
        if last - first > BEATS_MAX:
            return None
        beats = tuple(self.beats[first : last + 1])
        place, length = self._place(bar)
        unit = 8 if (self.analysis.metre or "").partition("/")[2] in ("8", "16") else 4
        interval_s = (beats[-1] - beats[0]) / (len(beats) - 1) / RATE_HZ
        return Measure(
            track=self.track, number=bar, place=place, length=length, beats=beats, unit=unit,
            bpm=60.0 / interval_s / (1.0 if unit == 4 else 3.0),
            roots=tuple(self._root(beat / RATE_HZ) for beat in beats[:-1]),
            bass_rests=bass_is_off or self._bass_rests(beats[0] / RATE_HZ, beats[-1] / RATE_HZ),
            energy=self.analysis.energy or 5.0,
        )  # fmt: skip

    def _place(self, bar: int) -> tuple[int, int]:
        """Where in its phrase a bar is, and how many bars that has."""
        first = bar
        while first > 0 and self.levels[self.starts[first]] < PHRASE:
            first -= 1
        after = bar + 1
        while after < len(self) and self.levels[self.starts[after]] < PHRASE:
            after += 1
        return bar - first, after - first

    def _root(self, at_s: float) -> int | None:
        """The root of the chord at a time; of the key, where no chord is known."""
        chords = self.analysis.chords
        index = bisect_right(chords, at_s + 0.02, key=lambda chord: chord.start_s) - 1
        if index >= 0 and at_s < chords[index].end_s:
            return root_of(chords[index].name)
        if chords or not self.analysis.key:
            return None
        try:
            return parse_key(self.analysis.key)[0]
        except InvalidInput:
            return None

    def _bass_rests(self, start_s: float, end_s: float) -> bool:
        """Whether no stem of the bass begins a note in a time; only where its notes are known."""
        known = [self.analysis.onsets_s[name] for name in self.bass_stems if name in self.analysis.onsets_s]
        if len(known) < len(self.bass_stems):
            return False
        return all(bisect_left(onsets, end_s) == bisect_left(onsets, start_s) for onsets in known)
