"""The phase tree in a cache file: where its arrays are, and whether every index in them stays inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

ALIGNED_BYTES: Final = 64
BINS: Final = 2049
GRID_HOP: Final = 512
MASK_BYTES: Final = 264
POINTS: Final = 128

Place: TypeAlias = tuple[type[np.generic], tuple[int, ...], int]
"""The type and shape of one array, and the byte of the file where it begins."""


def tree_places(start: int, grids: int, regions: int, onsets: int, points: int) -> tuple[list[Place], int]:
    """Where the arrays of a tree are in a file whose sound ends at byte `start`, and how long the file is."""
    rows: list[tuple[type[np.generic], tuple[int, ...]]] = [
        (np.uint32, (grids + 1 if grids else 0,)),
        (np.uint16, (regions,)),
        (np.uint16, (regions,)),
        (np.int16, (regions,)),
        (np.int64, (onsets,)),
        (np.uint8, (onsets if grids else 0, MASK_BYTES)),
        (np.uint8, (grids if points else 0, points)),
    ]
    places: list[Place] = []
    end = start
    for dtype, shape in rows:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        at = -(-end // ALIGNED_BYTES) * ALIGNED_BYTES if size else 0
        places.append((dtype, shape, at))
        end = at + size if size else end
    return places, end


def read_tree(memory: Any, places: Sequence[Place]) -> tuple[NDArray[Any], ...]:
    """The arrays of a tree, as views of a mapped file."""
    return tuple(
        np.frombuffer(memory, dtype, int(np.prod(shape)), at).reshape(shape)
        if np.prod(shape)
        else np.zeros(shape, dtype)
        for dtype, shape, at in places
    )


def check_tree(
    frames: int,
    hop: int,
    starts: NDArray[Any],
    lows: NDArray[Any],
    seeds: NDArray[Any],
    offsets: NDArray[Any],
    onsets: NDArray[Any],
    resets: NDArray[Any],
    envelope: NDArray[Any],
) -> None:
    """Raise ValueError unless a tree fits a stem of `frames` frames, and every index in it stays inside."""
    if onsets.size and (onsets[0] < 0 or onsets[-1] >= frames or (np.diff(onsets) <= 0).any()):
        raise ValueError("a phase tree whose onsets do not ascend within the music")
    if starts.size < 2:
        if lows.size or seeds.size or offsets.size or resets.size or envelope.size:
            raise ValueError("a phase tree with regions but no frames")
        return
    counts = np.diff(starts.astype(np.int64))
    if hop != GRID_HOP or counts.size != -(-frames // hop) + 1:
        raise ValueError("a phase tree of another length than the music")
    if starts[0] != 0 or starts[-1] != lows.size or (counts < 0).any():
        raise ValueError("a phase tree whose frames are out of order")
    if seeds.size != lows.size or offsets.size != lows.size or resets.size != onsets.size * MASK_BYTES:
        raise ValueError("a phase tree whose parts do not fit together")
    if envelope.size and envelope.shape != (counts.size, POINTS):
        raise ValueError("a phase tree with an envelope of another shape")
    _check_regions(starts[:-1][counts > 0], lows, seeds)


def _check_regions(firsts: NDArray[Any], lows: NDArray[Any], seeds: NDArray[Any]) -> None:
    if lows.size == 0:
        return
    if max(lows.max(), seeds.max()) >= BINS or lows[firsts].any():
        raise ValueError("a phase tree with a region outside the spectrum")
    rises = np.diff(lows.astype(np.int32)) > 0
    rises[firsts[1:].astype(np.int64) - 1] = True
    if not rises.all():
        raise ValueError("a phase tree whose regions do not ascend")
