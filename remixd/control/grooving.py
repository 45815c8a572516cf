"""Patterns on their way to the engines: what layers and stingers need is laid down, then commanded.

Thread: [control].
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from remixd.control.action import DeckCommand
from remixd.control.command import Answer
from remixd.control.session import Session
from remixd.control.stingers import Stinger, plan
from remixd.errors import InvalidInput, RemixdError

log = logging.getLogger(__name__)

TRIES: Final = 3
"""How often a stinger that is not ready in time moves to the next mark."""

REST_S: Final = 1.0
"""After patterns could not be laid, before it is tried again."""


class Grooving:
    """Lays the patterns of every session down, one batch at a time for each."""

    def __init__(self) -> None:
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._stinging: set[asyncio.Task[None]] = set()

    def look_after(self, session: Session) -> None:
        """Have what a session's layer needs next laid down. Called often; nothing to do as a rule."""
        if session.id in self._busy or not (scores := session.desk.layers.wanted()):
            return
        self._busy[session.id] = task = asyncio.create_task(self._keep_up(session, scores))
        task.add_done_callback(lambda _: self._busy.pop(session.id, None))

    async def _keep_up(self, session: Session, scores: Sequence[Mapping[str, Any]]) -> None:
        try:
            await lay(session, scores)
            session.desk.layers.laid(scores)
        except RemixdError as error:
            log.warning("session %s: nothing is generated for a while: %s", session.id, error)
            await self._give_up(session, scores)
        except Exception:
            log.exception("what is generated in session %s", session.id)
            await self._give_up(session, scores)

    async def _give_up(self, session: Session, scores: Sequence[Mapping[str, Any]]) -> None:
        """Nothing came of some patterns: after a while they are made again."""
        session.desk.layers.lost()
        with contextlib.suppress(RemixdError):
            keys = [int(score["key"]) for score in scores]
            await session.engine.ask(op="pattern", key=session.key, patterns=[], withdraw=keys)
        await asyncio.sleep(REST_S)

    def sting(self, session: Session, command: DeckCommand) -> Answer:
        """Answer a command for a stinger; it is made ready meanwhile."""
        try:
            session.desk.layers.check_cool()
            stinger = _plan(session, command)
        except RemixdError as error:
            return Answer(id=command.id, accepted=False, reason=str(error))
        session.desk.layers.is_stinging = True
        self._stinging.add(task := asyncio.create_task(self._sting(session, command, stinger)))
        task.add_done_callback(self._stinging.discard)
        kind = command.action.name
        because = "a chop of the track's own vocals" if kind == "chop" else f"a generated {kind}"
        return Answer(id=command.id, accepted=True, planned_sample=stinger.sample, because=because)

    async def _sting(self, session: Session, command: DeckCommand, stinger: Stinger) -> None:
        try:
            for _try in range(TRIES):
                score = {**stinger.score, "key": session.desk.layers.next_key()}
                await lay(session, [score])
                if session.desk.layers.sting(command, stinger, score["key"]):
                    return
                await session.engine.ask(op="pattern", key=session.key, patterns=[], withdraw=[score["key"]])
                stinger = _plan(session, command)
            raise InvalidInput(f"it could not be made ready in time for {TRIES} marks")
        except RemixdError as error:
            session.refuse(command, str(error))
        except Exception as error:
            log.exception("a stinger of session %s", session.id)
            session.refuse(command, f"a fault of remixd: {error!r}")
        finally:
            session.desk.layers.is_stinging = False

    async def close(self) -> None:
        """Stop what is under way."""
        tasks = [*self._busy.values(), *self._stinging]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _plan(session: Session, command: DeckCommand) -> Stinger:
    """Where a stinger lands, and what it is made of. Raises InvalidInput, in a sentence, or Unavailable."""
    session.check_playing()
    desk = session.desk
    desk.check_hands()
    deck = desk.decks.all[command.deck]
    player = session.players.get(deck.loaded.key, {}) if deck.loaded else {}
    return plan(desk.decks, deck, command, desk.mix, player)


async def lay(session: Session, scores: Sequence[Mapping[str, Any]]) -> None:
    """Have patterns lie ready in a session's engine, and write down what they are. Raises what it answers."""
    answer = await session.engine.ask(op="pattern", key=session.key, patterns=list(scores), withdraw=[])
    for score in scores:
        session.journal.pattern(int(score["key"]), score, int(answer["bank"]))
