"""The cache's cap: what is held, what may go when there is no room, and what goes first.

Every track has a folder in the cache. Who plays, renders or builds a track holds a lease on its folder,
which the system ends with its holder; only folders that nobody holds are ever taken away, the least
recently used first. Several processes may share one library.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from remixd.config import size_text
from remixd.errors import InvalidInput
from remixd.track.cache import cache_path
from remixd.track.fields import printable
from remixd.track.library import cache_folder, track_folder
from remixd.track.lock import share_folder, try_lock_folder
from remixd.track.package import Track


class Lease:
    """A track's cache, kept from eviction until `close`. Use it as a context manager, or close it.

    Attributes:
        paths: the cache file of every playing stem, in order; they need not be there yet.
        notes: what a person should know of it.

    Raises InvalidInput where the cache's folder cannot be made. Thread: any but [render].
    """

    def __init__(self, library: Path, track: Track) -> None:
        self.folder = cache_folder(library, track.id)
        self.paths = [cache_path(self.folder, stem) for stem in track.playing_stems]
        self.notes: tuple[str, ...] = ()
        try:
            self._descriptor = share_folder(self.folder)
        except OSError as error:
            raise InvalidInput(f"{printable(self.folder)} cannot be used: {error.strerror}") from None
        self._touch()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it, as the one who used it last; once."""
        if self._descriptor >= 0:
            self._touch()
            os.close(self._descriptor)
            self._descriptor = -1

    def _touch(self) -> None:
        with contextlib.suppress(OSError):  # on a read-only library nothing is ever evicted either
            os.utime(self._descriptor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The outcome of `make_room`: what the cache holds now, and the tracks whose caches went."""

    used_bytes: int
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shelf:
    """One track's part of the cache. An orphan's track is gone."""

    folder: Path
    orphan: bool
    used_ns: int
    size_bytes: int


def used_bytes(library: Path) -> int:
    """What the cache of a library holds, in bytes."""
    return sum(shelf.size_bytes for shelf in _shelves(library))


def make_room(library: Path, need_bytes: int, max_bytes: int) -> Room:
    """Take caches away until `need_bytes` more fit under the cap, or all that is left is in use.

    What belongs to no track any more goes in any case. Thread: any but [render].
    """
    shelves = sorted(_shelves(library), key=lambda shelf: (not shelf.orphan, shelf.used_ns))
    used = sum(shelf.size_bytes for shelf in shelves)
    dropped = []
    for shelf in shelves:
        if (shelf.orphan or used + need_bytes > max_bytes) and _drop(shelf.folder):
            used -= shelf.size_bytes
            if shelf.size_bytes:
                dropped.append(shelf.folder.name)
    return Room(used_bytes=used, dropped=tuple(dropped))


def over_text(track_id: str, need_bytes: int, max_bytes: int) -> str:
    """What is told of a song that is larger than the whole cap."""
    return (
        f"the cache of {track_id} takes {size_text(need_bytes)} of the {size_text(max_bytes)} that "
        "--cache-max allows: it plays, and goes as soon as nobody plays it"
    )


def _drop(folder: Path) -> bool:
    """Take one track's cache away, unless somebody holds it."""
    lock = try_lock_folder(folder)
    if lock is None:
        return False
    try:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
    return not folder.exists()


def _shelves(library: Path) -> Iterator[_Shelf]:
    with contextlib.suppress(FileNotFoundError):
        for folder in (library / "cache").iterdir():
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # it may go at any time
                size = sum(file.lstat().st_size for file in folder.iterdir())
                yield _Shelf(
                    folder=folder,
                    orphan=not track_folder(library, folder.name).exists(),
                    used_ns=folder.stat().st_mtime_ns,
                    size_bytes=size,
                )
