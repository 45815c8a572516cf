"""What the stems of a track look like, at a given number of columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.track.flac import read_flac
from remixd.track.package import Stem, Track

Levels = NDArray[np.float64]

_GRAIN_FRAMES: Final = 64
"""Peaks and power are first taken of this many frames: 1.5 ms, far below a column of any drawing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """One stem at equal stretches of time.

    Attributes:
        peak: the greatest sample of both channels, without its sign, float64 (columns,).
        rms: of both channels, float64 (columns,).
    """

    peak: Levels
    rms: Levels


def outline(track: Track, stem: Stem, columns: int) -> Outline:
    """Read one stem and draw it; memory grows by 10 kB for each second of the song.

    Args:
        track: the package.
        stem: one of its stems.
        columns: at least 1.

    Raises BadAudio, naming the file, where it is missing or damaged. Thread: [control] or the caller's own.
    """
    peaks: list[Levels] = []
    powers: list[Levels] = []
    for block in read_flac(track.file_of(stem), stem.gain):
        grains = np.arange(0, block.shape[0], _GRAIN_FRAMES)
        loud = np.abs(block).max(axis=1)
        peaks.append(np.maximum.reduceat(loud, grains).astype(np.float64))
        power = np.square(block, dtype=np.float64).mean(axis=1)
        lengths = np.diff(np.append(grains, block.shape[0]))
        powers.append(np.add.reduceat(power, grains) / lengths)
    if not peaks:
        return Outline(peak=np.zeros(columns), rms=np.zeros(columns))
    # A song of fewer grains than columns repeats them, so that no column is empty.
    peak, power = np.concatenate(peaks), np.concatenate(powers)
    edges = np.arange(columns) * peak.shape[0] // columns
    ends = np.maximum(np.append(edges[1:], peak.shape[0]), edges + 1)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    return Outline(
        peak=np.array([peak[a:b].max() for a, b in zip(edges, ends, strict=True)]),
        rms=np.sqrt(np.maximum(sums[ends] - sums[edges], 0.0) / (ends - edges)),
    )
