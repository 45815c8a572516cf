"""Who may move a dimension: rights first, then the DJ, then the fans. This keeps what the DJ holds. Pure.

A lock keeps a dimension where it is. What the DJ takes, the DJ's faders move, once they have been where the
mix is (soft takeover); handing back lets the director go on from there. All of it begins on a bar line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from remixd.mix import DIMENSIONS

Owner = Literal["dj", "locked"]
Verb = Literal["lock", "unlock", "take", "hand"]

NEAR: Final = 0.02
"""A fader this near to the mix, in taste space, has picked it up."""


@dataclass(frozen=True, slots=True)
class Change:
    """What the DJ asked for, and the sample at which it begins.

    Attributes:
        id: of the command; empty for one that nobody waits for.
        until: the sample after which what was taken is handed back; 0 for never.
    """

    id: str
    verb: Verb
    names: tuple[str, ...]
    sample: int
    until: int = 0


@dataclass(slots=True)
class _Held:
    owner: Owner
    until: int = 0
    fader: float | None = None
    picked_up: bool = False


@dataclass(slots=True)
class Arbiter:
    """What the DJ of one session holds. Thread: [control].

    Attributes:
        version: rises whenever that changes.
    """

    version: int = 0
    _held: dict[str, _Held] = field(default_factory=dict)
    _changes: list[Change] = field(default_factory=list)

    def ask(self, change: Change) -> None:
        """Let a change begin at its sample."""
        self.version += 1
        self._changes.append(change)
        self._changes.sort(key=lambda each: each.sample)

    def turn(self, sample: int) -> list[Change]:
        """Let all begin that is due up to a sample; what that is, in order."""
        due = [change for change in self._changes if change.sample <= sample]
        del self._changes[: len(due)]
        self.version += len(due)
        for change in due:
            _begin(self._held, change)
        return due

    def owners_at(self, sample: int) -> dict[str, Owner]:
        """Who will hold each dimension at a sample, as far as was asked."""
        held = dict(self._held)
        for change in self._changes:
            if change.sample <= sample:
                _begin(held, change)
        return {name: each.owner for name, each in held.items()}

    def expired(self, sample: int) -> tuple[str, ...]:
        """The dimensions whose time is over, and which nothing hands back or takes anew yet."""
        verbs = ("hand", "take")  # what is taken anew on the next bar is not handed back there
        waiting = {name for change in self._changes if change.verb in verbs for name in change.names}
        return tuple(
            name for name, held in self._held.items() if 0 < held.until <= sample and name not in waiting
        )

    @property
    def owners(self) -> dict[str, Owner]:
        """Who holds each dimension that is held."""
        return {name: held.owner for name, held in self._held.items()}

    @property
    def has_all(self) -> bool:
        """Whether the DJ has taken everything."""
        return all((held := self._held.get(name)) and held.owner == "dj" for name in DIMENSIONS)

    def moves(self, name: str, value: float, now: float, *, jump: bool) -> bool:
        """Whether a fader of the DJ's that goes to a value moves the mix, which is at `now`.

        It does once it has been near, or has passed it; with `jump` at once.
        """
        held, row = self._held[name], DIMENSIONS[name]
        if not held.picked_up:
            here, there = row.to_unit(now), row.to_unit(value)
            before = there if held.fader is None else row.to_unit(held.fader)
            passed = min(before, there) <= here <= max(before, there)
            held.picked_up = jump or passed or abs(there - here) <= NEAR
        held.fader = value
        return held.picked_up

    def clear(self) -> list[str]:
        """Hold nothing any more. The ids of changes that never began."""
        gone = [change.id for change in self._changes if change.id]
        self._held.clear()
        self._changes.clear()
        self.version += 1
        return gone

    def to_json(self) -> dict[str, Any]:
        """All that it knows, in JSON's types."""
        return {
            "held": [[name, held.owner, held.until] for name, held in self._held.items()],
            "changes": [[c.id, c.verb, list(c.names), c.sample, c.until] for c in self._changes],
        }

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Go on from what `to_json` wrote: faders pick up anew. Raises KeyError or TypeError."""
        self._held = {name: _Held(owner, int(until)) for name, owner, until in plain["held"]}
        self._changes = [
            Change(str(change_id), verb, tuple(names), int(sample), int(until))
            for change_id, verb, names, sample, until in plain["changes"]
        ]


def _begin(held: dict[str, _Held], change: Change) -> None:
    """Let a change begin."""
    for name in change.names:
        match change.verb:
            case "lock":
                held.setdefault(name, _Held("locked"))
            case "unlock":
                if name in held and held[name].owner == "locked":
                    del held[name]
            case "take":
                held[name] = _Held("dj", change.until)
            case "hand":
                held.pop(name, None)
