"""Locks that the system lets go of when their holder ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


def try_lock(path: Path) -> int | None:
    """Make a file and lock it for this process, without waiting; returns its descriptor.

    None if somebody else has it, or took the file away meanwhile (try again then). Closing the
    descriptor unlocks it. Thread: any.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_ino == path.stat().st_ino:
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None


@contextlib.contextmanager
def folder_locked(path: Path) -> Iterator[None]:
    """Be the only process in this block for a folder; waits for the others. Thread: any but [render]."""
    lock = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def share_folder(path: Path) -> int:
    """Make a folder and hold it with whoever else does; returns its descriptor, whose closing lets it go.

    Waits for one who has it alone. Raises OSError where it cannot be. Thread: any but [render].
    """
    while True:
        with contextlib.suppress(FileExistsError):  # which may be taken away at any time
            path.mkdir(parents=True)
        lock = _lock_folder(path, fcntl.LOCK_SH)
        if lock is not None:
            return lock


def try_lock_folder(path: Path) -> int | None:
    """Have a folder alone, without waiting; returns its descriptor, or None if it is held or not there."""
    return _lock_folder(path, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _lock_folder(path: Path, how: int) -> int | None:
    """Lock the folder that has this name now; None if there is none, or somebody else holds it."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, how)
        if os.fstat(lock).st_ino == path.stat().st_ino:  # else it was taken away, and made anew
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(lock)
        raise
    os.close(lock)
    return None


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
