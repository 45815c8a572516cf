"""A hundred sessions on one engine, in turns with a native thread that keeps the same time.

The daemon and its engine run as they do for people. This process is their clients: it makes, steers and
deletes sessions, ten of which it listens to. It also reads every ring in shared memory.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from remixd.client import AsyncClient
from remixd.control.admission import FULL
from remixd.control.score import LEAD_NS

from . import ours, steering
from .daemons import Daemon, cpu_s, memory_bytes, running_daemon
from .native import Lateness, Native, Thread, ratio_upper
from .results import Limit
from .rings import PERIOD_NS, Rings
from .runner import Task
from .songs import make_music

SONG_S: Final = 20.0
TURNS: Final = 10
TURN_S: Final = 60.0
TURNS_QUICK: Final = 1
TURN_QUICK_S: Final = 5.0
SETTLE_S: Final = 3.0
GENERATIONS: Final = 2
GENERATIONS_QUICK: Final = 1
READ_S: Final = 0.1
STEPS_NS: Final = (LEAD_NS, LEAD_NS // 2, LEAD_NS // 4, LEAD_NS // 8)
"""Late is what takes longer than its lead. How many take longer than a part of it tells of the same in more
blocks."""

NATIVE: Final = "native thread"
ONE_AND_A_HALF: Final = (Limit(statistic="max", at_most=1.5),)
STEADY: Final = (Limit(statistic="max", at_most=1.02),)
NONE_AT_ALL: Final = (Limit(statistic="max", at_most=0.0),)


@dataclass(frozen=True, slots=True)
class Spent:
    """What a turn of ours took, for the native thread to take the same: see `Native.paced`."""

    phases_ns: list[int]
    burn_ns: int
    thread: Thread
    beside: float


def measure(task: Task) -> None:
    """Take turns with the native thread, if there can be one."""
    turns, turn_s = (TURNS_QUICK, TURN_QUICK_S) if task.quick else (TURNS, TURN_S)
    task.settings(
        sessions=steering.SESSIONS, signals_a_second=steering.SIGNALS_A_SECOND, batch=steering.BATCH,
        lives_s=steering.LIVES_S, followed=steering.FOLLOWED, lead_ms=LEAD_NS / 1e6, turns=turns,
        turn_s=turn_s,
    )  # fmt: skip
    try:
        native: Native | None = Native()
    except OSError as error:
        task.skip("sessions in turns with a native thread", str(error))
        native = None
    here: list[Lateness] = []
    there: list[Lateness] = []
    memories: list[dict[str, int]] = []
    with running_daemon(make_music(SONG_S), None, "--engines", "1") as daemon:
        generations = GENERATIONS_QUICK if task.quick else GENERATIONS
        task.tell(f"{generations} generations of sessions to warm up")
        asyncio.run(_warm_up(daemon, generations))
        for turn in range(turns):
            task.tell(f"{steering.SESSIONS} sessions, turn {turn + 1} of {turns}")
            spent, lateness, memory = asyncio.run(_our_turn(task, daemon, turn, turn_s))
            here.append(lateness)
            memories.append(memory)
            if native is not None:
                task.tell(f"{NATIVE}, turn {turn + 1} of {turns}")
                there.append(_native_turn(native, spent, turn_s))
    _tell_memory(task, memories)
    if native is not None:
        native.close()
        _tell_lateness(task, turn_s, here, there)


async def _warm_up(daemon: Daemon, generations: int) -> None:
    """The first generation has pages that are never touched, the second has all of them."""
    async with AsyncClient(daemon.address, timeout_s=30.0) as client:
        for generation in range(generations):
            await steering.Steering(client, daemon.track, generation).run(0.0, asyncio.Event())


async def _our_turn(
    task: Task, daemon: Daemon, turn: int, seconds: float
) -> tuple[Spent, Lateness, dict[str, int]]:
    """What a turn took, how late it was, and the memory of the processes at its end."""
    rings = Rings(daemon.runtime, LEAD_NS, STEPS_NS)
    pids = {"daemon": daemon.pid, "engine": daemon.engine_pid()}
    settled = asyncio.Event()
    async with AsyncClient(daemon.address, timeout_s=30.0) as client:
        steered = steering.Steering(client, daemon.track, turn)
        work = asyncio.create_task(steered.run(SETTLE_S + seconds, settled))
        await _read_until(rings, lambda: settled.is_set() or work.done())
        settles_s = time.monotonic() + SETTLE_S
        await _read_until(rings, lambda: time.monotonic() >= settles_s)
        before, lateness = _times(pids), rings.lateness
        ends_s = time.monotonic() + seconds - READ_S
        await _read_until(rings, lambda: time.monotonic() >= ends_s)
        spent = {name: now - before[name] for name, now in _times(pids).items()}
        lateness, phases_ns = rings.lateness.since(lateness), rings.phases_ns
        memory = {name: memory_bytes(pid) for name, pid in pids.items()}
        thread = _thread_of(_render_thread(pids["engine"]))
        await _read_until(rings, work.done)
        await work
    shares = {name: each / spent["wall"] for name, each in spent.items()}
    _tell_turn(task, turn, steered, rings, shares)
    beside = shares["daemon"] + shares["engine"] - shares["render thread"] + shares["clients"]
    burn_ns = round(spent["render thread"] * 1e9 / lateness.blocks)
    return Spent(phases_ns, burn_ns, thread, beside), lateness, memory


async def _read_until(rings: Rings, done: Callable[[], bool]) -> None:
    while not done():
        rings.read()
        await asyncio.sleep(READ_S)


def _tell_turn(
    task: Task, turn: int, steered: steering.Steering, rings: Rings, shares: dict[str, float]
) -> None:
    case = {"turn": turn}
    hands = steered.hands
    task.figure("gaps in a ring", "count", [rings.gaps], case, limits=NONE_AT_ALL, note="in all rings")
    note = "this reader came too late: its own doing"
    task.figure("packets not seen", "count", [rings.overwritten], case, note=note)
    gaps = [ear.gaps for ear in steered.ears]
    task.figure("gaps in a stream", "count", gaps, case, limits=NONE_AT_ALL, note="one a listener, over gRPC")
    task.figure("sessions made", "count", [steered.made], case)
    task.figure("sessions turned away", "count", [steered.turned_away], case, limits=NONE_AT_ALL)
    task.figure("signals sent", "count", [sum(hand.sent for hand in hands)], case)
    task.figure("signals refused", "count", [sum(hand.refused for hand in hands)], case, limits=NONE_AT_ALL)
    followed = [hand for hand in hands if hand.followed]
    astray = [len(hand.unanswered) + hand.surplus for hand in followed]
    note = "not answered, or twice; one a session that is watched"
    task.figure("second answers astray", "count", astray, case, limits=NONE_AT_ALL, note=note)
    for name in ("render thread", "engine", "daemon", "clients"):
        task.figure("CPU", "share", [shares[name]], {"of": name, **case}, note="of one core")
    fit = steering.SESSIONS * FULL / shares["render thread"]
    task.figure("sessions that fit an engine", "count", [fit], case, note=f"{FULL:.0%} of its core")


def _tell_memory(task: Task, memories: list[dict[str, int]]) -> None:
    """Memory at the end of each turn over that at the end of the first, after which all is warm."""
    if len(memories) < 2:
        task.skip("memory over that of the first turn", "there was one turn only")
        return
    for name, first in memories[0].items():
        ratios = [each[name] / first for each in memories[1:]]
        note = f"at the end of each turn; {first / 1e6:.0f} MB then"
        task.figure(
            "memory over that of the first turn", "ratio", ratios, {"of": name}, limits=STEADY, note=note
        )


def _native_turn(native: Native, spent: Spent, seconds: float) -> Lateness:
    return native.paced(
        spent.phases_ns, PERIOD_NS, spent.burn_ns, seconds,
        thread=spent.thread, beside=spent.beside, steps_ns=STEPS_NS,
    )  # fmt: skip


def _tell_lateness(task: Task, turn_s: float, here: list[Lateness], there: list[Lateness]) -> None:
    """Blocks that are late, and stalls, in which many may be: those are independent of each other."""
    blocks = [sum(turn.blocks for turn in each) for each in (here, there)]
    for step, step_ns in enumerate(STEPS_NS):
        case = {"longer than": f"{step_ns / 1e6:g} ms"}
        for name in ("blocks", "stalls"):
            counts = [
                [(turn.longer if name == "blocks" else turn.stalls)[step] for turn in each]
                for each in (here, there)
            ]
            for system, late, total in zip((ours.NAME, NATIVE), counts, blocks, strict=True):
                note = f"a turn of {turn_s:g} s; {total} blocks in all"
                task.figure(f"late {name}", "count", late, {"system": system, **case}, note=note)
            upper = ratio_upper(sum(counts[0]), blocks[0], sum(counts[1]), blocks[1])
            if not np.isfinite(upper):
                reason = f"it had none; ours were {sum(counts[0])}"
                task.skip(f"late {name} over the {NATIVE}'s, {case['longer than']}", reason)
                continue
            note = "the upper 95 % limit of a ratio of Poisson rates"
            limits = () if step or name != "blocks" else ONE_AND_A_HALF
            task.figure(f"late {name} over the {NATIVE}'s", "ratio", [upper], case, limits=limits, note=note)


def _times(pids: dict[str, int]) -> dict[str, float]:
    """CPU seconds so far, and the wall's."""
    render_s = _thread_s(pids["engine"], _render_thread(pids["engine"]))
    spent = {name: cpu_s(pid) for name, pid in pids.items()}
    return {**spent, "render thread": render_s, "clients": time.process_time(), "wall": time.monotonic()}


def _render_thread(engine: int) -> int:
    """The thread of an engine that has worked most but for the first, which is housekeeping."""
    threads = {int(path.name) for path in Path(f"/proc/{engine}/task").iterdir()} - {engine}
    return max(threads, key=lambda thread: _thread_s(engine, thread))


def _thread_s(process: int, thread: int) -> float:
    return int(Path(f"/proc/{process}/task/{thread}/schedstat").read_text("ascii").split()[0]) / 1e9


def _thread_of(thread: int) -> Thread:
    cores = os.sched_getaffinity(thread)
    priority = os.sched_getparam(thread).sched_priority
    return Thread(os.sched_getscheduler(thread), priority, min(cores) if len(cores) == 1 else -1)
