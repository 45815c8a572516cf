"""Many sessions of a daemon: made, steered, listened to and let go of, again and again, over gRPC."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import numpy as np

from remixd.client import Applied, AsyncClient, Refused, Signal
from remixd.errors import Exhausted, RemixdError

from .ears import Ear, listening

SESSIONS: Final = 100
FOLLOWED: Final = 10
"""Of these so many are listened to and watched, and stay; the others are replaced."""

SIGNALS_A_SECOND: Final = 20
BATCH: Final = 5
LIVES_S: Final = 20.0
SETTLED_S: Final = 2.0
"""How long what was sent last is waited for."""

_RANGES: Final[Mapping[str, tuple[float, ...]]] = {
    "tempo": (1.0, 1.03, 0.97), "pitch": (0.0, 0.0, 2.0), "vocals": (0.0, -6.0, -12.0), "drums": (0.0, -3.0),
    "bass": (0.0, -9.0), "other": (0.0, -4.0),
}  # fmt: skip


class Hand:
    """What steers one session, and counts what becomes of it.

    Attributes:
        sent: signals.
        refused: those that were refused at once, or could not be sent.
        unanswered: of a followed session, those whose second answer has not come.
        surplus: second answers that were not owed.
    """

    def __init__(self, seed: int) -> None:
        self.sent = self.refused = self.surplus = 0
        self.unanswered: set[str] = set()
        self.followed = False
        self._rng = np.random.default_rng(seed)

    def _wishes(self) -> dict[str, float]:
        name = str(self._rng.choice(list(_RANGES)))
        return {name: float(self._rng.choice(_RANGES[name]))}

    async def steer(self, client: AsyncClient, session: str, ends_s: float) -> None:
        """Send batches at an even pace until then, in monotonic time."""
        every_s = BATCH / SIGNALS_A_SECOND
        due_s = time.monotonic() + float(self._rng.uniform(0, every_s))
        while due_s < ends_s:
            await asyncio.sleep(max(due_s - time.monotonic(), 0.0))
            due_s += every_s
            batch = [Signal(id=str(self.sent + i), fan="", wishes=self._wishes()) for i in range(BATCH)]
            self.sent += len(batch)
            if self.followed:
                self.unanswered |= {each.id for each in batch}
            try:
                refused = [each.id for each in await client.send(session, batch) if not each.accepted]
            except RemixdError:
                refused = [each.id for each in batch]
            self.refused += len(refused)
            self.unanswered.difference_update(refused)

    async def follow(self, client: AsyncClient, session: str, begun: asyncio.Event) -> None:
        """Take the second answers until cancelled."""
        async with client.watch(session) as events:
            self.followed = True
            begun.set()
            async for event in events:
                if isinstance(event, Applied | Refused):
                    self.surplus += event.id not in self.unanswered
                    self.unanswered.discard(event.id)


class Steering:
    """A daemon's sessions, each with a hand.

    Attributes:
        made: how many sessions there were.
        turned_away: how often there was no room for one.
        ears: of those that are listened to.
    """

    def __init__(self, client: AsyncClient, track: str, seed: int) -> None:
        self.made = self.turned_away = 0
        self.hands: list[Hand] = []
        self.ears: list[Ear] = []
        self._client = client
        self._track = track
        self._seed = seed

    async def run(self, seconds: float, settled: asyncio.Event) -> None:
        """Make sessions, steer and replace them for so long, and delete them.

        `settled` is set once all of them play.
        """
        kept = [id_ for _ in range(min(FOLLOWED, SESSIONS)) if (id_ := await self._make())]
        others = [await self._make() for _ in range(SESSIONS - len(kept))]
        self.ears = [Ear(session) for session in kept]
        async with listening(self._client, self.ears), self._following(kept) as followers:
            settled.set()
            ends_s = time.monotonic() + seconds
            async with asyncio.TaskGroup() as hands:
                for hand, session in zip(followers, kept, strict=True):
                    hands.create_task(hand.steer(self._client, session, ends_s))
                for place, session in enumerate(others):
                    hands.create_task(self._steer_one_after_another(session, place, ends_s))
            for _ in range(round(SETTLED_S / 0.02)):
                if not any(hand.unanswered for hand in followers):
                    break
                await asyncio.sleep(0.02)
        for session in kept:
            await self._client.delete_session(session)

    async def _make(self) -> str:
        """A session; empty where there is no room."""
        try:
            session = (await self._client.create_session(self._track, sink="stream")).id
        except Exhausted:
            self.turned_away += 1
            return ""
        self.made += 1
        return session

    def _hand(self) -> Hand:
        self.hands.append(hand := Hand(self._seed * 100_000 + len(self.hands)))
        return hand

    @asynccontextmanager
    async def _following(self, sessions: list[str]) -> AsyncIterator[list[Hand]]:
        hands, begun = [self._hand() for _ in sessions], [asyncio.Event() for _ in sessions]
        works = [
            asyncio.create_task(hand.follow(self._client, session, there))
            for hand, session, there in zip(hands, sessions, begun, strict=True)
        ]
        try:
            await asyncio.gather(*(there.wait() for there in begun))
            yield hands
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)

    async def _steer_one_after_another(self, session: str, place: int, ends_s: float) -> None:
        """Steer a session, delete it, make the next one in its place; the first ones end at even times."""
        lives_s = LIVES_S * (place + 1) / SESSIONS
        while time.monotonic() < ends_s:
            until_s = min(time.monotonic() + lives_s, ends_s)
            if session:
                await self._hand().steer(self._client, session, until_s)
                await self._client.delete_session(session)
            await asyncio.sleep(max(until_s - time.monotonic(), 0.0))
            session = await self._make() if time.monotonic() < ends_s else ""
            lives_s = LIVES_S
        if session:
            await self._client.delete_session(session)
