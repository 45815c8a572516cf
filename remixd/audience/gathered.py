"""What fans expressed since the last tick: it counts together, in whichever order it came. Pure.

Thread: [control].
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from remixd.audience.ledger import EVENT, Events
from remixd.audience.space import INDEX, NAMES, D, unit_of
from remixd.audience.utility import Kind
from remixd.mix import DIMENSIONS

TICK_MAX: Final = 64
"""So many events do not wait for the next tick: it would hold up everybody."""

WISHES_KEPT: Final = 8
"""Wishes of one fan and dimension in a tick: the last one counts, the others if that is taken back."""


class Gathered:
    """Judgements and wishes that wait for the next tick. Its length is in events."""

    def __init__(self) -> None:
        self._judged: list[tuple[Any, ...]] = []
        self._wished: dict[tuple[int, int], list[tuple[float, int, float]]] = {}

    def __len__(self) -> int:
        return len(self._judged) + len(self._wished)

    @property
    def is_much(self) -> bool:
        """Whether it should not wait for the next tick."""
        return len(self) >= TICK_MAX

    def judge(
        self, slot: int, key: int, at_s: float, kind: Kind, weight: float, heard: int, before: int
    ) -> None:
        """A fan's reaction to what was heard, beside what was before: rows of the heard log."""
        self._judged.append((key, at_s, 0.0, weight, slot, heard, before, kind, 0))

    def wish(self, slot: int, key: int, at_s: float, name: str, value: float) -> None:
        """A fan's wish, in the dimension's unit; beyond its range it is for its end."""
        came = self._wished.setdefault((slot, INDEX[name]), [])
        came.append((at_s, key, DIMENSIONS[name].clamp(value)))
        if len(came) > 2 * WISHES_KEPT:
            came[:] = sorted(came)[-WISHES_KEPT:]

    def stated(self, slot: int) -> dict[str, float]:
        """What a fan wished last of each dimension, in its unit."""
        return {
            NAMES[index]: max(came)[2]
            for index in range(D)
            if (came := self._wished.get((slot, index))) is not None
        }

    def drop(self, slot: int) -> None:
        """Forget what a fan expressed."""
        self._judged = [row for row in self._judged if row[4] != slot]
        self._wished = {place: came for place, came in self._wished.items() if place[0] != slot}

    def clear(self) -> None:
        """Forget all of it."""
        self._judged.clear()
        self._wished.clear()

    def take(self) -> tuple[Events, dict[tuple[int, int], float]]:
        """All of it, which waits no longer: events by slot, time and id; the last wishes, in their units.

        Those are by slot and dimension. Of one fan's wishes for one dimension only the last has weight.
        """
        last = {place: max(came) for place, came in self._wished.items()}
        rows = self._judged + [
            (key, at_s, unit_of(NAMES[index], value), float((at_s, key, value) == last[slot, index]), slot,
             -1, -1, Kind.WISH, index)
            for (slot, index), came in self._wished.items()
            for at_s, key, value in sorted(came)[-WISHES_KEPT:]
        ]  # fmt: skip
        self.clear()
        events = np.array(rows, EVENT)
        events = events[np.lexsort((events["id"], events["at_s"], events["slot"]))]
        return events, {place: came[2] for place, came in last.items()}
