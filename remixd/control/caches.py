"""The caches of one library: built when they are needed, kept while they are used. Thread: [control]."""

from __future__ import annotations

import asyncio
import logging
import weakref
from pathlib import Path
from typing import Final

from remixd.config import cache_max_bytes
from remixd.control.worker import OnProgress, run_worker
from remixd.track.cache import Trust, check
from remixd.track.package import Track
from remixd.track.quota import Lease, make_room

LOG: Final = logging.getLogger(__name__)


class Caches:
    """Sees that a track's cache is there and sound before it plays, and that the whole stays under its cap.

    Every file is read against its checksum once in the life of this object, and again when it has changed.

    Args:
        library: the library's folder.
        max_bytes: the cap; by default REMIXD_CACHE_MAX, else 20 GB.
    """

    def __init__(self, library: Path, max_bytes: int | None = None) -> None:
        self.library = library
        self.max_bytes = cache_max_bytes() if max_bytes is None else max_bytes
        self._trust = Trust()
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def hold(self, track: Track, on_progress: OnProgress | None = None) -> Lease:
        """Have a track's cache, fresh and whole, until the lease is closed; `release` closes it.

        Reads in a thread, and starts a worker only where something is missing, stale or damaged, which is
        logged. Of several that ask for one track at a time one builds. Raises NotFound or BadAudio where
        the package is damaged, Exhausted where the disk is full.
        """
        lease = await asyncio.to_thread(Lease, self.library, track)
        turn = self._turns.setdefault(track.id, asyncio.Lock())
        try:
            async with turn:
                faults = await asyncio.to_thread(check, track, lease.folder, self._trust)
                for fault in filter(None, faults.values()):
                    LOG.warning("%s: it is built again", fault)
                if faults:
                    await self._build(track, lease, on_progress)
        except BaseException:
            lease.close()
            raise
        return lease

    async def _build(self, track: Track, lease: Lease, on_progress: OnProgress | None) -> None:
        playing = track.playing_stems
        stems = [f"--stem={part.name}" for stem in playing for part in track.parts_of(stem)]
        stems += ["--sum"] if any(stem.parts for stem in playing) else []
        arguments = ["cache", f"--library={self.library}", f"--cache-max={self.max_bytes}", *stems, "--"]
        arguments.append(track.id)
        done = await run_worker(arguments, track.id, on_progress)
        for path in lease.paths:
            self._trust.accept(path)  # the worker has read them all
        lease.notes += tuple(done["notes"])
        for note in done["notes"]:
            LOG.warning("%s", note)
        _log_dropped(done["dropped"])

    async def release(self, lease: Lease) -> None:
        """Let go of a lease, and take away what its holding kept above the cap."""
        lease.close()
        await self.trim()

    async def trim(self) -> None:
        """Take away what is above the cap and in nobody's use, and what belongs to no track."""
        room = await asyncio.to_thread(make_room, self.library, 0, self.max_bytes)
        _log_dropped(room.dropped)


def _log_dropped(tracks: list[str] | tuple[str, ...]) -> None:
    if tracks:
        LOG.info("the cache is full: dropped what was not played for longest: %s", ", ".join(tracks))
