"""A trace as Chrome's trace event format has it, which Perfetto opens. Pure.

Format: Google, "Trace Event Format" (the JSON Object Format, with complete, instant, flow and metadata
events). Times are microseconds from the first event on. The engine's blocks are slices with their parts
inside; of the daemon, a slice for each call that brought something and one for each command from when it was
known until the mailbox had it. An arrow goes from a call to the block that first sounds what it brought.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from remixd.client import Trace, TraceEvent

RENDER, CALLS, DESK = 1, 2, 3
"""Threads, by the numbers that they have in the file."""

_PARTS: Final = frozenset(("commands", "decks", "racks", "master", "write"))
_MOMENTS: Final = frozenset(
    ("command_taken", "command_applied", "swap", "load", "transition", "checkpoint", "ladder")
)
_CALL_NS: Final = 1000
"""A call is shown so long, where no other comes before."""

_Row = dict[str, Any]


def chrome_trace(trace: Trace) -> _Row:
    """The whole file, as one JSON object."""
    zero_ns = trace.events[0].begin_ns if trace.events else 0
    rows = [*_slices(trace), *_moments(trace), *_flows(trace)]
    rows.sort(key=lambda row: (row["ts"], -row.get("dur", 0), _RANK[row["ph"]]))
    for row in rows:
        row["ts"] = (row["ts"] - zero_ns) / 1000
        if "dur" in row:
            row["dur"] /= 1000
    return {
        "traceEvents": [*_names(trace), *rows],
        "displayTimeUnit": "ms",
        "otherData": {
            "session": trace.session,
            "monotonic_ns_at_0": zero_ns,
            "kept_seconds": trace.kept_seconds,
            "lost_blocks": trace.lost_blocks,
            "lost_moments": trace.lost_moments,
            "lost_commands": trace.lost_commands,
            "unseen_blocks": trace.unseen_blocks,
            "left_out": trace.left_out,
            "stamps": "cycles" if trace.cycles else "CLOCK_MONOTONIC",
            "worst": [
                {
                    "table": each.table, "begin_ns": each.begin_ns, "sample": each.sample,
                    "frames": each.frames, "late_ns": each.late_ns, "cost_ns": each.cost_ns,
                    "cpu_ns": each.cpu_ns, "behind_ns": each.behind_ns, "causes": list(each.causes),
                }
                for each in trace.worst
            ],
        },
    }  # fmt: skip


_RANK: Final = {"X": 0, "i": 1, "s": 2, "t": 3, "f": 4}
"""Of rows at one moment: what others are bound to first."""


def _names(trace: Trace) -> Iterator[_Row]:
    processes = {
        trace.engine_pid: (f"engine of session {trace.session}", {RENDER: "render"}),
        trace.daemon_pid: ("daemon", {CALLS: "calls", DESK: "desk"}),
    }
    for pid, (process, threads) in processes.items():
        yield {"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": process}}
        for tid, thread in threads.items():
            yield {"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": thread}}


def _slice(
    event: TraceEvent, pid: int, tid: int, name: str, duration_ns: int, args: Mapping[str, Any]
) -> _Row:
    return {
        "ph": "X", "name": name, "cat": event.kind, "pid": pid, "tid": tid, "ts": event.begin_ns,
        "dur": duration_ns, "args": dict(args),
    }  # fmt: skip


def _slices(trace: Trace) -> Iterator[_Row]:
    for event in trace.events:
        if event.kind == "block":
            yield _slice(event, trace.engine_pid, RENDER, "block", event.duration_ns, _told_of(event))
        elif event.kind in _PARTS:
            yield _slice(event, trace.engine_pid, RENDER, event.kind, event.duration_ns, {})
    yield from _calls(trace)
    for number, (decided, queued, names) in _sent(trace).items():
        args = {"number": number, "commands": names, "sample": decided.sample}
        length_ns = queued.begin_ns - decided.begin_ns
        yield _slice(decided, trace.daemon_pid, DESK, "send", length_ns, args)


def _told_of(block: TraceEvent) -> _Row:
    told: _Row = {
        "sample": block.sample,
        "frames": block.frames,
        "late_ms": None if block.late_ns is None else block.late_ns / 1e6,
        "causes": "; ".join(block.causes),
    }
    if block.cpu_ns is not None:
        told |= {
            "cpu_ms": block.cpu_ns / 1e6, "faults": block.faults, "major_faults": block.major_faults,
            "preemptions": block.preemptions,
        }  # fmt: skip
    return told


def _calls(trace: Trace) -> Iterator[_Row]:
    """A slice for each call: all that came at one moment came with it."""
    calls: dict[int, list[TraceEvent]] = {}
    for event in trace.events:
        if event.kind == "received":
            calls.setdefault(event.begin_ns, []).append(event)
    starts = [*calls, None]
    for events, after_ns in zip(calls.values(), starts[1:], strict=True):
        first = events[0]
        length_ns = _CALL_NS if after_ns is None else min(_CALL_NS, after_ns - first.begin_ns)
        args = {"commands": [each.command for each in events]}
        yield _slice(first, trace.daemon_pid, CALLS, "received", length_ns, args)


def _sent(trace: Trace) -> dict[int, tuple[TraceEvent, TraceEvent, list[str]]]:
    """By a command's number when it was known and when queued, and what it stands for."""
    decided: dict[int, TraceEvent] = {}
    sent: dict[int, tuple[TraceEvent, TraceEvent, list[str]]] = {}
    for event in trace.events:
        if event.kind == "decided":
            decided.setdefault(event.number, event)
        elif event.kind == "queued" and (first := decided.get(event.number)) is not None:
            sent.setdefault(event.number, (first, event, []))[2].append(event.command)
    return sent


