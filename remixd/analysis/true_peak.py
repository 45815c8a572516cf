"""The peak of the wave between the samples, by oversampling where it may lie, and nowhere else."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.track.flac import Block

_OVERSAMPLED_HZ: Final = 192_000
"""Rates are brought to about this: BS.1770-4 annex 2 asks for 4 x 48 kHz."""
_TAPS: Final = 24
_KAISER_BETA: Final = 6.0
_WINDOW: Final = 32
_ROUND: Final = 512  # windows oversampled at a time


class TruePeak:
    """Finds the true peak of a stereo stream, ITU-R BS.1770-4 annex 2.

    The interpolator is a Kaiser-windowed sinc of 24 taps a phase. A window of samples is oversampled only
    if, by the sum of the taps' magnitudes, it may hold a greater peak than was found before.
    Thread: [ingest]; memory does not grow.
    """

    def __init__(self, rate_hz: int) -> None:
        self._between = _interpolator(max(1, round(_OVERSAMPLED_HZ / rate_hz)))
        self._gain_most = float(np.abs(self._between).sum(axis=0).max(initial=1.0))
        self._held: Block = np.zeros((_TAPS, 2), np.float32)
        self._peak = 0.0

    def add(self, block: Block) -> None:
        """Take the next frames, float32 (frames, 2)."""
        self._held = np.concatenate([self._held, block])
        count = (self._held.shape[0] - _TAPS + 1) // _WINDOW
        if count > 0:
            self._examine(self._held[: count * _WINDOW + _TAPS - 1], count)
            self._held = self._held[count * _WINDOW :]

    def finish(self) -> float:
        """The true peak, linear and at least the sample peak; call it once, after the last block."""
        self.add(np.zeros((_TAPS + _WINDOW, 2), np.float32))
        return self._peak

    def _examine(self, pcm: Block, count: int) -> None:
        """Oversample the windows of `pcm` that may matter, the loudest first."""
        magnitudes = np.maximum(np.abs(pcm[:, 0]), np.abs(pcm[:, 1]))
        self._peak = max(self._peak, float(magnitudes.max()))
        if not self._between.size:
            return
        highest = magnitudes[: count * _WINDOW].reshape(count, _WINDOW).max(axis=1)
        after = np.append(highest[1:], magnitudes[count * _WINDOW :].max())
        most = self._gain_most * np.maximum(highest, after)
        order = np.argsort(most)[::-1]
        windows = np.lib.stride_tricks.sliding_window_view(pcm, _WINDOW + _TAPS - 1, axis=0)[::_WINDOW]
        size = 16  # the loudest few settle most of the others
        while order.size and most[order[0]] > self._peak:
            chosen, order = order[:size], order[size:]
            pieces = windows[chosen[most[chosen] > self._peak]].reshape(-1, _WINDOW + _TAPS - 1)
            self._peak = max(self._peak, float(np.abs(pieces @ self._between).max()))
            size = _ROUND


def _interpolator(factor: int) -> NDArray[np.float32]:
    """The matrix that makes the points between the samples of a window, (55, 32 * (factor - 1))."""
    shift = np.arange(1, factor) / factor
    offset = np.arange(_TAPS)[:, None] - (_TAPS // 2 - 1) - shift
    taper = np.i0(_KAISER_BETA * np.sqrt(np.maximum(0.0, 1.0 - (2.0 * offset / _TAPS) ** 2)))
    taps = np.sinc(offset) * taper
    matrix = np.zeros((_WINDOW + _TAPS - 1, _WINDOW, factor - 1), np.float32)
    for frame in range(_WINDOW):
        matrix[frame : frame + _TAPS, frame] = taps / taps.sum(axis=0)
    return matrix.reshape(_WINDOW + _TAPS - 1, -1)
