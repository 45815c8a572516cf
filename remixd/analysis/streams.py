"""Streams of audio blocks: several side by side, shifted in time, or cut into overlapping windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd.track.flac import Block

BLOCK_FRAMES: Final = 65_536

Windows = NDArray[np.complex64]
"""Windows of stereo sound as l + ir, (windows, frames)."""


def lockstep(sources: Sequence[Iterable[Block]], frames: int = BLOCK_FRAMES) -> Iterator[tuple[Block, ...]]:
    """Read several streams at once, each in the same blocks, until the longest has ended.

    Args:
        sources: stereo blocks of any length each, float32 (n, 2); the shorter streams end in silence.
        frames: of every tuple's blocks but the last.

    Holds about two blocks a stream. Thread: [ingest].
    """
    readers = [_Reader(source) for source in sources]
    while longest := max(len(reader.fill(frames)) for reader in readers):
        yield tuple(reader.take(min(longest, frames)) for reader in readers)


def shifted(blocks: Iterable[Block], frames: int) -> Iterator[Block]:
    """A stream that comes `frames` earlier, its beginning lost, or -`frames` later, after silence."""
    if frames < 0:
        yield np.zeros((-frames, 2), np.float32)
    skip = max(frames, 0)
    for block in blocks:
        left = block[skip:]
        skip = max(0, skip - block.shape[0])
        if left.shape[0]:
            yield left


def of_length(blocks: Iterable[Block], frames: int) -> Iterator[Block]:
    """The same sound, padded with silence or cut at the end, to exactly `frames`."""
    left = frames
    for block in blocks:
        if left > 0:
            yield block[:left]
        left -= block.shape[0]
    if left > 0:
        yield np.zeros((left, 2), np.float32)


class _Reader:
    """One stream and what was read of it ahead."""

    def __init__(self, source: Iterable[Block]) -> None:
        self._blocks = iter(source)
        self._held: Block = np.zeros((0, 2), np.float32)

    def fill(self, frames: int) -> Block:
        """Read ahead until `frames` are there, or the end; returns what is there."""
        parts, held = [self._held], self._held.shape[0]
        while held < frames and (block := next(self._blocks, None)) is not None:
            parts.append(block)
            held += block.shape[0]
        self._held = np.concatenate(parts) if len(parts) > 1 else self._held
        return self._held

    def take(self, frames: int) -> Block:
        """The next frames, silence after the end."""
        taken, self._held = self._held[:frames], self._held[frames:]
        missing = frames - taken.shape[0]
        return np.concatenate([taken, np.zeros((missing, 2), np.float32)]) if missing else taken


class Framer:
    """Cuts a stream into overlapping windows; window `t` is centred on frame `t * hop`.

    Before the first frame and after the last there is silence.
    """

    def __init__(self, window: int, hop: int) -> None:
        self._window, self._hop = window, hop
        self._held: NDArray[np.complex64] = np.zeros(window // 2, np.complex64)

    def add(self, block: Block) -> Windows:
        """The windows that are whole now; a view that holds until the next call."""
        stereo = np.ascontiguousarray(block, np.float32).view(np.complex64)[:, 0]
        self._held = np.concatenate([self._held, stereo])
        count = max(0, (self._held.shape[0] - self._window) // self._hop + 1)
        if not count:
            return np.zeros((0, self._window), np.complex64)
        ready = self._held[: (count - 1) * self._hop + self._window]
        self._held = self._held[count * self._hop :]
        return np.lib.stride_tricks.sliding_window_view(ready, self._window)[:: self._hop]

    def finish(self) -> Windows:
        """The last windows, those centred before the end."""
        return self.add(np.zeros((self._window - self._window // 2 - 1, 2), np.float32))


class Rows:
    """An array that grows by rows; kept in one piece, so that it does not strew the heap for hours."""

    def __init__(self, columns: int, kind: type[np.floating[Any]]) -> None:
        self._held: NDArray[Any] = np.zeros((1024, columns), kind)
        self._count = 0

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows at the end, (n, columns)."""
        count = self._count + rows.shape[0]
        if count > self._held.shape[0]:
            grown = np.zeros((max(count, self._held.shape[0] * 3 // 2), rows.shape[1]), self._held.dtype)
            grown[: self._count] = self._held[: self._count]
            self._held = grown
        self._held[self._count : count] = rows
        self._count = count

    def finish(self) -> NDArray[Any]:
        """All rows, (rows, columns)."""
        return self._held[: self._count]


def powers(windows: Windows, shape: NDArray[np.float32]) -> NDArray[np.float32]:
    """Power spectra of both channels together, (windows, window // 2 - 1), from the first bin above 0 Hz.

    A sine of amplitude 1 in both channels has power 2 at its peak if `shape` sums to 2.
    """
    size = windows.shape[1]
    spectra = np.fft.fft(windows * shape)
    power = spectra.real**2 + spectra.imag**2
    # |L|^2 + |R|^2 is half of |Z[k]|^2 + |Z[-k]|^2 for Z the spectrum of l + ir
    return np.asarray(0.5 * (power[:, 1 : size // 2] + power[:, : size // 2 : -1]), np.float32)
