"""`python -m remixd.bench.phones URL SESSION COUNT`: phones that joined, in a process of its own.

Each has a WebSocket, looks how the session stands as the page does, and wishes something every few
seconds. Prints a line once all are in, then a JSON object of counts for every line on stdin, until that ends.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect

from remixd.errors import Unavailable

from .children import Child

READY: Final = "ready"
EVERY_S: Final = 5.0
"""How often a phone wishes something."""
AT_ONCE: Final = 50
"""Phones that open their sockets at a time."""
WISHES: Final = ("drums", "bass", "vocals", "other")
_JOIN, _LOOK, _FIRST_SIGNAL = 1, 2, 3


class Phones(Child):
    """Phones in another process. Raises Unavailable if they do not come."""

    def __init__(self, url: str, session: str, count: int) -> None:
        super().__init__(__name__, url, session, count)

    def _begin(self) -> None:
        if self._line() != READY:
            raise Unavailable("the phones did not come")

    def count(self) -> dict[str, Any]:
        """So far: `sent`, `accepted`, `refused`, `updates`, `lost` sockets; `answers_ms` of the newest."""
        counts: dict[str, Any] = json.loads(self._ask("count"))
        return counts


class _Tally:
    def __init__(self) -> None:
        self.counts = {"sent": 0, "accepted": 0, "refused": 0, "updates": 0, "lost": 0, "following": 0}
        self.answers_ms: list[float] = []

    def told(self) -> str:
        found, self.answers_ms = self.answers_ms, []
        return json.dumps(self.counts | {"answers_ms": found})


async def _phone(url: str, session: str, number: int, tally: _Tally, door: asyncio.Semaphore) -> None:
    counts = tally.counts
    async with door:
        socket = await connect(url, max_size=None, compression=None, open_timeout=60, ping_interval=None)
    try:
        handle = secrets.token_hex(12)
        asked = {"session": session, "handle": handle}
        await socket.send(json.dumps({"call": _JOIN, "method": "Sessions/Join", "request": asked}))
        await _look(socket, session, _LOOK)
        waiting: dict[int, float] = {}
        wishing = asyncio.create_task(_wish(socket, session, f"join:{handle}", number, waiting, tally))
        seen = False
        try:
            async for frame in socket:
                text = frame if isinstance(frame, str) else ""
                told = json.loads(text or "{}")
                if "session" in told.get("response", ()):
                    counts["updates"] += 1
                    counts["following"] += not seen
                    seen = True
                begun_s = waiting.pop(told.get("call", 0), None)
                if begun_s is not None and "response" in told:
                    answer = told["response"]["answers"][0]
                    counts["accepted" if answer.get("accepted") else "refused"] += 1
                    tally.answers_ms.append((time.perf_counter() - begun_s) * 1000)
        finally:
            wishing.cancel()
    finally:
        counts["lost"] += 1
        await socket.close()


async def _look(socket: ClientConnection, session: str, call: int) -> None:
    asked = {"session": session, "readMask": "mix,track,decks,authority"}
    await socket.send(json.dumps({"call": call, "method": "Sessions/GetSession", "request": asked}))


async def _wish(
    socket: ClientConnection, session: str, fan: str, number: int, waiting: dict[int, float], tally: _Tally
) -> None:
    call = _FIRST_SIGNAL
    await asyncio.sleep(EVERY_S * (number * 0.618 % 1.0))
    while True:
        await _look(socket, session, call + 1)
        wish = {"dimension": WISHES[number % 4], "value": -float((number + call) % 24)}
        signal = {"id": f"{number}-{call}", "fan": fan, "wishes": [wish]}
        waiting[call] = time.perf_counter()
        request = {"session": session, "signals": [signal]}
        await socket.send(json.dumps({"call": call, "method": "Audience/SendSignals", "request": request}))
        tally.counts["sent"] += 1
        call += 2
        await asyncio.sleep(EVERY_S)


async def _come(url: str, session: str, count: int) -> None:
    tally, door = _Tally(), asyncio.Semaphore(AT_ONCE)
    phones = [asyncio.create_task(_phone(url, session, number, tally, door)) for number in range(count)]
    while tally.counts["following"] < count and not any(each.done() for each in phones):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    for each in phones:
        if each.done() and (error := each.exception()):
            print(f"{error!r}", file=sys.stderr)
            break
    print(READY if tally.counts["following"] == count else "lost", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(tally.told(), flush=True)


if __name__ == "__main__":
    asyncio.run(_come(sys.argv[1], sys.argv[2], int(sys.argv[3])))
