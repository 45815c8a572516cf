"""How often a fan may change its mind: a bucket of tokens a slot.

Pure, time is an argument; Thread: [control].
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from remixd.audience.ballots import Mask, checked_slots
from remixd.audience.packing import pack, unpack
from remixd.errors import InvalidInput

CHANGES: Final = 20
"""At once, from a fan who was silent for WINDOW_S."""

WINDOW_S: Final = 10.0
"""In which so many changes come back."""


class RateCap:
    """Lets a fan through CHANGES times at once, and so many times in WINDOW_S from then on.

    Args:
        changes: 1 or more.
        window_s: above 0.
    """

    def __init__(self, changes: int = CHANGES, window_s: float = WINDOW_S) -> None:
        self._changes = float(changes)
        self._window_s = window_s
        self._tokens = np.zeros(0)
        self._at_s = np.zeros(0)

    def admit(self, slots: ArrayLike, now_s: float) -> Mask:
        """Which of these changes are let through, of each fan the first ones; every one is a token.

        A clock that jumps back brings no token, and takes none. Raises InvalidInput if the time is not
        finite, or for what is no slot.
        """
        who = checked_slots(slots)
        if not math.isfinite(now_s):
            raise InvalidInput("the time is not finite")
        fans, inverse, counts = np.unique(who, return_inverse=True, return_counts=True)
        if not len(fans):
            return np.zeros(0, np.bool_)
        self._make_room(int(fans[-1]) + 1)
        since_s = np.maximum(now_s - self._at_s[fans], 0.0)
        back = np.minimum(since_s / self._window_s, 1.0) * self._changes
        tokens = np.minimum(self._tokens[fans] + back, self._changes)
        order = np.argsort(inverse, kind="stable")
        earlier = np.empty(len(who), np.int64)
        earlier[order] = np.arange(len(who)) - np.repeat(np.cumsum(counts) - counts, counts)
        self._tokens[fans] = tokens - np.minimum(counts, np.floor(tokens + 1e-9))
        self._at_s[fans] = now_s
        admitted: Mask = earlier < np.floor(tokens + 1e-9)[inverse]
        return admitted

    def forget(self, slots: ArrayLike) -> None:
        """Fans left: who has their slots next has all tokens. Raises InvalidInput for what is no slot."""
        who = checked_slots(slots)
        self._tokens[who[who < len(self._tokens)]] = self._changes

    def _make_room(self, slots: int) -> None:
        more = max(slots, 2 * len(self._tokens)) - len(self._tokens) if slots > len(self._tokens) else 0
        self._tokens = np.append(self._tokens, np.full(more, self._changes))
        self._at_s = np.append(self._at_s, np.zeros(more))

    def to_json(self) -> dict[str, Any]:
        """All of it in JSON's types."""
        return {"tokens": pack(self._tokens), "at_s": pack(self._at_s)}

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Go on from what `to_json` wrote. Raises KeyError, TypeError or ValueError."""
        tokens = unpack(plain["tokens"], np.float64, -1)
        self._at_s = unpack(plain["at_s"], np.float64, len(tokens))
        self._tokens = tokens
