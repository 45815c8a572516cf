"""The supervisor: keeps engines running, and one more, a spare, for when one of them dies.

Thread: [control].
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Final

from remixd._kernel import presence
from remixd.config import user_cache_path
from remixd.control.engine import Engine
from remixd.errors import RemixdError, Unavailable

log = logging.getLogger(__name__)

STEADY_S: Final = 2.0
"""An engine that lived this long dies of something else than the one before."""
DEATHS_MAX: Final = 3
"""So many in a row that did not, and what they played is given up: it may be what kills them."""
PAUSES_S: Final = (0.0, 0.0, 0.5, 1.0, 2.0, 4.0, 8.0)


def instance_path(runtime: Path, library: Path) -> Path:
    """The runtime folder of the daemon that serves `library`: one a library."""
    return runtime / hashlib.sha256(str(library).encode()).hexdigest()[:8]


def default_engines() -> int:
    """One a core, but for one core that the rest of the daemon keeps."""
    return max(len(os.sched_getaffinity(0)) - 1, 1)


def make_private(folder: Path) -> None:
    """Make a folder that only this user may enter, or see that it is one.

    Raises Unavailable if it belongs to somebody else: `/dev/shm` is open to all.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        owner = folder.lstat()
    except OSError as error:
        raise Unavailable(f"{folder}: {error.strerror}") from None
    if not stat.S_ISDIR(owner.st_mode) or owner.st_uid != os.getuid() or owner.st_mode & 0o022:
        raise Unavailable(f"{folder} is not a folder of this user alone: remove it, or set REMIXD_RUNTIME")


