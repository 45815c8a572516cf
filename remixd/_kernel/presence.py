"""An engine's presence: a file in its folder that it keeps locked, and that says who it is.

A daemon that starts under playing engines finds them by it. The lock goes with the process, however it ends.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Final, NamedTuple

FILE: Final = "engine.json"

VERSION: Final = 3
"""Of what control and an engine say to each other. An engine of another version is not adopted."""


class Presence(NamedTuple):
    """Who an engine is: its process, when that started in clock ticks since boot, and what it speaks."""

    pid: int
    started: int
    version: int


def started_ticks(pid: int) -> int:
    """When a process started; with its id, no two are the same. 0 if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[19])


def announce(directory: Path) -> int:
    """Write down that this process is the engine of a folder; a descriptor, to be kept open.

    Raises OSError. Thread: [housekeeping].
    """
    partial = directory / f"{FILE}.partial"
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    presence = Presence(os.getpid(), started_ticks(os.getpid()), VERSION)
    os.write(descriptor, json.dumps(presence._asdict()).encode())
    partial.rename(directory / FILE)
    return descriptor


def find(directory: Path) -> Presence | None:
    """The engine that is alive in a folder; None if there is none. Thread: [control]."""
    try:
        with (directory / FILE).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                presence = Presence(**json.loads(file.read()))
                return presence if started_ticks(presence.pid) == presence.started else None
    except (OSError, ValueError, TypeError):
        return None
    return None
