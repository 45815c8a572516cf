"""Whatever a stem holds, its regions stay inside the spectrum and are found without harm."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import Audio, music, noise, tone

from remixd._kernel.regions import BINS, GRID_HOP, RESET_BYTES, find_regions
from remixd._kernel.tree import check_tree

EXTREMES = {
    "silence": np.zeros((9000, 2), np.float32),
    "one frame": np.ones((1, 2), np.float32),
    "constant": np.ones((9000, 2), np.float32),
    "full scale": np.sign(noise(9000)).astype(np.float32),
    "denormal": np.full((9000, 2), 1e-41, np.float32),
    "enormous": (noise(9000) * 1e30).astype(np.float32),
    "one channel": tone(9000, 500.0) * np.array([1, 0], np.float32),
    "opposed": tone(9000, 500.0, phase=np.pi),
    "half the rate": np.tile(np.array([[1], [-1]], np.float32), (4500, 2)),
    "one click": np.eye(9000, 2, -4000, dtype=np.float32),
}


def found(pcm: Audio, onsets: list[int] | range = ()) -> tuple[np.ndarray, ...]:
    starts, lows, seeds, offsets, resets = find_regions(pcm, np.array(onsets, np.int64))
    empty = np.zeros((0, 0), np.uint8)
    check_tree(len(pcm), GRID_HOP, starts, lows, seeds, offsets, np.array(onsets, np.int64), resets, empty)
    return starts, lows, seeds, offsets, resets


@pytest.mark.parametrize("name", EXTREMES)
def test_of_any_sound_the_regions_are_a_valid_tree(name: str) -> None:
    pcm = EXTREMES[name]
    starts, lows, seeds, offsets, resets = found(pcm, sorted({0, len(pcm) // 2, len(pcm) - 1}))
    assert seeds.size == 0 or seeds.max() < BINS
    assert offsets.size == 0 or np.abs(offsets.astype(int)).max() <= 3 * 8192
    assert resets.shape[1] == RESET_BYTES
    assert (name in ("silence", "denormal")) == (starts[-1] == 0 == lows.size)


@settings(max_examples=30)
@given(frames=st.integers(1, 12_000), seed=st.integers(0, 99), struck=st.sets(st.integers(0, 11_999)))
def test_every_seed_is_in_its_region(frames: int, seed: int, struck: set[int]) -> None:
    starts, lows, seeds, _, _ = found(music(frames, seed=seed), sorted(at for at in struck if at < frames))
    for first, end in pairwise(starts):
        if first < end:
            highs = np.append(lows[first + 1 : end], BINS)
            inside = (lows[first:end] <= seeds[first:end]) & (seeds[first:end] < highs)
            assert inside.mean() > 0.9  # one whose seed another has cut off goes on with it


def test_louder_or_softer_the_regions_are_the_same() -> None:
    pcm = music(24_000)
    for one, other in zip(found(pcm, [9000]), found(pcm * np.float32(0.25), [9000]), strict=True):
        np.testing.assert_array_equal(one, other)
    assert found(pcm)[0].size == -(-24_000 // GRID_HOP) + 2


@pytest.mark.parametrize("onset", [-1, 9000, 1 << 40])
def test_onsets_outside_the_music_are_refused(onset: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        find_regions(music(9000), np.array([onset], np.int64))


def test_at_a_sudden_beginning_every_bin_starts_afresh_and_in_a_held_tone_none_of_its_own() -> None:
    pcm = tone(48_000, 440.0)
    pcm[24_000:] += tone(24_000, 3000.0) * np.float32(0.5)
    mask = np.unpackbits(found(pcm, [24_000])[4], axis=1, bitorder="little")[0]
    assert not mask[round(440 * 4096 / 48_000)]
    assert mask[round(3000 * 4096 / 48_000)]
    silent_before = np.concatenate([np.zeros((24_000, 2), np.float32), music(24_000)])
    assert (found(silent_before, [24_000])[4] == 255).all()
