"""Contests: one choice of several, by the live votes of many. Pure, time is an argument; Thread: [control].

A fan has one vote a contest, the last it cast. What stands, stands until something else has most of the
weight, or leads by far: so a contest does not go to and fro.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from remixd.audience.ballots import ONE, Mask, Slots, checked_slots
from remixd.audience.packing import pack, unpack
from remixd.errors import Exhausted, InvalidInput

MAJORITY: Final = 0.5
"""More of the live weight than this wins at once."""

LEAD: Final = 0.15
"""So does a lead of this share over what stands, if nothing else has as much."""

OPTIONS_MAX: Final = 256
NONE: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a contest stands.

    Attributes:
        standing: the option that stands; empty if none has won yet.
        shares: of the live weight, by option; those with a live vote only, in the order of their names.
        fans: with a live vote.
        changed: whether it was another before this decision.
    """

    standing: str
    shares: Mapping[str, float]
    fans: int
    changed: bool


class Contest:
    """One contest among options that are named as they come.

    Args:
        name: such as `preset`, `language`, `section`, or a poll's.
        expires_s: a vote counts for so long; infinite for a poll that ends by itself.
        standing: the option that stands to begin with; empty for none.
        fans_min: of fewer votes, nothing is changed.
    """

    def __init__(self, name: str, *, expires_s: float, standing: str = "", fans_min: int = 1) -> None:
        self.name = name
        self.standing = standing
        self._expires_s = expires_s
        self._fans_min = fans_min
        self._options: list[str] = []
        self._clear(0)

    def _clear(self, room: int) -> None:
        self._option: NDArray[np.int16] = np.full(room, NONE, np.int16)
        self._weights: NDArray[np.uint16] = np.zeros(room, np.uint16)
        self._at_s: NDArray[np.float64] = np.full(room, -np.inf)

    def vote(self, slots: ArrayLike, options: Sequence[str], weights: ArrayLike, at_s: ArrayLike) -> Mask:
        """Let these be the votes of fans.

        Args:
            slots: (n,) who. Of several votes of one fan the last by `at_s` counts, of those at one moment the
                one whose option comes last by its name: their order does not matter.
            options: (n,) what for; not empty.
            weights: (n,), or one for all, above 0, at most 1.
            at_s: (n,), or one for all.

        Returns (n,) which were taken. Raises InvalidInput for what cannot be, Exhausted for an option beyond
        OPTIONS_MAX: then nothing changes.
        """
        who = checked_slots(slots)
        heavy, when = _spread(weights, len(who), "weights"), _spread(at_s, len(who), "at_s")
        if len(options) != len(who) or not all(isinstance(option, str) and option for option in options):
            raise InvalidInput("a vote names an option, and each has a fan")
        if not (np.isfinite(when).all() and ((heavy > 0.0) & (heavy <= 1.0)).all()):
            raise InvalidInput("a vote has a finite time, and a weight above 0, at most 1")
        self._name_options(options)
        self._make_room(max(who.tolist(), default=-1) + 1)
        thousandths = np.maximum(np.rint(heavy * ONE), 1.0).astype(int).tolist()
        votes = list(zip(when.tolist(), options, thousandths, strict=True))
        for slot, vote in zip(who.tolist(), votes, strict=True):
            if vote > self._vote(slot):
                self._at_s[slot], self._weights[slot] = vote[0], vote[2]
                self._option[slot] = self._options.index(vote[1])
        return np.array([self._vote(slot) == vote for slot, vote in zip(who, votes, strict=True)], np.bool_)

    def _vote(self, slot: int) -> tuple[float, str, int]:
        """When, what for, and how heavy."""
        option = self._option[slot]
        named = "" if option == NONE else self._options[option]
        return float(self._at_s[slot]), named, int(self._weights[slot])

    def _name_options(self, options: Sequence[str]) -> None:
        """Have a number for each option; those that nobody votes for any more lose theirs."""
        new = sorted(set(options).difference(self._options))
        if len(self._options) + len(new) > OPTIONS_MAX:
            used = set(np.unique(self._option).tolist())
            kept = [number for number in range(len(self._options)) if number in used]
            names = [self._options[number] for number in kept]
            new = sorted(set(options).difference(names))
            if len(names) + len(new) > OPTIONS_MAX:
                raise Exhausted(f"{self.name} takes {OPTIONS_MAX} options, and no more")
            there = self._option != NONE
            self._option[there] = np.searchsorted(kept, self._option[there])
            self._options = names
        self._options += new

    def _make_room(self, slots: int) -> None:
        room = len(self._at_s)
        if slots > room:
            before = self._option, self._weights, self._at_s
            self._clear(max(slots, 2 * room))
            self._option[:room], self._weights[:room], self._at_s[:room] = before

    def withdraw(self, slots: ArrayLike) -> None:
        """Take away the votes of fans. Raises InvalidInput if they are no slots."""
        who = checked_slots(slots)
        self._drop(who[who < len(self._at_s)])

    def _drop(self, slots: Slots) -> None:
        self._option[slots], self._weights[slots], self._at_s[slots] = NONE, 0, -np.inf

    def tally(self, now_s: float) -> tuple[dict[str, float], int]:
        """The shares of the live votes, as in an Outcome, and how many these are; nothing wins by it.

        Votes of the future become those of now. Raises InvalidInput if the time is not finite.
        """
        if not math.isfinite(now_s):
            raise InvalidInput("the time is not finite")
        np.minimum(self._at_s, now_s, out=self._at_s)
        self._drop(np.flatnonzero((self._at_s < now_s - self._expires_s) & np.isfinite(self._at_s)))
        return self._shares(), int(np.count_nonzero(self._option != NONE))

    def decide(self, now_s: float) -> Outcome:
        """Let win what wins now, and tell how the contest stands. Raises as `tally` does."""
        before = self.standing
        shares, fans = self.tally(now_s)
        if fans >= self._fans_min:
            self.standing = _winner(shares, before)
        return Outcome(
            standing=self.standing,
            shares=MappingProxyType(shares),
            fans=fans,
            changed=self.standing != before,
        )

    def _shares(self) -> dict[str, float]:
        sums = np.bincount(self._option + 1, self._weights, len(self._options) + 1)[1:]
        total = sums.sum()
        named = sorted(zip(self._options, sums.tolist(), strict=True))
        return {option: weight / total for option, weight in named if weight}

    def clear(self, standing: str) -> None:
        """Begin anew: no votes, and another option stands."""
        self._clear(0)
        self._options = []
        self.standing = standing

    def to_json(self) -> dict[str, Any]:
        """What was voted and what stands, in JSON's types."""
        return {
            "standing": self.standing,
            "options": list(self._options),
            "option": pack(self._option),
            "weights": pack(self._weights),
            "at_s": pack(self._at_s),
        }

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Go on from what `to_json` wrote. Raises KeyError, TypeError or ValueError."""
        option = unpack(plain["option"], np.int16, -1)
        options = [str(each) for each in plain["options"]]
        if len(option) and option.max() >= len(options):
            raise ValueError("the votes have options that are not named")
        self._weights = unpack(plain["weights"], np.uint16, len(option))
        self._at_s = unpack(plain["at_s"], np.float64, len(option))
        self._option, self._options, self.standing = option, options, str(plain["standing"])


def _spread(given: ArrayLike, count: int, field: str) -> NDArray[np.float64]:
    try:
        return np.broadcast_to(np.asarray(given, np.float64), (count,))
    except (TypeError, ValueError):
        raise InvalidInput(f"{field} are one number, or one a vote", field=field) from None


def _winner(shares: Mapping[str, float], standing: str) -> str:
    """What stands after these shares of the vote."""
    most = max(shares.values(), default=0.0)
    first = [option for option, share in shares.items() if share == most]
    if len(first) != 1 or first[0] == standing:
        return standing
    leads = most - shares.get(standing, 0.0) >= LEAD - 1e-9
    return first[0] if leads or most > MAJORITY else standing
