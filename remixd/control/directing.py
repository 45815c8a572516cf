"""A directed session's director, in time: where on the session clock its next moves are due.

The director speaks of bars, phrases and sections; here they become samples, from the newest packet's position
and tempo. Moves are posted shortly before they are due, since the engine fixes its time map that far ahead.
Thread: [control].
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from remixd.audience.arc import Arc
from remixd.audience.audience import Audience
from remixd.audience.reading import cadence_tempo
from remixd.audience.signal import Signal
from remixd.audience.wanted import Wanted
from remixd.control.command import Answer, Clamp, Lowered
from remixd.director.arbiter import Arbiter
from remixd.director.arc import SPAN, energy, moved
from remixd.director.explain import why_back, why_wanted
from remixd.director.grid import Grid
from remixd.director.planner import Director, Move, Want
from remixd.errors import InvalidInput
from remixd.mix import BOUNDARIES, DIMENSIONS, Boundary
from remixd.track.package import Track
from remixd.units import RATE_HZ, STEM_ROLES

AHEAD_FRAMES: Final = 14_400
"""How long before it is due a move is decided: 300 ms. The engine needs 140 for tempo and pitch."""

SAME_FRAMES: Final = 4_800
"""Two starts that are nearer than this, 100 ms, are one."""


NOT_TRIED: Final = ("tempo", "pitch", "density")
"""What nobody asked for is tried in the sound of the music, not in its pace, its key or what is played."""

CADENCE_S: Final = 120.0
"""How long a cadence counts that is not told again."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Where a session is: the last sample known, the place in the song there, the tempo from there on."""

    sample: int
    position_s: float
    tempo: float

    @property
    def at_s(self) -> float:
        """Seconds of sound since the session began."""
        return self.sample / RATE_HZ

    def frames(self, song_s: float) -> float:
        """How long a stretch of the song lasts."""
        return song_s * RATE_HZ / self.tempo


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What happens at one sample: moves, each with the frames it takes, and signals that are settled.

    `recentred` where another centre counts from here on: the ids of the signals that it made void. `held` are
    the dimensions that are the DJ's there.
    """

    sample: int
    moves: Sequence[tuple[Move, int]]
    settled: Mapping[str, str]
    recentred: Sequence[str] | None = None
    held: Collection[str] = ()


class Directing:
    """The director of one session.

    Args:
        track: that it plays.
        centre: the mix of its presets.
        audience: whose wishes it follows.
        arbiter: who holds what against it.
        locked: the dimensions that stay where the presets have them.
        arc: how lively it is to be, from the session's start on.
    """

    def __init__(
        self,
        track: Track,
        centre: Mapping[str, float],
        audience: Audience,
        arbiter: Arbiter,
        locked: Collection[str] = (),
        arc: Arc = (),
    ) -> None:
        ranges = {name: track.rights.range(name) for name in DIMENSIONS}
        self._track = track
        self._audience = audience
        self._arbiter = arbiter
        self._director = Director(centre, ranges, locked)
        self._silent = frozenset(STEM_ROLES) - frozenset(track.roles)
        self._bpm = track.analysis.bpm
        self._coming: tuple[Mapping[str, float], Collection[str]] | None = None
        self._grid = Grid.of(track.analysis, track.duration_s)
        self._decided: dict[Boundary, int] = dict.fromkeys(BOUNDARIES, -SAME_FRAMES)
        self._turns: dict[Boundary, int] = dict.fromkeys(BOUNDARIES, 0)
        self._arc, self._arc_from_s = arc, 0.0
        self._changes = 0
        self._cadence: tuple[float, float, float] | None = None
        self._planned: tuple[Clock | None, dict[Boundary, int]] = None, {}
        self.goal: Mapping[str, Want] = {}
        self.wanted: Mapping[str, Wanted] = {}

    # What fans express

    def hold(self, signal: Signal, lowered: Lowered) -> tuple[dict[str, float], tuple[Clamp, ...]]:
        """A wish after rights, held where the director may go; and what was not given as asked."""
        held = self._director.hold(lowered.values)
        if not held:
            return dict(lowered.values), lowered.clamps
        given = {**lowered.values, **{each.dimension: each.given for each in held}}
        clamps = [clamp for clamp in lowered.clamps if clamp.dimension not in {h.dimension for h in held}]
        clamps += [
            Clamp(
                dimension=h.dimension, asked=signal.wishes.get(h.dimension, h.asked), given=h.given,
                because=h.because,
            )
            for h in held
        ]  # fmt: skip
        return given, tuple(clamps)

    def expect(
        self,
        signal: Signal,
        given: Mapping[str, float],
        clamps: tuple[Clamp, ...],
        mix: Mapping[str, float],
        clock: Clock,
    ) -> tuple[Answer, list[str]]:
        """Owe a signal the first move of what it speaks of; its answer, and the signals that it replaces."""
        replaced = self._director.expect(signal.id, signal.fan, given)
        fans = len(self._audience.fans)
        because = (
            f"it counts at the next {self._first(given)}, with {fans - 1} other fans' wishes"
            if self._audience.is_crowd
            else self._director.how(given, mix)
        )
        starts = self._starts(clock)
        answer = Answer(
            id=signal.id,
            accepted=True,
            clamps=clamps,
            planned_sample=min(starts[DIMENSIONS[name].slew.every] for name in given),
            because=because,
        )
        return answer, replaced

    @staticmethod
    def _first(names: Collection[str]) -> Boundary:
        return min((DIMENSIONS[name].slew.every for name in names), key=BOUNDARIES.index)

    def _starts(self, clock: Clock) -> dict[Boundary, int]:
        """The sample of the next start of each kind; the same for every signal of a batch."""
        known, starts = self._planned
        if known != clock:
            starts = {every: self._next(every, clock)[0] for every in BOUNDARIES}
            self._planned = clock, starts
        return starts

    def next_bar(self, clock: Clock) -> int:
        """The sample of the next bar that is not decided yet."""
        return self._next("bar", clock)[0]

    def pace(self, steps_a_minute: float, fan: str) -> float:
        """The tempo at which a fan's steps fall on beats. Raises InvalidInput if the song cannot go so."""
        if not self._audience.is_alone(fan):
            raise InvalidInput("a crowd has no pace of its own: cadence is for one listener", field="amount")
        if self._bpm is None or (tempo := cadence_tempo(steps_a_minute, self._bpm)) is None:
            song = f"a song of {self._bpm:.3g} bpm" if self._bpm else "a song without a tempo"
            raise InvalidInput(
                f"{song} does not go at {steps_a_minute:g} steps a minute; the preset workout might",
                field="amount",
            )
        low, high = self._director.reach("tempo", is_freed=True)
        if not low <= tempo <= high:
            raise InvalidInput(
                f"rights and presets keep the tempo within {low:.3f} to {high:.3f}: "
                f"{steps_a_minute:g} steps a minute need {tempo:.3f}",
                field="amount",
            )
        return tempo

    def step(self, steps_a_minute: float, tempo: float, clock: Clock) -> None:
        """Go at a fan's pace for some time, at a tempo that `pace` told."""
        self._changes += 1
        self._cadence = steps_a_minute, tempo, clock.at_s + CADENCE_S

    def rename(self, fan: str, name: str) -> None:
        """Know a fan by another name from now on."""
        self._director.rename(fan, name)

    def drop(self, fan: str, signal_id: str = "") -> list[str]:
        """Owe no more answers to a fan, or for one signal; the ids of those that were owed."""
        return self._director.drop(fan, signal_id)

    # Time

    def _next(self, every: Boundary, clock: Clock) -> tuple[int, int]:
        """The sample of the next start that is not decided yet, and the frames from there to another."""
        until_s, length_s = self._grid.until(every, clock.position_s)
        sample = clock.sample + math.ceil(clock.frames(until_s) - 1e-3)  # never before it
        length = round(clock.frames(length_s))
        if sample < self._decided[every] + SAME_FRAMES:
            sample += length
        return sample, length

    def due(self, mix: Mapping[str, float], clock: Clock) -> Due | None:
        """What is to be decided now, if anything; each start is decided once."""
        starts = {every: self._next(every, clock) for every in BOUNDARIES}
        first = min(sample for sample, _ in starts.values())
        if first > clock.sample + AHEAD_FRAMES:
            return None
        at = [every for every, (sample, _) in starts.items() if sample < first + SAME_FRAMES]
        for every in at:
            self._decided[every] = starts[every][0]
            self._turns[every] += 1
        self._planned = None, {}
        owned = self._arbiter.owners_at(first)
        held = set(owned)
        recentred = None
        if self._coming and "phrase" in at:
            moved_there = self._director.moved_by(*self._coming)
            self._audience.recentre(self._coming[0], moved_there, clock.at_s)
            recentred, self._coming = self._director.recentre(*self._coming), None
            held |= moved_there  # the presets themselves take these there
        self.goal = self._goal(clock.at_s, held)
        plan = self._director.plan(at, mix, self.goal, held)
        moves = [(move, starts[DIMENSIONS[move.dimension].slew.every]) for move in plan.moves]
        return Due(
            sample=first,
            moves=[(move, length) for move, (_, length) in moves],
            settled=plan.settled,
            recentred=recentred,
            held=owned,
        )

    # The goal

    def look(self, clock: Clock) -> None:
        """See what is wanted now, between decisions too: for those who ask."""
        self.goal = self._goal(clock.at_s, self._arbiter.owners)

    def _open(self, held: Collection[str]) -> list[str]:
        """The dimensions in which something may be tried."""
        return [
            name
            for name in DIMENSIONS
            if name not in (*held, *self._silent, *NOT_TRIED) and len(set(self._director.reach(name))) == 2
        ]

    def _goal(self, at_s: float, held: Collection[str]) -> dict[str, Want]:
        """What is wanted now, and of whom."""
        self.wanted = wanted = self._audience.wanted(
            at_s, section=self._turns["section"], phrase=self._turns["phrase"], open_to=self._open(held)
        )
        goal = {
            name: Want(value=each.value, because=why_wanted(name, each.fans, each.value, each.how))
            for name, each in wanted.items()
        }
        if self._cadence and (self._audience.is_crowd or at_s > self._cadence[2]):
            self._cadence = None
        self._director.freed = frozenset({"tempo"} if self._cadence else ())
        if self._cadence:
            steps, tempo, _ = self._cadence
            goal["tempo"] = Want(value=tempo, because=f"tempo at {tempo:.3f}: {steps:g} steps a minute")
        return self._with_arc(goal, at_s)

    def _with_arc(self, goal: dict[str, Want], at_s: float) -> dict[str, Want]:
        """The goal, as lively as the arc has it."""
        if not self._arc:
            return goal
        now = energy(self._arc, at_s - self._arc_from_s)
        for name in SPAN:
            if name == "tempo" and self._cadence:
                continue  # steps and beats would part
            centre = self._director.centre[name]
            want = goal.get(name) or Want(value=centre, because=why_back(name, centre))
            value = moved(name, want.value, now)
            if value != want.value:
                told = f"{name} at {value:g}: the set's energy is {now:.2f}"
                because = f"{want.because}; {told}" if name in goal else told
                goal[name] = Want(value=value, because=because)
        return goal

    def follow(self, arc: Arc, clock: Clock) -> None:
        """Be as lively as an arc has it, which begins now; without points as fans wish."""
        self._changes += 1
        self._arc, self._arc_from_s = arc, clock.at_s

    def recentre(self, centre: Mapping[str, float], locked: Collection[str], clock: Clock) -> int:
        """Go on from another centre at the next phrase; its sample, as far as can be told."""
        self._coming = centre, locked
        return self._next("phrase", clock)[0]

    @property
    def centre(self) -> Mapping[str, float]:
        """The presets' mix."""
        return self._director.centre

    def within_reach(self, name: str, value: float) -> float:
        """The value nearest to one that the director may go to."""
        return self._director.within_reach(name, value)

    def copy(self, audience: Audience, arbiter: Arbiter) -> Directing:
        """Another director that stands as this one, for another audience, and owes nobody an answer."""
        other = Directing(self._track, self._director.centre, audience, arbiter)
        other.restore(self.to_json() | {"director": self._director.to_json() | {"pending": []}})
        other._coming = self._coming
        return other

    # Papers

    @property
    def version(self) -> tuple[int, ...]:
        """What differs whenever `to_json` does."""
        return self._changes, *self._decided.values()

    def to_json(self) -> dict[str, Any]:
        """All that it knows, in JSON's types."""
        return {
            "director": self._director.to_json(),
            "decided": dict(self._decided),
            "turns": dict(self._turns),
            "arc": [list(point) for point in self._arc],
            "arc_from_s": self._arc_from_s,
            "cadence": self._cadence,
        }

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Go on from what `to_json` wrote, on the same session's clock.

        Raises KeyError or TypeError for anything else.
        """
        self._director.restore(plain["director"])
        self._decided = {every: int(plain["decided"][every]) for every in BOUNDARIES}
        self._turns = {every: int(plain["turns"][every]) for every in BOUNDARIES}
        self._arc = tuple((float(after_s), float(level)) for after_s, level in plain["arc"])
        self._arc_from_s = float(plain["arc_from_s"])
        self._cadence = tuple(plain["cadence"]) if plain["cadence"] else None

    def clear(self, centre: Mapping[str, float]) -> list[str]:
        """Forget every wish, and go on from another centre; the ids of the signals that wait."""
        self._changes += 1
        self._coming, self._arc, self._cadence = None, (), None
        self._audience.clear(centre)
        return self._director.clear(centre)
