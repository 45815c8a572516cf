"""The director's plan: at every bar, phrase or section, which way the mix moves, and why. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from remixd.audience.consensus import Consensus
from remixd.audience.signal import Signal
from remixd.director.explain import how_to_go, why_held, why_moved, why_still
from remixd.mix import DIMENSIONS, Boundary

REST: Final = 0.1
"""A dimension at rest stays there until this share of a step, at least, is wanted: nothing flutters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One dimension moves at a boundary.

    Attributes:
        before, value: in the dimension's unit.
        signals: the ids of those that it is the first answer to.
    """

    dimension: str
    before: float
    value: float
    signals: tuple[str, ...]
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What happens at one boundary: moves, and signals that ask for what is already so, with the reason."""

    moves: tuple[Move, ...]
    settled: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A wished value that the director may not go to, and the nearest that it may."""

    dimension: str
    asked: float
    given: float
    because: str


@dataclass(slots=True, eq=False)
class _Pending:
    """A signal that no move has answered yet: the dimensions from which one may still come."""

    id: str
    fan: str
    names: set[str]


class Director:
    """Moves one mix towards what its fans want, inside the slew of the mix table.

    Args:
        centre: the preset's mix, which slew in all is counted from.
        ranges: what rights allow of each dimension.

    Everything is a function of the calls and of the times they are given. Thread: [control].
    """

    def __init__(self, centre: Mapping[str, float], ranges: Mapping[str, tuple[float, float]]) -> None:
        self._centre = centre
        self._ranges = ranges
        self._consensus = Consensus()
        self._pending: dict[tuple[str, str], _Pending] = {}
        self._moving: set[str] = set()

    def reach(self, name: str) -> tuple[float, float]:
        """The values of a dimension that the director may go to: rights, and the slew in all."""
        low, high = self._ranges[name]
        slew = DIMENSIONS[name].slew
        if slew.total is None:
            return low, high
        least, most = slew.reach(self._centre[name], slew.total)
        return max(low, least), min(high, most)

    def _within_reach(self, name: str, value: float) -> float:
        low, high = self.reach(name)
        return min(max(value, low), high)

    def _wanted(self, name: str) -> float:
        return self._within_reach(name, self._consensus.wanted(name))

    def hold(self, wishes: Mapping[str, float]) -> list[Held]:
        """The wishes that are beyond reach, and what they are given instead."""
        held = []
        for name, asked in wishes.items():
            given = self._within_reach(name, asked)
            if given != asked:
                because = why_held(name, *self.reach(name))
                held.append(Held(dimension=name, asked=asked, given=given, because=because))
        return held

    def check_room(self, signals: Iterable[Signal]) -> None:
        """Raise Exhausted if these come from more fans than a session takes."""
        self._consensus.check_room({signal.fan for signal in signals})

    def receive(
        self, signal_id: str, fan: str, wishes: Mapping[str, float], mix: Mapping[str, float], at_s: float
    ) -> list[str]:
        """Take a fan's wishes, each within reach.

        Returns the ids of the fan's earlier signals that this one replaces before any move came of them.
        """
        pending = _Pending(id=signal_id, fan=fan, names=set(wishes))
        replaced = []
        for name, value in wishes.items():
            self._consensus.wish(fan, name, value, now=mix[name], at_s=at_s)
            earlier = self._pending.get((fan, name))
            if earlier is not None:
                earlier.names.discard(name)
                if not earlier.names:
                    replaced.append(earlier.id)
            self._pending[fan, name] = pending
        return replaced

    def how(self, wishes: Mapping[str, float], mix: Mapping[str, float]) -> str:
        """How the director will go about wishes that it has received, for a person."""
        told = []
        for name in wishes:
            wanted = self._wanted(name)
            told.append(how_to_go(name, DIMENSIONS[name].slew.steps(mix[name], wanted)))
        return "; ".join(told)

    def plan(self, at: Collection[Boundary], mix: Mapping[str, float], at_s: float) -> Plan:
        """What happens where a bar, phrase or section starts, or several; the mix is at `mix` until then."""
        going: dict[str, float] = {}
        resting: set[str] = set()
        for name in self._consensus.names():
            if DIMENSIONS[name].slew.every not in at:
                continue
            if self._rests(name, mix[name], self._wanted(name)):
                resting.add(name)
                continue
            goal = self._within_reach(name, self._consensus.goal(name, at_s))
            value = DIMENSIONS[name].slew.towards(mix[name], goal)
            if value != mix[name]:
                going[name] = value
        self._moving |= set(going)
        answered = self._answered(set(going))
        moves = (self._move(name, mix[name], value, answered) for name, value in going.items())
        return Plan(moves=tuple(moves), settled=MappingProxyType(self._settled(resting, mix)))

    def _rests(self, name: str, now: float, wanted: float) -> bool:
        """Whether a dimension stays: it has arrived, or is at rest and little more is wanted."""
        if now == wanted:
            self._moving.discard(name)
        slew = DIMENSIONS[name].slew
        low, high = slew.reach(now, REST * slew.step)
        return now == wanted or (name not in self._moving and low <= wanted <= high)

    def _move(self, name: str, before: float, value: float, answered: Iterable[_Pending]) -> Move:
        because = why_moved(name, self._consensus.fans(name), self._wanted(name), value)
        signals = tuple(pending.id for pending in answered if name in pending.names)
        return Move(dimension=name, before=before, value=value, signals=signals, because=because)

    def _answered(self, going: set[str]) -> list[_Pending]:
        """Take away the signals that these moves are the first answer to."""
        first = list({id(it): it for (_, name), it in self._pending.items() if name in going}.values())
        for pending in first:
            for name in pending.names:
                if self._pending.get((pending.fan, name)) is pending:
                    del self._pending[pending.fan, name]
        return first

    def _settled(self, resting: set[str], mix: Mapping[str, float]) -> dict[str, str]:
        """Take away the signals that wait for nothing else than what is so already; why, by id."""
        settled = {}
        for (fan, name), pending in list(self._pending.items()):
            if name in resting:
                del self._pending[fan, name]
                pending.names.discard(name)
                if not pending.names:
                    settled[pending.id] = why_still(name, mix[name])
        return settled

    @property
    def wishes_count(self) -> int:
        """Rises with whatever is wished, and when all of it is forgotten."""
        return self._consensus.wishes_count

    def to_json(self) -> dict[str, Any]:
        """All that it knows, in JSON's types."""
        pending = {id(it): it for it in self._pending.values()}
        return {
            "centre": dict(self._centre),
            "wishes": self._consensus.to_json(),
            "pending": [[it.id, it.fan, sorted(it.names)] for it in pending.values()],
            "moving": sorted(self._moving),
        }

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Go on from what `to_json` wrote, on the same clock. Raises KeyError or TypeError."""
        self._centre = {str(name): float(value) for name, value in plain["centre"].items()}
        self._consensus.restore(plain["wishes"])
        self._moving = set(plain["moving"])
        for signal_id, fan, names in plain["pending"]:
            pending = _Pending(id=signal_id, fan=fan, names=set(names))
            self._pending.update({(fan, name): pending for name in names})

    def clear(self, centre: Mapping[str, float]) -> list[str]:
        """Forget every wish, and go on from another centre. The ids of signals that no move has answered."""
        forgotten = dict.fromkeys(pending.id for pending in self._pending.values())
        self._centre = centre
        self._consensus.clear()
        self._pending.clear()
        self._moving.clear()
        return list(forgotten)
