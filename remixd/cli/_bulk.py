"""Many imports: several at a time, with an estimate of how long they take."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from remixd.cli._shelf import OnProgress, Song
from remixd.errors import RemixdError

SURE_S: Final = 1.0
"""After so much work on new songs there is an estimate."""


@dataclass(slots=True, kw_only=True)
class _Work:
    size_bytes: int
    begun_s: float | None = None
    spent_s: float = 0.0
    share: float = 0.0
    counts: bool = True


class Estimate:
    """How long imports will still take, by the bytes that were worked through in the time that it took.

    Songs that were in the library already take no time and say nothing of the others.

    Args:
        sizes_bytes: how large each song is.
        jobs: how many are imported at a time.
        clock: gives seconds that never go back.
    """

    def __init__(
        self, sizes_bytes: Mapping[Path, int], jobs: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._jobs = jobs
        self._clock = clock
        self._songs = {song: _Work(size_bytes=max(size, 1)) for song, size in sizes_bytes.items()}
        self.done = 0

    def move(self, song: Path, share: float) -> None:
        """A song is being imported, and a share of it, 0 to 1, is done."""
        work = self._songs[song]
        now_s = self._clock()
        work.begun_s = now_s if work.begun_s is None else work.begun_s
        work.share, work.spent_s = share, now_s - work.begun_s

    def end(self, song: Path, *, new: bool) -> None:
        """A song is imported, or will not be; it was there if it is not new."""
        self.move(song, 1.0)
        self._songs[song].counts = new
        self.done += 1

    def share(self) -> float:
        """How much of all the bytes is done, 0 to 1."""
        done = sum(work.size_bytes * work.share for work in self._songs.values())
        return done / sum(work.size_bytes for work in self._songs.values())

    def left_s(self) -> float | None:
        """Seconds until all are done; None where nobody knows yet."""
        known = [work for work in self._songs.values() if work.counts]
        spent_s = sum(work.spent_s for work in known)
        worked = sum(work.size_bytes * work.share for work in known)
        left = [work.size_bytes * (1.0 - work.share) for work in self._songs.values() if work.share < 1.0]
        if not left:
            return 0.0
        if spent_s < SURE_S or not worked:
            return None
        return sum(left) / worked * spent_s / min(self._jobs, len(left))


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A song that was not imported."""

    song: Path
    error: RemixdError


async def import_all(
    songs: Sequence[Path],
    import_song: Callable[[Path, OnProgress], Awaitable[Song]],
    jobs: int,
    on_progress: Callable[[Path, float, str], None],
    on_end: Callable[[Path, Song | None], None],
) -> tuple[list[Song], list[Failure]]:
    """Import songs, `jobs` at a time; one that fails holds back no other.

    Args:
        songs: what to import.
        import_song: imports one.
        jobs: how many at a time.
        on_progress: told the song, how much of it is done, and what is being done.
        on_end: told of every song that ends, in the order that they do; None where it failed.

    Returns:
        What was imported and what was not, each in the order of `songs`.
    """
    turns = asyncio.Semaphore(jobs)
    imported: dict[int, Song] = {}
    failures: dict[int, Failure] = {}

    async def work(index: int, song: Path) -> None:
        async with turns:
            on_progress(song, 0.0, "")
            try:
                imported[index] = await import_song(song, functools.partial(on_progress, song))
            except RemixdError as error:
                failures[index] = Failure(song=song, error=error)
            on_end(song, imported.get(index))

    async with asyncio.TaskGroup() as group:
        for index, song in enumerate(songs):
            group.create_task(work(index, song))
    return [imported[index] for index in sorted(imported)], [failures[index] for index in sorted(failures)]


def told_left(done: int, total: int, left_s: float | None) -> str:
    """How far many imports are, for a person."""
    if left_s is None:
        return f"{done} of {total} songs"
    left = f"{left_s:.0f} s" if left_s < 100 else f"{left_s / 60:.0f} min"
    return f"{done} of {total} songs, about {left} left"
