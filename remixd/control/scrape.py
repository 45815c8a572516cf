"""Figures that are looked up when Prometheus asks, and queues that are looked at once a second.

Thread: [control].
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from remixd.control.engine import Engine
from remixd.control.metrics import Metrics
from remixd.control.sessions import Sessions
from remixd.control.supervisor import Supervisor
from remixd.errors import RemixdError

SAMPLE_S: Final = 1.0
ANSWER_S: Final = 0.5
"""An engine that does not tell by then is told of as it was before."""

Gauge = tuple[str, str, str, Mapping[str, float]]


class Scrape:
    """Keeps metrics that are not counted as they happen.

    Args:
        metrics: where they go.
        sessions: what plays.
        supervisor: has the engines.
    """

    def __init__(self, metrics: Metrics, sessions: Sessions, supervisor: Supervisor) -> None:
        self._metrics = metrics
        self._sessions = sessions
        self._supervisor = supervisor
        metrics.gauges = self._gauges
        self._sampling = asyncio.create_task(self._sample())

    async def page(self) -> bytes:
        """Every figure now, as Prometheus reads it."""
        with contextlib.suppress(RemixdError):
            await asyncio.gather(*map(self._ask, self._supervisor.engines))
        return self._metrics.page()

    async def _ask(self, engine: Engine) -> None:
        with contextlib.suppress(RemixdError, TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                told = await engine.ask(op="tallies")
            self._metrics.engines[engine.number] = {
                name: (told[name][0], told[name][1]) for name in ("costs", "lateness")
            }

    def _gauges(self) -> Iterator[Gauge]:
        sessions = self._sessions.all()
        modes = Counter({"hands-on": 0, "directed": 0})
        modes.update(each.mode for each in sessions if each.playing)
        yield "sessions", "Sessions that play.", "mode", modes
        lost = sum(not each.playing for each in sessions)
        degraded = sum(bool(each.degraded) for each in sessions)
        yield "sessions_lost", "Sessions that lost their engine.", "", {"": lost}
        yield "sessions_degraded", "Sessions of which something is done more cheaply.", "", {"": degraded}
        listeners = sum(each.listeners_count for each in sessions)
        yield "listeners", "Who hears a session over the network.", "", {"": listeners}
        watchers = sum(each.watchers_count for each in sessions)
        yield "watchers", "Who follows a session.", "", {"": watchers}
        yield "spare_engines", "Engines that wait for another to die.", "", {"": self._supervisor.has_spare}
        yield (
            "draining",
            "Whether no new sessions are taken.",
            "",
            {"": bool(self._sessions.admission.closed)},
        )

    async def _sample(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_S)
            for session in self._sessions.all():
                if session.playing:
                    session.sample_queues(self._metrics)

    async def close(self) -> None:
        """Look no more."""
        self._sampling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._sampling
