"""How long does it take from a fan's wish to changed sound, part by part, and what could any program do?

A hands-on session plays sound whose continuation is known, so that the first sample that a change touches is
found exactly. A wish goes over gRPC to the daemon in its own process; the clock runs from just before the
call. A device's sound is heard when it is at the port of a JACK server, as a client there receives it; a
stream's at the due time of its packet. Beside the wishes a crowd sends signals for another, directed session
of the same daemon. In the same run a native JACK client plays what a byte tells it to, an echo answers over
gRPC, and blocks that are lost are counted in turns with a native client.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import numpy as np

from remixd._kernel.ring import PacketRing
from remixd.client import Client
from remixd.control.score import LEAD_NS
from remixd.errors import Unavailable
from remixd.units import PACKET_FRAMES, RATE_HZ

from . import lost_blocks, pouring
from .daemons import Daemon, running_daemon
from .departures import make_song
from .jacks import Capture, jack_server
from .latency_cells import BUT_LIMITER, CALL, SETTLE_S, TOTAL, Ear, Found, PortEar, StreamEar, measure, tell
from .latency_parts import LIMITER_NS, Told
from .native_jack import NativeJack, heard_ms
from .nothing import ECHO, Nothing
from .pouring import Pouring
from .results import SAMPLES_LEAST, Case, Limit
from .runner import Task
from .steps import GAIN, PRESET, PRESET_TOML, STEPS, Hands, Step

BLOCK: Final = 128
BLOCKS: Final = (BLOCK, 32, 64, 256, 512)
IDLE, BUSY = 0, 2000
LOADS: Final = (IDLE, 500, BUSY)
COUNTS: Final = {"gain": 400, "tempo": 60, "pitch": 60, "preset": 60, "section": 60}
COUNTS_QUICK: Final = {"gain": 20, "tempo": 2, "pitch": 2, "preset": 1, "section": 1}
COUNT_GAIN: Final = 1000
"""At the block that has limits, of which the far tail is told, too."""
BYTES: Final = 400
BYTES_QUICK: Final = 20
ECHOES: Final = 400
ECHOES_QUICK: Final = 20
CELL_S: Final = 150.0
"""No cell takes longer: what a capture has room for."""

LEAD_MS: Final = LEAD_NS / 1e6
STREAM_MS: Final = LEAD_MS + PACKET_FRAMES * 1e3 / RATE_HZ
"""A stream session's lead and one packet."""

AT_THE_PORT: Final = (Limit(statistic="median", at_most=4.0), Limit(statistic="p99", at_most=10.0))
IN_A_STREAM: Final = (Limit(statistic="p99", at_most=STREAM_MS),)
BY_HALF: Final = (Limit(statistic="max", at_most=1.5),)
"""By how much the tail may grow under load."""

FLOOR_PORT, FLOOR_ECHO = "floor: native JACK client", "floor: grpc.aio echo"
PORT_NOTE: Final = "at the port of jackd's dummy driver"


@dataclass(frozen=True, slots=True)
class Grid:
    """What is crossed with what.

    Attributes:
        gains: blocks and loads at which the gain is moved.
        others: those at which everything else is.
        streams: loads at which a stream's gain is.
        counts: how often each is asked for.
    """

    gains: tuple[tuple[int, int], ...]
    others: tuple[tuple[int, int], ...]
    streams: tuple[int, ...]
    counts: dict[str, int]

    @classmethod
    def of(cls, *, quick: bool, full: bool) -> Grid:
        """The quick one, the ordinary one, or all there is."""
        if quick:
            return cls(((BLOCK, IDLE), (BLOCK, BUSY)), ((BLOCK, IDLE),), (IDLE,), COUNTS_QUICK)
        every = tuple((block, load) for block in BLOCKS for load in LOADS)
        return cls(every, every if full else ((BLOCK, IDLE), (BLOCK, BUSY)), LOADS, COUNTS)

    @property
    def blocks(self) -> tuple[int, ...]:
        """Every block, the one with limits first."""
        return tuple(dict.fromkeys(block for block, _ in (*self.gains, *self.others)))

    def steps(self, block: int, load: int) -> list[Step]:
        """What is changed at a block and a load."""
        there = [GAIN] if (block, load) in self.gains else []
        return there + [each for each in STEPS.values() if each is not GAIN and (block, load) in self.others]

    def count(self, step: Step, block: int) -> int:
        """How often a change is asked for."""
        many = step is GAIN and block == BLOCK and self.counts is COUNTS
        return COUNT_GAIN if many else self.counts[step.name]


