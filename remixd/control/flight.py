"""The flight recorder of a session: the trace of whoever renders it, the daemon's marks, the worst blocks.

Thread: [control].
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic_ns
from typing import Any, Final

from remixd._kernel.trace import FLAGS, Block, Moment, TraceRing
from remixd._kernel.worst import WorstBlocks
from remixd.control.marks import Marks, Received, Sent, Step

LOOK_S: Final = 1.0
"""How often its blocks are looked at; the trace holds those of 10 s and more."""

WORST_MAX: Final = 32
"""Blocks of each table."""

BURST: Final = 16
"""So many commands before one block are told."""
FAULTS: Final = 4
"""So many page faults without a disk are told: one takes about half a microsecond."""
AWAY_NS: Final = 200_000
"""A thread that had no processor for so long during one block is told why."""
NOTHING: Final = "nothing known"

_DEEDS: Final = (
    ("transition", "transition"),
    ("load", "load"),
    ("swap", "swap"),
    ("checkpoint", "checkpoint"),
    ("underrun", "the device had run dry"),
    ("busy", "its thread was with other sessions"),
    ("backlog", "its thread was with the blocks before it"),
)


@dataclass(frozen=True, slots=True)
class Worst:
    """The worst blocks, the worst first: by lateness and by cost, since they are followed and of a minute."""

    late: Sequence[Block]
    costly: Sequence[Block]
    late_minute: Sequence[Block]
    costly_minute: Sequence[Block]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What is known of a session's last seconds (moments in ns of CLOCK_MONOTONIC).

    Attributes:
        ids: by a command's number the ids of what it stands for.
        kept_s: how far back the blocks go.
        lost_blocks, lost_moments: that were overwritten by newer ones.
        lost_commands: calls and commands that were forgotten for newer ones.
        unseen_blocks: that were overwritten before the tables of the worst were told of them.
        engine_pid, daemon_pid: of the processes.
        since_ns: from when on events were asked for; steps are all that are known.
        is_of_cycles: whether the engine's stamps are of the processor's counter.
    """

    session: str
    blocks: Sequence[Block]
    moments: Sequence[Moment]
    received: Sequence[Received]
    sent: Sequence[Sent]
    steps: Sequence[Step]
    ids: dict[int, Sequence[str]]
    worst: Worst
    kept_s: float
    lost_blocks: int
    lost_moments: int
    lost_commands: int
    unseen_blocks: int
    engine_pid: int
    daemon_pid: int
    since_ns: int
    is_of_cycles: bool


def causes(block: Block, steps: Sequence[Step] = ()) -> list[str]:
    """What coincided with a block, in words; `steps` are those of the ladder. Empty if nothing did."""
    told = [words for name, words in _DEEDS if block.flags & FLAGS[name]]
    if block.taken >= BURST:
        told.append(f"burst of {block.taken}{' or more' * (block.taken == 255)} commands")
    if block.major_faults:
        told.append(f"{block.major_faults} major page faults")
    if block.minor_faults >= FAULTS:
        told.append(f"{block.minor_faults} minor page faults")
    told += _away(block)
    told += [f"ladder: {step.told}" for step in steps if block.begin_ns <= step.at_ns <= block.end_ns]
    return told


def _away(block: Block) -> list[str]:
    """Why a block's thread had no processor, where that is known to have been so."""
    told = []
    if block.flags & FLAGS["woken"]:
        told.append(f"its thread was woken {block.behind_ns / 1e6:.1f} ms late")
    if block.flags & FLAGS["taken over"]:
        told.append(f"its thread had the session {block.behind_ns / 1e6:.1f} ms after it was to begin")
    away_ns = 0 if block.cpu_ns is None else block.end_ns - block.begin_ns - block.cpu_ns
    if away_ns >= AWAY_NS and block.preemptions:
        told.append(f"preemption: {away_ns / 1e6:.1f} ms without a processor")
    elif away_ns >= AWAY_NS and not block.major_faults:
        told.append(f"stall: {away_ns / 1e6:.1f} ms without a processor, and nothing took it")
    return told


class Flight:
    """Follows one session for as long as it lives, through all its engines.

    Args:
        ring: the trace of the engine that plays it.

    Attributes:
        marks: when calls and commands passed through the daemon.
    """

    def __init__(self, ring: TraceRing) -> None:
        self.marks = Marks()
        self._ring = ring
        self._before: TraceRing | None = None
        self._worst = WorstBlocks(ring)
        self._look_s = 0.0

    def move(self, ring: TraceRing) -> None:
        """Go on in another engine; the trace of the one before is kept until there is a third."""
        self._worst.follow(ring)
        self._before, self._ring = self._ring, ring

    def look(self, now_s: float) -> None:
        """See to it that no block is missed. Called often; takes some microseconds once a second."""
        if now_s >= self._look_s:
            self._look_s = now_s + LOOK_S
            self._worst.look()

    def worst(self, most: int = WORST_MAX) -> Worst:
        """The worst blocks up to now, so many of each table at most."""
        self._worst.look()
        now_ns, worst = monotonic_ns(), self._worst
        return Worst(
            late=worst.ever(most=most),
            costly=worst.ever(by_cost=True, most=most),
            late_minute=worst.minute(now_ns, most=most),
            costly_minute=worst.minute(now_ns, by_cost=True, most=most),
        )

    def reading(self, session_id: str, engine_pid: int, seconds: float | None) -> Callable[[], Recorded]:
        """What tells, once it is called, what is known of the last seconds; all that is kept if None.

        Calling it takes some milliseconds, and may be done in another thread.
        """
        now_ns = monotonic_ns()
        since_ns = 0 if seconds is None else now_ns - round(min(seconds, 1e6) * 1e9)
        return partial(
            _read,
            [ring for ring in (self._before, self._ring) if ring is not None],
            now_ns,
            since_ns,
            session=session_id,
            received=self.marks.received(since_ns),
            sent=self.marks.sent(since_ns),
            steps=self.marks.steps(),
            ids=self.marks.ids_of(),
            worst=self.worst(),
            lost_commands=self.marks.lost,
            unseen_blocks=self._worst.missed,
            engine_pid=engine_pid,
            daemon_pid=os.getpid(),
        )


def _read(rings: Sequence[TraceRing], now_ns: int, since_ns: int, **known: Any) -> Recorded:
    """All of it, with what the rings hold; the newest is the last. Thread: any."""
    blocks: list[Block] = []
    moments: list[Moment] = []
    for ring in rings:
        more = ring.read(since_ns)
        blocks += more[0]
        moments += more[1]
    newest = rings[-1]
    lost = [max(count - slots, 0) for count, slots in zip(newest.counts, newest.slots, strict=True)]
    return Recorded(
        blocks=blocks,
        moments=moments,
        kept_s=(now_ns - blocks[0].begin_ns) / 1e9 if blocks else 0.0,
        lost_blocks=lost[0],
        lost_moments=lost[1],
        is_of_cycles=newest.is_of_cycles,
        since_ns=since_ns,
        **known,
    )
