"""The phase tree of a stem: which bins of its spectra turn together, and where they begin afresh.

It is found once (`remixd.analysis.phase_tree`), kept in the stem's cache file, and followed by the kernel
whenever the stem is stretched. A grid frame is one analysis, HOP_FRAMES after the one before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from remixd.errors import InvalidInput

HOP_FRAMES: Final = 512
"""Frames from one analysis to the next."""

RESET_BYTES: Final = 264
"""What one onset's bins take, a bit each."""

ENVELOPE_POINTS: Final = 128
"""Points of one spectral envelope."""

_ALIGNED_BYTES: Final = 64
"""Every section of a file begins at a multiple of this."""


def grid_frames(frames: int) -> int:
    """How many grid frames a stem of so many frames has: from its first frame to its end or beyond."""
    return -(-frames // HOP_FRAMES) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One array of a tree, and the bytes of the file that hold it; one without elements takes none."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    first_byte: int

    @property
    def elements(self) -> int:
        """How many there are."""
        count = 1
        for length in self.shape:
            count *= length
        return count

    @property
    def end_byte(self) -> int:
        """One past its last byte."""
        return self.first_byte + self.elements * self.dtype.itemsize


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeSize:
    """How much a tree holds, as the header of its file says. Raises InvalidInput for what no tree is like.

    Attributes:
        grid_frames: 0 for a stem that is stretched in the time domain, which has onsets only.
        regions: of all grid frames together.
        envelope_points: a grid frame, 0 or ENVELOPE_POINTS.
    """

    grid_frames: int
    regions: int
    onsets: int
    envelope_points: int

    def __post_init__(self) -> None:
        if self.envelope_points not in (0, ENVELOPE_POINTS):
            raise InvalidInput(
                f"an envelope has {ENVELOPE_POINTS} points or none, not {self.envelope_points}"
            )
        if self.grid_frames == 0 and (self.regions or self.envelope_points):
            raise InvalidInput("a phase tree without grid frames has neither regions nor envelopes")

    def sections(self, first_byte: int) -> Iterator[Section]:
        """The tree's arrays in the order of the file; `first_byte` is where there is room for them."""
        grid = self.grid_frames
        end = first_byte
        for name, dtype, shape in (
            ("starts", "<u4", (grid + 1 if grid else 0,)),
            ("lows", "<u2", (self.regions,)),
            ("seeds", "<u2", (self.regions,)),
            ("offsets", "<i2", (self.regions,)),
            ("onsets", "<i8", (self.onsets,)),
            ("resets", "u1", (self.onsets if grid else 0, RESET_BYTES)),
            ("envelope", "u1", (grid, self.envelope_points)),
        ):
            at = -(-end // _ALIGNED_BYTES) * _ALIGNED_BYTES if 0 not in shape else end
            section = Section(name=name, dtype=np.dtype(dtype), shape=shape, first_byte=at)
            end = section.end_byte
            yield section

    def end_byte(self, first_byte: int) -> int:
        """One past the last byte of the last section."""
        return max(section.end_byte for section in self.sections(first_byte))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PhaseTree:
    """What the stretcher needs to know of a stem. Raises InvalidInput for arrays that do not fit together.

    Attributes:
        starts: uint32 (grid frames + 1,), the first region of each grid frame and, last, how many there are;
            (0,) where there is no grid.
        lows: uint16 (regions,), the first bin of each region, ascending within a grid frame.
        seeds: uint16 (regions,), the bin that carries a region's phase.
        offsets: int16 (regions,), the seed's instantaneous frequency away from its bin, in 1/8192 bin.
        onsets: int64 (onsets,), strictly ascending frames of the stem.
        resets: uint8 (onsets, RESET_BYTES); where bit k % 8 of byte k // 8 is set, bin k starts afresh at
            this onset. (0, RESET_BYTES) where there is no grid.
        envelope: uint8 (grid frames, points), the spectral envelope; there are ENVELOPE_POINTS or none.
        hop_frames: from one grid frame to the next.
    """

    starts: NDArray[np.uint32]
    lows: NDArray[np.uint16]
    seeds: NDArray[np.uint16]
    offsets: NDArray[np.int16]
    onsets: NDArray[np.int64]
    resets: NDArray[np.uint8]
    envelope: NDArray[np.uint8]
    hop_frames: int = HOP_FRAMES

    def __post_init__(self) -> None:
        if self.hop_frames != HOP_FRAMES:
            raise InvalidInput(f"grid frames are {HOP_FRAMES} frames apart, not {self.hop_frames}")
        for section in self.size.sections(0):
            array = self.array(section)
            if array.dtype != section.dtype or array.shape != section.shape:
                raise InvalidInput(
                    f"{section.name} are {section.dtype} {section.shape}, not {array.dtype} {array.shape}"
                )
        if self.starts.size and (
            self.starts[0] != 0
            or self.starts[-1] != self.lows.size
            or (self.starts[1:] < self.starts[:-1]).any()
        ):
            raise InvalidInput(f"starts do not rise from 0 to the {self.lows.size} regions there are")
        if (self.onsets[:1] < 0).any() or (self.onsets[1:] <= self.onsets[:-1]).any():
            raise InvalidInput("onsets do not ascend from frame 0 or later")

    @classmethod
    def none(cls, onsets: NDArray[np.int64]) -> Self:
        """A tree of onsets only, int64 (onsets,), for a stem that is stretched in the time domain."""
        return cls(
            starts=np.zeros(0, np.uint32),
            lows=np.zeros(0, np.uint16),
            seeds=np.zeros(0, np.uint16),
            offsets=np.zeros(0, np.int16),
            onsets=onsets,
            resets=np.zeros((0, RESET_BYTES), np.uint8),
            envelope=np.zeros((0, 0), np.uint8),
        )

    @property
    def size(self) -> TreeSize:
        """How much it holds."""
        return TreeSize(
            grid_frames=max(self.starts.size - 1, 0),
            regions=self.lows.size,
            onsets=self.onsets.size,
            envelope_points=self.envelope.shape[-1],
        )

    def array(self, section: Section) -> NDArray[Any]:
        """The array of a section."""
        found: NDArray[Any] = getattr(self, section.name)
        return found
