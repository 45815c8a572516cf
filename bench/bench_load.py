"""Does every fan hear every packet on time while signals pour in, and what does an idle daemon cost?

The daemon, its engine and its encoder run as they do for people. First nothing plays, and their CPU time is
read from /proc. Then as many fans come, each with a directed session of their own heard in Opus and 20
signals a second in batches, as fit into 80 % of what this machine's cores were measured to give, the fans'
own process included, and 20 at the least. How late their packets come is compared with a stream behind which
is nothing, and how long a call takes with an echo, in the same minutes. Last, 500 watchers come and go: does
a block cost more?
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import grpc.aio
import numpy as np

from remixd.client import AsyncClient
from remixd.errors import Exhausted, Unavailable
from remixd.units import RATE_HZ
from remixd.v1 import audience_pb2, audience_pb2_grpc, common_pb2

from .crowd import Crowd
from .daemons import Daemon, cpu_s, running_daemon
from .fans import BATCH, SIGNALS_A_SECOND, Fans
from .nothing import ECHO, Nothing
from .results import Case, Limit
from .runner import Task
from .songs import make_music

FANS_LEAST: Final = 20
FANS_MOST: Final = 60
FANS_MOST_QUICK: Final = 20
FANS_STEP: Final = 4
FILL: Final = 0.8
LOAD_S: Final = 300.0
LOAD_QUICK_S: Final = 5.0
SETTLE_S: Final = 2.0
LOOK_S: Final = 4.0
IDLE_S: Final = 20.0
IDLE_QUICK_S: Final = 4.0
IDLE_WINDOW_S: Final = 2.0
CALL_EVERY_S: Final = 0.02
QUIET_S: Final = 20.0
WATCHERS: Final = 500
WATCHED_SESSIONS: Final = 8
WATCHED_S: Final = 6.0
WATCHED_QUICK_S: Final = 1.5
WATCHED_PAIRS: Final = 6
SONG_S: Final = 20.0
LATE_MS: Final = 20.0

IDLE_LIMIT: Final = (Limit(statistic="mean", at_most=0.01),)
NONE_AT_ALL: Final = (Limit(statistic="max", at_most=0.0),)
ON_TIME: Final = (Limit(statistic="max", at_most=LATE_MS),)
CALLS_LIMIT: Final = (Limit(statistic="max", at_most=1.5),)
WATCHED_LIMIT: Final = (Limit(statistic="median", at_most=1.05),)
SPIN_S: Final = 2.0
SPIN: Final = (
    "import time; e = time.monotonic() + {}\nwhile time.monotonic() < e: pass\nprint(time.process_time())"
)


def run(task: Task) -> None:
    """Measure the idle daemon, the fans, calls beside nothing else, and the watchers."""
    load_s = task.seconds or (LOAD_QUICK_S if task.quick else LOAD_S)
    capacity = _capacity()
    task.settings(
        load_s=load_s,
        signals_a_second=SIGNALS_A_SECOND,
        batch=BATCH,
        stems=4,
        song_s=SONG_S,
        capacity_cores=capacity,
    )
    with running_daemon(make_music(SONG_S)) as daemon, Nothing() as nothing:
        idle_s = IDLE_QUICK_S if task.quick else IDLE_S
        task.tell(f"idle for {idle_s:g} s")
        _measure_idle(task, daemon, idle_s)
        with Fans(daemon.address, nothing.address, daemon.track) as fans:
            count = _fill(task, daemon, nothing, fans, capacity)
            task.tell(f"{count} fans for {load_s:g} s")
            asyncio.run(_measure_load(task, daemon, nothing, fans, load_s))
        with daemon.client() as client:
            for session in client.sessions():
                client.delete_session(session.id)
        task.tell("calls beside an echo")
        quiet_s = min(QUIET_S, load_s)
        asyncio.run(_measure_calls(task, daemon, nothing, quiet_s, {"beside": "nothing else"}))
        task.tell(f"{WATCHERS} watchers come and go")
        _measure_watchers(task, daemon)


def _capacity() -> float:
    """How many cores this machine gives who wants all of them."""
    command = [sys.executable, "-c", SPIN.format(SPIN_S)]
    cores = len(os.sched_getaffinity(0))
    spinning = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(cores)]
    return min(sum(float(each.communicate()[0]) for each in spinning) / SPIN_S, float(cores))


def _children(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text("utf-8").split():
            found += _children(int(child))
    return found


def _named(daemon: Daemon) -> dict[str, int]:
    """The daemon's processes by what they are; engines that wait are left out."""
    found = {"daemon": daemon.pid, "engine": daemon.engine_pid()}
    for pid in _children(daemon.pid):
        if b"remixd.encoder" in Path(f"/proc/{pid}/cmdline").read_bytes():
            found["encoder"] = pid
    return found


