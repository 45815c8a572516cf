"""What may be done to a work. Lowered to a flat clamp that the engine enforces too."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from remixd.mix import DIMENSIONS
from remixd.units import OFF_DB

DEFAULT_RANGES: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {"tempo": (0.8, 1.25), "pitch": (-3.0, 3.0)}
)
VOCALS_ABOVE_DB: Final = 12.0
"""How far vocals may stand above the loudest other stem role where they may not be isolated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """The rights of one track.

    Attributes:
        ranges: the least and greatest value of a dimension; the table's own range where absent.
        vocals_solo: whether vocals may be isolated. If not, they are held within `VOCALS_ABOVE_DB`
            of the loudest other role that the track has.
    """

    ranges: Mapping[str, tuple[float, float]] = field(default_factory=lambda: DEFAULT_RANGES)
    vocals_solo: bool = False

    def range(self, name: str) -> tuple[float, float]:
        """The allowed values of a dimension: its rights, inside the table's own range."""
        row = DIMENSIONS[name]
        low, high = self.ranges.get(name, (row.minimum, row.maximum))
        return max(low, row.minimum), min(high, row.maximum)

    def vocals_most_db(self, levels_db: Mapping[str, float], roles: Collection[str]) -> float:
        """The most that vocals may be, in dB, beside the other roles of a track at these levels."""
        others = [levels_db[role] for role in roles if role != "vocals"]
        if self.vocals_solo or not others:
            return DIMENSIONS["vocals"].maximum
        loudest = max(others)
        return OFF_DB if loudest <= OFF_DB else loudest + VOCALS_ABOVE_DB


DEFAULT_RIGHTS: Final = Rights()
