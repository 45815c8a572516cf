"""One package in the place of another, and marks of what the list may not know yet.

The package is the truth, and the list is made from it. Who changes both leaves a mark for as long as they may
differ, so that whoever opens the library after a crash reads the package again.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import uuid
from pathlib import Path
from typing import Final

from remixd.track.lock import sync_folder

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
_CANNOT: Final = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM)
_MARK: Final = ".changing"


def exchange(one: Path, other: Path) -> bool:
    """Let two folders swap their names in one step (renameat2(2), RENAME_EXCHANGE): both are always there.

    False where the system or the file system cannot. Raises OSError where one of them is not there.
    """
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT:
        return False
    raise OSError(code, os.strerror(code), str(one))


def inode(folder: Path) -> int | None:
    """What tells a folder from one that takes its place; None where there is none."""
    try:
        return folder.stat().st_ino
    except OSError:
        return None


def former(place: Path) -> Path:
    """Where a package is while another takes its place, if they cannot swap; no track's id has a dot."""
    return place.with_name(f"{place.name}.former")


def leave_mark(tracks: Path, track_id: str) -> Path:
    """Mark a track whose package is about to change, on disk before it returns; it may not be there yet."""
    mark = tracks / f"{track_id}.{uuid.uuid4().hex}{_MARK}"
    mark.touch()
    sync_folder(tracks)
    return mark


def unsettled(tracks: Path) -> bool:
    """Whether somebody died while he changed a package, or is about it now."""
    return any(entry.suffix in (_MARK, ".former") for entry in tracks.iterdir())


def settle(tracks: Path) -> set[str]:
    """End what a crash left: a former package is back, or gone if the new one is there; marks are gone.

    Returns the ids of the tracks whose packages are to be read again. Nobody else may be changing any.
    """
    found = set()
    for entry in sorted(tracks.iterdir()):
        if entry.suffix == _MARK:
            entry.unlink(missing_ok=True)
            found.add(entry.name.partition(".")[0])
        elif entry.suffix == ".former":
            place = entry.with_suffix("")
            if place.exists():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.rename(place)
            found.add(place.name)
    return found
