"""Does every listener hear every sample while signals pour in, and what does an idle daemon cost?

The daemon and its engine run as they do for people. First nothing plays, and the CPU time of both processes
is read from /proc. Then ten four-stem sessions play, each with a listener that counts what is missing, while
signals that move gains, tempo and pitch go to them in turn, one call each.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from remixd.client import AsyncClient, Signal
from remixd.errors import RemixdError, Unavailable
from remixd.units import PACKET_FRAMES, RATE_HZ

from .daemons import Daemon, cpu_s, running_daemon
from .ears import Ear, listening
from .results import Limit
from .runner import Task
from .songs import make_music

SESSIONS: Final = 10
SIGNALS_A_SECOND: Final = 500
LOAD_S: Final = 60.0
LOAD_QUICK_S: Final = 6.0
IDLE_S: Final = 20.0
IDLE_QUICK_S: Final = 6.0
IDLE_WINDOW_S: Final = 2.0
SONG_S: Final = 20.0
IDLE_LIMIT: Final = (Limit(statistic="mean", at_most=0.01),)
NONE_AT_ALL: Final = (Limit(statistic="max", at_most=0.0),)
WISHES: Final[tuple[Mapping[str, float], ...]] = (
    {"vocals": -12.0}, {"drums": -6.0}, {"tempo": 1.06}, {"vocals": 0.0, "bass": -3.0}, {"pitch": 1.0},
    {"drums": 0.0}, {"tempo": 0.96, "other": -6.0}, {"bass": 0.0}, {"pitch": -1.0}, {"other": 0.0},
)  # fmt: skip


def run(task: Task) -> None:
    """Measure the idle daemon, then the loaded one."""
    load_s, idle_s = (LOAD_QUICK_S, IDLE_QUICK_S) if task.quick else (LOAD_S, IDLE_S)
    task.settings(
        sessions=SESSIONS,
        signals_a_second=SIGNALS_A_SECOND,
        load_s=load_s,
        idle_s=idle_s,
        stems=4,
        song_s=SONG_S,
    )
    with running_daemon(make_music(SONG_S)) as daemon:
        pids = {"daemon": daemon.pid, "engine": daemon.engine_pid()}
        task.tell(f"idle for {idle_s:g} s")
        _measure_idle(task, pids, idle_s)
        task.tell(f"{SESSIONS} sessions and {SIGNALS_A_SECOND} signals a second for {load_s:g} s")
        asyncio.run(_measure_load(task, daemon, pids, load_s))


def _measure_idle(task: Task, pids: Mapping[str, int], idle_s: float) -> None:
    shares: dict[str, list[float]] = {name: [] for name in pids}
    for _ in range(round(idle_s / IDLE_WINDOW_S)):
        before, began = {name: cpu_s(pid) for name, pid in pids.items()}, time.monotonic()
        time.sleep(IDLE_WINDOW_S)
        for name, pid in pids.items():
            shares[name].append((cpu_s(pid) - before[name]) / (time.monotonic() - began))
    for name, samples in shares.items():
        task.figure(
            "CPU when idle", "share", samples, {"process": name}, limits=IDLE_LIMIT, note="of one core"
        )


async def _measure_load(task: Task, daemon: Daemon, pids: Mapping[str, int], load_s: float) -> None:
    async with AsyncClient(daemon.address) as client:
        sessions = [await client.create_session(daemon.track, sink="stream") for _ in range(SESSIONS)]
        ears = [Ear(session.id) for session in sessions]
        async with listening(client, ears):
            before_s, began = {name: cpu_s(pid) for name, pid in pids.items()}, time.monotonic()
            underruns = [(await client.session(session.id)).underruns for session in sessions]
            calls_ms, refused = await _send_signals(client, ears, load_s)
            lasted_s = time.monotonic() - began
            spent = {name: (cpu_s(pid) - before_s[name]) / lasted_s for name, pid in pids.items()}
            after = [(await client.session(session.id)).underruns for session in sessions]
    if min(ear.heard_frames for ear in ears) < load_s * RATE_HZ - PACKET_FRAMES:
        raise Unavailable("a listener did not hear the whole of it")
    gaps = [ear.gaps for ear in ears]
    task.figure("gaps in a stream", "count", gaps, {}, limits=NONE_AT_ALL, note="one a stream")
    task.figure("frames missing", "count", [ear.missing_frames for ear in ears], {}, note="one a stream")
    late = [now - then for now, then in zip(after, underruns, strict=True)]
    task.figure("packets rendered late", "count", late, {}, limits=NONE_AT_ALL, note="one a session")
    task.figure("signal call", "ms", calls_ms, {}, note="sent to answered, as one client sees it")
    task.figure("signals a second", "count", [len(calls_ms) / lasted_s], {})
    task.figure("signals refused", "count", [refused], {}, limits=NONE_AT_ALL)
    for name, share in spent.items():
        task.figure("CPU under load", "share", [share], {"process": name}, note="of one core")


async def _send_signals(client: AsyncClient, ears: list[Ear], load_s: float) -> tuple[list[float], int]:
    """Send signals at an even pace, whether or not the ones before are answered."""
    calls_ms: list[float] = []
    refused = 0

    async def send(number: int) -> None:
        nonlocal refused
        signal = Signal(id=str(number), fan="", wishes=WISHES[number // len(ears) % len(WISHES)])
        began = time.perf_counter()
        try:
            answers = await client.send(ears[number % len(ears)].session, [signal])
            refused += not answers[0].accepted
        except RemixdError:
            refused += 1
        calls_ms.append((time.perf_counter() - began) * 1e3)

    began = time.monotonic()
    async with asyncio.TaskGroup() as calls:
        for number in range(round(load_s * SIGNALS_A_SECOND)):
            ahead_s = began + number / SIGNALS_A_SECOND - time.monotonic()
            if ahead_s > 0:
                await asyncio.sleep(ahead_s)
            calls.create_task(send(number))
    return calls_ms, refused
