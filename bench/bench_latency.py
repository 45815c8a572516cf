"""How long does it take from a fan's wish to changed sound?

A hands-on session plays stems that hold one value throughout, so the first sample that a gain changes can be
told exactly. A wish for another gain goes over gRPC to the daemon in its own process; the clock runs from
just before the call. A stream's sound ends at the due time of the first changed sample, as the packet's
sample clock and the engine's own book of due times tell it; a device's at the moment that sample is at the
port of a JACK server, as a client there receives it. The limiter looks ahead; its delay is part of the
total, and is told apart.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd._kernel.bus import DELAY_FRAMES
from remixd._kernel.ring import PacketRing
from remixd.client import Client, Packet, Signal
from remixd.control.score import LEAD_NS
from remixd.errors import Unavailable
from remixd.units import PACKET_FRAMES, RATE_HZ

from .daemons import running_daemon
from .jacks import Capture, Captured, jack_server
from .results import Case, Limit
from .runner import Task
from .songs import make_levels

WISHES: Final = 300
WISHES_QUICK: Final = 40
SONG_S: Final = 20.0
BLOCK: Final = 128
LEVELS_DB: Final = (-6.0, 0.0)
PAUSE_S: Final = (0.06, 0.11)
"""Between wishes, at random: a ramp is over by then, and no wish keeps step with blocks or packets."""

SETTLE_S: Final = 1.0
FOUND_LEAST: Final = 0.9
"""The share of wishes that must be found in the sound for the figures to mean anything."""

LIMITER_MS: Final = DELAY_FRAMES * 1e3 / RATE_HZ
LEAD_MS: Final = LEAD_NS / 1e6
STREAM_MS: Final = LEAD_MS + PACKET_FRAMES * 1e3 / RATE_HZ
"""A stream session's lead and one packet."""

AT_THE_PORT: Final = (Limit(statistic="median", at_most=4.0), Limit(statistic="p99", at_most=10.0))
IN_A_STREAM: Final = (Limit(statistic="p99", at_most=STREAM_MS),)


@dataclass(frozen=True, slots=True)
class Wish:
    """A call: when it was begun and when it was answered, by the monotonic clock."""

    sent_ns: int
    answered_ns: int


@dataclass(frozen=True, slots=True)
class Change:
    """The first sample that a wish changed: when it is heard, when what holds it was ready, and arrived."""

    heard_ns: float
    ready_ns: float
    arrived_ns: float


def run(task: Task) -> None:
    """Measure a stream session and a device session, one after the other."""
    wishes = WISHES_QUICK if task.quick else WISHES
    task.settings(wishes=wishes, pause_s=PAUSE_S, levels_db=LEVELS_DB, limiter_ms=LIMITER_MS, lead_ms=LEAD_MS)
    _measure_stream(task, wishes)
    try:
        _measure_device(task, wishes, BLOCK)
    except Unavailable as error:
        task.skip("the device session", str(error))


def first_change(samples: NDArray[np.float32], start: int, end: int) -> int | None:
    """The first sample in [start, end) that differs from the one at `start`."""
    differs = samples[start:end] != samples[start : start + 1]
    return start + int(differs.argmax()) if differs.any() else None


def _measure_stream(task: Task, wishes: int) -> None:
    task.tell(f"{wishes} wishes to a stream session")
    with running_daemon(make_levels(SONG_S)) as daemon, daemon.client() as client:
        session = client.create_session(daemon.track, sink="stream").id
        listener = _Listener(client, session, daemon.ring())
        time.sleep(SETTLE_S)
        sent = _send_wishes(client, session, wishes)
        time.sleep(SETTLE_S)
        client.delete_session(session)
        listener.join()
    found = _find(sent, listener.change)
    case: Case = {"sink": "stream"}
    _tell_totals(task, found, f"within {STREAM_MS:g} ms, the lead and one packet", IN_A_STREAM, case)
    _tell_parts(task, found, ("until its packet is rendered", "from there until it is due"), case)
    arrivals = [(change.arrived_ns - wish.sent_ns) / 1e6 for wish, change in found]
    task.figure("wish to packet at a listener", "ms", arrivals, case)


def _measure_device(task: Task, wishes: int, block: int) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(jack_server(block))
        daemon = stack.enter_context(running_daemon(make_levels(SONG_S), {"JACK_DEFAULT_SERVER": server}))
        client = stack.enter_context(daemon.client())
        capture = Capture(server, SETTLE_S * 4 + wishes * PAUSE_S[1] * 2)
        stack.callback(capture.close)
        task.tell(f"{wishes} wishes to a device session, blocks of {block} frames")
        session = client.create_session(daemon.track, sink="device:JACK").id
        time.sleep(SETTLE_S)
        capture.connect()
        time.sleep(SETTLE_S)
        sent = _send_wishes(client, session, wishes)
        time.sleep(SETTLE_S)
        captured = capture.stop()
    task.settings(device_blocks=len(captured.there_ns), device_blocks_lost=captured.lost)
    found = _find(sent, lambda wish, until_ns: _change_at_port(captured, wish, until_ns))
    case: Case = {"sink": "device", "block": block}
    _tell_totals(task, found, "at the port of jackd's dummy driver", AT_THE_PORT, case)
    _tell_parts(task, found, ("until its block is there", "place in the block, limiter and all"), case)


