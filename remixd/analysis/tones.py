"""Which frequencies a stem is made of over time: the raw material of chroma, key and chords."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from remixd.analysis.streams import Framer, Rows, Windows, powers
from remixd.track.flac import Block

LOWEST_PITCH: Final = 24
"""MIDI number of the lowest note looked for: C1, 32.7 Hz."""

PITCHES: Final = 73
"""Six octaves, up to C7, 2093 Hz."""

BINS_A_SEMITONE: Final = 3
RATE_HZ: Final = 22_050
HOP_S: Final = 2048 / RATE_HZ

_WINDOW: Final = 8192
_HOP: Final = 2048
_AT_ONCE: Final = 32
_FAINTEST: Final = 10.0 ** (-40 / 20)  # of the strongest partial; the window's side lobes lie below -31 dB
_QUIETEST: Final = 1e-5
_SCALE: Final = 1024.0  # keeps -100 dBFS out of float16's subnormals


@dataclass(frozen=True, slots=True, kw_only=True)
class Tones:
    """Amplitudes of the partials of a stem.

    Attributes:
        amplitudes: float16 (frames, 219): in bins a third of a semitone wide, the middle one of each three
            on a pitch of A4 = 440 Hz. Frame `t` is centred on `t * HOP_S`. In units of 1/1024.
    """

    amplitudes: NDArray[np.float16]


class ToneSpectra:
    """Finds the partials in a stereo stream: peaks of its spectrum, their frequency by interpolation.

    Windows last 372 ms. Thread: [ingest]; keeps 4.7 kB a second.
    """

    def __init__(self, rate_hz: int) -> None:
        self._convert = soxr.ResampleStream(rate_hz, RATE_HZ, 2, dtype="float32", quality="MQ")
        self._framer = Framer(_WINDOW, _HOP)
        shape = np.hanning(_WINDOW + 1)[:-1]
        self._shape = np.asarray(shape * (2.0 / shape.sum()), np.float32)
        self._found = Rows(PITCHES * BINS_A_SEMITONE, np.float16)

    def add(self, block: Block) -> None:
        """Take the next frames, float32 (frames, 2)."""
        self._examine(self._framer.add(self._convert.resample_chunk(np.ascontiguousarray(block))))

    def finish(self) -> Tones:
        """What was found; call it once, after the last block."""
        rest = self._convert.resample_chunk(np.zeros((0, 2), np.float32), last=True)
        self._examine(self._framer.add(rest))
        self._examine(self._framer.finish())
        return Tones(amplitudes=self._found.finish())

    def _examine(self, windows: Windows) -> None:
        for first in range(0, windows.shape[0], _AT_ONCE):
            self._found.append(_partials(powers(windows[first : first + _AT_ONCE], self._shape)))


def _partials(power: NDArray[np.float32]) -> NDArray[np.float16]:
    """Amplitudes of spectral peaks by pitch, each shared by the two bins nearest to it."""
    size = PITCHES * BINS_A_SEMITONE
    highest_hz = 440.0 * 2.0 ** ((LOWEST_PITCH + PITCHES - 69) / 12)
    power = power[:, : int(highest_hz / RATE_HZ * _WINDOW) + 2]
    here, below, above = power[:, 1:-1], power[:, :-2], power[:, 2:]
    least = np.maximum(power.max(axis=1, keepdims=True) * _FAINTEST**2, _QUIETEST**2)
    frame, at = np.nonzero((here > below) & (here >= above) & (here > least))
    a, b, c = (np.log(part[frame, at] + 1e-20) for part in (below, here, above))
    offset = 0.5 * (a - c) / (a - 2.0 * b + c)
    frequency_hz = (at + 2 + offset) * (RATE_HZ / _WINDOW)  # the first bin of `power` is 1, of `here` 2
    place = BINS_A_SEMITONE * (69 + 12 * np.log2(frequency_hz / 440.0) - LOWEST_PITCH) + 1.0
    low = np.floor(place).astype(np.int64)
    share = place - low
    amplitude = np.exp(0.5 * (b - 0.25 * (a - c) * offset)) * _SCALE
    found = np.zeros((power.shape[0], size + 2))
    for column, weight in ((low, 1.0 - share), (low + 1, share)):
        inside = (column >= 0) & (column < size)
        np.add.at(found, (frame[inside], column[inside]), (amplitude * weight)[inside])
    return found[:, :size].astype(np.float16)
