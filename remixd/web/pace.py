"""How fast callers' frames are taken: a few a turn of the loop, however many come. Thread: [control]."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

AT_ONCE: Final = 2
"""Frames a turn of the loop: a call costs about a millisecond, and packets wait for as many as are begun."""


class Pace:
    """Lets callers in, first come, first served.

    The loop runs all that is ready before it looks what came: when hundreds of phones wish at one beat, who
    listens would wait for all of them. Here they wait for each other, and packets go out in between.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = self._left = at_once
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_running = False

    async def turn(self) -> None:
        """Return when it is one's turn."""
        self._run()
        if self._left and not self._waiting:
            self._left -= 1
            return
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        await mine

    def _run(self) -> None:
        """Have a next turn, unless that is under way."""
        if not self._is_running:
            self._is_running = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self._is_running = False
        self._left = self._at_once
        while self._left and self._waiting:
            first = self._waiting.popleft()
            if not first.done():  # as it is when its socket has gone meanwhile
                first.set_result(None)
                self._left -= 1
        if self._left < self._at_once:
            self._run()
