"""Before an engine plays anything it plays a second to itself.

Code and memory are warm then, and what a session costs on this machine is known before one has been measured.
Thread: [housekeeping].
"""

from __future__ import annotations

import time
from typing import Final

import numpy as np

from remixd._kernel.session import Session
from remixd._kernel.stem import Stem
from remixd.units import RATE_HZ

MIX: Final = (1.06, 1.0, 0.0, 0.0, 0.0, 0.0)
"""Faster and higher: what costs most."""

WARM_FRAMES: Final = RATE_HZ // 4
FRAMES: Final = RATE_HZ // 3


def rehearse() -> dict[str, float]:
    """The share of a core that a session of four stems takes: `summed` in the spectrum, or `apart`."""
    noise = np.random.default_rng(1).standard_normal((FRAMES, 2)) * 0.1
    tonal, drums = Stem.of(noise), Stem.of(noise, tonal=False)
    stems = [drums, tonal, tonal, tonal]
    names = ("summed", "apart")
    measured = [{name: _cost(stems, summed=name == "summed") for name in names} for _ in range(3)]
    return {name: min(each[name] for each in measured) for name in names}


def _cost(stems: list[Stem], *, summed: bool) -> float:
    session = Session(stems, [0, 1, 2, 3], mix=MIX, summed=summed)
    session.render(WARM_FRAMES)
    began_ns = time.perf_counter_ns()
    session.render(FRAMES)
    return (time.perf_counter_ns() - began_ns) * RATE_HZ / (FRAMES * 1e9)