def _spent_s(pids: Iterable[int]) -> float:
    return sum(cpu_s(pid) for pid in pids)


def _measure_idle(task: Task, daemon: Daemon, idle_s: float) -> None:
    pids = _named(daemon)
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


def _fill(task: Task, daemon: Daemon, nothing: Nothing, fans: Fans, capacity: float) -> int:
    """Let fans come until there is no room for more; how many there are."""
    fans.add(FANS_LEAST)
    count = FANS_LEAST
    most = FANS_MOST_QUICK if task.quick else FANS_MOST
    while count < most:
        time.sleep(SETTLE_S)
        pids = [*_children(daemon.pid), nothing.pid, fans.pid]
        before_s, began = _spent_s(pids), time.monotonic()
        time.sleep(LOOK_S)
        taken = (_spent_s(pids) - before_s) / (time.monotonic() - began)
        task.tell(f"{count} fans take {taken:.2f} of {capacity:.2f} cores")
        more = min(FANS_STEP, most - count)
        if taken * (count + more) / count > FILL * capacity:
            return count
        try:
            fans.add(more)
        except Exhausted as error:
            task.skip("more fans", str(error))
            return count
        count += more
    return count


async def _measure_load(task: Task, daemon: Daemon, nothing: Nothing, fans: Fans, load_s: float) -> None:
    named = _named(daemon) | {"fans": fans.pid, "nothing": nothing.pid}
    fans.begin()
    before = {name: cpu_s(pid) for name, pid in named.items()}
    began = time.monotonic()
    await _measure_calls(task, daemon, nothing, load_s, {"beside": "all fans"})
    lasted_s = time.monotonic() - began
    spent = {name: (cpu_s(pid) - before[name]) / lasted_s for name, pid in named.items()}
    heard = fans.end(_due_s(daemon))
    _tell_load(task, heard, spent, lasted_s)


def _due_s(daemon: Daemon) -> list[float]:
    """When sample 0 of each fan's session was due, in the order in which they came."""
    memories = daemon.memories()
    found = []
    for name in sorted(memories, key=lambda name: int(name.partition("-")[2])):
        ring = memories[name].ring
        entry = ring.read(ring.newest)
        if entry is None:
            raise Unavailable(f"{name} does not play")
        found.append(entry.due_ns / 1e9 - entry.sample / RATE_HZ)
    return found


def _tell_load(task: Task, heard: Mapping[str, Any], spent: Mapping[str, float], lasted_s: float) -> None:
    task.figure("fans", "count", [len(heard["gaps"])], {})
    shares = [frames / RATE_HZ / lasted_s for frames in heard["heard_frames"]]
    task.figure("heard", "share", shares, {}, note="of the time, one a fan")
    task.figure("gaps in a stream", "count", heard["gaps"], {}, limits=NONE_AT_ALL, note="one a fan")
    task.figure("frames missing", "count", heard["missing_frames"], {}, note="one a fan")
    note = "one a fan: after its first frame was due; negative is early"
    task.figure("packets late, p99", "ms", heard["late_ms"], {}, note=note)
    task.figure("packets late, median to p99", "ms", heard["spread_ms"], {}, note="one a fan")
    task.figure("nothing late, p99", "ms", [heard["nothing_ms"]], {}, note="of messages without a sound")
    task.figure("nothing late, median to p99", "ms", [heard["nothing_spread_ms"]], {})
    beside_ms = heard["all_ms"] - heard["nothing_ms"]
    task.figure(
        "packets later than nothing, p99", "ms", [beside_ms], {}, limits=ON_TIME, note="all fans' together"
    )
    task.figure("signals a second", "count", [heard["signals"] / lasted_s], {})
    task.figure("signals refused", "count", [heard["refused"]], {}, limits=NONE_AT_ALL)
    task.figure("a batch of signals", "ms", heard["batch_ms"], {}, note="sent to answered, on its stream")
    for name, share in spent.items():
        task.figure("CPU under load", "share", [share], {"process": name}, note="of one core")


