import os
import time
from pathlib import Path

import numpy as np
import pytest
from packages import a_stem, write_package
from recordings import sine

from remixd.analysis.warm import warm
from remixd.errors import BadAudio, NotFound
from remixd.track.cache import HEADER_BYTES, cache_frames, check, verify
from remixd.track.flac import read_flac, write_flac
from remixd.track.package import Track
from remixd.units import PAD_FRAMES


def quiet(_share: float, _doing: str) -> None:
    pass


def cached(path: Path) -> np.ndarray:
    body = np.fromfile(path, "<f4", offset=HEADER_BYTES).reshape(-1, 2)
    return body[PAD_FRAMES:-PAD_FRAMES]


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
    paths = warm(track, tmp_path / "cache", quiet)
    assert [path.name for path in paths] == ["drums.pcm", "bass.pcm"]
    for path, stem in zip(paths, stems, strict=False):
        expected = np.concatenate(list(read_flac(track.file_of(stem), stem.gain)))
        np.testing.assert_array_equal(cached(path), expected)
        assert verify(path).frames == 100_001


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 44_100, 88_200, 96_000, 192_000])
@pytest.mark.parametrize("frames", [1, 2, 1000, 30_001])
def test_any_other_rate_gives_the_exact_length(tmp_path: Path, rate_hz: int, frames: int) -> None:
    track = write_package(tmp_path / "song", rate_hz=rate_hz, frames=frames)
    for path in warm(track, tmp_path / "cache", quiet):
        assert verify(path).frames == max(1, round(frames * 48_000 / rate_hz)) == cache_frames(track)


@pytest.mark.parametrize("rate_hz", [44_100, 96_000])
def test_resampling_keeps_the_sound_and_its_time(tmp_path: Path, rate_hz: int) -> None:
    track = with_sounds(tmp_path / "song", rate_hz, tone=sine(2.0, 1000, rate_hz))
    [path] = warm(track, tmp_path / "cache", quiet)
    middle = slice(4800, -4800)
    error = cached(path)[middle] - sine(2.0, 1000, 48_000)[middle]
    assert 20 * np.log10(np.abs(error).max() / 0.3) < -110


def test_stems_that_cancel_still_do(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).uniform(-0.4, 0.4, (60_000, 2)).astype(np.float32)
    first = np.rint(noise * 2.0**22) / 2.0**23
    second = np.rint(noise[::-1] * 2.0**22) / 2.0**23
    track = with_sounds(tmp_path / "song", 44_100, a=first, b=second, ab=-(first + second))
    one, other, both = (cached(path) for path in warm(track, tmp_path / "cache", quiet))
    assert 20 * np.log10(np.abs(one + other + both).max()) < -130


def test_only_what_is_missing_or_stale_is_built(tmp_path: Path) -> None:
    track = write_package(tmp_path / "song")
    cache = tmp_path / "cache"
    told: list[str] = []
    paths = warm(track, cache, lambda _share, doing: told.append(doing))
    assert told == ["caching drums", "caching bass"]
    stamps = [path.stat().st_mtime_ns for path in paths]
    assert warm(track, cache, lambda _share, doing: told.append(doing)) == paths
    assert [path.stat().st_mtime_ns for path in paths] == stamps
    write_flac(track.file_of(track.stems[1]), [np.full((track.frames, 2), 0.5, np.float32)], 48_000)
    assert [stem.name for stem in check(track, cache)] == ["bass"]
    warm(track, cache, lambda _share, doing: told.append(doing))
    assert told == ["caching drums", "caching bass", "caching bass"]
    assert (cached(paths[1]) == 0.5).all()


def test_a_damaged_stem_leaves_no_cache(tmp_path: Path) -> None:
    track = write_package(tmp_path / "song", frames=60_000)
    cache = tmp_path / "cache"
    flac = track.file_of(track.stems[0])
    flac.write_bytes(flac.read_bytes()[:-9000])
    with pytest.raises(BadAudio, match=r"drums\.flac"):
        warm(track, cache, quiet)
    assert list(cache.iterdir()) == []
    write_flac(flac, [np.zeros((59_999, 2), np.float32)], 48_000)
    with pytest.raises(BadAudio, match="59999"):
        warm(track, cache, quiet)
    flac.unlink()
    with pytest.raises(NotFound, match=r"drums\.flac"):
        warm(track, cache, quiet)


def test_what_a_killed_worker_left_is_swept_in_time(tmp_path: Path) -> None:
    track = write_package(tmp_path / "song")
    cache = tmp_path / "cache"
    cache.mkdir()
    for name, age_s in ((".drums.pcm.old.part", 7200), (".drums.pcm.new.part", 60)):
        (cache / name).touch()
        os.utime(cache / name, (time.time() - age_s,) * 2)
    warm(track, cache, quiet)
    assert {path.name for path in cache.iterdir()} == {"drums.pcm", "bass.pcm", ".drums.pcm.new.part"}
