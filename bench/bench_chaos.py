"""How soon is there sound again when an engine is killed, and what is lost when the daemon is?

Sessions play on two engines, each with a listener and a stream of signals. Again and again one of the engines
is killed by SIGKILL in mid-song; the time counts from the kill to the moment at which its heir had rendered
the first packet of each session. Every signal that was accepted must be answered, and nobody who listens to
the other engine may miss a frame. In the end the daemon itself is killed, and another started. Then a hundred
sessions that are steered play on one engine, and that one is killed.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import time
from collections.abc import Callable
from typing import Final

from remixd._kernel.shared import SessionMemory
from remixd.client import Applied, AsyncClient, Refused, Signal
from remixd.errors import RemixdError, Unavailable
from remixd.units import RATE_HZ

from . import steering
from .daemons import Daemon, running_daemon
from .ears import Ear, listening
from .results import Limit
from .runner import Task
from .songs import make_music

KILLS: Final = 50
KILLS_QUICK: Final = 2
SESSIONS: Final = 4
SIGNALS_A_SECOND: Final = 10
CROWD: Final = 100
CROWD_KILLS: Final = 10
CROWD_KILLS_QUICK: Final = 1
BETWEEN_S: Final = 2.5
PATIENCE_S: Final = 30.0
SONG_S: Final = 20.0
SOON: Final = (Limit(statistic="max", at_most=500.0),)
NONE_AT_ALL: Final = (Limit(statistic="max", at_most=0.0),)


class Wisher:
    """Sends signals to a session, and counts what becomes of them."""

    def __init__(self, client: AsyncClient, session: str) -> None:
        self.session = session
        self.waiting: set[str] = set()
        self.sent = 0
        self.ends = False
        self._client = client

    async def send(self) -> None:
        """Send until `ends` is set."""
        while not self.ends:
            number = str(self.sent)
            self.waiting.add(number)
            wish = {"bass": -float(self.sent % 6), "drums": -float(self.sent % 5)}
            try:
                [answer] = await self._client.send(self.session, [Signal(id=number, fan="", wishes=wish)])
                if not answer.accepted:
                    self.waiting.discard(number)
            except RemixdError:  # not accepted, and told
                self.waiting.discard(number)
            self.sent += 1
            await asyncio.sleep(1 / SIGNALS_A_SECOND)

    async def follow(self) -> None:
        """Take the answers until cancelled."""
        async with self._client.watch(self.session) as events:
            async for event in events:
                if isinstance(event, Applied | Refused):
                    self.waiting.discard(event.id)


def run(task: Task) -> None:
    """Kill engines, then the daemon."""
    kills = KILLS_QUICK if task.quick else KILLS
    task.settings(kills=kills, sessions=SESSIONS, signals_a_second=SIGNALS_A_SECOND, stems=4, song_s=SONG_S)
    with running_daemon(make_music(SONG_S), None, "--engines", "2") as daemon:
        asyncio.run(_kill_engines(task, daemon, kills))
        task.tell("killing the daemon")
        _kill_daemon(task, daemon)
    with running_daemon(make_music(SONG_S), None, "--engines", "1") as daemon:
        asyncio.run(_kill_under_a_crowd(task, daemon, CROWD_KILLS_QUICK if task.quick else CROWD_KILLS))


async def _kill_engines(task: Task, daemon: Daemon, kills: int) -> None:
    again_ms: list[float] = []
    missing_ms: list[float] = []
    disturbed = 0
    async with AsyncClient(daemon.address) as client:
        sessions = [await client.create_session(daemon.track, sink="stream") for _ in range(SESSIONS)]
        ears = [Ear(each.id) for each in sessions]
        wishers = [Wisher(client, each.id) for each in sessions]
        works = [asyncio.create_task(each.follow()) for each in wishers]
        async with listening(client, ears):
            works += [asyncio.create_task(each.send()) for each in wishers]
            for number in range(kills):
                task.tell(f"kill {number + 1} of {kills}")
                await asyncio.sleep(BETWEEN_S)
                await _until(lambda: len(daemon.engine_pids()) == 3)
                found = [await client.session(each.id) for each in sessions]
                victim = found[number % SESSIONS].engine_pid
                before = [ear.missing_frames for ear in ears]
                hit = [each.engine_pid == victim for each in found]
                again_ms += await _kill(daemon, victim, sum(hit))
                await asyncio.sleep(0.5)
                lost = [ear.missing_frames - then for ear, then in zip(ears, before, strict=True)]
                missing_ms += [1e3 * each / RATE_HZ for each, was in zip(lost, hit, strict=True) if was]
                disturbed += sum(bool(each) for each, was in zip(lost, hit, strict=True) if not was)
            for wisher in wishers:
                wisher.ends = True
            await asyncio.sleep(1.0)
        for each in works:
            each.cancel()
        await asyncio.gather(*works, return_exceptions=True)
    task.figure("sound again", "ms", again_ms, {}, limits=SOON, note="SIGKILL to the first packet rendered")
    task.figure("missing in a stream", "ms", missing_ms, {}, note="of the sound, one a stream and kill")
    lost_orders = [len(each.waiting) for each in wishers]
    task.figure("signals sent", "count", [each.sent for each in wishers], {}, note="one a session")
    task.figure("signals lost", "count", lost_orders, {}, limits=NONE_AT_ALL, note="accepted, never answered")
    task.figure("other sessions disturbed", "count", [disturbed], {}, limits=NONE_AT_ALL)


async def _kill(daemon: Daemon, victim: int, count: int) -> list[float]:
    """Kill an engine; how long until each of its sessions was rendered again, in ms."""
    before = daemon.memories()
    killed_ns = time.monotonic_ns()
    os.kill(victim, signal.SIGKILL)
    again: dict[str, float] = {}

    def all_again() -> bool:
        for key, memory in daemon.memories().items():
            packet = memory.ring.read(1)
            if key in before and key not in again and packet and packet.rendered_ns > killed_ns:
                again[key] = (packet.rendered_ns - killed_ns) / 1e6
        return len(again) == count

    await _until(all_again)
    return list(again.values())


async def _until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > ends:
            raise Unavailable(f"it did not happen within {PATIENCE_S:g} s")
        await asyncio.sleep(0.005)


async def _kill_under_a_crowd(task: Task, daemon: Daemon, kills: int) -> None:
    again_ms: list[float] = []
    async with AsyncClient(daemon.address, timeout_s=PATIENCE_S) as client:
        sessions = [(await client.create_session(daemon.track, sink="stream")).id for _ in range(CROWD)]
        hands = [steering.Hand(number) for number in range(CROWD)]
        works = [
            asyncio.create_task(hand.steer(client, session, math.inf))
            for hand, session in zip(hands, sessions, strict=True)
        ]
        for number in range(kills):
            task.tell(f"kill {number + 1} of {kills}, under {CROWD} sessions")
            await asyncio.sleep(BETWEEN_S)
            await _until(lambda: len(daemon.engine_pids()) == 2)
            again_ms += await _kill(daemon, daemon.engine_pid(), CROWD)
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        lost = sum(session.state != "playing" for session in await client.sessions())
    name = "sound again, many on one engine"
    note = f"SIGKILL to the first packet rendered; {CROWD} sessions"
    task.figure(name, "ms", again_ms, {}, limits=SOON, note=note)
    task.figure("sessions lost, many on one engine", "count", [lost], {}, limits=NONE_AT_ALL)


def _kill_daemon(task: Task, daemon: Daemon) -> None:
    time.sleep(BETWEEN_S)
    with daemon.client() as client:
        before = {each.id: each.engine_pid for each in client.sessions()}
    memories = daemon.memories()
    samples = {key: _newest(memory) for key, memory in memories.items()}
    began_s, began_ns = time.monotonic(), time.monotonic_ns()
    daemon.replace()
    with daemon.client() as client:
        after = {each.id: each.engine_pid for each in client.sessions()}
        gone_s = time.monotonic() - began_s
    behind = [
        (time.monotonic_ns() - began_ns) * RATE_HZ / 1e9 - (_newest(memory) - samples[key])
        for key, memory in memories.items()
    ]
    task.figure("daemon back", "ms", [gone_s * 1e3], {}, note="killed to answering about its sessions")
    task.figure(
        "sessions not adopted", "count", [len(before.items() - after.items())], {}, limits=NONE_AT_ALL
    )
    task.figure("clock behind", "ms", [1e3 * each / RATE_HZ for each in behind], {}, note="one a session")


def _newest(memory: SessionMemory) -> int:
    packet = memory.ring.read(memory.ring.newest)
    return packet.sample if packet else 0