async def _measure_calls(task: Task, daemon: Daemon, nothing: Nothing, last_s: float, case: Case) -> None:
    """Call the daemon and the echo in turn, at an even pace."""
    async with (
        AsyncClient(daemon.address) as client,
        grpc.aio.insecure_channel(daemon.address) as asked,
        grpc.aio.insecure_channel(nothing.address) as echoing,
    ):
        session = (await client.create_session(daemon.track, sink="null")).id
        audience: Any = audience_pb2_grpc.AudienceStub(asked)  # type: ignore[no-untyped-call]
        echo: Any = echoing.unary_unary(ECHO)  # type: ignore[call-arg]  # bytes need no serializers
        calls: dict[str, Callable[[int], Awaitable[Any]]] = {
            "signal": lambda number: audience.SendSignals(_signal(session, number)),
            "echo": lambda number: echo(_signal(session, number).SerializeToString()),
        }
        took_ms: dict[str, list[float]] = {name: [] for name in calls}
        ends, number = time.monotonic() + last_s, 0
        while time.monotonic() < ends:
            number += 1
            for name in sorted(
                calls, reverse=number % 2 == 0
            ):  # none is always the one that finds caches cold
                began = time.perf_counter()
                await calls[name](number)
                took_ms[name].append((time.perf_counter() - began) * 1e3)
            await asyncio.sleep(CALL_EVERY_S)
        await client.delete_session(session)
    for name, samples in took_ms.items():
        task.figure(f"{name} call", "ms", samples, case)
    p99_ms = {name: float(np.quantile(samples, 0.99)) for name, samples in took_ms.items()}
    task.figure("call over echo, p99", "ratio", [p99_ms["signal"] / p99_ms["echo"]], case, limits=CALLS_LIMIT)


def _signal(session: str, number: int) -> audience_pb2.SendSignalsRequest:
    wish = common_pb2.Wish(dimension="vocals", value=-float(number % 6))
    return audience_pb2.SendSignalsRequest(
        session=session, signals=[audience_pb2.Signal(id=str(number), wishes=[wish])]
    )


def _measure_watchers(task: Task, daemon: Daemon) -> None:
    """Have the engine play the same with and without watchers, in turn."""
    pairs, seconds = (1, WATCHED_QUICK_S) if task.quick else (WATCHED_PAIRS, WATCHED_S)
    with daemon.client() as client:
        made = [
            client.create_session(daemon.track, directed=True, sink="null").id
            for _ in range(WATCHED_SESSIONS)
        ]
        ratios, updates = [], []
        for _ in range(pairs):
            alone = _block_cost(daemon, seconds)
            with Crowd(daemon.address, made[0], 0, WATCHERS) as crowd:
                watched = _block_cost(daemon, seconds)
                updates.append(float(crowd.count()["updates"].min()))
            ratios.append(watched / alone)
        for session in made:
            client.delete_session(session)
    case: Case = {"watchers": WATCHERS, "sessions": WATCHED_SESSIONS}
    note = "the engine's CPU time, with over without"
    task.figure("block cost when watched", "ratio", ratios, case, limits=WATCHED_LIMIT, note=note)
    task.figure("updates of who got the fewest", "count", updates, case)


def _block_cost(daemon: Daemon, seconds: float) -> float:
    """The share of a core that the engine takes."""
    pid = daemon.engine_pid()
    time.sleep(SETTLE_S)
    before_s, began = _scheduled_s(pid), time.monotonic()
    time.sleep(seconds)
    return (_scheduled_s(pid) - before_s) / (time.monotonic() - began)


def _scheduled_s(pid: int) -> float:
    """CPU time of all threads, to the microsecond, where `cpu_s` counts in hundredths of a second."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text("utf-8").split()[0]) for thread in threads) / 1e9
