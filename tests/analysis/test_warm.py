import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from packages import a_stem, write_package
from recordings import sine

from remixd.analysis import warm as warm_module
from remixd.analysis.phase_tree import grow
from remixd.analysis.warm import Warmed
from remixd.analysis.warm import warm as warm_within
from remixd.errors import BadAudio, NotFound
from remixd.track.cache import (
    HEADER_BYTES,
    Trust,
    cache_frames,
    cache_path,
    check,
    estimate_bytes,
    read_header,
    read_tree,
    verify,
)
from remixd.track.flac import read_flac, write_flac
from remixd.track.library import cache_folder
from remixd.track.package import Track
from remixd.track.quota import used_bytes
from remixd.units import PAD_FRAMES


def quiet(_share: float, _doing: str) -> None:
    pass


def warm(track: Track, library: Path, told: Callable[[float, str], None] = quiet) -> list[Path]:
    """Warm without a cap; the files of the playing stems."""
    warm_within(track, library, 10**12, told)
    return [cache_path(cache_folder(library, track.id), stem) for stem in track.playing_stems]


def cached(path: Path) -> np.ndarray:
    frames = read_header(path).frames
    return np.fromfile(path, "<f4", 2 * frames, offset=HEADER_BYTES + PAD_FRAMES * 8).reshape(-1, 2)


def with_sounds(folder: Path, rate_hz: int, **sounds: np.ndarray) -> Track:
    """A package whose stems sound as given."""
    frames = len(next(iter(sounds.values())))
    track = write_package(folder, rate_hz=rate_hz, frames=frames, stems=[a_stem(name) for name in sounds])
    for stem in track.stems:
        write_flac(track.file_of(stem), [sounds[stem.name].astype(np.float32)], rate_hz, stem.gain)
    return track


def test_a_cache_at_the_engines_rate_is_the_stem_sample_by_sample(tmp_path: Path) -> None:
    stems = [a_stem("drums", "drums"), a_stem("bass", "bass", gain=4.0), a_stem("spare", plays=False)]
    track = write_package(tmp_path / "song", frames=100_001, stems=stems)
    paths = warm(track, tmp_path)
    assert [path.name for path in paths] == ["drums.pcm", "bass.pcm"]
    for path, stem in zip(paths, stems, strict=False):
        expected = np.concatenate(list(read_flac(track.file_of(stem), stem.gain)))
        np.testing.assert_array_equal(cached(path), expected)
        assert verify(path).frames == 100_001


def test_every_stem_has_the_tree_of_its_sound_and_role(tmp_path: Path) -> None:
    stems = [a_stem(role, role) for role in ("drums", "bass", "vocals")]
    track = write_package(tmp_path / "song", rate_hz=44_100, frames=20_000, stems=stems)
    for path, stem in zip(warm(track, tmp_path), stems, strict=True):
        found, grown = read_tree(path), grow(cached(path), stem.role)
        assert found.size == grown.size
        np.testing.assert_array_equal(found.onsets, grown.onsets)
        np.testing.assert_array_equal(found.offsets, grown.offsets)


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 44_100, 88_200, 96_000, 192_000])
@pytest.mark.parametrize("frames", [1, 2, 1000, 30_001])
def test_any_other_rate_gives_the_exact_length(tmp_path: Path, rate_hz: int, frames: int) -> None:
    track = write_package(tmp_path / "song", rate_hz=rate_hz, frames=frames)
    for path in warm(track, tmp_path):
        assert verify(path).frames == max(1, round(frames * 48_000 / rate_hz)) == cache_frames(track)


@pytest.mark.parametrize("rate_hz", [44_100, 96_000])
def test_resampling_keeps_the_sound_and_its_time(tmp_path: Path, rate_hz: int) -> None:
    track = with_sounds(tmp_path / "song", rate_hz, tone=sine(2.0, 1000, rate_hz))
    [path] = warm(track, tmp_path)
    middle = slice(4800, -4800)
    error = cached(path)[middle] - sine(2.0, 1000, 48_000)[middle]
    assert 20 * np.log10(np.abs(error).max() / 0.3) < -110


def test_stems_that_cancel_still_do(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).uniform(-0.4, 0.4, (60_000, 2)).astype(np.float32)
    first = np.rint(noise * 2.0**22) / 2.0**23
    second = np.rint(noise[::-1] * 2.0**22) / 2.0**23
    track = with_sounds(tmp_path / "song", 44_100, a=first, b=second, ab=-(first + second))
    one, other, both = (cached(path) for path in warm(track, tmp_path))
    assert 20 * np.log10(np.abs(one + other + both).max()) < -130


def test_only_what_is_missing_or_stale_is_built(tmp_path: Path) -> None:
    track = write_package(tmp_path / "song")
    cache = cache_folder(tmp_path, track.id)
    told: list[str] = []
    paths = warm(track, tmp_path, lambda _share, doing: told.append(doing))
    assert sorted(told) == ["caching bass", "caching drums"]
    stamps = [path.stat().st_mtime_ns for path in paths]
    assert warm(track, tmp_path, lambda _share, doing: told.append(doing)) == paths
    assert [path.stat().st_mtime_ns for path in paths] == stamps
    write_flac(track.file_of(track.stems[1]), [np.full((track.frames, 2), 0.5, np.float32)], 48_000)
    assert [stem.name for stem in check(track, cache, Trust())] == ["bass"]
    warm(track, tmp_path, lambda _share, doing: told.append(doing))
    assert told[2:] == ["caching bass"]
    assert (cached(paths[1]) == 0.5).all()


