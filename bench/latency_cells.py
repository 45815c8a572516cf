"""One cell of the latency bench: a change, asked for again and again, and when each was heard."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from remixd._kernel.bus import DELAY_FRAMES
from remixd._kernel.ring import PacketRing
from remixd.client import Client, Packet
from remixd.errors import Unavailable
from remixd.units import PACKET_FRAMES, RATE_HZ

from .departures import Continuation
from .jacks import Capture, Captured
from .latency_parts import LIMITER_NS, WAIT, Told, disorder_ns, parts_ns
from .results import Case, Limit
from .runner import Task
from .steps import Hands, Step, Wish

SETTLE_S: Final = 0.3
MISSED_MOST: Final = 0.1
"""The share of wishes that may not be found in the sound; of few one may, beside a lost block."""

LOOK_BACK_NS: Final = 20_000_000
"""Before a wish the sound must have gone on as it should for so long."""

TRACE_S: Final = 5.0
"""How often the trace is read."""

OVERLAP_S: Final = 1.0
"""More of it than lies between two readings."""

IN_ORDER: Final = (Limit(statistic="max", at_most=100.0),)
"""Microseconds that the clocks may be apart."""

TOTAL, BUT_LIMITER = "wish to changed sample", "the same, but for the limiter"
CALL, AGREEMENT = "call and answer", "found beside the sample told"


@dataclass(frozen=True, slots=True)
class Heard:
    """The first sample that a wish changed.

    Attributes:
        heard_ns: when it is heard, at the port or as a stream has it.
        ready_ns: when what left the limiter's other end with it was there.
        frame: its place on the clock of who heard it.
    """

    heard_ns: float
    ready_ns: float
    frame: int


class Ear(Protocol):
    """Something that hears a session."""

    def find(self, wish: Wish, before: Continuation) -> Heard | None:
        """What a wish changed, in what was taken last; None if nothing, or if that cannot be told."""

    def take(self) -> None:
        """Take what was heard since the last time."""


class PortEar:
    """Hears a session at the port of a JACK server."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._captured: Captured
        self.blocks = self.lost = 0

    def take(self) -> None:
        """Take what was captured."""
        self._captured = self._capture.take()
        self.blocks += len(self._captured.there_ns)
        self.lost += self._captured.lost

    def find(self, wish: Wish, before: Continuation) -> Heard | None:
        """The first changed sample.

        Where a block was lost, what is a period before is another sample for a period: what is changed then
        cannot be told. It is not found; a later change is.
        """
        captured = self._captured
        start = captured.index_at(wish.sent_ns)
        earlier = captured.index_at(wish.sent_ns - LOOK_BACK_NS)
        end = captured.index_at(wish.until_ns)
        for first, last in captured.pieces(earlier - before.period, end):
            known = max(earlier, first + before.period)
            index = before.departure(captured.samples, known, last)
            if index is not None:
                break
        else:
            return None
        if index < start or index == known:
            return None
        return Heard(
            heard_ns=captured.time_ns(index),
            ready_ns=captured.there_of(max(index - DELAY_FRAMES, 0)),
            frame=captured.frame_of(index),
        )


