"""The sessions that this daemon plays. Thread: [control]."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Final

from remixd._kernel.host import SESSIONS_MAX
from remixd.audience.arc import Arc
from remixd.audience.signal import Signal
from remixd.control.action import DeckCommand
from remixd.control.admission import Admission, Kind
from remixd.control.adoption import Papers, adopt
from remixd.control.audiences import Audiences
from remixd.control.caches import Caches
from remixd.control.choosing import Choosing
from remixd.control.command import Answer
from remixd.control.encodings import Encodings
from remixd.control.engine import Died, Engine
from remixd.control.grooving import Grooving
from remixd.control.holding import Holding
from remixd.control.journal import Journal
from remixd.control.journals import Journals
from remixd.control.kept_tastes import FILE as TASTES_FILE
from remixd.control.observing import Observer
from remixd.control.picking import Picking
from remixd.control.presets import Pick
from remixd.control.rounds import Rounds
from remixd.control.score import FIRST_PLAYER, player_score, session_score, track_of
from remixd.control.session import Session
from remixd.control.sink import Sink
from remixd.control.start import Start
from remixd.control.streams import Listener, Lost, Packet, SessionStatus, Watcher
from remixd.control.succession import Succession
from remixd.control.supervisor import Supervisor
from remixd.director.preset import ORIGINAL
from remixd.director.preset_files import load_blend
from remixd.errors import Exhausted, NotFound, RemixdError, Unavailable, nearest
from remixd.track.library import Library
from remixd.track.package import Track
from remixd.track.quota import Lease

log = logging.getLogger(__name__)

__all__ = ["Listener", "Lost", "Packet", "Session", "SessionStatus", "Sessions", "Watcher"]

BLOCK_FRAMES: Final = 128
"""Of a sound device, unless something else is asked for."""
POLL_S: Final = 0.004


class Sessions:
    """Every session of the daemon: creates, finds and deletes them, and moves what the engine renders.

    Attributes:
        audiences: what its fans have expressed, in all of them.
        picking: goes to presets, and saves them.
        encodings: what they sound like as Opus and FLAC.
        admission: where a new session may go.
    """

    def __init__(
        self,
        library: Library,
        supervisor: Supervisor,
        sink: str = "stream",
        caches: Caches | None = None,
        block_frames: int = BLOCK_FRAMES,
        journals: Journals | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._library = library
        self._sink = Sink.parse(sink)
        self._block_frames = block_frames
        self._supervisor = supervisor
        self._caches = caches or Caches(library.path)
        self._journals = journals
        self._observer = observer or Observer()
        self._succession = Succession(self._playing, self._observer.metrics)
        self._supervisor.on_lost = self._succession.inherit
        self.audiences = Audiences(self.all, library.path / TASTES_FILE, journals)
        self._sessions: dict[str, Session] = {}
        papers = Papers()
        self._holding = Holding(self._caches, papers)
        self.picking = Picking(self._holding)
        self._choosing = Choosing(library.get, self._expect, self.pick)
        self.admission = Admission()
        self._grooving = Grooving()
        self.encodings = Encodings()
        self._generation = count(1)
        self._loading: set[asyncio.Task[None]] = set()
        self._reserved: set[int] = set()
        self._ending: set[asyncio.Future[None]] = set()
        self._awake = asyncio.Event()
        self._pump = asyncio.create_task(self._run())
        rounds = Rounds(self._playing, self._holding, self.picking, papers)
        self._watch = asyncio.create_task(rounds.run(self._awake))

    def get(self, session_id: str) -> Session:
        """Find a session. Raises NotFound with the nearest id."""
        found = self._sessions.get(session_id)
        if found is None:
            hint = nearest(session_id, self._sessions)
            raise NotFound(f"there is no session {session_id!r}: {hint}", kind="session", name=session_id)
        return found

    def _playing(self) -> list[Session]:
        return [session for session in self._sessions.values() if session.playing]

    def has(self, session: Session) -> bool:
        """Whether a session is there still."""
        return self._sessions.get(session.id) is session

    def all(self) -> list[Session]:
        """Every session, in the order of their creation."""
        return list(self._sessions.values())

    async def create(
        self,
        track_id: str | None,
        *,
        directed: bool = False,
        sink: str | None = None,
        presets: Mapping[str, float] | None = None,
        arc: Arc = (),
        exploring: bool | None = None,
        apart: bool = False,
        name: str | None = None,
    ) -> Session:
        """Start a track from its beginning, or a session of empty decks.

        Args:
            track_id: of the track, which plays at once; None for none.
            directed: whether wishes go to the director rather than at once into the mix.
            sink: where it plays (see `Sink`); the daemon's default if None.
            presets: those that it starts from, and their weights; the artist's own mix if None.
            arc: how lively a directed session is to be over time.
            exploring: whether a directed session may try things out; None for yes.
            apart: whether its stems are handed out one by one, too; that takes more of an engine.
            name: for its id; if there is such a session already, that one is it. None for a new name.

        Raises NotFound for an unknown track or preset, InvalidInput for an unknown sink, a broken package, or
        where there is nothing to direct, Exhausted if the engine is full or out of shared memory, Unavailable
        while there is no engine, or if the device cannot play, AlreadyExists for a file that is there. If the
        caller is cancelled, so is the session.
        """
        session_id = f"s-{name}" if name else _new_id(self._sessions)
        if session_id in self._sessions:
            return self._sessions[session_id]
        start = Start.of(
            None if track_id is None else self._library.get(track_id),
            load_blend(presets or {ORIGINAL: 1.0}),
            Sink.parse(sink) if sink else self._sink,
            is_directed=directed,
            arc=arc,
            exploring=exploring,
            apart=apart,
        )
        making = asyncio.ensure_future(self._create(session_id, start))
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            making.add_done_callback(self._discard)
            raise

    def _discard(self, made: asyncio.Future[Session]) -> None:
        if not made.cancelled() and made.exception() is None:
            self._ending.add(ending := asyncio.ensure_future(self.delete(made.result().id)))
            ending.add_done_callback(self._ending.discard)

    async def _create(self, session_id: str, start: Start) -> Session:
        if start.track and start.sink.kind == "file":
            start.track.check_export()
        lease = await self._caches.hold(start.track) if start.track else None
        try:
            session = await self._play(session_id, start, lease)
        except BaseException as error:
            if start.track and lease:
                await self._caches.release(lease)
                if isinstance(error, RemixdError):
                    self._library.get(start.track.id)  # deleted meanwhile? then that is what is told
            raise
        self._holding.begin(session, lease)
        self._awake.set()
        try:
            await self.picking.complete(session)
        except RemixdError:
            await self.delete(session.id)
            raise
        return session

    async def _play(self, session_id: str, start: Start, lease: Lease | None) -> Session:
        paced = (start.sink.kind, start.sink.name) != ("null", "fast")
        place = self.admission.place(self._supervisor.engines, start.kind, self._kinds(), paced=paced)
        async with place as engine:
            return await self._play_on(engine, session_id, start, lease)

    def _kinds(self) -> dict[int, Kind]:
        return {session.key: session.kind for session in self._sessions.values()}

    async def _play_on(self, engine: Engine, session_id: str, start: Start, lease: Lease | None) -> Session:
        slot = self._reserve_slot(engine)
        try:
            key = next(self._generation) * SESSIONS_MAX + slot
            player = None
            if start.track and lease:  # what a session begins with starts over at its end
                summed = start.kind == "summed"
                player = player_score(start.track, lease.paths, key=FIRST_PLAYER, loop=True, summed=summed)
            score = session_score(
                start.mix, start.sink, is_directed=start.is_directed, block_frames=self._block_frames,
                player=player, apart=start.apart,
            )  # fmt: skip
            playing = await engine.ask(op="play", key=key, memory=str(engine.memory_path(key)), **score)
            journal = await self._journals.begin(session_id, key, score) if self._journals else Journal()
            try:
                session = Session(session_id, key, engine, start, score, journal)
            except (OSError, ValueError) as error:
                journal.end(str(error))
                await engine.ask(op="leave", key=key)
                raise Unavailable(f"the engine's sound cannot be reached: {error}") from None
            session.latency_s = playing["latency_s"]
            session.observe(self._observer)
            self._sessions[session.id] = session
            self._observer.metrics.created.inc()
        finally:
            self._reserved.discard(slot)
        return session

    def perform(self, session: Session, command: DeckCommand) -> Answer:
        """Take what a hand does on a deck of a session. The first answer; the second is told to its watchers.

        A track that is to be loaded is made ready meanwhile. Raises Unavailable if the engine is lost.
        """
        if command.action.verb == "stinger":
            return self._grooving.sting(session, command)
        if command.action.verb not in ("load", "swap"):
            return session.perform(command)
        try:
            track = self._library.get(command.action.name)
            if session.sink.startswith("file"):
                track.check_export()
        except RemixdError as error:
            return Answer(id=command.id, accepted=False, reason=str(error))
        return self._expect(session, command, track)

    def receive(self, session: Session, signals: Sequence[Signal]) -> list[Answer]:
        """Take a batch of signals: see `Session.receive`; choices bring other sounds of the same music."""
        self.audiences.welcome(session, signals)
        answers = self._choosing.answers_to(signals, session)
        self._observer.metrics.answered(answers)
        return answers

    def pick(self, session: Session, pick: Pick) -> Answer:
        """Go to other presets. The first answer; the second is told to the session's watchers.

        Raises NotFound for an unknown preset, InvalidInput for a broken one, Unavailable without an engine.
        """
        return self.picking.take(session, pick, load_blend(pick.weights))

    def _expect(self, session: Session, command: DeckCommand, track: Track, loop: bool = False) -> Answer:
        answer = session.expect(command, track)
        if answer.accepted:
            self._loading.add(task := asyncio.create_task(self._load(session, command, track, loop)))
            task.add_done_callback(self._loading.discard)
        return answer

    async def _load(self, session: Session, command: DeckCommand, track: Track, loop: bool) -> None:
        """Bring a track onto a deck; whatever comes of it is told."""
        try:
            lease = await self._caches.hold(track)
            if not session.awaits(command):
                await self._caches.release(lease)
                raise Unavailable("another command took its place")
            summed = session.kind == "summed"
            ready = await self._holding.make_ready(session, track, lease=lease, loop=loop, summed=summed)
            session.desk.loads.load(command, ready)
            self.picking.follow(session, command.deck)
        except RemixdError as error:
            session.desk.loads.give_up(command, str(error))
        except Exception as error:
            log.exception("loading %s into session %s", track.id, session.id)
            session.desk.loads.give_up(command, f"a fault of remixd: {error!r}")

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
        self.audiences.keep(session)
        self._take_sound()
        session.end()
        if self._sessions.pop(session_id, None):
            await self._holding.end(session)

    async def adopt(self) -> None:
        """Go on with what engines play that the supervisor has adopted; what cannot be had is faded out."""
        for engine in self._supervisor.adopted:
            with contextlib.suppress(Died):  # then there is nothing to go on with
                for key, *_, players in (await engine.ask(op="outputs"))["outputs"]:
                    await self._adopt(engine, key, players)
        self._awake.set()

    async def _adopt(self, engine: Engine, key: int, players: list[int]) -> None:
        try:
            session = adopt(engine, key, self._library)
            held = [player for player in players if player in session.players]
            scores = {player: session.players[player] for player in held}
            tracks = {
                player: track_of(score, self._library.get(score["track"]))[0]
                for player, score in scores.items()
            }
            await self._holding.adopt(session, tracks)
        except RemixdError as error:
            log.error("session %d of engine process %d is not adopted: %s", key, engine.pid, error)
            await engine.ask(op="leave", key=key)
            return
        if self._journals:
            session.keep(await self._journals.go_on(session.id))
        log.info("session %s is adopted", session.id)
        session.observe(self._observer)
        self._sessions[session.id] = session
        await self.picking.adopt(session)
        self._generation = count(max(key // SESSIONS_MAX, next(self._generation)) + 1)

    async def close(self) -> None:
        """End every session's listeners and watchers."""
        await self.picking.close()
        for task in (self._pump, self._watch, *self._loading):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._succession.close()
        await self._grooving.close()
        await self.encodings.close()
        self.audiences.close()
        for session in self.all():
            session.end()
        self._sessions.clear()
        self._holding.close()

    async def _run(self) -> None:
        """Move reports and packets from the engine to those who wait for them."""
        while True:
            if not any(session.playing for session in self._sessions.values()):
                self._awake.clear()
                await self._awake.wait()
            self._take_sound()
            await asyncio.sleep(POLL_S)

    def _take_sound(self) -> None:
        now_s = time.monotonic()
        self.audiences.look_after(now_s)
        for session in self._sessions.values():
            try:
                session.take_reports()
                session.take_sound(now_s)
                if session.playing:
                    session.direct()
                    self._grooving.look_after(session)
            except Exception as error:  # one that has a fault does not keep the others waiting
                if session.playing:
                    log.exception("session %s", session.id)
                    self._ending.add(ending := asyncio.ensure_future(_silence(session.engine, session.key)))
                    ending.add_done_callback(self._ending.discard)
                    session.lose(f"a fault of remixd in session {session.id}: {error!r}")


async def _silence(engine: Engine, key: int) -> None:
    with contextlib.suppress(RemixdError):
        await engine.ask(op="leave", key=key)


def _new_id(taken: dict[str, Session]) -> str:
    while (fresh := f"s-{secrets.token_hex(4)}") in taken:
        pass
    return fresh
