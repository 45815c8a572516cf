"""Where the music of a track may change: bars, phrases, sections. Seconds of the song, at its own tempo."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from dataclasses import dataclass
from statistics import median
from typing import Final, Self

from remixd.mix import Boundary
from remixd.track.analysis import Analysis

BAR_S: Final = 2.0
"""A bar of music without beats."""
BARS_A_PHRASE: Final = 4
LEAST_S: Final = 0.25
"""The shortest bar: what an analysis says to be shorter is none. 3/8 at 360 beats a minute lasts .5 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Starts of bars, phrases and sections: rising, at least one each. The song starts over at its end."""

    bars: tuple[float, ...]
    phrases: tuple[float, ...]
    sections: tuple[float, ...]
    duration_s: float

    @classmethod
    def of(cls, analysis: Analysis, duration_s: float) -> Self:
        """The grid of a track of some length, filled in where its analysis says nothing.

        Without beats a bar is 2 s. Before the first downbeat and after the last, bars of the usual length go
        on. A phrase is four bars from the first downbeat on, and a section is a phrase, where none are known.
        """
        downbeats = analysis.downbeats_s or analysis.beats_s[:: analysis.beats_per_bar]
        bars = _filled(downbeats, duration_s)
        first = bisect_right(bars, downbeats[0] - 1e-9) if downbeats else 0
        phrases = _within(analysis.phrases_s, duration_s) or bars[first % BARS_A_PHRASE :: BARS_A_PHRASE]
        sections = _within(tuple(section.start_s for section in analysis.sections), duration_s)
        return cls(bars=bars, phrases=phrases or bars, sections=sections or phrases or bars,
                   duration_s=duration_s)  # fmt: skip

    def starts(self, every: Boundary) -> tuple[float, ...]:
        """The starts of bars, phrases or sections."""
        match every:
            case "bar":
                return self.bars
            case "phrase":
                return self.phrases
            case "section":
                return self.sections

    def until(self, every: Boundary, position_s: float) -> tuple[float, float]:
        """How far it is from a position to the next start, and from there to the one after.

        Both are seconds of the song, more than 0; at the end of the song they go on at its beginning.
        """
        starts = self.starts(every)
        index = bisect_right(starts, position_s)
        here, after = self._at(starts, index), self._at(starts, index + 1)
        return here - position_s, after - here

    def _at(self, starts: tuple[float, ...], index: int) -> float:
        laps, within = divmod(index, len(starts))
        return starts[within] + laps * self.duration_s


def _within(starts: tuple[float, ...], duration_s: float) -> tuple[float, ...]:
    """The starts inside the song, but for those that come too soon after another to be music."""
    kept: list[float] = []
    for start in starts:
        if start < duration_s and (not kept or start >= kept[-1] + LEAST_S):
            kept.append(start)
    return tuple(kept)


def _filled(downbeats: tuple[float, ...], duration_s: float) -> tuple[float, ...]:
    """Downbeats from the start of the song to its end."""
    known = _within(downbeats, duration_s)
    if not known:
        return tuple(BAR_S * bar for bar in range(max(1, round(duration_s / BAR_S))))
    bar_s = median(b - a for a, b in itertools.pairwise(known)) if len(known) > 1 else BAR_S
    before = [known[0] - bar_s * count for count in range(1, int(known[0] / bar_s) + 1)]
    after = [known[-1] + bar_s * count for count in range(1, int((duration_s - known[-1]) / bar_s) + 1)]
    return (*reversed(before), *known, *(start for start in after if start < duration_s - bar_s / 2))
