"""Rounds: what is looked after in the engines while they play, four times a second and once a second.

Thread: [control].
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from time import monotonic
from typing import Final

from remixd.control.admission import Load
from remixd.control.adoption import Papers
from remixd.control.engine import Engine
from remixd.control.holding import Holding
from remixd.control.ladder import Ladder
from remixd.control.score import FIRST_PLAYER
from remixd.control.session import Session
from remixd.errors import RemixdError

log = logging.getLogger(__name__)

LOOK_S: Final = 0.25
LOOKS_A_ROUND: Final = 4
HUNG_S: Final = 3.0
"""An engine that renders nothing for so long, though sessions play, hangs."""


class Rounds:
    """Looks after the engines: hung ones are ended, overloaded ones relieved, devices and decks asked after.

    Args:
        sessions: those that play.
        holding: what they hold.
        papers: where it is written down how they stand.
    """

    def __init__(self, sessions: Callable[[], list[Session]], holding: Holding, papers: Papers) -> None:
        self._sessions = sessions
        self._holding = holding
        self._papers = papers
        self._ladders: dict[int, Ladder] = {}
        self._heard_s: dict[int, float] = {}

    async def run(self, awake: asyncio.Event) -> None:
        """Make rounds; while nothing plays, wait until `awake` is set."""
        looks = 0
        while True:
            await asyncio.sleep(LOOK_S)
            if not self._sessions():
                await awake.wait()
                self._heard_s.clear()
            looks += 1
            for engine in {session.engine for session in self._sessions()}:
                try:
                    await self._look_after(engine, whole=looks % LOOKS_A_ROUND == 0)
                except Exception:  # the others are looked after all the same
                    log.exception("rounds of engine %d", engine.pid)

    async def _look_after(self, engine: Engine, *, whole: bool) -> None:
        if self._answers(engine):
            await self._relieve(engine)
            if whole:
                await self._ask_outputs(engine)
        if whole:
            for session in self._of(engine):
                self._papers.write(session)

    def _of(self, engine: Engine) -> list[Session]:
        return [session for session in self._sessions() if session.engine is engine]

    def _answers(self, engine: Engine) -> bool:
        """Whether an engine renders, and so may be asked; one that has not for too long is ended."""
        now_s = monotonic()
        heard = [session.is_heard() for session in self._of(engine)]  # each is asked
        if any(heard):
            self._heard_s[engine.pid] = now_s
        silent_s = now_s - self._heard_s.setdefault(engine.pid, now_s)
        if silent_s >= HUNG_S:
            log.error("engine %d has rendered nothing for %g s: it is ended", engine.pid, HUNG_S)
            engine.kill()
        return silent_s == 0.0

    async def _relieve(self, engine: Engine) -> None:
        """Have an engine that is overloaded do less, and one that is no longer do all of it again."""
        ladder = self._ladders.setdefault(engine.number, Ladder(self._holding))
        with contextlib.suppress(RemixdError):
            await ladder.take(engine, await Load.of(engine), self._of(engine))

    async def _ask_outputs(self, engine: Engine) -> None:
        theirs = {session.key: session for session in self._of(engine)}
        held = {key: self._holding.keys(session) for key, session in theirs.items()}
        racked = {key: set(session.racks) for key, session in theirs.items()}
        asks = any(session.has_output or session.racks for session in theirs.values()) or any(
            keys not in ([], [FIRST_PLAYER]) for keys in held.values()
        )
        if not asks:
            return
        with contextlib.suppress(RemixdError):
            for key, state, latency_s, racks, plugins, players in (await engine.ask(op="outputs"))["outputs"]:
                if (session := theirs.get(key)) is None:
                    continue
                if session.has_output:
                    if state != session.device:
                        log.info("session %s: %s %s", session.id, session.sink, state)
                    session.device, session.latency_s = state, latency_s
                await self._holding.let_go(session, set(held[key]) - set(players))
                for told in plugins["news"]:
                    log.info("session %s: %s", session.id, told)
                session.hear_of_plugins(dict(plugins["states"]))
                for rack in racked[key] - set(racks):
                    session.racks.pop(rack, None)
                if unused := sorted(set(players) - session.keys_in_use):  # a load that came to nothing
                    await engine.ask(op="withdraw", key=key, players=unused)
