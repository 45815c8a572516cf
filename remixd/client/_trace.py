"""A session's flight recorder: what the client answers with, and the plan that asks for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from remixd.client._steps import Ask, Plan
from remixd.v1 import stats_pb2 as pb

SECONDS: Final = 10.0


def _word(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceEvent:
    """What happened at one moment, or for a while. Moments are of CLOCK_MONOTONIC of the daemon's machine.

    Attributes:
        kind: `block` and its parts `commands`, `decks`, `racks`, `master` and `write`; the moments
            `command_taken`, `command_applied`, `swap`, `load`, `transition`, `checkpoint` and `ladder`; and
            the daemon's own, `received`, `decided` and `queued`.
        duration_ns: 0 for a moment.
        sample: the session clock: of a block the first of its frames, of `command_applied` the first changed,
            of `decided` and `queued` the one that was meant, below 0 for at once.
        command: the id of the signal or command; the engine's number where it has none.
        number: the engine's; 0 for none. One may stand for several signals.
        frames: of a block.
        late_ns: of a block with a deadline: how long after it was due it was ready; below 0: before.
        behind_ns: how long after it should have begun a block did.
        cpu_ns: for which a block's thread had a processor; None unless it was looked at.
        faults, major_faults: page faults of such a block, and those that waited for a disk.
        preemptions: how often its thread was made to give up the processor.
        causes: what coincided with a block, in words; what a step of the ladder is.
    """

    kind: str
    begin_ns: int
    duration_ns: int
    sample: int
    command: str
    number: int
    frames: int
    late_ns: int | None
    behind_ns: int
    cpu_ns: int | None
    faults: int
    major_faults: int
    preemptions: int
    causes: tuple[str, ...]

    @property
    def end_ns(self) -> int:
        """When it ended."""
        return self.begin_ns + self.duration_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstBlock:
    """One of the worst blocks of a session.

    Attributes:
        table: where it stands: `late` or `costly`, since the session is followed; `late_minute` or
            `costly_minute`, of the last minute.
        begin_ns: CLOCK_MONOTONIC of the daemon's machine.
        sample: the session clock at its first frame.
        late_ns: how long after it was due it was ready; below 0: before; None without a deadline.
        cost_ns: how long it took.
        cpu_ns: for how much of this its thread had a processor; None unless it was looked at.
        behind_ns: how long after it should have begun it did.
        causes: what coincided with it, in words.
    """

    table: str
    session: str
    begin_ns: int
    sample: int
    frames: int
    late_ns: int | None
    cost_ns: int
    cpu_ns: int | None
    behind_ns: int
    causes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What is known of a session's last seconds.

    Attributes:
        events: by their begin.
        worst: its worst blocks, table after table, the worst first.
        kept_seconds: how far back its blocks go.
        lost_blocks, lost_moments, lost_commands: what was overwritten by newer ones.
        unseen_blocks: that were overwritten before the tables of the worst were told of them.
        left_out: events of the time asked for that did not fit into the answer, the oldest.
        engine_pid, daemon_pid: of the processes.
        cycles: whether the engine's stamps are of the processor's cycle counter.
    """

    session: str
    events: tuple[TraceEvent, ...] = field(repr=False)
    worst: tuple[WorstBlock, ...] = field(repr=False)
    kept_seconds: float
    lost_blocks: int
    lost_moments: int
    lost_commands: int
    unseen_blocks: int
    left_out: int
    engine_pid: int
    daemon_pid: int
    cycles: bool


def _event(message: pb.TraceEvent) -> TraceEvent:
    return TraceEvent(
        kind=_KINDS.get(message.kind, ""),
        begin_ns=message.begin_ns,
        duration_ns=message.duration_ns,
        sample=message.sample,
        command=message.command,
        number=message.number,
        frames=message.frames,
        late_ns=message.late_ns if message.HasField("late_ns") else None,
        behind_ns=message.behind_ns,
        cpu_ns=message.cpu_ns if message.HasField("cpu_ns") else None,
        faults=message.faults,
        major_faults=message.major_faults,
        preemptions=message.preemptions,
        causes=tuple(message.causes),
    )


_KINDS: Final = {number: _word(name, "TRACE_KIND_") for name, number in pb.TraceKind.items()}
_TABLES: Final = {number: _word(name, "WORST_TABLE_") for name, number in pb.WorstTable.items()}


def worst_block(message: pb.WorstBlock) -> WorstBlock:
    """One of the worst blocks."""
    return WorstBlock(
        table=_TABLES.get(message.table, ""),
        session=message.session,
        begin_ns=message.begin_ns,
        sample=message.sample,
        frames=message.frames,
        late_ns=message.late_ns if message.HasField("late_ns") else None,
        cost_ns=message.cost_ns,
        cpu_ns=message.cpu_ns if message.HasField("cpu_ns") else None,
        behind_ns=message.behind_ns,
        causes=tuple(message.causes),
    )


@dataclass(frozen=True, slots=True)
class TracePlans:
    """Those of flight recorders. `timeout_s` is how long an ordinary call may take."""

    timeout_s: float

    def trace(self, session: str, seconds: float = SECONDS) -> Plan[Trace]:
        """What was done for a session in the last seconds, and when. It goes back 10 s and more.

        Raises NotFound, InvalidInput unless `seconds` is finite and above 0.
        """
        request = pb.GetTraceRequest(session=session, seconds=seconds)
        told = yield Ask("Stats", "GetTrace", request, self.timeout_s)
        return Trace(
            session=session,
            events=tuple(map(_event, told.events)),
            worst=tuple(map(worst_block, told.worst)),
            kept_seconds=told.kept_seconds,
            lost_blocks=told.lost_blocks,
            lost_moments=told.lost_moments,
            lost_commands=told.lost_commands,
            unseen_blocks=told.unseen_blocks,
            left_out=told.left_out,
            engine_pid=told.engine_pid,
            daemon_pid=told.daemon_pid,
            cycles=told.cycles,
        )