def _change_at_port(captured: Captured, wish: Wish, until_ns: int) -> Change | None:
    start = max(captured.index_at(wish.sent_ns) - captured.block, 0)  # a block that cannot be changed yet
    index = first_change(captured.samples, start, captured.index_at(until_ns))
    if index is None:
        return None
    there_ns = captured.time_ns(index // captured.block * captured.block)
    return Change(heard_ns=captured.time_ns(index), ready_ns=there_ns, arrived_ns=there_ns)


def _send_wishes(client: Client, session: str, count: int) -> list[Wish]:
    """Send wishes for one gain and the other in turn, at moments that keep step with nothing."""
    random = np.random.default_rng(count)
    sent = []
    for number in range(count + 1):  # the first one warms up
        signal = Signal(id=str(number), fan="", wishes={"vocals": LEVELS_DB[number % 2]})
        began_ns = time.monotonic_ns()
        client.send(session, [signal])
        sent.append(Wish(began_ns, time.monotonic_ns()))
        time.sleep(random.uniform(*PAUSE_S))
    return sent[1:]


def _find(sent: list[Wish], change: Callable[[Wish, int], Change | None]) -> list[tuple[Wish, Change]]:
    """Each wish and what it changed before the next one. Raises Unavailable if many changed nothing."""
    ends_ns = [wish.sent_ns for wish in sent[1:]] + [sent[-1].sent_ns + int(PAUSE_S[0] * 1e9)]
    found = [(wish, at) for wish, end_ns in zip(sent, ends_ns, strict=True) if (at := change(wish, end_ns))]
    if len(found) < FOUND_LEAST * len(sent):
        raise Unavailable(f"only {len(found)} of {len(sent)} wishes were heard")
    return found


def _tell_totals(
    task: Task, found: list[tuple[Wish, Change]], note: str, limits: Sequence[Limit], case: Case
) -> None:
    total = np.array([(change.heard_ns - wish.sent_ns) / 1e6 for wish, change in found])
    task.figure("wish to changed sample", "ms", total, case, note=note)
    task.figure("the same, but for the limiter", "ms", total - LIMITER_MS, case, note=note, limits=limits)
    task.figure("part: limiter", "ms", [LIMITER_MS], case)


def _tell_parts(task: Task, found: list[tuple[Wish, Change]], names: tuple[str, str], case: Case) -> None:
    for name, parts in (
        ("call and answer", [wish.answered_ns - wish.sent_ns for wish, _ in found]),
        (names[0], [change.ready_ns - wish.answered_ns for wish, change in found]),
        (names[1], [change.heard_ns - change.ready_ns for _, change in found]),
    ):
        task.figure(f"part: {name}", "ms", [part / 1e6 for part in parts], case)


class _Listener(threading.Thread):
    """Hears a session until it ends, and keeps when each packet was rendered, is due, and arrived."""

    def __init__(self, client: Client, session: str, ring: PacketRing) -> None:
        super().__init__(name="listener")
        self._ring = ring
        self._packets = client.packets(session)
        self._times: list[tuple[int, int, int, int]] = []
        self._sound: list[NDArray[np.float32]] = []
        self.start()

    def run(self) -> None:
        for packet in self._packets:
            self._take(packet, time.monotonic_ns())

    def _take(self, packet: Packet, arrived_ns: int) -> None:
        entry = self._ring.read(packet.sequence)
        if entry is not None:
            self._times.append((packet.sample, entry.due_ns, entry.rendered_ns, arrived_ns))
            self._sound.append(packet.pcm[:, 0])

    def change(self, wish: Wish, until_ns: int) -> Change | None:
        """The first sample changed after a wish was sent. Sound rendered before it cannot be."""
        rendered_ns = [times[2] for times in self._times]
        first = max(bisect_left(rendered_ns, wish.sent_ns) - 1, 0)
        last = bisect_left(rendered_ns, until_ns)
        if last - first < 2:
            return None
        index = first_change(np.concatenate(self._sound[first:last]), 0, (last - first) * PACKET_FRAMES)
        if index is None:
            return None
        _, due_ns, ready_ns, arrived_ns = self._times[first + index // PACKET_FRAMES]
        heard_ns = due_ns + index % PACKET_FRAMES * 1e9 / RATE_HZ
        return Change(heard_ns=heard_ns, ready_ns=ready_ns, arrived_ns=arrived_ns)
