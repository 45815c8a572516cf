"""The fans of one session: who is who, and what each has said of being known. Pure; Thread: [control]."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from remixd.audience.signal import FUTURE_S, PAST_S, Consent
from remixd.errors import Exhausted, NotFound

FANS_MAX: Final = 200_000
"""Fans that a session knows."""

BURST: Final = 200.0
A_SECOND: Final = 50.0
"""Signals that one named fan may send at once, and goes on sending: a hand on a slider, and no more."""


@dataclass(slots=True)
class Stated:
    """A wish as it was said.

    A hand on a slider is right about where it wants the slider: the ballot is there, and not where the
    filter, which averages, believes the ideal to be. What is disliked since lets the filter have more of it.

    Attributes:
        value: in the dimension's unit.
        unit: in taste space.
        share: of the ballot, from 1, just said, towards 0.
    """

    value: float
    unit: float
    share: float = 1.0


@dataclass(slots=True)
class Fan:
    """One fan.

    Attributes:
        slot: its row in the arrays of tastes and ballots.
        stated: what it last wished of a dimension, by its index, and how much that still counts.
        reacts: whether it ever gave a reaction, without which trying things out teaches nothing.
        ids_as: the handle under which its signals' ids are known, if it was renamed since; else empty.
        seen_s: the latest moment of which it has said something.
    """

    handle: str
    slot: int
    seen_s: float
    consent: Consent = "session"
    verified: bool = False
    exploring: bool | None = None
    reacts: bool = False
    signals: int = 0
    ids_as: str = ""
    stated: dict[int, Stated] = field(default_factory=dict)
    _tokens: float = BURST

    def may_send(self, at_s: float) -> bool:
        """Whether it has not sent too much; a token bucket, whose clock may jump.

        Signals may say that they are of the past: what lies no further back is no clock that jumped, and
        gives nothing back.
        """
        passed_s = at_s - self.seen_s
        if passed_s > 0.0 or passed_s < -(PAST_S + FUTURE_S):
            self.seen_s = at_s
            passed_s = max(passed_s, 0.0)
        else:
            passed_s = 0.0
        self._tokens = min(self._tokens + passed_s * A_SECOND, BURST)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class Fans:
    """Fans by handle; those that are not known are one fan, whose handle is empty."""

    def __init__(self) -> None:
        self._fans: dict[str, Fan] = {}
        self._slots: dict[int, Fan] = {}
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._fans)

    def __iter__(self) -> Iterator[Fan]:
        return iter(self._fans.values())

    def find(self, handle: str) -> Fan | None:
        """A fan that is known here; None for any other."""
        return self._fans.get(handle)

    def get(self, handle: str) -> Fan:
        """A fan that is known here. Raises NotFound."""
        if (fan := self._fans.get(handle)) is None:
            raise NotFound("this fan has said nothing in this session", kind="fan", name=handle)
        return fan

    def at(self, slot: int) -> Fan:
        """The fan of a slot."""
        return self._slots[slot]

    def check_room(self, handles: Collection[str]) -> None:
        """Raise Exhausted if these are too many beside those that are there."""
        if len(self._fans) + sum(handle not in self._fans for handle in handles) > FANS_MAX:
            raise Exhausted(f"a session takes the wishes of {FANS_MAX} fans, and no more")

    def join(self, handle: str, at_s: float) -> Fan:
        """Let a fan in. Raises Exhausted if all places are taken."""
        self.check_room((handle,))
        slot = self._free.pop() if self._free else len(self._fans)
        fan = self._fans[handle] = self._slots[slot] = Fan(handle, slot, at_s)
        return fan

    def rename(self, handle: str, name: str) -> None:
        """Know a fan by a handle that nobody has. Raises NotFound."""
        fan = self.get(handle)
        del self._fans[handle]
        fan.ids_as = fan.ids_as or handle
        fan.handle = name
        self._fans[name] = fan

    def leave(self, handle: str) -> Fan:
        """Forget a fan, whose slot another one gets. Raises NotFound."""
        fan = self.get(handle)
        del self._fans[handle], self._slots[fan.slot]
        self._free.append(fan.slot)
        return fan

    def to_json(self) -> list[list[Any]]:
        """Every fan, in JSON's types."""
        return [
            [
                f.handle,
                f.slot,
                f.seen_s,
                f.consent,
                f.verified,
                f.exploring,
                f.reacts,
                f.signals,
                f.ids_as,
                [[index, it.value, it.unit, it.share] for index, it in f.stated.items()],
            ]
            for f in self
        ]

    def restore(self, plain: list[list[Any]]) -> None:
        """Go on from what `to_json` wrote. Raises TypeError or ValueError."""
        for row in plain:
            *known, stated = row
            fan = Fan(*known)
            fan.stated = {index: Stated(*each) for index, *each in stated}
            self._fans[fan.handle] = self._slots[fan.slot] = fan
        taken = self._slots.keys()
        self._free = [slot for slot in range(max(taken, default=-1) + 1) if slot not in taken]
