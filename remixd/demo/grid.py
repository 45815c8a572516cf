"""The tempo map: song beats to seconds and back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

HOME_BPM: Final = 118.0
"""The tempo the song is written at. "Musical seconds" are the seconds that pass at this tempo."""

SLOWEST_BPM: Final = 30.0
FASTEST_BPM: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A tempo that moves in a straight line over the beats of the song; beat 0 is at 0 s.

    With `b(x) = bpm_from + slope * x` beats a minute at beat `x`, the time of a beat is the integral
    of 60 / b: `60 / slope * ln(b(x) / bpm_from)`, which also has a closed inverse.

    Attributes:
        bpm_from, bpm_to: tempo at the first beat, and at the end of the last.
        beats: length of the song.
    """

    bpm_from: float
    bpm_to: float
    beats: int

    def __post_init__(self) -> None:
        for bpm in (self.bpm_from, self.bpm_to):
            if not SLOWEST_BPM <= bpm <= FASTEST_BPM:  # also refuses NaN
                raise ValueError(f"a tempo is {SLOWEST_BPM:g} to {FASTEST_BPM:g} bpm, not {bpm:g}")

    @property
    def steady(self) -> bool:
        """Whether the tempo is the same all through."""
        return abs(self.bpm_to - self.bpm_from) < 1e-9 * self.bpm_from

    @property
    def _slope(self) -> float:
        return (self.bpm_to - self.bpm_from) / self.beats

    @property
    def duration_s(self) -> float:
        """Seconds from the first beat to the end of the last."""
        return self.seconds(self.beats)

    def seconds(self, beat: float) -> float:
        """The time of `beat`, in seconds from the first."""
        if self.steady:
            return beat * 60.0 / self.bpm_from
        return 60.0 / self._slope * math.log1p(self._slope * beat / self.bpm_from)

    def beat(self, seconds: ArrayLike) -> NDArray[np.float64]:
        """The song beats at times in seconds; float64 of the same shape."""
        time_s = np.asarray(seconds, dtype=np.float64)
        if self.steady:
            return time_s * (self.bpm_from / 60.0)
        return np.expm1(time_s * (self._slope / 60.0)) * (self.bpm_from / self._slope)

    def musical_s(self, start_beat: float, time_s: ArrayLike) -> NDArray[np.float64]:
        """Musical seconds since `start_beat`, for times in seconds since that beat."""
        onset_s = self.seconds(start_beat)
        return (self.beat(np.asarray(time_s, dtype=np.float64) + onset_s) - start_beat) * (60.0 / HOME_BPM)
