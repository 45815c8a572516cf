"""Rounds: what is looked after in the engines while they play, and written down of them meanwhile.

Thread: [control].
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from time import monotonic
from typing import Any, Final

from remixd.control.admission import Load
from remixd.control.adoption import Papers
from remixd.control.engine import Engine
from remixd.control.holding import Holding
from remixd.control.ladder import Ladder
from remixd.control.picking import Picking
from remixd.control.score import FIRST_PLAYER
from remixd.control.session import Session
from remixd.errors import RemixdError

log = logging.getLogger(__name__)

LOOK_S: Final = 0.25
LOOKS_A_ROUND: Final = 4

WRITE_S: Final = 0.1
"""How often what has changed is written down for another daemon, at the most."""
WRITE_SHARE: Final = 0.03
"""No more than this of control's time goes into it."""
PIECE_S: Final = 0.001
"""What a call takes that comes between two pieces of a session's papers: it has several turns to take."""
PLUGINS: Final = "plug-ins"
HUNG_S: Final = 3.0
"""An engine that renders nothing for so long, though sessions play, hangs."""


class Rounds:
    """Looks after the engines: hung ones are ended, overloaded ones relieved, devices and decks asked after.

    Args:
        sessions: those that play.
        holding: what they hold.
        picking: what brings effects back.
        papers: where it is written down how they stand.
    """

    def __init__(
        self, sessions: Callable[[], list[Session]], holding: Holding, picking: Picking, papers: Papers
    ) -> None:
        self._sessions = sessions
        self._holding = holding
        self._picking = picking
        self._papers = papers
        self._ladders: dict[int, Ladder] = {}
        self._heard_s: dict[int, float] = {}
        self._cues: dict[int, list[list[Any]]] = {}

    async def run(self, awake: asyncio.Event) -> None:
        """Make rounds; while nothing plays, wait until `awake` is set."""
        writing = asyncio.create_task(self._write(awake))
        try:
            await self._run(awake)
        finally:
            writing.cancel()
            for ladder in self._ladders.values():
                ladder.close()

    async def _write(self, awake: asyncio.Event) -> None:
        """Keep it written down how sessions stand, one by one: callers are answered between two of them."""
        took_s = 0.0
        while True:
            await asyncio.sleep(max(WRITE_S, took_s / WRITE_SHARE))
            await awake.wait()
            took_s = 0.0
            for session in self._sessions():
                began_s = monotonic()
                for pause_s in self._written_down(session):
                    took_s += monotonic() - began_s
                    await asyncio.sleep(pause_s)
                    began_s = monotonic()

    def _written_down(self, session: Session) -> Iterator[float]:
        """Write a session down, in steps; between two of them others have their turn for so long."""
        try:
            if session.playing:  # else it has ended since, and its papers are gone
                self._papers.write(session)
                yield 0.0
                for _ in self._papers.write_fans(session):
                    yield PIECE_S
        except Exception:  # the others are written down all the same
            log.exception("papers of session %s", session.id)
        yield 0.0

    async def _run(self, awake: asyncio.Event) -> None:
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
        ladder = self._ladders.get(engine.number)
        if ladder is None:
            ladder = self._ladders[engine.number] = Ladder(self._holding, self._picking)
            ladder.adopt(self._of(engine))
        with contextlib.suppress(RemixdError):
            await ladder.take(engine, await Load.of(engine), self._of(engine))

    async def _ask_outputs(self, engine: Engine) -> None:
        theirs = {session.key: session for session in self._of(engine)}
        held = {key: self._holding.keys(session) for key, session in theirs.items()}
        racked = {key: set(session.racks) for key, session in theirs.items()}
        cues = [
            [key, session.desk.decks.places] for key, session in theirs.items() if session.desk.decks.places
        ]
        asks = any(session.has_output or session.racks for session in theirs.values()) or any(
            keys not in ([], [FIRST_PLAYER]) for keys in held.values()
        )
        if not asks and cues == self._cues.get(engine.pid, []):
            return
        with contextlib.suppress(RemixdError):
            told = await engine.ask(op="outputs", cues=cues)
            self._cues[engine.pid] = cues
            for key, state, latency_s, racks, plugins, players in told["outputs"]:
                if (session := theirs.get(key)) is None:
                    continue
                if session.has_output:
                    if state != session.device:
                        log.info("session %s: %s %s", session.id, session.sink, state)
                    session.device, session.latency_s = state, latency_s
                await self._holding.let_go(session, set(held[key]) - set(players))
                _tell_plugins(session, dict(plugins["states"]), plugins["news"])
                for rack in racked[key] - set(racks):
                    session.racks.pop(rack, None)
                    session.restore(f"rack {rack}", "the rack is gone")
                if unused := sorted(set(players) - session.keys_in_use):  # a load that came to nothing
                    await engine.ask(op="withdraw", key=key, players=unused)


def _tell_plugins(session: Session, states: Mapping[int, str], news: Iterable[str]) -> None:
    """Tell how the plug-ins of a session's racks are, by the key of the rack, and what became of them."""
    for each in news:
        log.info("session %s: %s", session.id, each)
    for rack, state in states.items():
        step = f"{PLUGINS} {rack}"
        if state != "playing" and session.degraded.get(step) != f"{PLUGINS}: {state}":
            session.degrade(step, PLUGINS, state)
    for step in [step for step in session.degraded if step.startswith(PLUGINS)]:
        if states.get(int(step.split()[-1]), "playing") == "playing":
            session.restore(step, "they play, or are gone")
