"""How sure a rhythm is: the chance of a reading, set against how often such readings were right."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_NEVER: Final = 0.001
"""Chances nearer to 0 or 1 say no more than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What tells of a reading beside its chance, each 0 to 1.

    Attributes:
        clearness: how clearly the song repeats with a beat.
        explained: share of the attacks that lie on its beats and half-beats.
        voted: share of the song in which another tracker hears its tempo.
    """

    clearness: float
    explained: float
    voted: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A logistic regression: nepers for each neper of the chance's odds, for the signs, and at 0."""

    odds: float
    explained: float
    voted: float
    at_zero: float


_LINES: Final[Mapping[str, _Line]] = {
    "bpm": _Line(odds=0.5, explained=0.84, voted=0.99, at_zero=-1.59),
    "beats": _Line(odds=0.5, explained=0.88, voted=0.8, at_zero=-1.56),
    "metre": _Line(odds=0.58, explained=0.05, voted=0.96, at_zero=-1.14),
    "downbeats": _Line(odds=0.58, explained=0.37, voted=0.62, at_zero=-1.24),
}


def confidence_of(field: str, chance: float, signs: Signs) -> float:
    """The confidence, 0 to 1, that a field of `Rhythm` is right, if its reading has a chance.

    Readings are surer of themselves than they are right: Platt's scaling ("Probabilistic outputs for support
    vector machines", 1999) on songs that were left out when the readings' weights were fitted.

    Thread: [ingest].
    """
    line = _LINES[field]
    held = min(max(chance, _NEVER), 1.0 - _NEVER)
    nepers = line.odds * math.log(held / (1.0 - held))
    nepers += line.explained * signs.explained + line.voted * signs.voted + line.at_zero
    return round(signs.clearness / (1.0 + math.exp(-nepers)), 4)
