"""Density below neutral: which layers of a song are taken away, and how far. Pure.

Stems go one after the other, the band below 250 Hz last. The last role that carries the song stays, softer:
nothing that density does leaves silence, or vocals that no rights let be heard alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from remixd.units import OFF_DB

KEPT_DB: Final = -12.0
"""How soft the last role becomes."""

SOFT_DB: Final = -30.0
"""How soft a role is before it is off."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is taken away, between two densities: from where it begins to where it is gone."""

    what: str
    begins: float
    gone: float


ROLES: Final = (Step("other", 0.0, -0.4), Step("bass", -0.35, -0.7), Step("drums", -0.65, -1.0))
"""The roles, in the order in which they go; vocals stay."""

LOW: Final = Step("low", -0.7, -1.0)
"""The band below 250 Hz of a deck's channel."""


def _share(step: Step, density: float) -> float:
    return min(max((step.begins - density) / (step.begins - step.gone), 0.0), 1.0)


def _level_db(share: float, most_db: float) -> float:
    if most_db > OFF_DB:
        return share * most_db
    return OFF_DB if share >= 1.0 else share * SOFT_DB


def thinned_db(density: float, roles: Collection[str]) -> Mapping[str, float]:
    """What a density takes off each role of those that play, in dB; only what it does."""
    steps = [step for step in ROLES if step.what in roles]
    found: dict[str, float] = {}
    for step in steps:
        most_db = KEPT_DB if step is steps[-1] else OFF_DB
        level_db = _level_db(_share(step, density), most_db)
        if level_db < 0.0:
            found[step.what] = level_db
    return found


def low_db(density: float) -> float:
    """What a density takes off the low band of a deck's channel, in dB."""
    return round(-24.0 * _share(LOW, density), 3)


def together_db(level_db: float, offset_db: float) -> float:
    """A role's level and what density takes off it, as one level."""
    return OFF_DB if offset_db <= OFF_DB else max(level_db + offset_db, OFF_DB)
