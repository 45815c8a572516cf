"""Between what a flight recorder knows and the messages of `Trace`. Pure; Thread: any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from typing import Final

from remixd._kernel.mailbox import EJECT, LOAD, SWAP
from remixd._kernel.trace import APPLIED, CHECKPOINT, TAKEN, TRANSITION, Block, Moment
from remixd.control.census import OVERVIEW
from remixd.control.flight import NOTHING, Recorded, Worst, causes
from remixd.control.marks import Step
from remixd.v1 import stats_pb2 as pb

BYTES_MAX: Final = 3_800_000
"""Of the events of one answer: 4 MB with all the rest."""
_PARTS: Final = (
    pb.TRACE_KIND_COMMANDS,
    pb.TRACE_KIND_DECKS,
    pb.TRACE_KIND_RACKS,
    pb.TRACE_KIND_MASTER,
)
_KINDS: Final = {
    TAKEN: pb.TRACE_KIND_COMMAND_TAKEN,
    APPLIED: pb.TRACE_KIND_COMMAND_APPLIED,
    TRANSITION: pb.TRACE_KIND_TRANSITION,
    CHECKPOINT: pb.TRACE_KIND_CHECKPOINT,
}
_DEEDS: Final = {LOAD: pb.TRACE_KIND_LOAD, EJECT: pb.TRACE_KIND_LOAD, SWAP: pb.TRACE_KIND_SWAP}


def _block_events(block: Block, steps: Sequence[Step]) -> Iterator[pb.TraceEvent]:
    """A block and its parts, which fill it: each begins where the one before it ends."""
    length_ns = max(block.end_ns - block.begin_ns, 1)
    yield pb.TraceEvent(
        kind=pb.TRACE_KIND_BLOCK,
        begin_ns=block.begin_ns,
        duration_ns=length_ns,
        sample=block.sample,
        cpu_ns=block.cpu_ns,
        faults=block.minor_faults + block.major_faults,
        major_faults=block.major_faults,
        preemptions=block.preemptions,
        frames=block.frames,
        late_ns=block.late_ns,
        behind_ns=block.behind_ns,
        causes=causes(block, steps),
    )
    at_ns, end_ns = block.begin_ns, block.begin_ns + length_ns
    for kind, took_ns in zip(_PARTS, block.parts_ns, strict=True):
        took_ns = min(took_ns, end_ns - at_ns)
        if took_ns:
            yield pb.TraceEvent(kind=kind, begin_ns=at_ns, duration_ns=took_ns, sample=block.sample)
        at_ns += took_ns
    if at_ns < end_ns:
        yield pb.TraceEvent(
            kind=pb.TRACE_KIND_WRITE, begin_ns=at_ns, duration_ns=end_ns - at_ns, sample=block.sample
        )


def _moment_events(moment: Moment, ids: dict[int, Sequence[str]]) -> Iterator[pb.TraceEvent]:
    """One event for each signal or command that a moment is of; else one under the engine's number."""
    number = moment.command
    names = [each for each in ids.get(number, ()) if each] or [str(number) if number else ""]
    kinds = [_KINDS[moment.kind]]
    if moment.kind == APPLIED and moment.what in _DEEDS:
        kinds.append(_DEEDS[moment.what])
    for kind in kinds:
        for name in names:
            yield pb.TraceEvent(
                kind=kind, begin_ns=moment.at_ns, sample=moment.sample, command=name, number=number
            )


def _own_events(recorded: Recorded) -> Iterator[pb.TraceEvent]:
    """Those of the daemon itself, in no order."""
    for call in recorded.received:
        for name in call.ids:
            yield pb.TraceEvent(kind=pb.TRACE_KIND_RECEIVED, begin_ns=call.at_ns, command=name)
    for sent in recorded.sent:
        for kind, at_ns in (
            (pb.TRACE_KIND_DECIDED, sent.decided_ns),
            (pb.TRACE_KIND_QUEUED, sent.queued_ns),
        ):
            for name in [each for each in sent.ids if each] or [str(sent.number)]:
                yield pb.TraceEvent(
                    kind=kind, begin_ns=at_ns, sample=sent.sample, command=name, number=sent.number
                )
    for step in recorded.steps:
        if step.at_ns >= recorded.since_ns:
            yield pb.TraceEvent(kind=pb.TRACE_KIND_LADDER, begin_ns=step.at_ns, causes=[step.told])


def _order(event: pb.TraceEvent) -> tuple[int, int]:
    """By begin; of those that begin at once the longest first, so that what is inside comes after."""
    return event.begin_ns, -event.duration_ns


def events(recorded: Recorded) -> Iterable[pb.TraceEvent]:
    """Every event, by its begin."""
    of_blocks = [each for block in recorded.blocks for each in _block_events(block, recorded.steps)]
    of_moments = [each for moment in recorded.moments for each in _moment_events(moment, recorded.ids)]
    for each in (of_blocks, of_moments, own := list(_own_events(recorded))):
        each.sort(key=_order)
    return merge(of_blocks, of_moments, own, key=_order)


def worst_to_proto(session: str, worst: Worst, steps: Sequence[Step]) -> list[pb.WorstBlock]:
    """The tables, one after the other."""
    tables = (
        (pb.WORST_TABLE_LATE, worst.late),
        (pb.WORST_TABLE_COSTLY, worst.costly),
        (pb.WORST_TABLE_LATE_MINUTE, worst.late_minute),
        (pb.WORST_TABLE_COSTLY_MINUTE, worst.costly_minute),
    )
    return [
        pb.WorstBlock(
            table=table, session=session, begin_ns=block.begin_ns, sample=block.sample, frames=block.frames,
            late_ns=block.late_ns, cost_ns=block.end_ns - block.begin_ns, cpu_ns=block.cpu_ns,
            behind_ns=block.behind_ns, causes=causes(block, steps) or [NOTHING],
        )
        for table, blocks in tables
        for block in blocks
    ]  # fmt: skip


def overview_to_proto(sessions: Iterable[tuple[str, Worst, Sequence[Step]]]) -> list[pb.WorstBlock]:
    """The worst few of each table over all sessions."""
    told = [each for session in sessions for each in worst_to_proto(*session)]
    told.sort(key=_badness, reverse=True)
    kept: Counter[int] = Counter()
    worst = []
    for each in told:
        kept[each.table] += 1
        if kept[each.table] <= OVERVIEW:
            worst.append(each)
    return worst


def _badness(block: pb.WorstBlock) -> float:
    if block.table in (pb.WORST_TABLE_LATE, pb.WORST_TABLE_LATE_MINUTE):
        return block.late_ns
    return block.cost_ns / max(block.frames, 1)


def trace_to_proto(recorded: Recorded) -> pb.Trace:
    """All of it; where that is too much for one answer, without the oldest events."""
    told = list(events(recorded))
    room, first = BYTES_MAX, len(told)
    while first > 0 and room > 0:
        first -= 1
        room -= told[first].ByteSize() + 4  # and its tag and length
    return pb.Trace(
        events=told[first:],
        worst=worst_to_proto(recorded.session, recorded.worst, recorded.steps),
        kept_seconds=recorded.kept_s,
        lost_blocks=recorded.lost_blocks,
        lost_moments=recorded.lost_moments,
        lost_commands=recorded.lost_commands,
        unseen_blocks=recorded.unseen_blocks,
        left_out=first,
        engine_pid=recorded.engine_pid,
        daemon_pid=recorded.daemon_pid,
        cycles=recorded.is_of_cycles,
    )
