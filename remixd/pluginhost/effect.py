"""What a plug-in is to its host, whatever made it: a function of blocks."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from remixd._kernel.exchange import FRAMES
from remixd.units import RATE_HZ

BLOCK_NS: Final = FRAMES * 1_000_000_000 // RATE_HZ

Block = NDArray[np.float32]
"""float32 (2, 64), planar."""


class Effect(NamedTuple):
    """A plug-in that runs.

    Attributes:
        process: a block in, a block out.
        latency_frames: from a sound to what becomes of it.
    """

    name: str
    process: Callable[[Block], Block]
    latency_frames: int


def cost_ns(effects: Sequence[Effect], blocks: int = 100) -> int:
    """What a block takes, of quiet noise: the median."""
    rng = np.random.default_rng(1)
    block = (1e-3 * rng.standard_normal((2, FRAMES))).astype(np.float32)
    taken = []
    for _ in range(blocks):
        began = time.perf_counter_ns()
        for effect in effects:
            effect.process(block)
        taken.append(time.perf_counter_ns() - began)
    silence = np.zeros((2, FRAMES), np.float32)
    for _ in range(blocks):
        for effect in effects:
            effect.process(silence)
    return int(statistics.median(taken))
