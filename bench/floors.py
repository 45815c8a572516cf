"""The least that rendering can cost in numpy, and what feeding a peer costs beside the peer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from remixd.units import StemRole

from .peers import Peer, Setting, Stream
from .songs import Audio

FFT_FRAMES: Final = 4096
FFT_HOP: Final = 1024


class NumpySum:
    """The stems times their gains, summed."""

    def __init__(self, music: Mapping[StemRole, Audio]) -> None:
        self._stems = list(music.values())
        self._gains = np.full(len(self._stems), 0.9, dtype=np.float32)
        self._out, self._part = np.empty((0, 2), np.float32), np.empty((0, 2), np.float32)
        self._at = 0

    def render(self, frames: int) -> None:
        """Sum the next frames."""
        if len(self._out) != frames:
            self._out, self._part = np.empty((frames, 2), np.float32), np.empty((frames, 2), np.float32)
        if self._at + frames > len(self._stems[0]):
            self._at = 0
        heard = slice(self._at, self._at + frames)
        np.multiply(self._stems[0][heard], self._gains[0], out=self._out)
        for stem, gain in zip(self._stems[1:], self._gains[1:], strict=True):
            np.multiply(stem[heard], gain, out=self._part)
            np.add(self._out, self._part, out=self._out)
        self._at += frames


class NumpyFfts:
    """A forward and an inverse FFT of every channel of every stem, every hop."""

    def __init__(self, music: Mapping[StemRole, Audio]) -> None:
        self._windows = np.stack([stem[:FFT_FRAMES].T for stem in music.values()])
        self._at = 0

    def render(self, frames: int) -> None:
        """Transform what falls due within the next frames."""
        before, self._at = self._at, self._at + frames
        if before // FFT_HOP != self._at // FFT_HOP:
            np.fft.irfft(np.fft.rfft(self._windows), FFT_FRAMES)


class Idle(Peer):
    """A peer that gives back what it gets: what remains is the cost of feeding one."""

    name = "idle"
    how = "gives back what it gets"

    def load(self) -> None:
        """Nothing."""

    def open(self, setting: Setting) -> Stream:  # noqa: ARG002 (whatever the setting)
        """Begin."""
        return _Echo()


class _Echo(Stream):
    def process(self, block: Audio) -> Audio:
        return block
