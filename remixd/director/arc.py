"""An energy arc: how lively a set is to be. It moves the goal, never a fan's taste. Pure."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from remixd.errors import InvalidInput
from remixd.mix import DIMENSIONS

SPAN: Final = MappingProxyType({"drums": 3.0, "bass": 2.0, "brightness": 3.0, "density": 0.6, "tempo": 0.03})
"""How far the least and the greatest energy take each dimension, in its unit; tempo: a share."""

POINTS_MAX: Final = 64
AFTER_S_MAX: Final = 86_400.0
MIDDLE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Arc:
    """Points of a polyline, in rising order: seconds since the session began, and an energy from 0 to 1.

    Before the first point and after the last one the energy stays. Raises InvalidInput for anything else.
    """

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.points) <= POINTS_MAX:
            raise InvalidInput(f"an arc has 1 to {POINTS_MAX} points, not {len(self.points)}", field="arc")
        before_s = -1.0
        for after_s, energy in self.points:
            if not 0.0 <= after_s <= AFTER_S_MAX:
                raise InvalidInput(
                    f"arc: {after_s:g} s is not within 0 to {AFTER_S_MAX:g} s of the start", field="arc"
                )
            if not 0.0 <= energy <= 1.0:
                raise InvalidInput(f"arc: an energy is 0 to 1, not {energy:g}", field="arc")
            if after_s <= before_s:
                raise InvalidInput(
                    f"arc: times rise, but {after_s:g} s comes after {before_s:g}", field="arc"
                )
            before_s = after_s

    @classmethod
    def parse(cls, text: str) -> Arc:
        """Read `SECONDS:ENERGY,...`, as in `0:.3,600:.8`. Raises InvalidInput."""
        points = []
        for word in text.split(","):
            after_s, colon, energy = word.partition(":")
            try:
                points.append((float(after_s), float(energy)))
            except ValueError:
                colon = ""
            if not colon:
                raise InvalidInput(f"arc: {word[:40]!r} is not SECONDS:ENERGY", field="arc")
        return cls(tuple(points))

    def __str__(self) -> str:
        """As `parse` reads it."""
        return ",".join(f"{after_s:g}:{energy:g}" for after_s, energy in self.points)

    def energy(self, at_s: float) -> float:
        """The energy at a time since the session began."""
        times = [after_s for after_s, _ in self.points]
        after = bisect_right(times, at_s)
        if after == 0:
            return self.points[0][1]
        if after == len(times):
            return self.points[-1][1]
        (from_s, low), (to_s, high) = self.points[after - 1], self.points[after]
        return low + (high - low) * (at_s - from_s) / (to_s - from_s)

    def moved(self, name: str, value: float, at_s: float) -> float:
        """Where the arc takes a value of a dimension, inside its range."""
        span = SPAN.get(name)
        if span is None or not math.isfinite(value):
            return value
        share = (self.energy(at_s) - MIDDLE) / MIDDLE
        row = DIMENSIONS[name]
        return row.clamp(value * (1.0 + span * share) if row.slew.is_ratio else value + span * share)


def parsed_points(points: Sequence[tuple[float, float]]) -> Arc | None:
    """The arc of some points; None for none. Raises InvalidInput."""
    return Arc(tuple(points)) if points else None
