"""What fans have stated, and what reactions since then leave of it. Pure; Thread: [control]."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from remixd.audience.fans import Fan, Stated
from remixd.audience.ledger import Events
from remixd.audience.space import NAMES, value_of
from remixd.audience.utility import MEANINGS, Kind

EASED: Final = 0.5
"""A dislike lets the filter have this share of what was stated; others as far as they are trusted."""


def state(fan_at: Callable[[int], Fan], events: Events, values: Mapping[tuple[int, int], float]) -> None:
    """Note what was stated; of what is disliked since, the filter has more.

    Args:
        fan_at: the fan of a slot.
        events: in order.
        values: what was said, in the dimension's unit, by slot and dimension; else the events tell.
    """
    fields = (events[name].tolist() for name in ("slot", "kind", "dimension", "weight", "value"))
    for slot, kind, index, weight, unit in zip(*fields, strict=True):
        stated = fan_at(slot).stated
        if kind == Kind.WISH and weight:
            value = values.get((slot, index))
            stated[index] = Stated(value_of(NAMES[index], unit) if value is None else value, unit)
        elif kind == Kind.RECENTRE:
            stated.pop(index, None)
        elif stated and kind != Kind.WISH:
            left = _left(kind, weight)
            for it in stated.values():
                it.share *= left


def stated_before(stated: Mapping[int, Stated], ledger: Events) -> dict[int, Stated]:
    """Of what a fan has stated, that which is older than the ledger, as it was when that begins."""
    since = ledger["dimension"][np.isin(ledger["kind"], (Kind.WISH, Kind.RECENTRE))].tolist()
    left = math.prod(map(_left, ledger["kind"].tolist(), ledger["weight"].tolist()))
    return {
        index: Stated(it.value, it.unit, min(it.share / left, 1.0))
        for index, it in stated.items()
        if index not in since
    }


def _left(kind: int, weight: float) -> float:
    """The share of what was stated that an event leaves."""
    if kind in (Kind.WISH, Kind.RECENTRE):
        return 1.0
    meaning = MEANINGS[Kind(kind)]
    return 1.0 - EASED * min(meaning.trust * weight, 1.0) * (1.0 - meaning.outcome)
