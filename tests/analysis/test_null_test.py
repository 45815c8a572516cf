"""The null test: what is late, turned over, missing or louder is named, to the frame."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import noise

from remixd.analysis.null_test import NullTest, Reader, null_test

RATE_HZ = 22_050
FRAMES = 12 * RATE_HZ
STEMS = ("drums", "bass", "other")


def music() -> dict[str, np.ndarray]:
    """Stems that differ in spectrum and hardly resemble each other; quiet at both ends."""
    edge = np.minimum(1.0, np.minimum(np.arange(FRAMES), np.arange(FRAMES)[::-1]) / 3000 - 1).clip(0, 1)[
        :, None
    ]
    white = noise(FRAMES, seed=1, level=0.1)
    deep = np.cumsum(noise(FRAMES, seed=2, level=0.1), axis=0)
    deep = 0.1 * (deep[200:] - deep[:-200])
    deep = np.concatenate([deep, np.zeros((200, 2))])
    beats = noise(FRAMES, seed=3, level=0.3) * np.exp(-(np.arange(FRAMES) % 11_025) / 1500)[:, None]
    return {
        name: (edge * wave).astype(np.float32) for name, wave in zip(STEMS, (beats, deep, white), strict=True)
    }


MUSIC = music()
MASTER = np.sum(list(MUSIC.values()), axis=0, dtype=np.float32)


def reader(pcm: np.ndarray, block: int = 30_000) -> Reader:
    return lambda: (pcm[at : at + block] for at in range(0, len(pcm), block))


def compare(stems: dict[str, np.ndarray], master: np.ndarray = MASTER) -> NullTest:
    found = null_test(
        reader(master), {name: reader(pcm) for name, pcm in stems.items()}, RATE_HZ, len(master)
    )
    assert found is not None
    return found


def late(pcm: np.ndarray, frames: int) -> np.ndarray:
    return np.roll(pcm, frames, axis=0)  # both ends are silent


def test_stems_that_sum_to_the_master_null() -> None:
    found = compare(MUSIC)
    assert found.as_is_db < -110
    assert found.aligned_db < -110
    assert [start_s for start_s, _ in found.segments] == [0.0, 10.0]
    for fit in found.stems.values():
        assert (fit.late_frames, fit.inverted, fit.gain_db) == (0, False, 0.0)


@given(name=st.sampled_from(STEMS), frames=st.integers(-2200, 2200), inverted=st.booleans())
@settings(max_examples=12)
def test_a_late_or_inverted_stem_is_named_to_the_frame(name: str, frames: int, inverted: bool) -> None:
    stems = dict(MUSIC)
    stems[name] = late(stems[name], frames) * np.float32(-1 if inverted else 1)
    found = compare(stems)
    assert {stem: fit.late_frames for stem, fit in found.stems.items()} == {
        **dict.fromkeys(STEMS, 0),
        name: frames,
    }
    assert [stem for stem, fit in found.stems.items() if fit.inverted] == ([name] if inverted else [])
    assert found.aligned_db < -100
    if frames or inverted:
        assert found.as_is_db > -25


def test_a_master_that_is_late_and_inverted_makes_all_stems_so() -> None:
    found = compare(MUSIC, -late(MASTER, 300))
    assert {fit.late_frames for fit in found.stems.values()} == {-300}
    assert all(fit.inverted for fit in found.stems.values())
    assert found.aligned_db < -100


@pytest.mark.parametrize("gain_db", [-12.0, -0.5, 6.0])
def test_gains_in_the_master_are_told(gain_db: float) -> None:
    gain = np.float32(10 ** (gain_db / 20))
    found = compare(MUSIC, MASTER + (gain - 1) * MUSIC["drums"])
    assert found.stems["drums"].gain_db == pytest.approx(gain_db, abs=0.01)
    assert found.stems["other"].gain_db == pytest.approx(0.0, abs=0.01)
    assert found.aligned_db < -80


@pytest.mark.parametrize("name", STEMS)
def test_a_missing_stem_is_what_is_left(name: str) -> None:
    found = compare({stem: pcm for stem, pcm in MUSIC.items() if stem != name})
    share_db = 10 * np.log10(np.mean(MUSIC[name] ** 2.0) / np.mean(MASTER**2.0))
    assert found.aligned_db == pytest.approx(share_db, abs=0.5)
    assert all(fit.late_frames == 0 and not fit.inverted for fit in found.stems.values())


def test_a_stem_that_is_not_in_the_master_is_told_apart() -> None:
    found = compare(
        {**MUSIC, "foreign": noise(FRAMES, seed=8, level=0.1), "silent": np.zeros((FRAMES, 2), np.float32)}
    )
    assert found.stems["foreign"].gain_db is None
    assert found.stems["silent"].gain_db is None
    assert found.aligned_db < -40


def test_only_the_segment_that_differs_is_blamed() -> None:
    master = MASTER.copy()
    master[11 * RATE_HZ : 11 * RATE_HZ + 4000] *= 0.5
    (_, first_db), (_, second_db) = compare(MUSIC, master).segments
    assert first_db < -35  # the gain that fits best is one for the whole song
    assert second_db > -25


def test_nothing_to_compare_is_none() -> None:
    silence = reader(np.zeros((RATE_HZ, 2), np.float32))
    assert null_test(silence, {"other": silence}, RATE_HZ, RATE_HZ) is None
    assert null_test(reader(MASTER), {}, RATE_HZ, FRAMES) is None


def test_memory_does_not_grow_with_the_song() -> None:
    def long(seed: int, blocks: int) -> Reader:
        def read() -> Iterator[np.ndarray]:
            return (noise(20_000, seed=seed, level=0.1) for _ in range(blocks))

        return read

    peaks = []
    for blocks in (30, 120):
        tracemalloc.start()
        try:
            null_test(long(1, blocks), {"other": long(1, blocks)}, RATE_HZ, 20_000 * blocks)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
