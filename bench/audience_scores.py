"""What paired trials prove: ratios with intervals, and how many cells are worse by more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from .audience_fans import Floats

RESAMPLES: Final = 1000
LEVEL: Final = 0.05


def ratios(ours: Floats, theirs: Floats, seed: int) -> Floats:
    """Bootstrap of mean(ours) / mean(theirs) over fans, who had both: (RESAMPLES,)."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(ours), (RESAMPLES, len(ours)))
    drawn_ratios: Floats = ours[drawn].mean(axis=1) / theirs[drawn].mean(axis=1)
    return drawn_ratios


def chance_not_worse(ours: Floats, theirs: Floats) -> float:
    """One-sided p of a paired z test that our regret is no greater than theirs. It takes some 30 fans."""
    away = ours - theirs
    error = away.std(ddof=1) / math.sqrt(len(away))
    if error == 0.0:
        return 1.0 if away.mean() <= 0.0 else 0.0
    return 0.5 * math.erfc(away.mean() / error / math.sqrt(2.0))


def holm(chances: Sequence[float]) -> list[float]:
    """Chances corrected for their number: Holm 1979, "A simple sequentially rejective multiple test"."""
    corrected, least = [0.0] * len(chances), 0.0
    for rank, at in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        least = max(least, min(1.0, (len(chances) - rank) * chances[at]))
        corrected[at] = least
    return corrected