def test_progress_is_told_one_at_a_time_and_never_falls(tmp_path: Path) -> None:
    stems = [a_stem(f"stem-{number}") for number in range(8)]
    track = write_package(tmp_path / "song", stems=stems)
    told: list[tuple[float, str]] = []
    telling = threading.Lock()

    def tell(share: float, doing: str) -> None:
        assert telling.acquire(blocking=False)
        told.append((share, doing))
        telling.release()

    warm(track, tmp_path, tell)
    shares = [share for share, _doing in told]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] < 1
    assert {doing for _share, doing in told} == {f"caching {stem.name}" for stem in stems}


def test_a_damaged_stem_leaves_no_cache(tmp_path: Path) -> None:
    track = write_package(tmp_path / "song", frames=60_000)
    cache = cache_folder(tmp_path, track.id)
    flac = track.file_of(track.stems[0])
    flac.write_bytes(flac.read_bytes()[:-9000])
    with pytest.raises(BadAudio, match=r"drums\.flac"):
        warm(track, tmp_path)
    assert {path.name for path in cache.iterdir()} <= {"bass.pcm"}  # which was built beside it
    write_flac(flac, [np.zeros((59_999, 2), np.float32)], 48_000)
    with pytest.raises(BadAudio, match="59999"):
        warm(track, tmp_path)
    flac.unlink()
    with pytest.raises(NotFound, match=r"drums\.flac"):
        warm(track, tmp_path)


def test_what_a_killed_worker_left_is_swept(tmp_path: Path) -> None:
    track = write_package(tmp_path / "song")
    cache = cache_folder(tmp_path, track.id)
    cache.mkdir(parents=True)
    (cache / ".drums.pcm.old.part").touch()
    warm(track, tmp_path)
    assert {path.name for path in cache.iterdir()} == {"drums.pcm", "bass.pcm"}


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "foreign"])
def test_a_damaged_cache_is_built_again_and_only_that(tmp_path: Path, damage: str) -> None:
    track = write_package(tmp_path / "song")
    drums, bass = warm(track, tmp_path)
    good, stamp = drums.read_bytes(), bass.stat().st_mtime_ns
    flipped = bytearray(good)
    flipped[HEADER_BYTES + PAD_FRAMES * 8 + 100] ^= 1
    drums.write_bytes(
        {"cut": good[:-7], "flipped": bytes(flipped), "emptied": b"", "foreign": b"RMXDPCM9" * 9}[damage]
    )
    [(stem, why)] = check(track, drums.parent, Trust()).items()
    assert (stem.name, "drums.pcm" in why) == ("drums", True)
    assert warm_within(track, tmp_path, 10**12, quiet).built == ("drums",)
    assert drums.read_bytes() == good
    assert bass.stat().st_mtime_ns == stamp


def test_those_who_warm_one_track_at_once_do_the_work_once(tmp_path: Path) -> None:
    track = write_package(tmp_path / "song", frames=48_000, rate_hz=44_100)
    done: list[Warmed] = []
    threads = [
        threading.Thread(target=lambda: done.append(warm_within(track, tmp_path, 10**12, quiet)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(warmed.built) for warmed in done) == [0, 0, 0, 0, 0, 2]


def test_a_song_larger_than_the_cap_is_built_and_told(tmp_path: Path) -> None:
    track = write_package(tmp_path / "tracks" / "a-song-0a1b2c3d")
    done = warm_within(track, tmp_path, 1000, quiet)
    assert done.built == ("drums", "bass")
    [note] = done.notes
    assert track.id in note
    assert "1 kB" in note
    assert warm_within(track, tmp_path, 10**9, quiet).notes == ()


def test_room_is_made_for_what_is_built(tmp_path: Path) -> None:
    packages = [
        write_package(tmp_path / "tracks" / f"song-{number:08x}", id=f"song-{number:08x}")
        for number in range(4)
    ]
    most = 2 * estimate_bytes(packages[0], packages[0].stems) + 100
    dropped = [warm_within(track, tmp_path, most, quiet).dropped for track in packages]
    assert dropped == [(), (), ("song-00000000",), ("song-00000001",)]
    assert {folder.name for folder in (tmp_path / "cache").iterdir()} == {"song-00000002", "song-00000003"}


def test_the_cap_holds_for_what_was_written_however_little_was_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (
        write_package(tmp_path / "tracks" / f"song-{number:08x}", id=f"song-{number:08x}")
        for number in range(2)
    )
    warm(first, tmp_path)
    each = used_bytes(tmp_path)
    monkeypatch.setattr(warm_module, "estimate_bytes", lambda _track, _stems: 0)
    assert warm_within(second, tmp_path, 2 * each - 1, quiet).dropped == (first.id,)
    done = warm_within(first, tmp_path, each - 1, quiet)  # which is one byte too much
    assert done.dropped == (second.id,)
    assert len(done.notes) == 1
    assert warm_within(first, tmp_path, each, quiet).notes == ()
