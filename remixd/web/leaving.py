"""Pages that go: a session ends some seconds after the last page that held it, unless one comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

STAY_S: Final = 10.0
"""A reload takes less; who closes a tab is gone."""
HOLDS_MAX: Final = 4096
"""Sessions, and pages of one, that are remembered; beyond it the oldest are forgotten, and end none."""


@dataclass(slots=True)
class Hold:
    """The pages that hold a session, by their names, and its end once there are none."""

    pages: dict[str, None] = field(default_factory=dict)
    end: asyncio.Task[None] | None = None


class Leaving:
    """Which pages hold which sessions. Thread: [control].

    A hold is of one caller, who `who` tells apart: nobody keeps, or ends, what another holds.
    """

    def __init__(self) -> None:
        self._holds: dict[tuple[str, str], Hold] = {}

    def stay(self, session: str, who: str, page: str) -> None:
        """A page is with a session, or is back."""
        hold = self._hold(session, who)
        hold.pages[page] = None
        if len(hold.pages) > HOLDS_MAX:
            del hold.pages[next(iter(hold.pages))]
        if hold.end:
            hold.end.cancel()
            hold.end = None

    def leave(self, session: str, who: str, page: str, end: Callable[[], Awaitable[object]]) -> None:
        """A page went: if it was the last one, `end` is called after `STAY_S`, unless one stays."""
        hold = self._hold(session, who)
        hold.pages.pop(page, None)
        if not hold.pages and hold.end is None:
            hold.end = asyncio.create_task(self._end(end))
            hold.end.add_done_callback(lambda done: self._forget((session, who), done))

    def close(self) -> None:
        """Sessions stay as they are from here on: the daemon stops."""
        for hold in self._holds.values():
            if hold.end:
                hold.end.cancel()

    def _hold(self, session: str, who: str) -> Hold:
        if (session, who) not in self._holds and len(self._holds) >= HOLDS_MAX:
            oldest = self._holds.pop(next(iter(self._holds)))
            if oldest.end:
                oldest.end.cancel()
        return self._holds.setdefault((session, who), Hold())

    async def _end(self, end: Callable[[], Awaitable[object]]) -> None:
        await asyncio.sleep(STAY_S)
        await end()

    def _forget(self, key: tuple[str, str], task: asyncio.Task[None]) -> None:
        if (hold := self._holds.get(key)) and hold.end is task:
            del self._holds[key]
        if not task.cancelled():
            task.exception()  # a session that has ended by itself meanwhile is no error