def run(task: Task) -> None:
    """Measure a stream, then devices of every block; what the machine has not is told and left out."""
    grid = Grid.of(quick=task.quick, full=task.full)
    task.settings(
        grid={"gains": grid.gains, "others": grid.others, "streams": grid.streams}, counts=grid.counts,
        limiter_ms=LIMITER_NS / 1e6, lead_ms=LEAD_MS, batch=pouring.BATCH, fans=pouring.FANS,
        load="a crowd's wishes for another, directed session of the same daemon",
    )  # fmt: skip
    _measure_echo(task)
    for block in grid.blocks:
        if not _measure_block(task, grid, block):
            return


def _measure_block(task: Task, grid: Grid, block: int) -> bool:
    """All at one block, and with the first of them streams; whether there is a device."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(jack_server(block))
        except Unavailable as error:
            task.skip("sessions of a device", str(error))
            server = ""
        daemon = stack.enter_context(_daemon(server))
        client = stack.enter_context(daemon.client())
        if block == grid.blocks[0]:
            for load in grid.streams:
                _measure_stream(task, daemon, client, grid, load)
        if server:
            _measure_device(task, daemon, client, server, grid, block)
            _measure_port(task, server, block)
        if server and block == BLOCK:
            try:
                lost_blocks.measure(task, server, block, daemon)
            except Unavailable as error:
                task.skip("lost blocks", str(error))
        return bool(server)


@contextmanager
def _daemon(server: str) -> Iterator[Daemon]:
    """A daemon with the bench's song and preset, on a JACK server if there is one."""
    stems, form = make_song()
    with tempfile.TemporaryDirectory(prefix="remixd-bench-") as folder:
        (Path(folder) / f"{PRESET}.toml").write_text(PRESET_TOML, "utf-8")
        environment = {"REMIXD_PRESETS": folder} | ({"JACK_DEFAULT_SERVER": server} if server else {})
        with running_daemon(stems, environment, form=form) as daemon:
            yield daemon


@contextmanager
def _load(task: Task, daemon: Daemon, client: Client, load: int, case: Case) -> Iterator[None]:
    """A crowd that sends, while the block runs; how much of it was answered is told."""
    if not load:
        yield
        return
    session = client.create_session(daemon.track, directed=True, sink="null").id
    try:
        with Pouring(daemon.address, session, load) as crowd:
            yield
            crowd.end()
        task.figure("signals a second", "count", [crowd.a_second], case, note="of the crowd, answered")
    finally:
        client.delete_session(session)


def _measure_stream(task: Task, daemon: Daemon, client: Client, grid: Grid, load: int) -> None:
    case: Case = {"sink": "stream", "load": load, "change": GAIN.name}
    count = grid.counts[GAIN.name]
    task.tell(f"{count} gains in a stream, {load} signals a second")
    session = client.create_session(daemon.track, sink="stream").id
    ear, told = StreamEar(client, session, _ring_of(daemon)), Told()
    try:
        with Hands(client, session) as hands, _load(task, daemon, client, load, case):
            found = measure(GAIN, hands, ear, told, count)
    finally:
        client.delete_session(session)
        ear.join()
    note = f"within {STREAM_MS:g} ms, the lead and one packet"
    tell(task, GAIN, found, told, case, note, IN_A_STREAM if not load else ())
    task.figure("wish to packet at a listener", "ms", [each / 1e6 for each in ear.arrived_ns], case)


def _ring_of(daemon: Daemon) -> PacketRing:
    """The packets of the session that came last."""
    memories = daemon.memories()
    return memories[max(memories, key=lambda name: int(name.partition("-")[2]))].ring


def _measure_device(task: Task, daemon: Daemon, client: Client, server: str, grid: Grid, block: int) -> None:
    """Every change at every load, in one session at one port."""
    with ExitStack() as stack:
        capture = Capture(server, CELL_S)
        stack.callback(capture.close)
        session = client.create_session(daemon.track, sink="device:JACK").id
        stack.callback(client.delete_session, session)
        hands = stack.enter_context(Hands(client, session))
        time.sleep(SETTLE_S)
        _tell_scheduling(task, daemon)
        capture.connect()
        ear = PortEar(capture)
        gains: dict[int, list[Found]] = {}
        for load in LOADS:
            steps = grid.steps(block, load)
            crowd = _load(task, daemon, client, load if steps else 0, {"block": block, "load": load})
            with crowd:
                for step in steps:
                    found = _measure_step(task, step, hands, ear, grid.count(step, block), block, load)
                    if step is GAIN and found:
                        gains[load] = found
        _tell_load(task, gains, block)
        task.figure("blocks lost while changes were asked for", "count", [ear.lost], {"block": block},
                    note=f"of {ear.blocks}, as the bench's own capture counts")  # fmt: skip


