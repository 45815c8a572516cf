"""The ladder: an engine with too much to do does it more cheaply, a step at a time, and never falls silent.

First sessions without a device are rendered longer ahead, so that a slow moment is not heard. Where the
core itself is full, effects are passed by; then stems are summed in the spectrum; and where that is not
enough, one file plays in the place of stems that nobody has moved. Each comes first to sessions that few
listen to, the newest of them. Each step is told, journalled, and taken back, the last one first, when there
is room again. Thread: [control].
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final, Literal

from remixd.control.admission import Load
from remixd.control.decks import Deck
from remixd.control.engine import Engine
from remixd.control.holding import Holding
from remixd.control.picking import Picking
from remixd.control.score import DIRECTED_LEAD_NS, LEAD_NS
from remixd.control.session import Session
from remixd.errors import RemixdError

log = logging.getLogger(__name__)

FULL: Final = 0.9
FULL_S: Final = 0.5
"""So long over FULL is too much."""
LATE_MAX: Final = 5
"""So many packets late between two looks are too much too."""
CALM: Final = 0.6
CALM_S: Final = 10.0
LEADS_NS: Final = (60_000_000, 100_000_000)
AT_ONCE: Final = 4
"""A step makes a quarter of the sessions cheaper."""

RACKS: Final = "effects are passed by"
SUMMED: Final = "stems summed: levels move with the frame, in 60 ms"
WHOLE: Final = "one file plays in the place of its stems, until one of them is moved"


_What = Literal["lead", "racks", "summed", "whole"]


@dataclass(frozen=True, slots=True)
class _Step:
    """What was done to some sessions: rendered further ahead than `leads`; or another step, without these."""

    what: _What
    sessions: Sequence[Session]
    leads: Sequence[int] = ()


class Ladder:
    """How far one engine's work has been made cheaper.

    Args:
        holding: swaps players.
        picking: brings effects back.
    """

    def __init__(self, holding: Holding, picking: Picking) -> None:
        self._holding = holding
        self._picking = picking
        self._steps: list[_Step] = []
        self._late: tuple[int, int] = (0, 0)
        self._over_since_s: float | None = None
        self._calm_since_s: float | None = None
        self._joining: asyncio.Task[None] | None = None
        self._hopeless: set[int] = set()

    def adopt(self, sessions: list[Session]) -> None:
        """Know of what was done to sessions before this daemon was there."""
        leads = [each for each in sessions if "lead" in each.degraded]
        if leads:
            self._steps.append(_Step("lead", leads, [_own_lead_ns(each) for each in leads]))
        later: tuple[_What, ...] = ("racks", "summed", "whole")
        for what in later:
            if some := [each for each in sessions if what in each.degraded]:
                self._steps.append(_Step(what, some))

    async def take(self, engine: Engine, load: Load, sessions: list[Session]) -> None:
        """Take what an engine measures, a few times a second; do a step, or take one back, if it is time.

        Raises what the engine answers.
        """
        at_s = monotonic()
        before = self._late[1] if self._late[0] == engine.pid else load.late
        self._late = engine.pid, load.late
        is_late, is_full = load.late - before > LATE_MAX, self._is_full(load, at_s)
        if load.mean >= CALM or is_late:
            self._calm_since_s = None
        elif self._calm_since_s is None:
            self._calm_since_s = at_s
        if is_late or is_full:
            because = f"engine {engine.number} is at {load.mean * 100:.0f} % of its core"
            because += ", and late" if is_late else ""
            await self._step(engine, sessions, because, is_full=is_full)
        elif self._steps and self._calm_since_s is not None and at_s - self._calm_since_s >= CALM_S:
            self._calm_since_s = at_s
            await self._undo(engine, sessions)

    def _is_full(self, load: Load, at_s: float) -> bool:
        if load.mean <= FULL:
            self._over_since_s = None
            return False
        if self._over_since_s is None:
            self._over_since_s = at_s
        if at_s - self._over_since_s < FULL_S:
            return False
        self._over_since_s = at_s
        return True

    async def _step(self, engine: Engine, sessions: list[Session], because: str, *, is_full: bool) -> None:
        for lead_ns in LEADS_NS:
            short = [each for each in sessions if _may_wait(each) and each.score["lead_ns"] < lead_ns]
            if short:
                self._steps.append(_Step("lead", short, [each.score["lead_ns"] for each in short]))
                for session in short:
                    await _lead(engine, session, lead_ns)
                    session.degrade("lead", f"rendered {lead_ns // 1_000_000} ms ahead", because)
                return
        if is_full:
            await self._relieve(sessions, because)

    async def _relieve(self, sessions: list[Session], because: str) -> None:
        """The next step of those that leave something out."""
        if some := _least_heard([each for each in sessions if _may_pass_by(each)]):
            self._steps.append(_Step("racks", some))
            for session in some:
                session.desk.send(session.desk.presets.pass_by())
                session.degrade("racks", RACKS, because)
        elif some := _least_heard([each for each in sessions if is_apart(each)]):
            self._steps.append(_Step("summed", some))
            for session in some:
                if (await self._holding.swap(session, summed=True)).done:
                    session.degrade("summed", SUMMED, because)
        elif self._joining is None or self._joining.done():
            may = [each for each in sessions if _may_join(each) and each.key not in self._hopeless]
            self._joining = asyncio.create_task(self._join(_least_heard(may), because))

    async def _join(self, sessions: list[Session], because: str) -> None:
        """The last step: it may have to make files first, meanwhile the engine is looked after."""
        joined: list[Session] = []
        for session in sessions:
            try:
                if await self._holding.join(session):
                    session.degrade("whole", WHOLE, because)
                    joined.append(session)
            except RemixdError as error:
                log.warning("session %s keeps its stems: %s", session.id, error)
                self._hopeless.add(session.key)
            except Exception:
                log.exception("one file in the place of stems, in session %s", session.id)
                self._hopeless.add(session.key)
        if joined:
            self._steps.append(_Step("whole", joined))

    async def _undo(self, engine: Engine, sessions: list[Session]) -> None:
        step = self._steps.pop()
        here = [each for each in step.sessions if each in sessions]
        left = [session for session in here if not await self._restore(step.what, session)]
        for session, lead_ns in zip(step.sessions, step.leads, strict=False):
            if session in here:
                await _lead(engine, session, lead_ns)
                if lead_ns >= LEADS_NS[0]:
                    session.degrade("lead", f"rendered {lead_ns // 1_000_000} ms ahead", "there is more room")
                else:
                    session.restore("lead")

        if left:
            self._steps.append(_Step(step.what, left))

    async def _restore(self, what: _What, session: Session) -> bool:
        """Take back for a session what was left out; False if something is in the way."""
        if what == "racks":
            if session.desk.presets.is_coming:
                return False
            self._picking.bring_back(session)
            session.restore("racks")
        elif what == "summed":
            if (await self._holding.swap(session, summed=False)).left:
                return False
            session.restore("summed")
        elif what == "whole":
            session.desk.substitution.part()
        return True

    def close(self) -> None:
        """Nothing is looked after any more."""
        if self._joining:
            self._joining.cancel()


def _least_heard(sessions: list[Session]) -> list[Session]:
    """The quarter that few listen to, the newest first."""
    ordered = sorted(sessions, key=lambda session: (session.listeners_count, -session.key))
    return ordered[: -(-len(ordered) // AT_ONCE)]


def _may_wait(session: Session) -> bool:
    return not session.sink.startswith("device")


def _may_pass_by(session: Session) -> bool:
    presets = session.desk.presets
    return presets.may_pass_by and session.desk.free >= len(presets.places.keys)


def is_apart(session: Session) -> bool:
    """Whether any of its decks plays stems by themselves that could be summed now: not beneath racks."""
    decks = session.desk.decks
    if session.racks or session.stems.is_apart or not decks.is_settled:
        return False
    on_decks = (session.players.get(deck.loaded.key) for deck in decks.all if deck.loaded)
    return any(score and not score["summed"] and len(score["stems"]) > 1 for score in on_decks)


def _may_join(session: Session) -> bool:
    """Whether one file may play on any of its decks in the place of stems, and nobody would hear it."""
    desk = session.desk
    return not (session.racks or session.stems.is_apart) and any(
        _plays_stems(session, deck) and desk.substitution.may_join(deck.index) for deck in desk.decks.all
    )


def _plays_stems(session: Session, deck: Deck) -> bool:
    score = session.players.get(deck.loaded.key) if deck.loaded else None
    return score is not None and len(score["stems"]) > 1


def _own_lead_ns(session: Session) -> int:
    return DIRECTED_LEAD_NS if session.mode == "directed" else LEAD_NS


async def _lead(engine: Engine, session: Session, lead_ns: int) -> None:
    await engine.ask(op="lead", key=session.key, lead_ns=lead_ns)
    session.score["lead_ns"] = lead_ns
