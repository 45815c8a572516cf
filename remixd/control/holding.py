"""What sessions hold: the players that lie ready in their engines, and the caches these are read from.

Thread: [control].
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from remixd.control.adoption import Papers
from remixd.control.caches import Caches
from remixd.control.decks import Loaded
from remixd.control.engine import Engine
from remixd.control.score import FIRST_PLAYER, Beats, player_score, rack_score
from remixd.control.session import Session
from remixd.errors import Unavailable
from remixd.track.package import Track
from remixd.track.quota import Lease
from remixd.track.variants import as_one


class Swapped(NamedTuple):
    """Decks whose players were swapped, and those that something else was on its way to."""

    done: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyRack:
    """A rack that lies ready for `order.rack_order`.

    Attributes:
        key: what an order calls it.
        delay_frames: by how much it is late; all that is mixed with it waits.
        cost_ns: what 64 frames of it take.
    """

    key: int
    delay_frames: int
    cost_ns: int


class Holding:
    """The leases of every session, by the key of the player that they are for."""

    def __init__(self, caches: Caches, papers: Papers) -> None:
        self._caches = caches
        self._papers = papers
        self._leases: dict[str, dict[int, Lease]] = {}
        self._keys = count(FIRST_PLAYER + 1)
        self._building: WeakKeyDictionary[Engine, asyncio.Lock] = WeakKeyDictionary()

    def begin(self, session: Session, first: Lease | None) -> None:
        """A session begins, with the lease of what it plays at once."""
        self._leases[session.id] = {FIRST_PLAYER: first} if first else {}
        self._papers.write(session)

    async def adopt(self, session: Session, tracks: dict[int, Track]) -> None:
        """Hold what a session plays that another daemon made. Raises what building a cache raises."""
        leases = {key: await self._caches.hold(track) for key, track in tracks.items()}
        self._leases[session.id] = leases
        self._keys = count(max([*session.players, *session.racks, next(self._keys)]) + 1)

    def keys(self, session: Session) -> list[int]:
        """The players that a session holds."""
        return list(self._leases.get(session.id, {}))

    async def make_ready(
        self,
        session: Session,
        track: Track,
        *,
        lease: Lease,
        loop: bool,
        summed: bool,
        played: Track | None = None,
    ) -> Loaded:
        """Have a track lie ready in the engine of a session; the lease goes when the engine has let go of it.

        Where another one is `played`, of one stem, it stands for the stems of the first. Raises what the
        engine answers, Unavailable if the session has ended; then the lease is let go of.
        """
        leases = self._leases.get(session.id)
        key = next(self._keys)
        try:
            parts = [stem.name for stem in track.playing_stems] if played else ()
            score = player_score(
                played or track, lease.paths, key=key, loop=loop, summed=summed, stands_for=parts
            )
            await session.engine.ask(op="load", key=session.key, player=score)
            session.journal.load(key, score)
            if leases is None or self._leases.get(session.id) is not leases:
                raise Unavailable(f"session {session.id} has ended")
        except BaseException:
            await self._caches.release(lease)
            raise
        leases[key] = lease
        session.players[key] = score
        self._papers.write(session)
        return Loaded(key, track, Beats.of(track), loops=loop)

    async def make_rack_ready(self, session: Session, chain: Sequence[Mapping[str, Any]]) -> ReadyRack:
        """Have a rack lie ready in the engine of a session, until an order uses it.

        Raises InvalidInput, with the engine's sentence, for a chain that cannot be built, takes too long or
        is too late, Unavailable if the session has ended.
        """
        key = next(self._keys)
        asked = rack_score(chain, key=key)
        async with self._building.setdefault(session.engine, asyncio.Lock()):  # it has others to answer too
            built = await session.engine.ask(op="rack", key=session.key, rack=asked)
        if not session.playing:
            raise Unavailable(f"session {session.id} has ended")
        score = rack_score(chain, key=key, built=built)
        session.journal.rack(key, score)
        session.racks[key] = score
        self._papers.write(session)
        return ReadyRack(key=key, delay_frames=built["delay_frames"], cost_ns=built["cost_ns"])

    async def withdraw_rack(self, session: Session, key: int) -> None:
        """Let go of a rack that lies ready, and that no order will use."""
        await session.engine.ask(op="withdraw", key=session.key, racks=[key])

    async def swap(self, session: Session, *, summed: bool) -> Swapped:
        """Have other players take the place of those on the decks: stems summed, or apart.

        Raises what loading raises.
        """
        done = left = 0
        for deck in session.desk.decks.all:
            loaded = deck.loaded
            score = session.players.get(loaded.key) if loaded else None
            if loaded is None or score is None or score["summed"] == summed or len(score["stems"]) < 2:
                continue
            lease = await self._caches.hold(loaded.track)
            ready = await self.make_ready(
                session, loaded.track, lease=lease, loop=loaded.loops, summed=summed
            )
            if session.desk.substitution.swap(deck.index, loaded, ready):
                done += 1
            else:
                left += 1
        return Swapped(done, left)

    async def join(self, session: Session) -> bool:
        """Have one file play on the decks where nobody would hear it, with the stems ready beside it.

        A file that is not in the cache is made first, which takes a while. Whether any deck plays one now.
        Raises what loading raises, InvalidInput where there can be no such file.
        """
        joined = False
        for deck in session.desk.decks.all:
            loaded = deck.loaded
            score = session.players.get(loaded.key) if loaded else None
            if loaded is None or score is None or len(score["stems"]) < 2:
                continue
            if session.desk.substitution.may_join(deck.index):
                joined = await self._join(session, deck.index, loaded, summed=score["summed"]) or joined
        return joined

    async def _join(self, session: Session, index: int, loaded: Loaded, *, summed: bool) -> bool:
        ready: list[Loaded] = []
        aside = session.desk.decks.aside
        try:
            for played in (as_one(loaded.track), None):
                lease = await self._caches.hold(played or loaded.track)
                words: dict[str, Any] = {"lease": lease, "loop": loaded.loops, "summed": summed}
                ready.append(await self.make_ready(session, loaded.track, played=played, **words))
                aside.add(ready[-1].key)  # until both are there
        finally:
            aside.difference_update(each.key for each in ready)
        return session.desk.substitution.join(index, loaded, *ready)

    async def let_go(self, session: Session, players: Collection[int]) -> None:
        """Let go of what no deck of a session plays any more."""
        leases = self._leases.get(session.id, {})
        for key in set(players) & leases.keys():
            session.players.pop(key, None)
            await self._caches.release(leases.pop(key))

    async def end(self, session: Session) -> None:
        """A session is over."""
        self._papers.forget(session)
        for lease in self._leases.pop(session.id, {}).values():
            await self._caches.release(lease)

    def close(self) -> None:
        """Everything is over."""
        for lease in _all(self._leases.values()):
            lease.close()
        self._leases.clear()


def _all(held: Iterable[dict[int, Lease]]) -> Iterable[Lease]:
    return (lease for leases in held for lease in leases.values())
