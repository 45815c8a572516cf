"""The journals of a daemon: their files, their quota, and the task that writes them.

What is to be written waits in each journal's buffer; twenty times a second a worker thread writes them all.
So no signal ever waits for a disk; where one is full or too slow that is told, and the session plays on
without its journal. Thread: [control].
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from remixd.config import journal_max_bytes, size_text
from remixd.control.fan_keys import key_id_of
from remixd.control.journal import Journal
from remixd.control.journal_file import SUFFIX, JournalReader
from remixd.control.provenance import this_build, with_contents
from remixd.errors import InvalidInput, RemixdError
from remixd.v1.journal_pb2 import JournalHeader

log = logging.getLogger(__name__)

WRITE_S: Final = 0.05
CLOCK_S: Final = 1.0
FANS_SUFFIX: Final = ".fans"


@dataclass(frozen=True, slots=True)
class _Open:
    """A journal that is written, and its descriptor."""

    journal: Journal
    path: Path
    descriptor: int
    ends: bool = False


class Journals:
    """The journals of one daemon's sessions.

    Args:
        folder: where they are; made when it is needed.
        library: the folder of the library that is played.
        max_bytes: what all of them may take, 1 GB by default; beyond it the oldest goes whose session is
            over.
    """

    def __init__(self, folder: Path, library: Path, max_bytes: int | None = None) -> None:
        self._folder = folder
        self._max_bytes = journal_max_bytes() if max_bytes is None else max_bytes
        self._library = library
        self._open: list[_Open] = []
        self._some = asyncio.Event()
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def begin(self, session_id: str, key: int, score: Mapping[str, Any]) -> Journal:
        """Begin a session's journal. Where it cannot be written, that is logged, and nothing is kept."""
        path = self._folder / f"{session_id}{SUFFIX}"
        journal = Journal(path)
        try:
            opened = await asyncio.to_thread(self._begin, journal, path, session_id, key, score)
        except OSError as error:
            journal.fail(error)
            return Journal()
        return self._keep(opened)

    async def go_on(self, session_id: str) -> Journal:
        """Go on with the journal of a session whose daemon was killed, behind its last whole record.

        Where there is none, or it cannot be written, nothing is kept.
        """
        path = self._folder / f"{session_id}{SUFFIX}"
        try:
            return self._keep(await asyncio.to_thread(_reopen, path))
        except (OSError, RemixdError) as error:
            log.warning("session %s goes on without its journal: %s", session_id, error)
            return Journal()

    def _keep(self, opened: _Open) -> Journal:
        self._open.append(opened)
        self._some.set()
        self._task = self._task or asyncio.create_task(self._run())
        return opened.journal

    def _begin(
        self, journal: Journal, path: Path, session_id: str, key: int, score: Mapping[str, Any]
    ) -> _Open:
        """In a worker thread: reads the heads of the caches, and makes room."""
        player = score["player"]
        written = {**score, "player": None if player is None else with_contents(player)}
        journal.begin(
            JournalHeader(
                session=session_id,
                key=key,
                started_unix_ms=time.time_ns() // 1_000_000,
                library=str(self._library),
                score=json.dumps(written, separators=(",", ":")),
                build=this_build(),
            )
        )
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._make_room()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _append(descriptor, journal.take_waiting(clock=False)[0])
        except OSError:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        return _Open(journal, path, descriptor)

    def _make_room(self) -> None:
        """Take away the oldest journals that are not written any more, until the rest is within the quota."""
        written = {each.path for each in self._open}
        found = [(path, path.stat()) for path in self._folder.glob(f"*{SUFFIX}")]
        used = sum(status.st_size for _, status in found)
        for path, status in sorted(found, key=lambda each: each[1].st_mtime_ns):
            if used <= self._max_bytes:
                return
            if path not in written:
                path.unlink(missing_ok=True)
                path.with_suffix(FANS_SUFFIX).unlink(missing_ok=True)
                used -= status.st_size
                log.info("journals are kept up to %s: %s went", size_text(self._max_bytes), path.name)

    async def forget(self, fan: str) -> None:
        """Take a fan's name out of every table of handles, those of sessions that are over as well."""
        async with self._turn:  # not while they are written
            await asyncio.to_thread(_forget, self._folder, fan)

    async def name_fans(
        self, name_of: Callable[[str], str], known: Collection[str], dropped: Collection[str]
    ) -> None:
        """Let every table of handles name fans by `fan_keys`, and not those whose key was dropped.

        Args:
            name_of: makes a name of what an app calls a fan.
            known: the ids of all keys that there are or were.
            dropped: of those that were dropped.
        """

        def renamed(line: bytes) -> bytes:
            fan = _fan_of(line)
            key_id = key_id_of(fan)
            if not fan or key_id in dropped:
                return b""
            if key_id in known:
                return line
            return json.dumps([json.loads(line)[0], name_of(fan)]).encode() + b"\n"

        async with self._turn:
            await asyncio.to_thread(_rewrite, self._folder, renamed)

    async def _run(self) -> None:
        clock_at = 0.0
        while True:
            await self._some.wait()
            now = time.monotonic()
            is_time = now >= clock_at
            if is_time:
                clock_at = now + CLOCK_S
            await self._write_all(clock=is_time)
            await asyncio.sleep(WRITE_S)

    async def _write_all(self, *, clock: bool = False) -> None:
        """Write what waits, and close what has ended."""
        async with self._turn:
            opened = [replace(each, ends=not each.journal.is_open) for each in self._open]
            batch = [(each, each.journal.take_waiting(clock=clock)) for each in opened]
            due = [(each, waiting) for each, waiting in batch if any(waiting) or each.ends]
            if not due:
                return
            failed = await asyncio.to_thread(_write, due)
            for each, error in failed:
                each.journal.fail(error)
            gone = {each.descriptor for each, _ in due if each.ends}
            self._open = [each for each in self._open if each.descriptor not in gone]
            if not self._open:
                self._some.clear()
            if gone:
                await asyncio.to_thread(self._trim)

    def _trim(self) -> None:
        with contextlib.suppress(OSError):
            self._make_room()

    async def close(self) -> None:
        """End every journal that has not ended, and write all of them out."""
        if self._task:
            async with self._turn:  # not while it writes: its thread would go on
                self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for each in self._open:
            each.journal.end("the daemon was stopped")
        await self._write_all()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _forget(folder: Path, fan: str) -> None:
    """In a worker thread."""
    _rewrite(folder, lambda line: b"" if _fan_of(line) == fan else line)