class StreamEar(threading.Thread):
    """Hears a session's packets until it ends: when each was rendered, is due, and arrived."""

    def __init__(self, client: Client, session: str, ring: PacketRing) -> None:
        super().__init__(name="listener")
        self._ring = ring
        self._packets = client.packets(session)
        self._kept: list[tuple[int, int, int, int, NDArray[np.float32]]] = []
        self._taken: list[tuple[int, int, int, int, NDArray[np.float32]]] = []
        self.arrived_ns: list[float] = []
        self.start()

    def run(self) -> None:
        """Listen."""
        for packet in self._packets:
            self._keep(packet, time.monotonic_ns())

    def _keep(self, packet: Packet, arrived_ns: int) -> None:
        entry = self._ring.read(packet.sequence)
        if entry is not None:
            told = (packet.sample, entry.due_ns, entry.rendered_ns, arrived_ns)
            self._kept.append((*told, packet.pcm[:, 0]))

    def take(self) -> None:
        """Take what came."""
        self._taken, self._kept = self._kept, []

    def find(self, wish: Wish, before: Continuation) -> Heard | None:
        """The first changed sample: sound rendered before a wish was sent cannot be. None beside a gap."""
        rendered = [each[2] for each in self._taken]
        first = max(bisect_left(rendered, wish.sent_ns) - 1, 0)
        last = bisect_left(rendered, wish.until_ns)
        back = max(first - 2 - before.period // PACKET_FRAMES, 0)
        heard = self._taken[back:last]
        if not heard or heard[-1][0] - heard[0][0] != (len(heard) - 1) * PACKET_FRAMES:
            return None
        sound = np.concatenate([each[4] for each in heard])
        index = before.departure(sound, before.period, len(sound))
        if index is None or index < (first - back) * PACKET_FRAMES:
            return None
        packet, place = divmod(index, PACKET_FRAMES)
        sample, due_ns, rendered_ns, arrived_ns, _ = heard[packet]
        self.arrived_ns.append(arrived_ns - wish.sent_ns)
        heard_ns = due_ns + place * 1e9 / RATE_HZ
        return Heard(heard_ns=heard_ns, ready_ns=rendered_ns, frame=sample + place)


@dataclass(frozen=True, slots=True)
class Found:
    """A wish, and what it changed."""

    wish: Wish
    heard: Heard

    @property
    def total_ns(self) -> float:
        """From the beginning of the call to the first changed sample."""
        return self.heard.heard_ns - self.wish.sent_ns


def measure(step: Step, hands: Hands, ear: Ear, told: Told, count: int) -> list[Found]:
    """Ask for a change so many times, and find each in the sound; `told` gets the daemon's trace of it.

    Raises Unavailable if many of them were not heard.
    """
    read_s = time.monotonic()

    def between() -> None:
        nonlocal read_s
        if time.monotonic() - read_s > TRACE_S:
            told.read(hands.client, hands.session, time.monotonic() - read_s + OVERLAP_S)
            read_s = time.monotonic()
            time.sleep(SETTLE_S)

    step.prepare(hands)
    ear.take()
    time.sleep(SETTLE_S)  # what goes on must have gone on for a while
    wishes = list(step.sent(hands, count, between))
    time.sleep(SETTLE_S)
    told.read(hands.client, hands.session, time.monotonic() - read_s + OVERLAP_S)
    ear.take()
    heard = [ear.find(wish, step.before) for wish in wishes]
    found = [
        Found(wish, now)
        for wish, now, before in zip(wishes, heard, [heard[0], *heard], strict=False)
        if now is not None
        and before is not None  # what comes after a change that was not heard may be that one
    ]
    unheard = heard.count(None)
    if not found or unheard > max(MISSED_MOST * len(wishes), 1.0):
        raise Unavailable(f"{unheard} of {len(wishes)} changes of the {step.name} were not heard")
    told.missed = len(wishes) - len(found)
    return found


def tell(
    task: Task,
    step: Step,
    found: Sequence[Found],
    told: Told,
    case: Case,
    note: str,
    limits: Sequence[Limit] = (),
) -> None:
    """Keep the figures of a cell.

    Args:
        task: gets them.
        step: what was changed.
        found: where it was heard.
        told: the daemon's trace of it.
        case: of the figures.
        note: where it was heard, in words.
        limits: of the whole but for the limiter.
    """
    total_ms = np.array([each.total_ns for each in found]) / 1e6
    note = f"{note}; the first changed sample is found {step.error}"
    task.figure(TOTAL, "ms", total_ms, case, note=note)
    if not step.waits:
        task.figure(BUT_LIMITER, "ms", total_ms - LIMITER_NS / 1e6, case, note=note, limits=limits)
    note = "in time, or beside a lost block; and those right after them. Their times are not among those told"
    task.figure("changes not found", "count", [told.missed], case, note=note)
    answers_ms = [(each.wish.answered_ns - each.wish.sent_ns) / 1e6 for each in found]
    task.figure(CALL, "ms", answers_ms, case)
    _tell_parts(task, step, found, told, case)


def _tell_parts(task: Task, step: Step, found: Sequence[Found], told: Told, case: Case) -> None:
    traced = [
        (each, marks, block)
        for each in found
        if (marks := told.commands.get(each.wish.command)) is not None
        and (block := told.block_before(each.heard.ready_ns)) is not None
    ]
    if not traced:
        words = ", ".join(f"{name} {value}" for name, value in case.items())
        task.skip(f"the parts of {words}", "the daemon's trace tells nothing of these wishes")
        return
    parts = [parts_ns(each.wish.sent_ns, marks, block, each.heard.heard_ns) for each, marks, block in traced]
    for name in parts[0]:
        note = f"for {step.waits}" if name == WAIT and step.waits else ""
        task.figure(f"part: {name}", "ms", [each[name] / 1e6 for each in parts], case, note=note)
    if step.waits:
        own_ms = [(each.total_ns - part[WAIT]) / 1e6 for (each, *_), part in zip(traced, parts, strict=True)]
        task.figure("the same, but for the wait", "ms", own_ms, case, note=f"which is for {step.waits}")
    disorder_us = [disorder_ns(each) / 1e3 for each in parts]
    note = "by how much a moment came before the one that it follows"
    task.figure("parts out of order", "us", disorder_us, case, limits=IN_ORDER, note=note)
    apart = np.array([each.heard.frame - marks.sample for each, marks, _ in traced])
    note = "around their median, since each counts from a frame of its own"
    task.figure(AGREEMENT, "frames", apart - int(np.median(apart)), case, note=note)
    late = [
        marks.sample - each.wish.planned_sample
        for each, marks, _ in traced
        if each.wish.planned_sample is not None
    ]
    if late and step.marked:
        late_ms = [frames * 1e3 / RATE_HZ for frames in late]
        task.figure("late by", "ms", late_ms, case, note="the sample that was changed after the one planned")
