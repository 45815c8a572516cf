"""What apps ask of the audiences of a daemon's sessions: tastes, reasons, crowds; undo, forget, dry runs.

Thread: [control].
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from remixd.audience.signal import Signal
from remixd.audience.told import CrowdTold, Explained, Forgotten, PlannedMove, TasteTold
from remixd.control import opinions
from remixd.control.budget import Budget
from remixd.control.fan_keys import FanKeys, key_id_of
from remixd.control.journals import Journals
from remixd.control.kept_tastes import KeptTastes
from remixd.control.rehearsal import planned
from remixd.control.session import Session
from remixd.errors import InvalidInput, NotFound

log = logging.getLogger(__name__)

DRY_RUNS_SHARE: Final = 0.1
DRY_RUNS_BURST_S: Final = 0.5
"""A dry run of 64 bars takes 20 ms with one fan, and 90 with 500; any listener may ask for 100 a second."""
KEEP_S: Final = 30.0
REMAINS: Final = "journals name fans by random handles, and say no more whose this one was"


class Audiences:
    """The audiences of all sessions, and the tastes that are kept between them.

    Args:
        sessions: all there are.
        path: of the file of tastes.
        journals: in which names stand; None if none are written.
    """

    def __init__(self, sessions: Callable[[], list[Session]], path: Path, journals: Journals | None) -> None:
        self._sessions = sessions
        self._kept = KeptTastes(path)
        self._journals = journals
        self._keep_next_s = 0.0
        self._dry_runs = Budget("dry runs", DRY_RUNS_SHARE, DRY_RUNS_BURST_S)

    def welcome(self, session: Session, signals: Sequence[Signal]) -> None:
        """Let fans who come into a session begin with the taste that is kept of them."""
        audience = session.desk.audience
        for signal in signals if len(self._kept) else ():
            if audience.fans.find(signal.fan) is None and (taste := self._kept.get(signal.fan)):
                audience.know(signal.fan, *taste)

    def keep(self, session: Session) -> None:
        """Keep the tastes of those fans of a session who let them be kept."""
        audience = session.desk.audience
        fans = [fan for fan in audience.fans if fan.handle and fan.consent == "taste"]
        known = audience.tastes.certainty([fan.slot for fan in fans]).max(axis=1).tolist()
        fans = [
            fan for fan, is_known in zip(fans, known, strict=True) if is_known > 0.0
        ]  # else panic forgot it
        slots = [fan.slot for fan in fans]
        tastes = zip(audience.tastes.mean(slots), audience.tastes.variance(slots), strict=True)
        self._kept.put({fan.handle: taste for fan, taste in zip(fans, tastes, strict=True)}, time.time())

    def look_after(self, now_s: float) -> None:
        """Keep them all, now and then."""
        if now_s >= self._keep_next_s:
            self._keep_next_s = now_s + KEEP_S
            for session in self._sessions():
                self.keep(session)

    def taste(self, session: Session, fan: str) -> TasteTold:
        """What is believed of a fan. Raises NotFound."""
        return opinions.taste_of(session.desk, fan)

    def explain(self, session: Session, fan: str = "") -> list[Explained]:
        """Why the mix is as it is. Raises NotFound for a fan that is not known."""
        return opinions.explained(session.desk, fan)

    def undo(self, session: Session, fan: str, signal_id: str) -> list[Explained]:
        """Take a signal back, as if it had never come; why the mix is as it is without it.

        Raises NotFound for a fan or a signal that is not known, InvalidInput for one that is too old.
        """
        session.undo(fan, signal_id)
        return opinions.explained(session.desk, fan)

    def rename(self, before: Sequence[str], name: str) -> None:
        """Know a fan who may have come under other names by this one, in every session and between them."""
        for fan in before:
            self._kept.rename(fan, name)
            for session in self._sessions():
                session.rename(fan, name)

    async def use(self, keys: FanKeys) -> None:
        """Know everybody by names of these keys, and forget those who have names of keys that were dropped.

        An older remixd has kept fans by the handles that apps gave them.
        """
        if count := self._kept.name_fans(keys.name):
            log.info("%d fans whose tastes are kept have no handles any more, but names", count)
        dropped = frozenset(keys.keys.dropped)
        known = dropped.union(key_id for key_id, _ in keys.keys.keys)
        if dropped:
            self._kept.drop(lambda fan: key_id_of(fan) in dropped)
        for session in self._sessions():
            for fan in [fan.handle for fan in session.desk.audience.fans if fan.handle]:
                if key_id_of(fan) not in known:
                    session.rename(fan, keys.name(fan))
        if self._journals:
            await self._journals.name_fans(keys.name, known, dropped)

    async def forget_fan(self, fan: str, before: Sequence[str] = ()) -> Forgotten:
        """Drop all that is known of a fan, in every session and between them. Raises NotFound.

        Args:
            fan: the fan's name.
            before: other names that the fan may be known by.
        """
        if not fan:
            raise InvalidInput("fan is empty: who is not known cannot be forgotten", field="fan")
        self.rename(before, fan)
        counts = [count for session in self._sessions() if (count := session.forget(fan)) is not None]
        had_taste = self._kept.forget(fan)
        if self._journals:
            for name in (fan, *before):
                await self._journals.forget(name)
        if not counts and not had_taste:
            raise NotFound("this fan is not known", kind="fan", name=fan)
        return Forgotten(sessions=len(counts), signals=sum(counts), taste=had_taste, remains=REMAINS)

    def crowd(self, session: Session) -> CrowdTold | None:
        """A crowd, as everybody may see it; None of fewer than 50 fans."""
        return opinions.public_crowd(session.desk)

    def plan(self, session: Session, signals: Sequence[Signal], bars: int) -> list[PlannedMove]:
        """What would happen in so many bars if these signals came now.

        Raises InvalidInput hands-on, Exhausted if that is asked too often.
        """
        with self._dry_runs.spend():
            return planned(session.desk, signals, bars)

    def close(self) -> None:
        """Keep the tastes of those who let them be kept."""
        for session in self._sessions():
            self.keep(session)
        self._kept.close()
