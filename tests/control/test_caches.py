import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from packages import a_stem, write_package

from remixd.control import caches as caches_module
from remixd.control.caches import Caches
from remixd.errors import BadAudio, NotFound
from remixd.track.cache import HEADER_BYTES, verify
from remixd.track.flac import write_flac
from remixd.track.library import Library, cache_folder, track_folder
from remixd.track.package import Track
from remixd.track.quota import used_bytes
from remixd.track.variants import as_sum
from remixd.units import PAD_FRAMES


def added(library: Path, number: int = 1, **changed: object) -> Track:
    """A whole track in a library."""
    with Library(library) as opened:
        incoming = opened.incoming()
        write_package(incoming, id=f"song-{number:08x}", content=f"{number:08x}" * 8, **changed)
        return opened.add(incoming)[0]


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tracks that a worker was started for."""
    started: list[str] = []
    run = caches_module.run_worker

    async def noted(arguments: list[str], name: str, *rest: object) -> object:
        started.append(name)
        return await run(arguments, name, *rest)

    monkeypatch.setattr(caches_module, "run_worker", noted)
    return started


@contextlib.asynccontextmanager
async def held(caches: Caches, track: Track) -> AsyncIterator[list[Path]]:
    lease = await caches.hold(track)
    try:
        yield lease.paths
    finally:
        await caches.release(lease)


async def test_a_cache_is_built_once(tmp_path: Path, workers: list[str]) -> None:
    stems = [a_stem("drums", "drums"), a_stem("keys"), a_stem("spare", plays=False)]
    track = added(tmp_path, rate_hz=44_100, frames=441, stems=stems)
    caches = Caches(tmp_path)
    async with held(caches, track) as paths:
        assert paths == [cache_folder(tmp_path, track.id) / f"{name}.pcm" for name in ("drums", "keys")]
        assert [verify(path).frames for path in paths] == [480, 480]
    for again in (caches, Caches(tmp_path)):
        async with held(again, track):
            assert workers == [track.id]


async def test_the_sum_of_stems_is_made_of_them_and_again_when_one_has_changed(
    tmp_path: Path, workers: list[str]
) -> None:
    stems = [a_stem("drums", "drums"), a_stem("keys"), a_stem("spare", plays=False)]
    track = added(tmp_path, rate_hz=44_100, frames=4410, stems=stems)
    one, caches = as_sum(track), Caches(tmp_path)
    async with held(caches, track) as parts, held(caches, one) as [path]:
        pcm = [
            np.fromfile(each, "<f4", offset=HEADER_BYTES, count=2 * (4800 + 2 * PAD_FRAMES)) for each in parts
        ]
        whole = np.fromfile(path, "<f4", offset=HEADER_BYTES, count=2 * (4800 + 2 * PAD_FRAMES))
        np.testing.assert_allclose(whole, pcm[0] + pcm[1], atol=1e-7)
        assert np.abs(whole).max() > 0.1
        before = verify(path).content
    async with held(Caches(tmp_path), one):
        assert len(workers) == 2, "it is there"
    quiet = np.full((4410, 2), 0.25, np.float32)
    write_flac(track.file_of(track.stems[0]), [quiet], track.rate_hz, 1.0)
    async with held(Caches(tmp_path), one) as [path]:
        assert verify(path).content != before
        assert len(workers) == 3


async def test_those_who_ask_at_once_start_one_worker(tmp_path: Path, workers: list[str]) -> None:
    track = added(tmp_path)
    caches = Caches(tmp_path)
    leases = await asyncio.gather(*(caches.hold(track) for _ in range(5)))
    assert workers == [track.id]
    for lease in leases:
        lease.close()


async def test_one_who_gives_up_does_not_take_it_from_the_others(tmp_path: Path) -> None:
    track = added(tmp_path)
    caches = Caches(tmp_path)
    first, second = (asyncio.ensure_future(caches.hold(track)) for _ in range(2))
    await asyncio.sleep(0.1)
    first.cancel()
    lease = await second
    assert all(verify(path) for path in lease.paths)
    lease.close()


async def test_damage_is_mended_by_itself_and_logged(
    tmp_path: Path, workers: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    track = added(tmp_path)
    caches = Caches(tmp_path)
    async with held(caches, track) as paths:
        good = paths[0].read_bytes()
    assert not caplog.records  # a cache that was never there is no damage
    paths[0].write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    async with held(caches, track):
        assert paths[0].read_bytes() == good
    [told] = [record.getMessage() for record in caplog.records]
    assert "drums.pcm is damaged: its checksum differs: it is built again" in told
    assert len(workers) == 2


async def test_the_cache_stays_under_its_cap_but_for_what_is_held(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracks = [added(tmp_path, number) for number in range(4)]
    async with held(Caches(tmp_path), tracks[0]):
        each = used_bytes(tmp_path)  # they hold the same
    caches = Caches(tmp_path, 2 * each)
    caplog.set_level(logging.INFO)
    leases = [await caches.hold(track) for track in tracks[:3]]
    assert used_bytes(tmp_path) == 3 * each  # all of it plays
    for lease in leases[1:]:
        await caches.release(lease)
    assert {folder.name for folder in (tmp_path / "cache").iterdir()} == {tracks[0].id, tracks[2].id}
    assert f"dropped what was not played for longest: {tracks[1].id}" in caplog.text
    async with held(caches, tracks[3]):
        assert {folder.name for folder in (tmp_path / "cache").iterdir()} == {tracks[0].id, tracks[3].id}
    await caches.release(leases[0])
    assert used_bytes(tmp_path) == 2 * each


async def test_a_song_larger_than_the_cap_plays_is_told_and_goes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    track = added(tmp_path)
    caches = Caches(tmp_path, 1000)
    lease = await caches.hold(track)
    assert all(verify(path) for path in lease.paths)
    assert lease.notes[0] in caplog.text
    await caches.release(lease)
    assert used_bytes(tmp_path) == 0


async def test_a_damaged_package_cannot_be_cached(tmp_path: Path) -> None:
    track = added(tmp_path)
    caches = Caches(tmp_path)
    flac = track_folder(tmp_path, track.id) / "stems" / "bass.flac"
    flac.write_bytes(flac.read_bytes()[:9000])
    with pytest.raises(BadAudio, match=r"bass\.flac"):
        await caches.hold(track)
    flac.unlink()
    with pytest.raises(NotFound, match=r"bass\.flac"):
        await caches.hold(track)
    await Caches(tmp_path, 0).trim()
    assert list((tmp_path / "cache").iterdir()) == []  # so nothing holds it
