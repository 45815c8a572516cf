"""Trying things out: a mix a little beside a fan's taste, where least is known. Pure; Thread: [control]."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np

from remixd.audience.fans import Fan
from remixd.audience.space import INDEX, NAMES, Floats
from remixd.audience.taste import Tastes
from remixd.audience.utility import EXPLORE

TRIED_LEAST: Final = 0.02
"""What is less than this beside a taste is not told apart from it."""

TRIED_MOST: Final = 0.25
"""How far beside a taste anything is tried, in taste space: heard, and no shock."""


def aside(tastes: Tastes, fan: Fan, phrase: int, open_to: Collection[str]) -> Floats:
    """How far beside a fan's taste a phrase is, float64 (D,) in taste space.

    Args:
        tastes: of the session.
        fan: that has a slot there.
        phrase: its number: the side changes every two.
        open_to: the dimensions in which something may be tried; those that the fan has stated are left alone.
    """
    mask = [name in open_to and INDEX[name] not in fan.stated for name in NAMES]
    there = tastes.target(fan.slot, phrase, EXPLORE, mask) - tastes.mean([fan.slot])[0]
    held: Floats = np.clip(there, -TRIED_MOST, TRIED_MOST)
    return held
