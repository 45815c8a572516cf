"""The director's plan: at every bar, phrase or section, which way the mix moves, and why. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from remixd.director.explain import how_to_go, why_back, why_held, why_moved, why_still
from remixd.mix import DIMENSIONS, Boundary

REST: Final = 0.1
"""A dimension at rest stays there until this share of a step, at least, is wanted: nothing flutters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What is wanted of one dimension, in its unit, and of whom, in words."""

    value: float
    because: str


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

    def waits_no_more_for(self, name: str) -> bool:
        """Drop a dimension; whether it waits for none now."""
        self.names.discard(name)
        return not self.names


class Director:
    """Moves one mix towards a goal, inside the slew of the mix table.

    Args:
        centre: the presets' mix, which slew in all is counted from, and which is the goal without any other.
        ranges: what rights allow of each dimension.
        locked: the dimensions that stay where the presets have them.

    Everything is a function of the calls. Thread: [control].

    Attributes:
        freed: dimensions that move although they are locked: the tempo, at a listener's pace.
    """

    def __init__(
        self,
        centre: Mapping[str, float],
        ranges: Mapping[str, tuple[float, float]],
        locked: Collection[str] = (),
    ) -> None:
        self._centre = dict(centre)
        self._locked = frozenset(locked)
        self._ranges = ranges
        self.freed: frozenset[str] = frozenset()
        self._pending: dict[str, dict[str, _Pending]] = {name: {} for name in DIMENSIONS}  # and of whom
        self._moving: set[str] = set()

    @property
    def centre(self) -> Mapping[str, float]:
        """The presets' mix."""
        return self._centre

    def reach(self, name: str, *, is_freed: bool = False) -> tuple[float, float]:
        """The values of a dimension that the director may go to: rights, and the slew in all."""
        if name in self._locked and not (is_freed or name in self.freed):
            return self._centre[name], self._centre[name]
        low, high = self._ranges[name]
        slew = DIMENSIONS[name].slew
        if slew.total is None:
            return low, high
        least, most = slew.reach(self._centre[name], slew.total)
        return max(low, least), min(high, most)

    def within_reach(self, name: str, value: float) -> float:
        """The value nearest to one that the director may go to."""
        low, high = self.reach(name)
        return min(max(value, low), high)

    def hold(self, wishes: Mapping[str, float]) -> list[Held]:
        """The wishes that are beyond reach, and what they are given instead."""
        held = []
        for name, asked in wishes.items():
            given = self.within_reach(name, asked)
            if given != asked:
                because = why_held(name, *self.reach(name))
                held.append(Held(dimension=name, asked=asked, given=given, because=because))
        return held

    def expect(self, signal_id: str, fan: str, names: Collection[str]) -> list[str]:
        """Answer a fan's signal, which speaks of these dimensions, with the first move of any of them.

        Returns the ids of the fan's earlier signals that this one replaces before any move came of them.
        """
        pending = _Pending(id=signal_id, fan=fan, names=set(names))
        replaced = []
        for name in names:
            if (earlier := self._pending[name].get(fan)) is not None and earlier.waits_no_more_for(name):
                replaced.append(earlier.id)
            self._pending[name][fan] = pending
        return replaced

    def rename(self, fan: str, name: str) -> None:
        """Know a fan by another name from now on."""
        for waiting in self._pending.values():
            if (pending := waiting.pop(fan, None)) is not None:
                pending.fan, waiting[name] = name, pending

    def drop(self, fan: str, signal_id: str = "") -> list[str]:
        """Owe no more answers to a fan, or for one signal; the ids of those that were owed."""
        gone: dict[str, None] = {}
        for waiting in self._pending.values():
            pending = waiting.get(fan)
            if pending and signal_id in ("", pending.id):
                del waiting[fan]
                gone[pending.id] = None
        return list(gone)

    def how(self, wishes: Mapping[str, float], mix: Mapping[str, float]) -> str:
        """How the director goes about the wishes of a fan who is alone, for a person."""
        return "; ".join(
            how_to_go(name, DIMENSIONS[name].slew.steps(mix[name], value)) for name, value in wishes.items()
        )

    def plan(
        self,
        at: Collection[Boundary],
        mix: Mapping[str, float],
        goal: Mapping[str, Want],
        held: Collection[str] = (),
    ) -> Plan:
        """What happens where a bar, phrase or section starts, or several.

        Args:
            at: what starts.
            mix: where it is until then.
            goal: what is wanted; where it says nothing the centre is.
            held: the dimensions that are not the director's now.
        """
        going: dict[str, float] = {}
        resting: set[str] = set()
        for name, row in DIMENSIONS.items():
            if row.slew.every not in at:
                continue
            want = goal.get(name)
            wanted = self.within_reach(name, want.value if want else self._centre[name])
            if name in held or self._rests(name, mix[name], wanted):
                resting.add(name)
                continue
            value = row.slew.towards(mix[name], wanted)
            if value != mix[name]:
                going[name] = value
        self._moving = (self._moving | set(going)) - set(held)
        answered = self._answered(set(going))
        moves = (
            self._move(name, mix[name], value, goal.get(name), answered) for name, value in going.items()
        )
        return Plan(moves=tuple(moves), settled=MappingProxyType(self._settled(resting, mix, held)))

    def _rests(self, name: str, now: float, wanted: float) -> bool:
        """Whether a dimension stays: it has arrived, or is at rest and little more is wanted."""
        if now == wanted:
            self._moving.discard(name)
        slew = DIMENSIONS[name].slew
        low, high = slew.reach(now, REST * slew.step)
        return now == wanted or (name not in self._moving and low <= wanted <= high)

    def _move(
        self, name: str, before: float, value: float, want: Want | None, answered: Iterable[_Pending]
    ) -> Move:
        want = want or Want(value=self._centre[name], because=why_back(name, self._centre[name]))
        because = why_moved(name, want.because, self.within_reach(name, want.value), value)
        signals = tuple(pending.id for pending in answered if name in pending.names)
        return Move(dimension=name, before=before, value=value, signals=signals, because=because)

    def _answered(self, going: set[str]) -> list[_Pending]:
        """Take away the signals that these moves are the first answer to."""
        first = list({id(it): it for name in going for it in self._pending[name].values()}.values())
        for pending in first:
            for name in pending.names:
                if self._pending[name].get(pending.fan) is pending:
                    del self._pending[name][pending.fan]
        return first

    def _settled(self, resting: set[str], mix: Mapping[str, float], held: Collection[str]) -> dict[str, str]:
        """Take away the signals that wait for nothing else than what is so already; why, by id."""
        return {
            pending.id: why_still(name, mix[name], is_held=name in held)
            for name in sorted(resting)
            for pending in self._void(name)
        }

    def _void(self, name: str) -> list[_Pending]:
        """Take away what waits for a dimension; those that now wait for nothing."""
        waiting, self._pending[name] = self._pending[name], {}
        return [pending for pending in waiting.values() if pending.waits_no_more_for(name)]

    def moved_by(self, centre: Mapping[str, float], locked: Collection[str]) -> set[str]:
        """The dimensions in which another centre is another, or that it locks."""
        return {name for name in centre if centre[name] != self._centre[name] or name in locked}

    def recentre(self, centre: Mapping[str, float], locked: Collection[str]) -> list[str]:
        """Go on from another centre; what was wished of the dimensions in which it is another is void.

        Returns the ids of the signals that now wait for nothing, unanswered.
        """
        moved = self.moved_by(centre, locked)
        self._centre, self._locked = dict(centre), frozenset(locked)
        self._moving -= moved
        return [pending.id for name in sorted(moved) for pending in self._void(name)]

    def to_json(self) -> dict[str, Any]:
        """All that it knows, in JSON's types."""
        return {
            "centre": dict(self._centre),
            "locked": sorted(self._locked),
            "pending": [[it.id, it.fan, sorted(it.names)] for it in self._waiting()],
            "moving": sorted(self._moving),
        }

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Go on from what `to_json` wrote, on the same clock. Raises KeyError or TypeError."""
        self._centre = {str(name): float(value) for name, value in plain["centre"].items()}
        self._locked = frozenset(plain["locked"])
        self._moving = set(plain["moving"])
        for signal_id, fan, names in plain["pending"]:
            pending = _Pending(id=signal_id, fan=fan, names=set(names))
            for name in names:
                self._pending[name][fan] = pending

    def _waiting(self) -> list[_Pending]:
        return list({id(it): it for waiting in self._pending.values() for it in waiting.values()}.values())

    def clear(self, centre: Mapping[str, float]) -> list[str]:
        """Go on from another centre, at rest. The ids of signals that no move has answered."""
        forgotten = [pending.id for pending in self._waiting()]
        self._centre, self._locked = dict(centre), frozenset()
        self._pending = {name: {} for name in DIMENSIONS}
        self._moving.clear()
        return forgotten
