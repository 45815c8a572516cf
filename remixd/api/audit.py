"""The audit log: who controlled what, one JSON object a line, appended. Thread: [control]."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from remixd.api.auth import Caller

log = logging.getLogger(__name__)

TEXT_LENGTH_MAX: Final = 256
SYNC_S: Final = 1.0
BEFORE_SUFFIX: Final = ".1"


class Audit:
    """Appends what was done to a file. Where it cannot be written, that is logged, and done all the same.

    A record is in the file when `note` returns, and on the disk a second later at most, or at `close`. A file
    that has grown to half of `max_bytes` is renamed, and takes the place of the one before it.

    Args:
        path: of the file; None to write nothing.
        max_bytes: how much the file and the one before it may take.
        name_of: makes of a fan's handle what may be written down.
    """

    def __init__(
        self,
        path: Path | None = None,
        max_bytes: int = 64_000_000,
        name_of: Callable[[str], str] | None = None,
    ) -> None:
        self._path = path
        self._file_bytes_max = max_bytes // 2
        self._name_of = name_of or (lambda _: "")
        self._descriptor: int | None = None
        self._bytes = 0
        self._timer: threading.Timer | None = None
        self._one_at_a_time = threading.Lock()

    def note(self, caller: Caller, method: str, target: Mapping[str, str], outcome: str) -> None:
        """Write down that a caller did something.

        Args:
            caller: whose `sub` is written as it is if it controls; else it is a fan's, and hashed.
            method: `/package.Service/Method`, or what else was done.
            target: what it was done to.
            outcome: the name of the status, or a reason.
        """
        if self._path is None:
            return
        who = caller.sub
        if who is not None and not caller.is_controlling:
            who = self._name_of(who)
        record = {
            "time": datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds"),
            "who": "local" if who is None else who,
            "key": caller.key_id,
            "method": method.rpartition("/")[2],
            **{name: value[:TEXT_LENGTH_MAX] for name, value in target.items()},
            "outcome": outcome[:TEXT_LENGTH_MAX],
        }
        line = json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
        with self._one_at_a_time:
            try:
                self._append(self._path, line)
            except OSError as error:
                log.error("the audit log cannot be written: %s", error)

    def _append(self, path: Path, line: bytes) -> None:
        if self._descriptor is not None and self._bytes + len(line) > self._file_bytes_max:
            self._let_go()
            path.replace(path.with_name(path.name + BEFORE_SUFFIX))
        if self._descriptor is None:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._bytes = os.fstat(self._descriptor).st_size
        if os.write(self._descriptor, line) < len(line):  # the disk is full: half a line would spoil the next
            os.ftruncate(self._descriptor, self._bytes)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._bytes += len(line)
        if self._timer is None:
            self._timer = threading.Timer(SYNC_S, self._sync)
            self._timer.daemon = True
            self._timer.start()

    def _sync(self) -> None:
        """In a thread of its own: a disk that is busy holds up nobody."""
        with self._one_at_a_time:
            self._timer = None
            duplicate = os.dup(self._descriptor) if self._descriptor is not None else None
        if duplicate is not None:
            with contextlib.suppress(OSError):
                os.fsync(duplicate)
            os.close(duplicate)

    def _let_go(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def reopen(self) -> None:
        """Write on in the file that bears the name now: what rotates logs has moved the other one."""
        with self._one_at_a_time:
            self._let_go()

    def close(self) -> None:
        """Bring all of it onto the disk, and let go of the file."""
        if self._timer is not None:
            self._timer.cancel()
        with self._one_at_a_time:
            self._let_go()
