"""The encoder worker as control sees it: what it is asked for, and that it goes on.

PCM never passes through here: the encoder reads the engines' rings itself. Thread: [control].
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
from contextvars import Context
from itertools import count
from pathlib import Path
from typing import Final, Protocol

from remixd.config import ONE_THREAD
from remixd.control.encoding import Encoding, Heard, Tap, Taps
from remixd.encoder.wire import Kind, Message, Messages
from remixd.errors import Exhausted, Unavailable

log = logging.getLogger(__name__)

START_S: Final = 15.0
"""How long a listener waits for its encoder at most."""
TICK_S: Final = 0.5
SILENT_TICKS_MAX: Final = 6
"""An encoder that says nothing for so many ticks, of which it speaks in every one, hangs."""
LINGER_TICKS: Final = 10
"""An encoding goes on for so long after its last listener: who comes back finds it running."""
STEADY_S: Final = 10.0
PAUSES_S: Final = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
STREAMS_MAX: Final = 256
READ_BYTES: Final = 1 << 16


class Source(Protocol):
    """What is asked of a session."""

    taps: Taps

    @property
    def playing(self) -> bool:
        """Whether it sounds."""

    def source(self) -> tuple[Path, int]:
        """Its shared memory, and what is added to the sequence of its packets."""

    def bar_beat(self, position_s: float) -> str | None:
        """A place in its song, musically."""


class Encodings:
    """Every encoding that somebody listens to, in one process for all sessions.

    It starts with the first listener and ends when there was none for a while.
    """

    def __init__(self) -> None:
        self._numbers = count(1)
        self._open: dict[int, tuple[Tap, Source]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._running: asyncio.Task[None] | None = None
        self._silent_ticks = 0

    @property
    def pid(self) -> int | None:
        """Of the process; None without one."""
        return None if self._process is None else self._process.pid

    def __len__(self) -> int:
        return len(self._open)

    async def listen(self, session: Source, encoding: Encoding) -> Heard:
        """Join those who listen to a session in an encoding: packets from now on. Close it when done.

        Raises Unavailable if the session is lost or the encoder does not begin, Exhausted if too much is
        encoded already.
        """
        if not session.playing:
            raise Unavailable("the session is lost: its engine has died")
        tap = session.taps.get(encoding) or self._add(session, encoding)
        listener = tap.listeners.join()
        try:
            async with asyncio.timeout(START_S):
                return listener, await asyncio.shield(tap.head)
        except TimeoutError:
            listener.close()
            raise Unavailable(f"the encoder has not begun within {START_S:g} s") from None
        except BaseException:
            listener.close()
            raise

    def _add(self, session: Source, encoding: Encoding) -> Tap:
        if len(self._open) >= STREAMS_MAX:
            raise Exhausted(f"there are {STREAMS_MAX} encodings, and no more")
        tap = Tap(next(self._numbers), encoding, session.source)
        session.taps.on_move = self._move
        session.taps.add(tap)
        self._open[tap.number] = tap, session
        self._say(tap, "open")
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run(), context=Context())  # no one call's
        return tap

    def _move(self, tap: Tap) -> None:
        if tap.is_open:
            self._say(tap, "move")

    def _say(self, tap: Tap, op: str) -> None:
        """Tell the encoder; one that does not run is told when it does."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(json.dumps(tap.command(op)).encode() + b"\n")
            tap.is_open = op != "close"

    async def close(self) -> None:
        """End the process, and everybody's iteration."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
        for tap, session in self._open.values():
            session.taps.remove(tap)
            tap.end()
        self._open.clear()

    async def _run(self) -> None:
        """Keep an encoder running as long as anybody wants one."""
        deaths = 0
        while self._open:
            began_s = time.monotonic()
            how = await self._run_one()
            if how is None:
                continue
            deaths = deaths + 1 if time.monotonic() - began_s < STEADY_S else 1
            pause_s = PAUSES_S[min(deaths, len(PAUSES_S)) - 1]
            log.error("the encoder is lost: %s; another starts in %g s", how, pause_s)
            await asyncio.sleep(pause_s)

    async def _run_one(self) -> str | None:
        """One process, from its start to its end; how that came, None if nobody needed it any more."""
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "remixd.encoder",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                env={**os.environ, **ONE_THREAD},
            )  # fmt: skip
        except OSError as error:
            return f"it does not start: {error.strerror}"
        self._process, self._silent_ticks = process, -round(START_S / TICK_S)
        ticking = asyncio.create_task(self._tick(process))
        try:
            for tap, _ in self._open.values():
                self._say(tap, "open")
            await self._read(process)
            status = await process.wait()
            return f"it ended with status {status}" if status else None
        except (ValueError, OSError) as error:
            return f"it said what nobody understands: {error}"
        finally:
            self._process = None
            ticking.cancel()
            for tap, _ in self._open.values():
                tap.is_open = False
            await _end(process)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101 (asked for above)
        messages = Messages()
        while part := await process.stdout.read(READ_BYTES):
            for message in messages.feed(part):
                self._take(message)

    def _take(self, message: Message) -> None:
        self._silent_ticks = 0
        tap, session = self._open.get(message.stream, (None, None))
        if tap is None or session is None:
            return
        match message.kind:
            case Kind.OPENED:
                tap.begin(message)
            case Kind.SOUND:
                tap.put(message, session.bar_beat)
            case Kind.FAILED:
                tap.is_open = False
                log.error("encoding %s: %s", tap.encoding, message.data.decode("utf-8", "replace"))

    async def _tick(self, process: asyncio.subprocess.Process) -> None:
        """Look after what is open, and end a process that hangs, or that nobody needs."""
        idle_ticks = 0
        while True:
            await asyncio.sleep(TICK_S)
            self._look_after()
            self._silent_ticks = self._silent_ticks + 1 if self._open else min(self._silent_ticks, 0)
            idle_ticks = 0 if self._open else idle_ticks + 1
            if self._silent_ticks > SILENT_TICKS_MAX:
                log.error("the encoder (process %d) hangs: it is ended", process.pid)
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                return
            if idle_ticks > LINGER_TICKS and process.stdin is not None:
                process.stdin.close()  # it ends with its input
                return

    def _look_after(self) -> None:
        for tap, session in list(self._open.values()):
            tap.idle_ticks = 0 if tap.listeners else tap.idle_ticks + 1
            if tap.is_over or tap.idle_ticks > LINGER_TICKS:
                session.taps.remove(tap)
                del self._open[tap.number]
                self._say(tap, "close")
                tap.end()
            elif not tap.is_open and session.playing:
                self._say(tap, "open")


async def _end(process: asyncio.subprocess.Process) -> None:
    """See that a process is gone."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