def _rewrite(folder: Path, change: Callable[[bytes], bytes]) -> None:
    """Change the lines of every table of handles; an empty one goes. In a worker thread."""
    for path in folder.glob(f"*{FANS_SUFFIX}"):
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [change(line) for line in lines]
        if kept != lines:
            partial = path.with_suffix(".partial")
            partial.write_bytes(b"".join(kept))
            partial.chmod(0o600)
            partial.replace(path)


def _fan_of(line: bytes) -> str:
    try:
        return str(json.loads(line)[1])
    except (ValueError, IndexError, KeyError, TypeError):  # it was not written whole
        return ""


def _reopen(path: Path) -> _Open:
    """A journal that was left, without what was not written whole. In a worker thread."""
    reader, last = JournalReader(path), ""
    for record in reader:
        last = record.WhichOneof("what") or ""
    if last in ("", "cut", "end"):
        raise InvalidInput(f"{path} has ended")
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    os.ftruncate(descriptor, reader.end_byte)
    handles: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError):
        lines = path.with_suffix(FANS_SUFFIX).read_text("utf-8").splitlines()
        handles = {fan: handle for handle, fan in map(json.loads, lines)}
    return _Open(Journal(path, reader.end_byte, handles), path, descriptor)


def _write(batch: list[tuple[_Open, tuple[bytes, bytes]]]) -> list[tuple[_Open, OSError]]:
    """Write to each what waits for it, and close those that end; which could not be. In a worker thread."""
    failed = []
    for each, (records, fans) in batch:
        try:
            _append(each.descriptor, records)
            if fans:
                _append_fans(each.path.with_suffix(FANS_SUFFIX), fans)
            if each.ends:
                os.fsync(each.descriptor)
        except OSError as error:
            failed.append((each, error))
        finally:
            if each.ends:
                os.close(each.descriptor)
    return failed


def _append(descriptor: int, records: bytes) -> None:
    """Write all of it, or none."""
    size = os.fstat(descriptor).st_size
    left = memoryview(records)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, size)
        raise


def _append_fans(path: Path, lines: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "ab") as file:
        file.write(lines)
