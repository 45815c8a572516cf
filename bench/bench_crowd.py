"""What does it cost to serve a crowd on one session, and does anybody else notice?

Listeners and watchers, in a process of their own, join one session. Beside them another session plays to one
listener, and signals go to it one by one: what those two feel is what the crowd does to others. The daemon's
CPU time and memory are read from /proc.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.client import AsyncClient, Signal
from remixd.units import RATE_HZ

from .crowd import Crowd
from .daemons import Daemon, cpu_s, memory_bytes, running_daemon
from .ears import Ear, listening
from .results import Case, Limit
from .runner import Task
from .songs import make_music

CROWDS: Final = ((0, 0), (0, 50), (0, 200), (50, 0), (200, 0), (200, 50))
"""Listeners and watchers."""
CROWDS_QUICK: Final = (0, 5)
"""Which of them."""

LAST_S: Final = 15.0
LAST_QUICK_S: Final = 2.5
SETTLE_S: Final = 1.0
CALL_EVERY_S: Final = 0.05
SONG_S: Final = 20.0
NONE_AT_ALL: Final = (Limit(statistic="max", at_most=0.0),)


def run(task: Task) -> None:
    """Measure each crowd."""
    last_s = LAST_QUICK_S if task.quick else LAST_S
    task.settings(last_s=last_s, call_every_s=CALL_EVERY_S)
    with running_daemon(make_music(SONG_S)) as daemon:
        for listeners, watchers in [CROWDS[at] for at in CROWDS_QUICK] if task.quick else CROWDS:
            task.tell(f"{listeners} listeners and {watchers} watchers for {last_s:g} s")
            asyncio.run(_measure(task, daemon, listeners, watchers, last_s))


async def _measure(task: Task, daemon: Daemon, listeners: int, watchers: int, last_s: float) -> None:
    async with AsyncClient(daemon.address) as client:
        crowded = (await client.create_session(daemon.track, sink="stream")).id
        quiet = (await client.create_session(daemon.track, sink="stream")).id
        crowd = await asyncio.to_thread(Crowd, daemon.address, crowded, listeners, watchers)
        try:
            bystander = Ear(quiet)
            async with listening(client, [bystander]):
                await asyncio.sleep(SETTLE_S)
                before, spent_s, began = crowd.count(), cpu_s(daemon.pid), time.monotonic()
                gaps = bystander.gaps
                calls_ms = await _call(client, quiet, last_s)
                after, lasted_s = crowd.count(), time.monotonic() - began
                spent_s = cpu_s(daemon.pid) - spent_s
                gaps = bystander.gaps - gaps
            resident = memory_bytes(daemon.pid)
        finally:
            crowd.close()
        await client.delete_session(crowded)
        await client.delete_session(quiet)
    counts = {name: after[name] - before[name] for name in after}
    case: Case = {"listeners": listeners, "watchers": watchers}
    task.figure("CPU of the daemon", "share", [spent_s / lasted_s], case, note="of one core")
    task.figure("memory of the daemon", "MB", [resident / 1e6], case)
    task.figure("another's signal call", "ms", calls_ms, case)
    task.figure("another listener's gaps", "count", [gaps], case, limits=NONE_AT_ALL)
    _tell_crowd(task, counts, lasted_s, spent_s, case)


def _tell_crowd(
    task: Task, counts: dict[str, NDArray[np.int64]], lasted_s: float, spent_s: float, case: Case
) -> None:
    if case["listeners"]:
        task.figure("packets a second", "count", counts["packets"] / lasted_s, case, note="one a listener")
        heard = counts["frames"] / RATE_HZ / lasted_s
        task.figure("heard", "share", heard, case, note="of the sound, one a listener")
        missing = counts["missing"] / RATE_HZ / lasted_s
        task.figure("missing", "share", missing, case, note="of the sound, one a listener")
    if case["watchers"]:
        task.figure("updates a second", "count", counts["updates"] / lasted_s, case, note="one a watcher")
    messages = int(counts["packets"].sum() + counts["updates"].sum())
    if messages:
        each_us = spent_s * 1e6 / messages
        task.figure("CPU a message", "us", [each_us], case, note="all of the daemon's, over what it sent")


async def _call(client: AsyncClient, session: str, last_s: float) -> list[float]:
    """Send signals one by one; how long each call took, in milliseconds."""
    calls_ms: list[float] = []
    ends = time.monotonic() + last_s
    while time.monotonic() < ends:
        began = time.perf_counter()
        await client.send(session, [Signal(id="x", fan="", wishes={"vocals": -float(len(calls_ms) % 6)})])
        calls_ms.append((time.perf_counter() - began) * 1e3)
        await asyncio.sleep(CALL_EVERY_S)
    return calls_ms