def _measure_step(
    task: Task, step: Step, hands: Hands, ear: Ear, count: int, block: int, load: int
) -> list[Found]:
    """One cell; nothing, and that is told, if it cannot be measured."""
    where = f"blocks of {block}, {load} signals a second"
    task.tell(f"{count} times the {step.name}, {where}")
    told = Told()
    try:
        found = measure(step, hands, ear, told, count)
    except Unavailable as error:
        task.skip(f"the {step.name} at {where}", str(error))
        return []
    limited = step is GAIN and block == BLOCK and not load
    case: Case = {"sink": "device", "block": block, "load": load, "change": step.name}
    tell(task, step, found, told, case, PORT_NOTE, AT_THE_PORT if limited else ())
    return found


def _tell_load(task: Task, gains: Mapping[int, Sequence[Found]], block: int) -> None:
    """How much longer gains take under load: what is typical, and the tail."""
    times = {load: np.array([each.total_ns for each in found]) - LIMITER_NS for load, found in gains.items()}
    for load in sorted(times.keys() - {IDLE}):
        if IDLE not in times:
            return
        case: Case = {"block": block, "load": load}
        for name, at in (("median", 0.5), ("p99", 0.99)):
            ratio = float(np.quantile(times[load], at) / np.quantile(times[IDLE], at))
            is_judged = name == "p99" and (block, load) == (BLOCK, BUSY)
            is_judged &= min(len(times[load]), len(times[IDLE])) >= SAMPLES_LEAST["p99"]
            limits = BY_HALF if is_judged else ()
            note = f"of {len(times[load])} and {len(times[IDLE])} gains, but for the limiter"
            task.figure(f"{name} under load over idle", "ratio", [ratio], case, limits=limits, note=note)


def _measure_port(task: Task, server: str, block: int) -> None:
    """How long a byte takes to a changed sample, through a client as plain as one can be."""
    count = BYTES_QUICK if task.quick else BYTES

    def play() -> list[float]:
        with NativeJack() as made, made.play(server) as playing, ExitStack() as stack:
            capture = Capture(server, CELL_S)
            stack.callback(capture.close)
            capture.connect()
            time.sleep(SETTLE_S)
            sent_ns = playing.send(count)
            time.sleep(SETTLE_S / 2)
            return heard_ms(capture.take(), sent_ns)

    task.tell(f"{count} bytes to a native JACK client, blocks of {block}")
    case: Case = {"sink": "device", "block": block, "case": FLOOR_PORT}
    try:
        found_ms = play()
    except Unavailable as error:
        task.skip(f"a native JACK client at blocks of {block}", str(error))
        return
    for name in (TOTAL, BUT_LIMITER):
        task.figure(name, "ms", found_ms, case, note="a byte on a pipe to a changed sample at the port")


def _measure_echo(task: Task) -> None:
    """How long a call takes that does nothing."""
    count = ECHOES_QUICK if task.quick else ECHOES
    task.tell(f"{count} echoes")
    random = np.random.default_rng(count)
    took_ms = []
    with Nothing() as nothing, grpc.insecure_channel(nothing.address) as channel:
        echo: Any = channel.unary_unary(ECHO)  # type: ignore[call-arg]  # bytes need no serializers
        for number in range(count + 1):
            began = time.perf_counter()
            echo(b"a wish, as many bytes as one takes, about")
            if number:
                took_ms.append((time.perf_counter() - began) * 1e3)
            time.sleep(random.uniform(0.01, 0.03))
    task.figure(CALL, "ms", took_ms, {"case": FLOOR_ECHO}, note="of a server that does nothing")


def _tell_scheduling(task: Task, daemon: Daemon) -> None:
    """Whether what makes the sound has real-time scheduling: the figures say less without."""
    threads = Path(f"/proc/{daemon.engine_pid()}/task").iterdir()
    policies = {
        os.sched_getscheduler(int(each.name)) & ~getattr(os, "SCHED_RESET_ON_FORK", 0) for each in threads
    }
    real_time = bool(policies & {os.SCHED_FIFO, os.SCHED_RR})
    task.settings(real_time=real_time)
    if not real_time:
        task.skip("real-time scheduling", "it is refused here, and everything was measured without: "
                  "`remixd doctor --realtime` tells what mends it")  # fmt: skip
