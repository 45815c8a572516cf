"""A directed session's director, in time: where on the session clock its next moves are due.

The director speaks of bars, phrases and sections; here they become samples, from the newest packet's position
and tempo. Moves are posted shortly before they are due, since the engine fixes its time map that far ahead.
Thread: [control].
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from remixd.audience.signal import Signal
from remixd.control.command import Answer, Clamp, Lowered
from remixd.director.grid import Grid
from remixd.director.planner import Director, Move
from remixd.mix import BOUNDARIES, DIMENSIONS, Boundary
from remixd.track.package import Track
from remixd.units import RATE_HZ

AHEAD_FRAMES: Final = 14_400
"""How long before it is due a move is decided: 300 ms. The engine needs 140 for tempo and pitch."""

SAME_FRAMES: Final = 4_800
"""Two starts that are nearer than this, 100 ms, are one."""


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
    """What happens at one sample: moves, each with the frames it takes, and signals that are settled."""

    sample: int
    moves: Sequence[tuple[Move, int]]
    settled: Mapping[str, str]


class Directing:
    """The director of one session.

    Args:
        track: that it plays.
        centre: the mix of its preset.
    """

    def __init__(self, track: Track, centre: Mapping[str, float]) -> None:
        ranges = {name: track.rights.range(name) for name in DIMENSIONS}
        self._director = Director(centre, ranges)
        self._grid = Grid.of(track.analysis, track.duration_s)
        self._decided: dict[Boundary, int] = dict.fromkeys(BOUNDARIES, -SAME_FRAMES)

    def check_room(self, signals: Sequence[Signal]) -> None:
        """Raise Exhausted if these come from more fans than a session takes."""
        self._director.check_room(signals)

    def receive(
        self, signal: Signal, lowered: Lowered, mix: Mapping[str, float], clock: Clock
    ) -> tuple[Answer, list[str]]:
        """Take what is left of a signal after rights; its first answer, and the signals that it replaces."""
        held = self._director.hold(lowered.values)
        given = {**lowered.values, **{each.dimension: each.given for each in held}}
        replaced = self._director.receive(signal.id, signal.fan, given, mix, clock.at_s)
        clamps = [clamp for clamp in lowered.clamps if clamp.dimension not in {h.dimension for h in held}]
        clamps += [
            Clamp(dimension=h.dimension, asked=signal.wishes[h.dimension], given=h.given, because=h.because)
            for h in held
        ]
        starts = (self._next(DIMENSIONS[name].slew.every, clock)[0] for name in given)
        answer = Answer(
            id=signal.id,
            accepted=True,
            clamps=tuple(clamps),
            planned_sample=min(starts),
            because=self._director.how(given, mix),
        )
        return answer, replaced

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
        plan = self._director.plan(at, mix, clock.at_s)
        moves = [(move, starts[DIMENSIONS[move.dimension].slew.every]) for move in plan.moves]
        return Due(
            sample=first,
            moves=[(move, length) for move, (_, length) in moves],
            settled=plan.settled,
        )

    @property
    def version(self) -> tuple[int, ...]:
        """What differs whenever `to_json` does."""
        return self._director.wishes_count, *self._decided.values()

    def to_json(self) -> dict[str, Any]:
        """All that it knows, in JSON's types."""
        return {"director": self._director.to_json(), "decided": dict(self._decided)}

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Go on from what `to_json` wrote, on the same session's clock.

        Raises KeyError or TypeError for anything else.
        """
        self._director.restore(plain["director"])
        self._decided = {every: int(plain["decided"][every]) for every in BOUNDARIES}

    def clear(self, centre: Mapping[str, float]) -> list[str]:
        """Forget every wish, and go on from another centre; the ids of the signals that wait."""
        return self._director.clear(centre)
