"""Picks on their way: their racks are made ready in the engine, then mix and racks go there together.

Thread: [control].
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

from remixd.control.command import Answer
from remixd.control.holding import Holding
from remixd.control.places import Wanted
from remixd.control.presets import REPLACED, Chosen, Pick
from remixd.control.session import Session
from remixd.director.blend import Blend
from remixd.director.preset import LAYERS_MAX, Preset
from remixd.director.preset_files import load_blend, save_preset
from remixd.errors import InvalidInput, RemixdError, Unavailable, Unsupported
from remixd.track.fields import one_line
from remixd.units import RATE_HZ

log = logging.getLogger(__name__)

LOOK_S: Final = 0.02
REST_S: Final = 0.25
BUDGET_NS: Final = 0.5 * 64 / RATE_HZ * 1e9
"""What 64 frames of all racks of a session may take: half of their time."""
PATIENCE_S: Final = 5.0
"""How long racks that are to go, or stems that are to be played apart, are waited for."""


class Picking:
    """Carries out the picks of every session; of one session's the newest counts.

    Args:
        holding: makes racks ready, and plays stems apart for those that are on some.
    """

    def __init__(self, holding: Holding) -> None:
        self._holding = holding
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns: WeakKeyDictionary[Session, asyncio.Lock] = WeakKeyDictionary()

    def take(self, session: Session, pick: Pick, to: Blend) -> Answer:
        """Go to a blend. The first answer; racks are made ready meanwhile. Raises Unavailable."""
        presets = session.desk.presets
        try:
            chosen = presets.choose(pick, to)
        except (InvalidInput, Unsupported) as error:
            return Answer(id=pick.id, accepted=False, reason=str(error))
        if not presets.places.missing(chosen.racks):
            presets.expect(None)
            session.check_playing()
            return session.desk.pick(chosen, {})
        presets.expect(pick)
        self._keep(self._carry_out(session, chosen))
        because = "; ".join(("its effects are made ready", *chosen.notes))
        return Answer(id=pick.id, accepted=True, clamps=chosen.clamps, because=because)

    def save(
        self, session: Session, name: str, *, title: str = "", description: str = "", replace: bool = False
    ) -> tuple[Preset, Path]:
        """Save what a session sounds like as a preset of the user's own; the preset and its file.

        Raises InvalidInput for a name that is none, AlreadyExists for one that is taken.
        """
        preset = session.desk.presets.saved(name, one_line(title), one_line(description), session.desk.mix)
        return preset, save_preset(preset, replace=replace)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(task := asyncio.create_task(work))
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, session: Session, chosen: Chosen) -> None:
        """Go there once all is ready, one pick of a session at a time; whatever comes of it is told."""
        presets, pick = session.desk.presets, chosen.pick
        made: dict[int, Wanted] = {}
        try:
            async with self._turn(session):
                if presets.awaited is pick:
                    await self._go(session, chosen, made)
            while session.playing and presets.holds(made):  # noqa: ASYNC110 (a phrase, not an event)
                await asyncio.sleep(REST_S)
        except RemixdError as error:
            presets.give_up(pick, str(error))
        except Exception as error:
            log.exception("presets %s of session %s", chosen.blend, session.id)
            presets.give_up(pick, f"a fault of remixd: {error!r}")
        finally:
            await self._let_go(session, made)

    def _turn(self, session: Session) -> asyncio.Lock:
        """Held by who makes racks ready for a session."""
        return self._turns.setdefault(session, asyncio.Lock())

    async def _go(self, session: Session, chosen: Chosen, made: dict[int, Wanted]) -> None:
        presets = session.desk.presets
        await self._make_ready(session, chosen.racks, made, lambda: presets.awaited is chosen.pick)
        session.check_playing()
        answer = session.desk.pick(chosen, made)
        if not answer.accepted:
            presets.give_up(chosen.pick, answer.reason)
        elif presets.places.missing(presets.wanted()):  # that were there when it began, and have gone since
            self.follow(session)

    async def _make_ready(
        self,
        session: Session,
        wanted: Sequence[Wanted],
        made: dict[int, Wanted],
        is_awaited: Callable[[], bool],
    ) -> None:
        """Have every rack that is missing lie in the engine, and room for it where it is wanted.

        Raises what the engine answers; InvalidInput if they take too long together, Unavailable if the
        session is not ready for them in time, or they are awaited no more.
        """
        places = session.desk.presets.places
        for each in places.missing(wanted):
            if not is_awaited():
                raise Unavailable(REPLACED)
            made[(await self._holding.make_rack_ready(session, each.chain)).key] = each
        self._check_cost(session, wanted, made)
        on_stems = any(each.place.role for each in wanted)
        if on_stems:
            await self._holding.swap(session, summed=False)
        for _ in range(round(PATIENCE_S / LOOK_S)):
            if not is_awaited():
                raise Unavailable(REPLACED)
            if session.desk.free >= len(wanted) + LAYERS_MAX:
                if places.has_room(wanted) and not (on_stems and _is_summed(session)):
                    return
                session.desk.send(places.make_room(wanted))
            await asyncio.sleep(LOOK_S)
        raise Unavailable("the session was not ready for effects in time")

    @staticmethod
    def _check_cost(session: Session, wanted: Sequence[Wanted], made: Iterable[int]) -> None:
        """Raise InvalidInput, with the measured cost, if all that are wanted take too long together."""
        keys = [*session.desk.presets.places.found(wanted), *made]
        cost_ns = sum(session.racks[key].get("cost_ns", 0) for key in keys if key in session.racks)
        if cost_ns > BUDGET_NS:
            raise InvalidInput(
                f"the racks of the session would take {cost_ns / 1e3:.0f} us for 64 frames together, "
                f"which is more than the {BUDGET_NS / 1e3:.0f} us that they may"
            )

    async def _let_go(self, session: Session, made: Iterable[int]) -> None:
        """Free the racks of which nothing came."""
        with contextlib.suppress(RemixdError):
            for key in set(made) - session.desk.presets.places.keys:
                if session.playing and key in session.racks:
                    await self._holding.withdraw_rack(session, key)

    async def adopt(self, session: Session) -> None:
        """Go on with the pick that another daemon had not carried out; its racks are made ready again."""
        await self._let_go(session, list(session.racks))
        if pick := session.desk.presets.resume():
            try:
                self.take(session, pick, load_blend(pick.weights))
            except RemixdError as error:  # they are gone since
                log.warning("the presets that session %s was to go to: %s", session.id, error)

    async def complete(self, session: Session, deck: int = -1) -> None:
        """Give a session the racks of its presets that it has not yet, those of a deck that is loaded too.

        Raises what the engine answers.
        """
        async with self._turn(session):
            await self._complete(session, deck)

    async def _complete(self, session: Session, deck: int) -> None:
        presets = session.desk.presets
        wanted = presets.wanted(deck)
        if not presets.places.missing(wanted):
            return
        made: dict[int, Wanted] = {}
        try:
            await self._make_ready(session, wanted, made, lambda: presets.wanted(deck) == wanted)
            session.desk.send(presets.places.add(wanted, made))
        except Unavailable:
            if session.playing and presets.wanted(deck) == wanted:  # else a pick has changed it meanwhile
                raise
        finally:
            await self._let_go(session, made)

    def bring_back(self, session: Session) -> None:
        """Have the racks of a session that were passed by play again."""
        session.desk.presets.passed_by = False
        self.follow(session)

    def follow(self, session: Session, deck: int = -1) -> None:
        """As `complete`, in its own time; what cannot be is told in the notes."""

        async def follow() -> None:
            presets = session.desk.presets
            try:
                await self.complete(session, deck)
            except RemixdError as error:
                presets.lacks(str(error))
            except Exception as error:
                log.exception("effects of session %s", session.id)
                presets.lacks(f"a fault of remixd: {error!r}")
            else:
                presets.lacks("")

        self._keep(follow())

    async def close(self) -> None:
        """Everything is over."""
        for task in list(self._tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _is_summed(session: Session) -> bool:
    """Whether stems are summed on any of its decks, so that none of them can have effects."""
    on_decks = (session.players.get(deck.loaded.key) for deck in session.desk.decks.all if deck.loaded)
    return any(score and score["summed"] for score in on_decks)
