"""What a song looks like: waveforms and three bands, at a fixed number of points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.bands import Bands
from remixd.track.flac import Block

POINTS: Final = 2000
_LOW, _MID = 2, 6  # octave bands: to 200 Hz, to 3.2 kHz, above


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A stem at `points` equal stretches of time, all arrays float16.

    Attributes:
        low, high: least and greatest sample of both channels, (points,).
        rms: of both channels, (points,).
        bands: rms below 200 Hz, to 3.2 kHz and above, (points, 3).
    """

    low: NDArray[np.float16]
    high: NDArray[np.float16]
    rms: NDArray[np.float16]
    bands: NDArray[np.float16]


class Outline:
    """Draws a stream whose length is known. Thread: [ingest]; memory does not grow.

    Args:
        frames: of the whole stream; what comes after is not drawn, what is missing is silent.
        points: how many there are to be; no more than frames.
    """

    def __init__(self, frames: int, points: int = POINTS) -> None:
        points = min(points, frames)
        # int64: a day of frames times a million points still fits
        self._edges = np.arange(points + 1, dtype=np.int64) * frames // max(points, 1)
        self._low = np.zeros(points, np.float32)
        self._high = np.zeros(points, np.float32)
        self._squares = np.zeros(points)
        self._at = 0

    def add(self, block: Block) -> None:
        """Take the next frames, float32 (frames, 2)."""
        start, stop = self._at, min(self._at + block.shape[0], int(self._edges[-1]))
        self._at += block.shape[0]
        if stop <= start:
            return
        block = block[: stop - start]
        first = int(np.searchsorted(self._edges, start, "right")) - 1
        last = int(np.searchsorted(self._edges, stop, "left"))
        cuts = np.maximum(self._edges[first:last] - start, 0)
        points = slice(first, last)
        low, high = np.minimum(block[:, 0], block[:, 1]), np.maximum(block[:, 0], block[:, 1])
        self._low[points] = np.minimum(self._low[points], np.minimum.reduceat(low, cuts))
        self._high[points] = np.maximum(self._high[points], np.maximum.reduceat(high, cuts))
        squares = np.square(block, dtype=np.float64).sum(axis=1)
        self._squares[points] += np.add.reduceat(squares, cuts)

    def finish(self, bands: Bands, rate_hz: int) -> Overview:
        """What was drawn, the bands taken from `bands` of the same stream."""
        frames = np.maximum(2 * np.diff(self._edges), 1)
        energies = bands.means(self._edges / rate_hz)
        thirds = np.stack([part.sum(axis=1) for part in np.split(energies, (_LOW, _MID), axis=1)], axis=1)
        return Overview(
            low=self._low.astype(np.float16),
            high=self._high.astype(np.float16),
            rms=np.sqrt(self._squares / frames).astype(np.float16),
            bands=np.sqrt(0.5 * thirds).astype(np.float16),
        )
