"""What the fans of a session want: of each dimension one live value a fan, averaged, and followed in time.

Pure; Thread: [control].
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from remixd.errors import Exhausted
from remixd.mix import DIMENSIONS

FOLLOW_S: Final = 4.0
"""Time constant with which the goal follows what is wanted: a phrase of the design's trials."""

NEAR: Final = 0.01
"""A goal this near to what is wanted, in taste space, has arrived."""

FANS_MAX: Final = 100_000


@dataclass(slots=True)
class _Live:
    """The live values of one dimension, by fan; their sums; and how far the goal has come."""

    values: dict[str, float] = field(default_factory=dict)
    total: float = 0.0
    total_unit: float = 0.0
    goal_unit: float = 0.0
    goal_at_s: float = 0.0


class Consensus:
    """Averages the wishes of many. Every fan has one live value a dimension, the last one wished.

    Fans without a name cannot be told apart: they are one. Averages are taken in taste space, where equal
    distances are heard as about equal.

    Attributes:
        wishes_count: rises with whatever is wished, and when all of it is forgotten.
    """

    def __init__(self) -> None:
        self._live: dict[str, _Live] = {}
        self._fans: set[str] = set()
        self.wishes_count = 0

    def check_room(self, fans: set[str]) -> None:
        """Raise Exhausted if these fans are too many beside those that are there."""
        if len(self._fans) + len(fans - self._fans) > FANS_MAX:
            raise Exhausted(f"a session takes the wishes of {FANS_MAX} fans, and no more")

    def wish(self, fan: str, name: str, value: float, *, now: float, at_s: float) -> None:
        """Let `value` be what a fan wants of a dimension.

        Args:
            fan: who; empty for those who are not to be known.
            name: of the dimension.
            value: in its unit.
            now: where the mix stands: the goal starts there if nobody wished anything of this before.
            at_s: when, in seconds on any clock that does not run back.
        """
        self.wishes_count += 1
        row = DIMENSIONS[name]
        live = self._live.get(name)
        if live is None:
            live = self._live[name] = _Live(goal_unit=row.to_unit(now), goal_at_s=at_s)
        else:
            self._follow(live, at_s)
        before = live.values.get(fan)
        if before is not None:
            live.total -= before
            live.total_unit -= row.to_unit(before)
        live.values[fan] = value
        live.total += value
        live.total_unit += row.to_unit(value)
        self._fans.add(fan)

    def names(self) -> list[str]:
        """The dimensions of which somebody wants something."""
        return list(self._live)

    def fans(self, name: str) -> int:
        """How many want something of a dimension."""
        return len(self._live[name].values)

    def wanted(self, name: str) -> float:
        """The average of the live values of a dimension, in its unit, to a millionth."""
        live, row = self._live[name], DIMENSIONS[name]
        unit = live.total_unit / len(live.values)
        if unit <= -1.0 + 1e-9:  # where taste space ends, values still differ: -24 dB is not yet off
            return round(live.total / len(live.values), 6)
        return round(row.from_unit(unit), 6)

    def goal(self, name: str, at_s: float) -> float:
        """Where the mix should be at a time: it follows `wanted` exponentially."""
        live = self._live[name]
        self._follow(live, at_s)
        if abs(live.goal_unit - live.total_unit / len(live.values)) < NEAR:
            return self.wanted(name)
        return round(DIMENSIONS[name].from_unit(live.goal_unit), 6)

    def _follow(self, live: _Live, at_s: float) -> None:
        wanted = live.total_unit / len(live.values)
        left = math.exp(-max(at_s - live.goal_at_s, 0.0) / FOLLOW_S)
        live.goal_unit = wanted + (live.goal_unit - wanted) * left
        live.goal_at_s = max(at_s, live.goal_at_s)

    def to_json(self) -> dict[str, Any]:
        """Every live wish, and how far the goals have come, in JSON's types."""
        return {
            name: {"values": dict(live.values), "goal_unit": live.goal_unit, "goal_at_s": live.goal_at_s}
            for name, live in self._live.items()
        }

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Go on from what `to_json` wrote, on the same clock. Raises KeyError or TypeError."""
        for name, kept in plain.items():
            row, values = DIMENSIONS[name], {fan: float(value) for fan, value in kept["values"].items()}
            self._live[name] = _Live(
                values=values,
                total=math.fsum(values.values()),
                total_unit=math.fsum(map(row.to_unit, values.values())),
                goal_unit=float(kept["goal_unit"]),
                goal_at_s=float(kept["goal_at_s"]),
            )
            self._fans |= values.keys()

    def clear(self) -> None:
        """Forget every wish."""
        self.wishes_count += 1
        self._live.clear()
        self._fans.clear()
