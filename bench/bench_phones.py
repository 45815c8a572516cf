"""Do 2,000 phones that wish along leave a session's sound as it is?

The daemon runs as it does for people, with one directed session and one who listens. First nobody else is
there; then phones come by WebSocket, ask every five seconds how the session stands, and wish something. How
late the listener's packets come, beside the most punctual one of the same while, is told; gaps are counted.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.client import AsyncClient
from remixd.units import RATE_HZ

from .browsers import free_port
from .daemons import running_daemon
from .phones import Phones
from .results import Limit
from .runner import Task
from .songs import make_music

PHONES: Final = 2_000
LAST_S: Final = 60.0
LAST_QUICK_S: Final = 10.0
SETTLE_S: Final = 3.0
SONG_S: Final = 20.0
NONE_AT_ALL: Final = (Limit(statistic="max", at_most=0.0),)


def run(task: Task) -> None:
    """Measure."""
    seconds = task.seconds or (LAST_QUICK_S if task.quick else LAST_S)
    task.settings(phones=PHONES, seconds=seconds)
    port = free_port()
    with running_daemon(make_music(SONG_S), None, "--web", f"127.0.0.1:{port}") as daemon:
        with daemon.client() as client:
            session = client.create_session(daemon.track, directed=True).id
        task.tell("nobody but one who listens")
        idle_ms, idle_gaps = asyncio.run(_hear(daemon.address, session, seconds))
        task.tell(f"{PHONES} phones come")
        with Phones(f"ws://127.0.0.1:{port}/v1/ws", session, PHONES) as phones:
            time.sleep(SETTLE_S)
            before = phones.count()
            late_ms, gaps = asyncio.run(_hear(daemon.address, session, seconds))
            told = phones.count()
    alone, crowded = {"phones": 0}, {"phones": PHONES}
    task.figure("lateness of packets", "ms", idle_ms, alone)
    task.figure("lateness of packets", "ms", late_ms, crowded)
    task.figure("missing frames", "count", [idle_gaps], alone, limits=NONE_AT_ALL)
    task.figure("missing frames", "count", [gaps], crowded, limits=NONE_AT_ALL)
    task.figure("answer to a wish", "ms", told["answers_ms"], crowded)
    task.figure(
        "updates a second and phone",
        "count",
        [(told["updates"] - before["updates"]) / seconds / PHONES],
        crowded,
    )
    task.figure("sockets lost", "count", [told["lost"]], crowded, limits=NONE_AT_ALL)
    task.figure("wishes refused", "count", [told["refused"]], crowded, limits=NONE_AT_ALL)


async def _hear(address: str, session: str, seconds: float) -> tuple[NDArray[np.float64], int]:
    """How late each packet came, in ms, and how many frames were missing."""
    found: list[float] = []
    missing, expected = 0, None
    async with AsyncClient(address) as client, client.packets(session) as packets:
        end_s = time.perf_counter() + seconds
        async for packet in packets:
            now_s = time.perf_counter()
            found.append(now_s - packet.sample / RATE_HZ)
            missing += packet.sample - (packet.sample if expected is None else expected)
            expected = packet.sample + len(packet.pcm)
            if now_s >= end_s:
                break
    late_s = np.array(found)
    return (late_s - late_s.min()) * 1000.0, missing
