"""The live ballots of a crowd: one a fan, with their histograms kept up to date. Pure; Thread: [control].

Whatever order ballots come in, the same ones end up live: of a fan's, the latest; of two at one moment, the
one whose values are greater. Weights are whole thousandths, so what is added is taken away again exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from remixd.audience.histogram import FINE_BINS, Units, Weights, bins_of, middle_ranks
from remixd.audience.packing import pack, unpack
from remixd.errors import Exhausted, InvalidInput

Slots = NDArray[np.int64]
Mask = NDArray[np.bool_]

SLOTS_MAX: Final = 1 << 18

ONE: Final = 1000
"""A whole weight."""

DAMPED_PARTS: Final = 5
"""A damped opinion weighs one part of these."""

NO_BIN: Final = 0xFFFF
_BY_SLOT: Final = ("first_s", "at_s", "values", "weights", "held", "bins", "damped")

SORTED_MAX: Final = 4096
"""As many values are sorted; more are divided first."""


class Ballots:
    """Ballots by slot, which the caller gives a fan; a slot whose fan left is taken anew after `withdraw`.

    Args:
        dimensions: how many a ballot speaks of.

    Attributes:
        fine: (D, FINE_BINS) weight by value, in thousandths, damping included.
        fans: (D, FINE_BINS) opinions by value.
        first_s: (slots,) when a fan's first ballot was cast; infinite for those who have none yet.
        damped: (D, slots) which opinions are damped.
        bins: (D, slots) in which fine bin an opinion is; NO_BIN for none.
    """

    def __init__(self, dimensions: int) -> None:
        self.fine: Weights = np.zeros((dimensions, FINE_BINS), np.int64)
        self.fans: Weights = np.zeros((dimensions, FINE_BINS), np.int64)
        self._offsets = np.arange(dimensions)[:, None] * FINE_BINS
        self._allot(0)

    def _allot(self, room: int) -> None:
        dimensions = len(self.fine)
        self.first_s: Units = np.full(room, np.inf)
        self.at_s: Units = np.full(room, -np.inf)
        self.values: Units = np.zeros((dimensions, room))
        self.weights: NDArray[np.uint16] = np.zeros((dimensions, room), np.uint16)
        self.held: NDArray[np.uint16] = np.zeros((dimensions, room), np.uint16)
        self.bins: NDArray[np.uint16] = np.full((dimensions, room), NO_BIN, np.uint16)
        self.damped: Mask = np.zeros((dimensions, room), np.bool_)

    @property
    def room(self) -> int:
        """How many slots there is room for; it grows by itself, to SLOTS_MAX."""
        return len(self.at_s)

    def cast(self, slots: ArrayLike, values: ArrayLike, weights: ArrayLike, at_s: ArrayLike) -> Mask:
        """Replace ballots; see `Crowd.cast`."""
        who, wanted, heavy, when = self._checked(slots, values, weights, at_s)
        self._make_room(int(who.max()) + 1 if len(who) else 0)
        accepted = _last_of_each(who, wanted, heavy, when)
        live = np.flatnonzero(accepted)
        live = live[self._replaces(who[live], wanted[live], heavy[live], when[live])]
        accepted[:] = False
        accepted[live] = True
        who = who[live]
        self._lift(who)
        self.values[:, who] = wanted[live].T
        self.weights[:, who] = heavy[live].T
        self.damped[:, who] &= heavy[live].T > 0
        self.at_s[who] = when[live]
        self.first_s[who] = np.minimum(self.first_s[who], when[live])
        self._lay(who)
        return accepted

    def withdraw(self, slots: ArrayLike) -> None:
        """Take away the ballots of fans who left, and that they were ever there."""
        who = np.unique(checked_slots(slots))
        who = who[who < self.room]
        self._drop(who)
        self.first_s[who] = np.inf

    def expire(self, now_s: float, age_s: float) -> None:
        """Take away ballots older than an age. Those of the future are of now from here on."""
        np.minimum(self.at_s, now_s, out=self.at_s)
        late = np.isfinite(self.first_s) & (self.first_s > now_s)
        self.first_s[late] = now_s
        self._drop(np.flatnonzero((self.at_s < now_s - age_s) & np.isfinite(self.at_s)))

    def empty(self, dimension: int) -> None:
        """Take away every opinion on a dimension."""
        self.weights[dimension] = 0
        self.held[dimension] = 0
        self.bins[dimension] = NO_BIN
        self.damped[dimension] = False
        self.fine[dimension] = 0
        self.fans[dimension] = 0

    def damp(self, dimension: int, slots: Slots, damped: bool) -> None:
        """Let opinions on a dimension weigh less, or again as much as they did."""
        self.damped[dimension, slots] = damped
        held = _held(self.weights[dimension, slots], self.damped[dimension, slots])
        change = held.astype(np.int64) - self.held[dimension, slots]
        there = held > 0
        np.add.at(self.fine[dimension], self.bins[dimension, slots][there], change[there])
        self.held[dimension, slots] = held

    def middle(self, dimension: int, value: float, bins: slice) -> float:
        """The median of the opinions on a dimension and of one ballot more, the artist's (`middle_ranks`).

        Args:
            dimension: the row of the table.
            value: the artist's.
            bins: the fine bins to look at; some of them are not empty.
        """
        sums = np.cumsum(self.fine[dimension, bins])
        ranks = middle_ranks(int(sums[-1]))
        ends = [int(each) for each in np.searchsorted(sums, ranks)]
        at = int(bins_of(np.array(value))) - bins.start
        middle = value
        for rank, end, is_nearer in zip(ranks, ends, (max, min), strict=True):
            beyond = at <= end if is_nearer is max else at >= end
            if beyond:  # else the artist's value lies on the inner side of it, and so it is not needed
                before = int(sums[end - 1]) if end else 0
                middle = is_nearer(middle, self._value_in(dimension, end + bins.start, rank - before))
        return middle

    def _value_in(self, dimension: int, fine_bin: int, rank: int) -> float:
        inside, values = self.bins[dimension] == fine_bin, self.values[dimension]
        fans = int(self.fans[dimension, fine_bin])
        if fans > SORTED_MAX:  # most likely a knob's mark or end: counting is several times as fast
            same = float(values[np.argmax(inside)])
            if np.count_nonzero(inside & (values == same)) == fans:
                return same
        there = np.flatnonzero(inside)
        return _value_at(values.take(there), self.held[dimension].take(there), rank)

    def to_json(self) -> dict[str, Any]:
        """All of it in JSON's types."""
        known = np.flatnonzero(np.isfinite(self.first_s))
        return {
            "room": self.room,
            "slots": pack(known.astype(np.uint32)),
            "first_s": pack(self.first_s[known]),
            "at_s": pack(self.at_s[known]),
            "values": pack(self.values[:, known]),
            "weights": pack(self.weights[:, known]),
            "damped": pack(self.damped[:, known]),
        }

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Be what `to_json` wrote. Raises KeyError, TypeError or ValueError."""
        slots = unpack(plain["slots"], np.uint32, -1).astype(np.int64)
        count, dimensions, room = len(slots), len(self.fine), int(plain["room"])
        if room > SLOTS_MAX or (count and slots.max() >= room):
            raise ValueError("the ballots have slots that cannot be")
        self._allot(room)
        self.fine[:] = 0
        self.fans[:] = 0
        self.first_s[slots] = unpack(plain["first_s"], np.float64, count)
        self.at_s[slots] = unpack(plain["at_s"], np.float64, count)
        self.values[:, slots] = unpack(plain["values"], np.float64, dimensions, count)
        self.weights[:, slots] = unpack(plain["weights"], np.uint16, dimensions, count)
        self.damped[:, slots] = unpack(plain["damped"], np.bool_, dimensions, count)
        self._lay(slots)

    def _drop(self, slots: Slots) -> None:
        self._lift(slots)
        self.weights[:, slots] = 0
        self.damped[:, slots] = False
        self.at_s[slots] = -np.inf

    def _lift(self, slots: Slots) -> None:
        """Take the opinions of slots, each named once, out of the histograms."""
        bins, held = self.bins[:, slots], self.held[:, slots]
        there = bins != NO_BIN
        at = (bins + self._offsets)[there]
        np.subtract.at(self.fine.reshape(-1), at, held[there])
        np.subtract.at(self.fans.reshape(-1), at, 1)
        self.bins[:, slots] = NO_BIN
        self.held[:, slots] = 0

    def _lay(self, slots: Slots) -> None:
        """Put them in as they are now."""
        held = _held(self.weights[:, slots], self.damped[:, slots])
        there = held > 0
        bins = np.where(there, bins_of(self.values[:, slots]), np.uint16(NO_BIN))
        at = (bins + self._offsets)[there]
        np.add.at(self.fine.reshape(-1), at, held[there])
        np.add.at(self.fans.reshape(-1), at, 1)
        self.bins[:, slots] = bins
        self.held[:, slots] = held

    def _replaces(self, slots: Slots, values: Units, weights: NDArray[np.uint16], at_s: Units) -> Mask:
        """Which ballots, one a slot, come after those that are live."""
        replaces: Mask = at_s > self.at_s[slots]
        same = np.flatnonzero(at_s == self.at_s[slots])
        if len(same):
            new = np.hstack([values[same], weights[same]])
            old = np.hstack([self.values[:, slots[same]].T, self.weights[:, slots[same]].T])
            first = np.argmax(new != old, axis=1)[:, None]
            replaces[same] = (
                np.take_along_axis(new, first, axis=1) > np.take_along_axis(old, first, axis=1)
            )[:, 0]
        return replaces

    def _make_room(self, slots: int) -> None:
        if slots <= self.room:
            return
        room = self.room
        before = {name: getattr(self, name) for name in _BY_SLOT}
        self._allot(min(1 << max(slots - 1, 63).bit_length(), SLOTS_MAX))
        for name, array in before.items():
            getattr(self, name)[..., :room] = array

    def _checked(
        self, slots: ArrayLike, values: ArrayLike, weights: ArrayLike, at_s: ArrayLike
    ) -> tuple[Slots, Units, NDArray[np.uint16], Units]:
        who = checked_slots(slots)
        wanted, heavy = _checked_floats(values, "values"), _checked_floats(weights, "weights")
        shape = (len(who), len(self.fine))
        if wanted.shape != shape or heavy.shape != shape:
            raise InvalidInput(f"values and weights of {shape[0]} ballots have the shape {shape}")
        when = _checked_floats(at_s, "at_s")
        if when.shape not in ((), (len(who),)):
            raise InvalidInput("at_s is one time, or one a ballot")
        if not (np.isfinite(when).all() and (np.abs(wanted) <= 1.0).all()):  # NaN is neither
            raise InvalidInput("a ballot has a finite time, and values within -1 to 1")
        if not ((heavy >= 0.0) & (heavy <= 1.0)).all():
            raise InvalidInput("the weight of an opinion is within 0 to 1")
        thousandths = np.where(heavy > 0.0, np.maximum(np.rint(heavy * ONE), 1.0), 0.0).astype(np.uint16)
        wanted = np.where(thousandths > 0, wanted + 0.0, 0.0)  # what has no weight has no value either
        return who, wanted, thousandths, np.broadcast_to(when, who.shape) + 0.0


def checked_slots(slots: ArrayLike) -> Slots:
    """The slots (n,). Raises InvalidInput for what is none, Exhausted for one beyond SLOTS_MAX."""
    who = np.atleast_1d(np.asarray(slots))
    if who.size == 0:
        return np.zeros(0, np.int64)
    if who.ndim != 1 or not np.issubdtype(who.dtype, np.integer) or who.min() < 0:
        raise InvalidInput("slots are whole numbers from 0 up")
    if who.max() >= SLOTS_MAX:
        raise Exhausted(f"a crowd has {SLOTS_MAX} slots, and no more")
    return who.astype(np.int64)


def _checked_floats(given: ArrayLike, field: str) -> Units:
    try:
        return np.asarray(given, np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(f"{field} are not numbers", field=field) from None


def _held(weights: NDArray[np.uint16], damped: Mask) -> NDArray[np.uint16]:
    """What opinions count for: those that weigh anything do so damped, too."""
    return np.where(damped, (weights + np.uint16(DAMPED_PARTS - 1)) // np.uint16(DAMPED_PARTS), weights)


def _last_of_each(slots: Slots, values: Units, weights: NDArray[np.uint16], at_s: Units) -> Mask:
    """Which ballot of each slot is the last; of two at one moment, the one of the greater values."""
    last: Mask = np.ones(len(slots), np.bool_)
    ordered = np.sort(slots)
    if not (ordered[1:] == ordered[:-1]).any():
        return last
    latest_s = np.full(int(ordered[-1]) + 1, -np.inf)
    np.maximum.at(latest_s, slots, at_s)
    last = at_s == latest_s[slots]
    rivals = np.flatnonzero(last)
    keys = (*weights[rivals].T[::-1], *values[rivals].T[::-1], slots[rivals])
    rivals = rivals[np.lexsort(keys)]
    last[rivals[:-1][slots[rivals[1:]] == slots[rivals[:-1]]]] = False
    return last


def _value_at(values: Units, weights: NDArray[np.uint16], rank: int) -> float:
    """The value at which the sum of weights, from the least up, reaches `rank`."""
    while True:
        low, high = float(values.min()), float(values.max())
        if low == high:
            return low
        if len(values) <= SORTED_MAX:
            order = np.argsort(values)
            at = int(np.searchsorted(np.cumsum(weights[order], dtype=np.int64), rank))
            return float(values[order[at]])
        parts = ((values - low) / (high - low) * (FINE_BINS - 1)).astype(np.int32)
        sums = np.cumsum(np.bincount(parts, weights)).astype(np.int64)
        part = int(np.searchsorted(sums, rank))
        rank -= int(sums[part - 1]) if part else 0
        there = np.flatnonzero(parts == part)
        values, weights = values[there], weights[there]
