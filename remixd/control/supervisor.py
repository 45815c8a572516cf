"""The supervisor: keeps an engine running, and tells when one has died. Thread: [control]."""

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
from collections.abc import Callable
from pathlib import Path
from typing import Final

from remixd.config import user_cache_path
from remixd.control.engine import Engine
from remixd.errors import RemixdError, Unavailable

log = logging.getLogger(__name__)

STEADY_S: Final = 5.0
"""An engine that lived this long is replaced at once; one that did not, after a pause that doubles."""
PAUSES_S: Final = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)


def instance_path(runtime: Path, library: Path) -> Path:
    """The runtime folder of the daemon that serves `library`: one a library."""
    return runtime / hashlib.sha256(str(library).encode()).hexdigest()[:8]


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
    """Keeps one engine running.

    Args:
        runtime: the folder for its shared-memory files; its own, emptied at the start.
        wisdom: FFTW's file, measured once a machine.

    `on_lost` is called with the engine and how it ended, at once when one dies.
    """

    def __init__(self, runtime: Path, wisdom: Path | None = None) -> None:
        self._runtime = runtime
        self._wisdom = wisdom or user_cache_path() / "fftwf.wisdom"
        self._engine: Engine | None = None
        self._watch: asyncio.Task[None] | None = None
        self._failures = 0
        self.on_lost: Callable[[Engine, str], None] = lambda _engine, _how: None

    @property
    def engine(self) -> Engine:
        """The engine that new sessions go to. Raises Unavailable while there is none."""
        if self._engine is None:
            raise Unavailable("there is no engine now: it died and is being replaced")
        return self._engine

    @property
    def notes(self) -> list[str]:
        """What the operating system did not grant the engine."""
        return self._engine.notes if self._engine else []

    async def start(self) -> None:
        """Start the engine and watch over it. Raises Unavailable if it does not start."""
        make_private(self._runtime.parent)
        shutil.rmtree(self._runtime, ignore_errors=True)  # what a daemon that was killed left behind
        self._engine = await self._spawn()
        self._watch = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """End the engine, in order."""
        if self._watch:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        if self._engine:
            await self._engine.stop()
            self._engine = None
        with contextlib.suppress(OSError):
            self._runtime.rmdir()
            self._runtime.parent.rmdir()  # if no other daemon uses it

    async def _spawn(self) -> Engine:
        # A name never used before: an engine whose daemon was killed may still be fading out, and removes
        # its own folder when it is done.
        return await Engine.start(self._runtime / f"engine-{secrets.token_hex(4)}", self._wisdom)

    async def _keep(self) -> None:
        while True:
            born = time.monotonic()
            dead = self.engine
            how = await dead.died()
            self._engine = None
            log.error("engine %d is lost: %s", dead.pid, how)
            self.on_lost(dead, how)
            await dead.stop()
            self._failures = 0 if time.monotonic() - born > STEADY_S else self._failures + 1
            await self._replace()

    async def _replace(self) -> None:
        while self._engine is None:
            await asyncio.sleep(PAUSES_S[min(self._failures, len(PAUSES_S) - 1)])
            try:
                self._engine = await self._spawn()
                log.info("engine %d takes over", self._engine.pid)
            except RemixdError as error:
                self._failures += 1
                log.error("no new engine: %s", error)
