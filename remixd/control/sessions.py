"""The sessions that this daemon plays. Thread: [control]."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final

from remixd._kernel.host import SESSIONS_MAX
from remixd.control.caches import Caches
from remixd.control.engine import Engine
from remixd.control.session import Session, Start
from remixd.control.sink import Sink
from remixd.control.streams import Listener, Lost, Packet, SessionStatus, Watcher
from remixd.control.supervisor import Supervisor
from remixd.director.preset import ORIGINAL, load_preset
from remixd.errors import Exhausted, NotFound, RemixdError, Unavailable, nearest
from remixd.mix import PLAYABLE
from remixd.track.library import Library
from remixd.track.quota import Lease
from remixd.track.rights import VOCALS_ABOVE_DB
from remixd.units import STEM_ROLES

log = logging.getLogger(__name__)

__all__ = ["Listener", "Lost", "Packet", "Session", "SessionStatus", "Sessions", "Watcher"]

LEAD_NS: Final = 20_000_000
DIRECTED_LEAD_NS: Final = 100_000_000
"""How long before it is heard a session is rendered, hands-on or directed."""
BLOCK_FRAMES: Final = 128
"""Of a sound device, unless something else is asked for."""
POLL_S: Final = 0.004
WATCH_S: Final = 1.0
HUNG_S: Final = 3.0
"""An engine that renders nothing for so long, though sessions play, hangs."""


class Sessions:
    """Every session of the daemon: creates, finds and deletes them, and moves what the engine renders."""

    def __init__(
        self,
        library: Library,
        supervisor: Supervisor,
        sink: str = "stream",
        caches: Caches | None = None,
        block_frames: int = BLOCK_FRAMES,
    ) -> None:
        self._library = library
        self._sink = Sink.parse(sink)
        self._block_frames = block_frames
        self._supervisor = supervisor
        self._supervisor.on_lost = self._lose
        self._caches = caches or Caches(library.path)
        self._sessions: dict[str, Session] = {}
        self._leases: dict[str, Lease] = {}
        self._generation = count(1)
        self._reserved: set[int] = set()
        self._ending: set[asyncio.Future[None]] = set()
        self._awake = asyncio.Event()
        self._pump = asyncio.create_task(self._run())
        self._watch = asyncio.create_task(self._watch_engines())

    def get(self, session_id: str) -> Session:
        """Find a session. Raises NotFound with the nearest id."""
        found = self._sessions.get(session_id)
        if found is None:
            hint = nearest(session_id, self._sessions)
            raise NotFound(f"there is no session {session_id!r}: {hint}", kind="session", name=session_id)
        return found

    def all(self) -> list[Session]:
        """Every session, in the order of their creation."""
        return list(self._sessions.values())

    async def create(
        self, track_id: str, *, directed: bool = False, sink: str | None = None, preset: str | None = None
    ) -> Session:
        """Start a track from its beginning.

        Args:
            track_id: of the track.
            directed: whether wishes go to the director rather than at once into the mix.
            sink: where it plays (see `Sink`); the daemon's default if None.
            preset: the mix it starts from; the artist's own if None.

        Raises NotFound for an unknown track or preset, InvalidInput for an unknown sink or a broken package,
        Exhausted if the engine is full or out of shared memory, Unavailable while there is no engine, or if
        the device cannot play, AlreadyExists for a file that is there. If the caller is cancelled, so is the
        session.
        """
        making = asyncio.ensure_future(
            self._create(
                Start.of(
                    self._library.get(track_id),
                    load_preset(preset or ORIGINAL),
                    Sink.parse(sink) if sink else self._sink,
                    is_directed=directed,
                )
            )
        )
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            making.add_done_callback(self._discard)
            raise

    def _discard(self, made: asyncio.Future[Session]) -> None:
        if not made.cancelled() and made.exception() is None:
            self._ending.add(ending := asyncio.ensure_future(self.delete(made.result().id)))
            ending.add_done_callback(self._ending.discard)

    async def _create(self, start: Start) -> Session:
        lease = await self._caches.hold(start.track)
        try:
            session = await self._play(start, lease)
        except BaseException as error:
            await self._caches.release(lease)
            if isinstance(error, RemixdError):
                self._library.get(start.track.id)  # deleted meanwhile? then that is what is told
            raise
        self._leases[session.id] = lease
        self._awake.set()
        return session

    async def _play(self, start: Start, lease: Lease) -> Session:
        engine = self._supervisor.engine
        slot = self._reserve_slot(engine)
        try:
            key = next(self._generation) * SESSIONS_MAX + slot
            playing = await engine.ask(
                op="play",
                key=key,
                memory=str(engine.memory_path(key)),
                **_score(start, lease.paths, self._block_frames),
            )
            try:
                session = Session(_new_id(self._sessions), key, engine, start)
            except (OSError, ValueError) as error:
                await engine.ask(op="leave", key=key)
                raise Unavailable(f"the engine's sound cannot be reached: {error}") from None
            session.latency_s = playing["latency_s"]
            self._sessions[session.id] = session
        finally:
            self._reserved.discard(slot)
        return session

    def _reserve_slot(self, engine: Engine) -> int:
        """A slot of the engine that nobody has: lost sessions, which stay to be looked at, have none."""
        theirs = (session for session in self._sessions.values() if session.engine is engine)
        taken = {session.key % SESSIONS_MAX for session in theirs} | self._reserved
        free = next((slot for slot in range(SESSIONS_MAX) if slot not in taken), None)
        if free is None:
            raise Exhausted(f"the engine plays {SESSIONS_MAX} sessions, and no more")
        self._reserved.add(free)
        return free

    async def delete(self, session_id: str) -> None:
        """Fade a session out and forget it. Raises NotFound."""
        session = self.get(session_id)
        await session.leave()
        self._take_sound()
        session.end()
        if self._sessions.pop(session_id, None):
            await self._caches.release(self._leases.pop(session_id))

    async def close(self) -> None:
        """End every session's listeners and watchers."""
        for task in (self._pump, self._watch):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for session in self.all():
            session.end()
        self._sessions.clear()
        for lease in self._leases.values():
            lease.close()
        self._leases.clear()

    def _lose(self, engine: Engine, how: str) -> None:
        for session in self._sessions.values():
            if session.engine is engine:
                session.take_reports()
                session.lose(f"the engine of session {session.id} is lost: {how}")

    async def _run(self) -> None:
        """Move reports and packets from the engine to those who wait for them."""
        while True:
            if not any(session.playing for session in self._sessions.values()):
                self._awake.clear()
                await self._awake.wait()
            self._take_sound()
            await asyncio.sleep(POLL_S)

    async def _watch_engines(self) -> None:
        """Once a second, ask how files and devices do, and end an engine that hangs."""
        silent_s: dict[int, float] = {}
        while True:
            await asyncio.sleep(WATCH_S)
            if not any(session.playing for session in self._sessions.values()):
                await self._awake.wait()
                silent_s.clear()
            for engine in {session.engine for session in self._sessions.values() if session.playing}:
                alive = [
                    session.is_heard() for session in self._sessions.values() if session.engine is engine
                ]
                silent_s[engine.pid] = 0.0 if any(alive) else silent_s.get(engine.pid, 0.0) + WATCH_S
                if silent_s[engine.pid] >= HUNG_S:
                    log.error("engine %d has rendered nothing for %g s: it is ended", engine.pid, HUNG_S)
                    engine.kill()
                elif silent_s[engine.pid] == 0.0:
                    await self._ask_outputs(engine)

    async def _ask_outputs(self, engine: Engine) -> None:
        theirs = {session.key: session for session in self._sessions.values() if session.engine is engine}
        if not any(session.has_output for session in theirs.values()):
            return
        with contextlib.suppress(RemixdError):
            for key, state, latency_s in (await engine.ask(op="outputs"))["outputs"]:
                if (session := theirs.get(key)) and session.has_output:
                    if state != session.device:
                        log.info("session %s: %s %s", session.id, session.sink, state)
                    session.device, session.latency_s = state, latency_s

    def _take_sound(self) -> None:
        now_s = time.monotonic()
        for session in self._sessions.values():
            session.take_reports()
            session.take_sound(now_s)
            if session.playing:
                session.direct()


def _score(start: Start, caches: Sequence[Path], block_frames: int) -> dict[str, Any]:
    """What the engine needs to know to play a track."""
    track, sink = start.track, start.sink
    low, high = zip(*(track.rights.range(name) for name in PLAYABLE), strict=True)
    return {
        "stems": [
            {"path": str(path), "role": STEM_ROLES.index(stem.role)}
            for stem, path in zip(track.playing_stems, caches, strict=True)
        ],
        "mix": [start.mix[name] for name in PLAYABLE],
        "low": low,
        "high": high,
        "vocals_limit_db": None if track.rights.vocals_solo else VOCALS_ABOVE_DB,
        "summed": start.is_directed,  # nobody has a hand on the faders: they may act with the frame
        "lead_ns": DIRECTED_LEAD_NS if start.is_directed else LEAD_NS,
        "start": 0,
        "sink": {"kind": sink.kind, "name": sink.name, "block_frames": block_frames},
    }


def _new_id(taken: dict[str, Session]) -> str:
    while (fresh := f"s-{secrets.token_hex(4)}") in taken:
        pass
    return fresh
