"""Where an energy arc takes the goal: livelier or calmer than fans want it; their tastes stay. Pure."""

from __future__ import annotations

from bisect import bisect_right
from types import MappingProxyType
from typing import Final

from remixd.audience.arc import Arc
from remixd.mix import DIMENSIONS

SPAN: Final = MappingProxyType({"drums": 3.0, "bass": 2.0, "brightness": 3.0, "density": 0.6, "tempo": 0.03})
"""How far the least and the greatest energy take each dimension, in its unit; tempo: a share."""

MIDDLE: Final = 0.5


def energy(arc: Arc, at_s: float) -> float:
    """The energy at a time since the arc began: before its first point and after its last one it stays."""
    times = [after_s for after_s, _ in arc]
    after = bisect_right(times, at_s)
    if after in (0, len(arc)):
        return arc[min(after, len(arc) - 1)][1]
    (from_s, low), (to_s, high) = arc[after - 1], arc[after]
    return low + (high - low) * (at_s - from_s) / (to_s - from_s)


def moved(name: str, value: float, energy_now: float) -> float:
    """Where an energy takes a value of a dimension, inside its range."""
    row, span = DIMENSIONS[name], SPAN[name]
    share = (energy_now - MIDDLE) / MIDDLE
    return round(row.clamp(value * (1.0 + span * share) if row.slew.is_ratio else value + span * share), 4)
