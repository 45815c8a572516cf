"""How many signals of fans a second does one core take, from the call to taste, ledger and ballot?

A daemon plays one directed session. Batches of 64 come over gRPC, many fans', several calls at a time: wishes
and reactions, as a crowd would send them, each signal new. What the daemon's process spends is read from
/proc, so that the sender costs nothing; what it spends while nobody sends is taken off, and told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Final

import grpc.aio
import numpy as np

from remixd.v1 import audience_pb2, audience_pb2_grpc, common_pb2, sessions_pb2, sessions_pb2_grpc

from .daemons import Daemon, cpu_s, running_daemon
from .results import Case, Limit
from .runner import Task
from .songs import make_music

BATCH: Final = 64
CALLS_AT_ONCE: Final = 4
ROUNDS: Final = 9
ROUNDS_QUICK: Final = 1
SIGNALS: Final = 40_000
SIGNALS_QUICK: Final = 5_000
SETTLE_S: Final = 2.5
SONG_S: Final = 20.0
FANS: Final = (1_000, 20_000)
US_LIMIT: Final = (Limit(statistic="median", at_most=50.0),)
"""20,000 a second."""

DIMENSIONS: Final = ("vocals", "drums", "bass", "other", "brightness", "space")
REACTIONS: Final = (audience_pb2.REACTION_LIKE, audience_pb2.REACTION_DISLIKE, audience_pb2.REACTION_DWELL)


def run(task: Task) -> None:
    """Measure a small crowd and a large one, by wishes alone and mixed with reactions."""
    rounds, count = (ROUNDS_QUICK, SIGNALS_QUICK) if task.quick else (ROUNDS, SIGNALS)
    task.settings(batch=BATCH, calls_at_once=CALLS_AT_ONCE, rounds=rounds, signals=count)
    with running_daemon(make_music(SONG_S)) as daemon:
        for fans in FANS[: 1 if task.quick else None]:
            for kind in ("wishes", "half reactions"):
                task.tell(f"{fans} fans, {kind}")
                asyncio.run(_measure(task, daemon, fans, kind, rounds, count))


async def _measure(task: Task, daemon: Daemon, fans: int, kind: str, rounds: int, count: int) -> None:
    async with grpc.aio.insecure_channel(str(daemon.address)) as channel:
        sessions = sessions_pb2_grpc.SessionsStub(channel)  # type: ignore[no-untyped-call]
        request = sessions_pb2.CreateSessionRequest(
            track=daemon.track, mode=sessions_pb2.SESSION_MODE_DIRECTED, sink="null"
        )
        session = (await sessions.CreateSession(request)).session.id
        stub = audience_pb2_grpc.AudienceStub(channel)  # type: ignore[no-untyped-call]
        batches = _batches(session, fans, kind)
        await _send(stub, batches, 4 * BATCH)  # nobody is measured while they warm up
        idle, spent_us, a_second = await _idle(daemon), [], []
        for _ in range(rounds):
            before_s, began = cpu_s(daemon.pid), time.monotonic()
            sent = await _send(stub, batches, count)
            lasted_s = time.monotonic() - began
            await asyncio.sleep(SETTLE_S)  # what came counts at the next bar
            cost_s = cpu_s(daemon.pid) - before_s - idle * (lasted_s + SETTLE_S)
            spent_us.append(cost_s / sent * 1e6)
            a_second.append(sent / lasted_s)
        await sessions.DeleteSession(sessions_pb2.DeleteSessionRequest(session=session))
    case: Case = {"fans": fans, "signals": kind}
    task.figure("CPU a signal", "us", spent_us, case, limits=US_LIMIT, note="of the daemon, idle taken off")
    task.figure("signals a second a core", "count", [1e6 / each for each in spent_us], case)
    task.figure(
        "signals a second, as sent", "count", a_second, case, note="beside the sender, on shared cores"
    )
    task.figure("CPU when nobody sends", "share", [idle], case, note="of one core")


async def _idle(daemon: Daemon) -> float:
    before_s, began = cpu_s(daemon.pid), time.monotonic()
    await asyncio.sleep(SETTLE_S)
    return (cpu_s(daemon.pid) - before_s) / (time.monotonic() - began)


async def _send(
    stub: audience_pb2_grpc.AudienceStub, batches: Iterator[audience_pb2.SendSignalsRequest], count: int
) -> int:
    """Send that many signals and a few more, some calls at a time; how many. All of them are taken."""
    sent = 0

    async def send() -> None:
        nonlocal sent
        while sent < count:
            sent += BATCH
            response = await stub.SendSignals(next(batches))
            refused = [answer.reason for answer in response.answers if not answer.accepted]
            if refused:
                raise RuntimeError(f"a signal was refused: {refused[0]}")

    await asyncio.gather(*(send() for _ in range(CALLS_AT_ONCE)))
    return sent


def _batches(session: str, fans: int, kind: str) -> Iterator[audience_pb2.SendSignalsRequest]:
    """Batches of signals, none of which came before, from all fans in turn."""
    rng = np.random.default_rng(1)
    number = 0
    while True:
        request = audience_pb2.SendSignalsRequest(session=session)
        for _ in range(BATCH):
            number += 1
            signal = request.signals.add(
                id=f"{number:032x}", fan=f"fan-{number * 7919 % fans:08d}", verified=True
            )
            if kind != "wishes" and number % 2:
                signal.reaction = REACTIONS[number // 2 % len(REACTIONS)]
                signal.amount = 4.0 if signal.reaction == audience_pb2.REACTION_DWELL else 0.0
            else:
                name = DIMENSIONS[number // 2 % len(DIMENSIONS)]
                unit = float(rng.beta(2.0, 2.0))
                value = unit if name == "space" else 12.0 * unit - 9.0
                signal.wishes.append(common_pb2.Wish(dimension=name, value=value))
        yield request
