"""Stems read the same anywhere: inside, outside and around the end of the music."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sounds import noise

from remixd._kernel.stem import Stem
from remixd.analysis.phase_tree import write_cached

PCM = noise(1000)


@given(start=st.integers(-3000, 3000), frames=st.integers(0, 3000))
def test_outside_the_music_there_is_silence(start: int, frames: int) -> None:
    padded = np.zeros((10_000, 2), dtype=np.float32)
    padded[4000:5000] = PCM
    np.testing.assert_array_equal(Stem.of(PCM).read(start, frames), padded[4000 + start :][:frames])


@given(start=st.integers(-5000, 5000), frames=st.integers(0, 3000))
def test_a_loop_is_a_circle(start: int, frames: int) -> None:
    expected = PCM[np.arange(start, start + frames) % 1000]
    np.testing.assert_array_equal(Stem.of(PCM).read(start, frames, loop=True), expected)


def test_a_cache_file_reads_back_as_it_was_written(tmp_path: Path) -> None:
    write_cached(tmp_path / "a.pcm", PCM, "other")
    stem = Stem.open(tmp_path / "a.pcm")
    assert stem.frames == 1000
    np.testing.assert_array_equal(stem.read(0, 1000), PCM)


@pytest.mark.parametrize("damage", ["empty", "short", "magic", "cut", "lengths"])
def test_a_damaged_cache_file_is_refused_by_name(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.pcm"
    write_cached(path, PCM, "other")
    data = bytearray(path.read_bytes())
    match damage:
        case "empty":
            data = bytearray()
        case "short":
            data = data[:100]
        case "magic":
            data[0] ^= 1
        case "cut":
            data = data[:-8]
        case "lengths":
            data[16:24] = (2**62).to_bytes(8, "little")
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.pcm"):
        Stem.open(path)


@pytest.mark.parametrize("bad", [np.zeros((0, 2)), np.zeros((5, 1)), np.zeros(5), np.full((5, 2), np.nan)])
def test_what_is_no_stem_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a stem is"):
        Stem.of(bad)
