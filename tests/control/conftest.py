"""Tracks whose cache is already there, and a real engine that plays them."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sounds import Audio

from remixd.analysis.phase_tree import write_cached
from remixd.control.caches import Caches
from remixd.control.sessions import Sessions
from remixd.control.supervisor import Supervisor
from remixd.errors import NotFound, nearest
from remixd.track.analysis import Analysis
from remixd.track.package import Stem, Track
from remixd.track.quota import Lease
from remixd.units import StemRole


class Shelf:
    """A library of tracks that exist as cache files only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tracks: dict[str, Track] = {}

    def add(
        self,
        track_id: str,
        stems: dict[StemRole, Audio],
        *,
        bpm: float | None = 120.0,
        cached: Path | None = None,
    ) -> Track:
        """Add a track; `cached` is a folder that holds its cache already."""
        frames = len(next(iter(stems.values())))
        beats = tuple(i * 60 / bpm for i in range(int(frames / 48_000 * bpm / 60))) if bpm else ()
        track = Track(
            id=track_id,
            title=track_id,
            source_kind="folder",
            source_name="test",
            content="0" * 64,
            rate_hz=48_000,
            frames=frames,
            stems=tuple(Stem(name=role, role=role, file=f"stems/{role}.flac") for role in stems),
            analysis=Analysis(
                source="computed", duration_s=frames / 48_000, bpm=bpm, metre="4/4" if bpm else None,
                beats_s=beats, downbeats_s=beats[::4],
            ),
            folder=self.path / "tracks" / track_id,
        )  # fmt: skip
        track.folder.mkdir(parents=True, exist_ok=True)
        for role, pcm in stems.items():
            path = self.path / "cache" / track_id / f"{role}.pcm"
            path.parent.mkdir(parents=True, exist_ok=True)
            if cached is None:
                write_cached(path, pcm, role)
            else:
                shutil.copy(cached / path.name, path)
        self.tracks[track_id] = track
        return track

    def get(self, track_id: str) -> Track:
        if track_id not in self.tracks:
            raise NotFound(f"there is no track {track_id!r}: {nearest(track_id, self.tracks)}")
        return self.tracks[track_id]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    async def hold(caches: Caches, track: Track) -> Lease:
        return Lease(caches.library, track)

    monkeypatch.setattr(Caches, "hold", hold)
    return Shelf(tmp_path)


@pytest.fixture
async def supervisor(runtime: Path) -> AsyncIterator[Supervisor]:
    it = Supervisor(runtime / "instance")
    await it.start()
    yield it
    await it.stop()


@pytest.fixture
async def sessions(shelf: Shelf, supervisor: Supervisor) -> AsyncIterator[Sessions]:
    it = Sessions(shelf, supervisor)  # type: ignore[arg-type]  # a shelf is all of a library they use
    yield it
    await it.close()


Wait = Callable[[Callable[[], object]], object]
