"""Who goes on with what an engine played that died. Thread: [control]."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection

from remixd.control.engine import Engine
from remixd.control.metrics import Metrics
from remixd.control.recovery import recover
from remixd.control.session import Session


class Succession:
    """Moves sessions from engines that died to their heirs.

    Args:
        playing: the sessions that play.
        metrics: counts the deaths.
    """

    def __init__(self, playing: Callable[[], list[Session]], metrics: Metrics) -> None:
        self._playing = playing
        self._metrics = metrics
        self._heirs: dict[Engine, Engine] = {}
        self._recovering: set[asyncio.Task[None]] = set()

    def inherit(self, dead: Engine, how: str, heir: Engine | None) -> None:
        """Have another engine go on with what one played that died, and with what it was to inherit."""
        self._metrics.deaths.inc()
        family = [dead, *(engine for engine, heir_of in self._heirs.items() if heir_of is dead)]
        if heir is None:
            for session in self._of(family):
                session.take_reports()
                session.lose(f"the engine of session {session.id} is lost: {how}")
        else:
            self._heirs.update(dict.fromkeys(family, heir))
        self._recovering.add(task := asyncio.create_task(self._recover(family, how, heir)))
        task.add_done_callback(self._recovering.discard)

    def _of(self, engines: Collection[Engine]) -> list[Session]:
        return [session for session in self._playing() if session.engine in engines]

    async def _recover(self, family: list[Engine], how: str, heir: Engine | None) -> None:
        if heir is not None and not await recover(self._of(family), how, heir):
            return  # it died meanwhile; its own heir has all of them
        for engine in family:
            self._heirs.pop(engine, None)
            await engine.stop()

    async def close(self) -> None:
        """Move nothing more."""
        for task in list(self._recovering):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
