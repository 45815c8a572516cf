import errno
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sounds import RATE_HZ, Audio, level_db, music

from remixd.analysis.decode import Source, decode
from remixd.control.encoder import write_audio
from remixd.errors import Exhausted, InvalidInput

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")


def cut(sound: Audio, size: int) -> Iterator[Audio]:
    for at in range(0, len(sound), size):
        yield sound[at : at + size]


def read(path: Path) -> Audio:
    return np.concatenate([part.block for part in decode(Source(path=path, name=path.name))])


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("size", [480, 1000, 100_000])
def test_what_is_written_has_exactly_the_frames_given(tmp_path: Path, suffix: str, size: int) -> None:
    sound = music(50_077)
    path = tmp_path / f"out{suffix}"
    assert write_audio(path, cut(sound, size), RATE_HZ) == 50_077
    assert len(read(path)) == 50_077
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
def test_lossless_files_hold_24_bits(tmp_path: Path, suffix: str) -> None:
    sound = music(20_000, level=0.5)
    path = tmp_path / f"out{suffix}"
    write_audio(path, cut(sound, 480), RATE_HZ)
    assert np.abs(read(path) - sound).max() <= 2.0**-24


def test_full_scale_does_not_wrap(tmp_path: Path) -> None:
    sound = np.array([[1.0, -1.0], [1.5, -1.5]], np.float32)
    for name in ("out.wav", "out.flac"):
        write_audio(tmp_path / name, [sound], RATE_HZ)
        back = read(tmp_path / name)
        np.testing.assert_allclose(back, [[1, -1], [1, -1]], rtol=0, atol=2.0**-23)


@pytest.mark.parametrize("suffix", [".ogg", ".mp3"])
def test_lossy_files_sound_alike_and_in_time(tmp_path: Path, suffix: str) -> None:
    sound = music(96_000)
    path = tmp_path / f"out{suffix}"
    write_audio(path, cut(sound, 480), RATE_HZ)
    back = read(path)
    assert level_db(back - sound) < level_db(sound) - 20


def test_a_wav_is_one_that_the_standard_library_reads(tmp_path: Path) -> None:
    write_audio(tmp_path / "out.wav", [music(777)], RATE_HZ)
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert file.getparams()[:4] == (2, 3, RATE_HZ, 777)


@pytest.mark.parametrize("name", ["out.aiff", "out", "out.wav.txt", ".wav"])
def test_an_unknown_suffix_is_refused_with_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match=r"\.wav, \.flac, \.ogg, \.mp3"):
        write_audio(tmp_path / name, [music(10)], RATE_HZ)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_folder_that_is_not_there_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "nowhere" / f"out{suffix}"
    with pytest.raises(InvalidInput, match="nowhere") as refused:
        write_audio(path, [music(10)], RATE_HZ)
    assert len(str(refused.value).splitlines()) == 1
    (tmp_path / f"dir{suffix}").mkdir()
    with pytest.raises(InvalidInput, match="is a folder"):
        write_audio(tmp_path / f"dir{suffix}", [music(10)], RATE_HZ)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failure_leaves_what_was_there(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    path.write_bytes(b"before")

    def failing() -> Iterator[Audio]:
        yield music(5000)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_audio(path, failing(), RATE_HZ)
    assert path.read_bytes() == b"before"
    with pytest.raises(InvalidInput, match="nothing to write"):
        write_audio(path, [], RATE_HZ)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    def full() -> Iterator[Audio]:
        yield music(100)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(Exhausted, match=r"out\.wav: the disk is full"):
        write_audio(tmp_path / "out.wav", full(), RATE_HZ)
    assert list(tmp_path.iterdir()) == []


def test_what_a_format_cannot_hold_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match=r"out\.ogg cannot be written: .* 44100"):
        write_audio(tmp_path / "out.ogg", [music(100)], 44_100)
    monkeypatch.setattr("remixd.control.encoder._WAV_BYTES", 599)
    with pytest.raises(InvalidInput, match=r"out\.wav cannot be written: .* 4 GB"):
        write_audio(tmp_path / "out.wav", [music(100)], RATE_HZ)
    assert list(tmp_path.iterdir()) == []
