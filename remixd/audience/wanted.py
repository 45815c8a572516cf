"""What an audience wants, in the units of the mix. Pure; Thread: [control]."""

from __future__ import annotations

from dataclasses import dataclass

from remixd.audience.space import value_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is wanted of one dimension.

    Attributes:
        value: in its unit.
        fans: how many want something of it.
        how: `stated`, `taste`, `trial`, or as the crowd decided.
    """

    value: float
    fans: int
    how: str


def rounded_value(name: str, unit: float) -> float:
    """The value of a dimension at a place of taste space, rounded: no wish is missed by a hair."""
    return round(value_of(name, unit), 4)
