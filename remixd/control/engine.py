"""Control's end of one engine: its process, its socket, its mailboxes. Thread: [control]."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import sys
from collections import deque
from pathlib import Path
from typing import Any, Final

from remixd.config import ONE_THREAD
from remixd.errors import AlreadyExists, Exhausted, InvalidInput, RemixdError, Unavailable

log = logging.getLogger(__name__)

START_S: Final = 60.0
ADOPT_S: Final = 5.0
ANSWER_S: Final = 30.0
STOP_S: Final = 5.0
SOCKET_PATH_MAX: Final = 100

_ERRORS: Final = {
    "invalid": InvalidInput,
    "exhausted": Exhausted,
    "exists": AlreadyExists,
    "unavailable": Unavailable,
}


class Died(Unavailable):
    """The engine is gone, or no longer answers."""


def _make_empty(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)


class Engine:
    """A running engine. Make it with `await Engine.start(...)`, or `Engine.adopt` one that is there.

    Attributes:
        pid: of its process.
        notes: what the operating system did not grant it, a sentence each.
        costs: the share of a core that a session took when it rehearsed: `summed` or `apart`.
        number: of it among those of the daemon, from 1; 0 for a spare.
    """

    def __init__(self, directory: Path, pid: int, process: asyncio.subprocess.Process | None = None) -> None:
        self.directory = directory
        self.pid = pid
        self.notes: list[str] = []
        self.costs: dict[str, float] = {}
        self.number = 0
        self._process = process
        self._pidfd = os.pidfd_open(pid)
        self._gone = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(self._pidfd, self._notice)
        self._asked: deque[asyncio.Future[bytes]] = deque()
        self._writer: asyncio.StreamWriter
        self._reading: asyncio.Task[None]

    @classmethod
    async def start(cls, directory: Path, wisdom: Path) -> Engine:
        """Spawn an engine in a new `directory` and wait until it answers.

        Raises Unavailable if it dies or does not answer in time.
        """
        _make_empty(directory)
        if len(os.fsencode(directory / "socket.partial")) > SOCKET_PATH_MAX:
            raise Unavailable(
                f"{directory} is too long a path for a socket: set REMIXD_RUNTIME to a shorter one"
            )
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", "remixd.engine", str(directory), str(wisdom)),  # -P: what lies here is not ours
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            env={**os.environ, **ONE_THREAD},
        )
        engine = cls(directory, process.pid, process)
        try:
            async with asyncio.timeout(START_S):
                await engine._connect()
        except TimeoutError:
            await engine.stop()
            raise Unavailable(f"the engine did not answer within {START_S:g} s") from None
        except BaseException:
            await engine.stop()
            raise
        return engine

    @classmethod
    async def adopt(cls, directory: Path, pid: int) -> Engine:
        """Take over an engine whose daemon is gone, and which plays on.

        Raises Unavailable if it does not answer: it is left alone, and ends by itself.
        """
        try:
            engine = cls(directory, pid)
        except OSError as error:
            raise Unavailable(f"engine {pid} is gone: {error.strerror}") from None
        try:
            async with asyncio.timeout(ADOPT_S):
                await engine._connect()
        except (OSError, TimeoutError, RemixdError) as error:
            engine._let_go()
            raise Unavailable(f"engine {pid} does not answer: {error}") from None
        return engine

    def _notice(self) -> None:
        """The process has ended: a descriptor of it becomes readable then."""
        asyncio.get_running_loop().remove_reader(self._pidfd)
        if not self._gone.done():
            self._gone.set_result(None)

    async def _connect(self) -> None:
        path = self.directory / "socket"
        while not path.exists():
            if self._gone.done():
                raise Unavailable(f"the engine ended at its start: {await self.died()}")
            await asyncio.sleep(0.01)
        reader, self._writer = await asyncio.open_unix_connection(str(path), limit=1 << 20)
        self._reading = asyncio.create_task(self._hand_out(reader))
        hello = await self.ask(op="hello")
        self.notes, self.costs = list(hello["notes"]), dict(hello["costs"])

    @property
    def is_alive(self) -> bool:
        """Whether its process runs, as far as is known."""
        return not self._gone.done()

    def memory_path(self, key: int) -> Path:
        """The file of one session's shared memory."""
        return self.directory / f"session-{key}"

    async def ask(self, **request: Any) -> dict[str, Any]:
        """Have housekeeping do something slow, and wait for its answer.

        Raises InvalidInput, Exhausted, AlreadyExists or Unavailable with the engine's own sentence,
        Died if the engine is gone.
        Many may ask at once: the engine does one thing after another, in the order in which they asked. One
        that does not answer is ended. A caller that is cancelled does not take back what it asked.
        """
        line = await self._exchange(json.dumps(request).encode())
        if not line:
            raise Died("the engine has died")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise _ERRORS.get(answer["kind"], RemixdError)(f"the engine says: {answer['error']}")
        return answer

    async def _exchange(self, line: bytes) -> bytes:
        """The line that answers one; empty if none will."""
        if self._reading.done():
            return b""
        self._writer.write(line + b"\n")
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError:
            log.error("engine %d has not answered for %g s: it is ended", self.pid, ANSWER_S)
            self.kill()
            return b""

    async def _hand_out(self, reader: asyncio.StreamReader) -> None:
        """Give each line to who asked first, until the engine hangs up; then nothing to all who wait."""
        try:
            while (line := await reader.readline()).endswith(b"\n") and self._asked:
                answer = self._asked.popleft()
                if not answer.done():
                    answer.set_result(line)
        except (OSError, ValueError) as error:
            log.warning("engine %d does not answer: %s", self.pid, error)
        finally:
            for answer in self._asked:
                if not answer.done():
                    answer.set_result(b"")
            self._asked.clear()

    async def died(self) -> str:
        """Wait until the process has ended; how, in words."""
        await asyncio.shield(self._gone)
        if self._process is None:
            return "it ended"
        status = await self._process.wait()
        if status < 0:
            with contextlib.suppress(ValueError):
                return f"it was killed by {signal.Signals(-status).name}"
        return f"it ended with status {status}"

    def kill(self) -> None:
        """End it at once, since it no longer does its work; `died` tells the rest."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, OSError):
            signal.pidfd_send_signal(self._pidfd, number)

    async def stop(self) -> None:
        """End it in order: sessions fade out, then the process ends; if it does not, kill it."""
        if not self._gone.done():
            self._signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_S):
                    await asyncio.shield(self._gone)
            except TimeoutError:
                self._signal(signal.SIGKILL)
        await self.died()
        self._let_go()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _let_go(self) -> None:
        """Close what leads to it."""
        if self._pidfd >= 0:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1
        if hasattr(self, "_writer"):
            self._reading.cancel()
            self._writer.close()
