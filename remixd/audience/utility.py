"""What the filter believes of fans: how much they like a mix, and how far to trust each kind of event.

The constants of the taste model, in this one place. Pure; Thread: [control].
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from remixd.audience.space import NAMES, Floats


class Kind(IntEnum):
    """What a fan did. RECENTRE is done to all: a preset took a dimension elsewhere."""

    WISH = 0
    LIKE = 1
    LOVE = 2
    DISLIKE = 3
    SKIP = 4
    REPLAY = 5
    DWELL = 6
    VOLUME_UP = 7
    VOLUME_DOWN = 8
    BETTER = 9
    WORSE = 10
    RECENTRE = 11


class Meaning(NamedTuple):
    """How an event of some kind is read.

    Attributes:
        trust: how many likes it weighs.
        outcome: 1 if it says that what was heard is liked, or liked better; 0 if not.
    """

    trust: float
    outcome: float


MEANINGS: Final[Mapping[Kind, Meaning]] = MappingProxyType(
    {
        Kind.WISH: Meaning(1.0, 1.0),
        Kind.LIKE: Meaning(1.0, 1.0),
        Kind.LOVE: Meaning(2.0, 1.0),
        Kind.DISLIKE: Meaning(1.0, 0.0),
        Kind.SKIP: Meaning(0.1, 0.0),
        Kind.REPLAY: Meaning(1.0, 1.0),
        Kind.DWELL: Meaning(0.02, 1.0),
        Kind.VOLUME_UP: Meaning(0.4, 1.0),
        Kind.VOLUME_DOWN: Meaning(0.4, 0.0),
        Kind.BETTER: Meaning(2.0, 1.0),
        Kind.WORSE: Meaning(2.0, 0.0),
        Kind.RECENTRE: Meaning(1.0, 1.0),
    }
)
"""A dwell is a phrase listened to."""

REACHES: Final[Mapping[str, float]] = MappingProxyType({"tempo": 0.2, "pitch": 0.3})
"""How much of taste space matters of a dimension, where that is not all: a fifth of an octave of tempo."""

REACH: Final[Floats] = np.array([REACHES.get(name, 1.0) for name in NAMES])
"""The same, float64 (D,). Distances count in it."""

KAPPA: Final = 1.2
"""Utility falls by so much a squared reach of distance from the ideal; in logits."""

KAPPAS: Final[Floats] = KAPPA / REACH**2

WISH_DEVIATION: Final = 0.1
"""Standard deviation of what is wished about what is really liked, in reaches."""

PHRASE_S: Final = 4.0
DRIFT_PER_S: Final = 0.01**2 / PHRASE_S
"""By how much the variance of a taste grows in a second, in squared reaches."""

SURPRISE: Final = 0.2
"""How much of a wish's surprise, squared, is taken for what was not known of that dimension."""

EXPLORE: Final = 0.3
"""How far the target strays from the mean along the least certain direction: in standard deviations that this
one has beyond the others."""

EASE_MEAN: Final = 1.0
EASE_DEVIATION: Final = 1.0
"""Of c at the ideal itself: in logits, how readily fans like what they like best."""