def _moments(trace: Trace) -> Iterator[_Row]:
    for event in trace.events:
        if event.kind in _MOMENTS:
            args: _Row = {"sample": event.sample}
            if event.command:
                args |= {"command": event.command, "number": event.number}
            if event.causes:
                args["told"] = "; ".join(event.causes)
            is_daemon = event.kind == "ladder"
            yield {
                "ph": "i", "name": event.kind, "cat": event.kind, "s": "t", "ts": event.begin_ns,
                "args": args, "pid": trace.daemon_pid if is_daemon else trace.engine_pid,
                "tid": DESK if is_daemon else RENDER,
            }  # fmt: skip


def _sounding(blocks: Sequence[TraceEvent], sample: int) -> TraceEvent | None:
    """The block that has a sample; `blocks` by their samples."""
    at = bisect_right(blocks, sample, key=lambda block: block.sample) - 1
    if at < 0 or sample >= blocks[at].sample + blocks[at].frames:
        return None
    return blocks[at]


def _flows(trace: Trace) -> Iterator[_Row]:
    """From each call through the desk to the block that first sounds what it brought."""
    received = {each.command: each for each in reversed(trace.events) if each.kind == "received"}
    sent = _sent(trace)
    blocks = sorted((each for each in trace.events if each.kind == "block"), key=lambda each: each.sample)
    for at, event in enumerate(each for each in trace.events if each.kind == "command_applied"):
        block = _sounding(blocks, event.sample)
        if block is None or event.number not in sent:
            continue
        decided, queued, _ = sent[event.number]
        steps = [(decided.begin_ns, trace.daemon_pid, DESK)]
        call = received.get(event.command)
        if call is not None and call.begin_ns <= decided.begin_ns:
            steps.insert(0, (call.begin_ns, trace.daemon_pid, CALLS))
        end_ns = max(block.begin_ns, min(queued.begin_ns, block.end_ns))
        if end_ns < decided.begin_ns:
            continue  # the clock was set anew, or another engine rendered that sample before
        yield from _flow(at + 1, event.command, [*steps, (end_ns, trace.engine_pid, RENDER)])


def _flow(number: int, name: str, steps: Sequence[tuple[int, int, int]]) -> Iterator[_Row]:
    for at, (ts, pid, tid) in enumerate(steps):
        phase = "s" if at == 0 else "f" if at == len(steps) - 1 else "t"
        row = {
            "ph": phase, "name": "to sound", "cat": "flow", "id": number, "ts": ts, "pid": pid, "tid": tid,
            "args": {"command": name},
        }  # fmt: skip
        yield row | {"bp": "e"} if phase == "f" else row