class Supervisor:
    """Keeps engines running.

    Args:
        runtime: the folder for their shared-memory files. Engines that still play there, since their daemon
            was killed, are adopted; what dead ones have left is removed.
        wisdom: FFTW's file, measured once a machine.
        engines: how many play; each has a core of its own as long as there are cores.

    Attributes:
        adopted: the engines that were found playing at the start.

    `on_lost` is called at once when one dies, or as soon as there is another: with the engine, how it ended,
    and its heir, which plays nothing yet and whose caller ends the dead one (`Engine.stop`). Without an heir
    what it played is to be given up.
    """

    def __init__(self, runtime: Path, wisdom: Path | None = None, engines: int = 1) -> None:
        self._runtime = runtime
        self._wisdom = wisdom or user_cache_path() / "fftwf.wisdom"
        self._places: list[Engine | None] = [None] * engines
        self._spare: Engine | None = None
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._deaths = 0
        self._died_s = -STEADY_S
        self._tasks: set[asyncio.Task[None]] = set()
        self.adopted: list[Engine] = []
        self.on_lost: Callable[[Engine, str, Engine | None], None] = lambda _engine, _how, _heir: None

    @property
    def engines(self) -> list[Engine]:
        """Those that new sessions may go to. Raises Unavailable while there is none."""
        alive = [engine for engine in self._places if engine is not None and engine.is_alive]
        if not alive:
            raise Unavailable("there is no engine now: it died and is being replaced")
        return alive

    @property
    def engine(self) -> Engine:
        """The first of them. Raises Unavailable while there is none."""
        return self.engines[0]

    @property
    def has_spare(self) -> bool:
        """Whether one waits to take over."""
        return self._spare is not None and self._spare.is_alive

    @property
    def notes(self) -> list[str]:
        """What the operating system did not grant the engines."""
        return list(dict.fromkeys(note for engine in self._playing() for note in engine.notes))

    def _playing(self) -> Iterator[Engine]:
        return (engine for engine in self._places if engine is not None)

    async def start(self) -> None:
        """Start the engines, or adopt them, and watch over them. Raises Unavailable if one does not start."""
        make_private(self._runtime.parent)
        self._runtime.mkdir(exist_ok=True, mode=0o700)
        self.adopted = [engine for folder in self._runtime.iterdir() if (engine := await _adopt(folder))]
        self._places[: len(self.adopted)] = self.adopted
        missing = [place for place, engine in enumerate(self._places) if engine is None]
        born = await asyncio.gather(*(self._spawn() for _ in missing), return_exceptions=True)
        for place, new in zip(missing, born, strict=True):
            self._places[place] = new if isinstance(new, Engine) else None
        for failed in born:
            if isinstance(failed, BaseException):
                raise failed
        for place, engine in enumerate(self._places):
            if engine is not None:
                await self._put(place, engine)
        self._do(self._keep_spare())

    async def stop(self) -> None:
        """End the engines, in order."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        engines = [*self._playing(), *([self._spare] if self._spare else [])]
        await asyncio.gather(*(engine.stop() for engine in engines))
        self._places, self._spare = [None] * len(self._places), None
        with contextlib.suppress(OSError):
            self._runtime.rmdir()
            self._runtime.parent.rmdir()  # if no other daemon uses it

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(task := asyncio.create_task(work))
        task.add_done_callback(self._tasks.discard)

    async def _spawn(self) -> Engine:
        # A name never used before: an engine whose daemon was killed may still be fading out, and removes
        # its own folder when it is done.
        return await Engine.start(self._runtime / f"engine-{secrets.token_hex(4)}", self._wisdom)

    async def _put(self, place: int, engine: Engine) -> None:
        """Let an engine play in a place, on the core that is this place's."""
        self._places[place] = engine
        engine.number = place + 1
        self._do(self._keep(place, engine))
        cores = sorted(os.sched_getaffinity(0))
        if len(self._places) < len(cores):
            own = cores[len(cores) - 1 - place]
            rest = cores[: len(cores) - len(self._places)]
            with contextlib.suppress(RemixdError):
                await engine.ask(op="pin", render=[own], rest=rest)

    async def _keep(self, place: int, engine: Engine) -> None:
        """Wait until an engine dies; then let another take its place."""
        how = await engine.died()
        log.error("engine %d (process %d) is lost: %s", place + 1, engine.pid, how)
        now_s = time.monotonic()
        self._deaths = self._deaths + 1 if now_s - self._died_s < STEADY_S else 1
        self._died_s = now_s
        self._places[place] = None
        if self._deaths > DEATHS_MAX:
            self.on_lost(engine, f"{how}, the {self._deaths}th in a row", None)
        heir = await self._heir()
        log.info("engine %d is process %d now", place + 1, heir.pid)
        self._places[place] = heir
        if self._deaths <= DEATHS_MAX:
            self.on_lost(engine, how, heir)
        await self._put(place, heir)

    async def _heir(self) -> Engine:
        """The spare, as soon as there is one."""
        while True:
            if spare := self._spare:
                self._spare = None
                self._taken.set()
                if spare.is_alive:
                    return spare
                await spare.stop()
            self._arrived.clear()
            await self._arrived.wait()

    async def _born(self) -> Engine:
        """A new engine, as soon as one starts; after many deaths in a row, not at once."""
        failures = self._deaths if time.monotonic() - self._died_s < STEADY_S else 0
        while True:
            await asyncio.sleep(PAUSES_S[min(failures, len(PAUSES_S) - 1)])
            try:
                return await self._spawn()
            except RemixdError as error:
                failures += 1
                log.error("no new engine: %s", error)

    async def _keep_spare(self) -> None:
        """Have an engine wait; when it takes a place, or dies, another."""
        while True:
            spare = self._spare = await self._born()
            self._arrived.set()
            await self._until_taken(spare)
            if self._spare is spare:
                log.error("the spare engine (process %d) is lost", spare.pid)
                self._spare = None
                self._deaths += 1
                await spare.stop()

    async def _until_taken(self, spare: Engine) -> None:
        ends = [asyncio.ensure_future(spare.died()), asyncio.ensure_future(self._taken.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            self._taken.clear()


async def _adopt(folder: Path) -> Engine | None:
    """The engine that plays in a folder; where none does, what one has left there is removed."""
    found = presence.find(folder)
    if found is None:
        shutil.rmtree(folder, ignore_errors=True)
        return None
    try:
        if found.version != presence.VERSION:
            raise Unavailable(f"engine {found.pid} is of another version of remixd")
        engine = await Engine.adopt(folder, found.pid)
    except Unavailable as error:
        log.warning("%s: it is not adopted", error)
        return None
    log.info("engine %d still plays: it is adopted", engine.pid)
    return engine
