import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remixd.errors import BadAudio
from remixd.track.flac import gain_for, read_flac, write_flac


def through_flac(samples: np.ndarray, gain: float, cut: int = 1000) -> np.ndarray:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "stem.flac"
        blocks = [samples[at : at + cut] for at in range(0, len(samples), cut)]
        assert write_flac(path, blocks, 44_100, gain) == len(samples)
        return np.concatenate(list(read_flac(path, gain)))


@settings(max_examples=25, deadline=None)
@given(
    bits=st.sampled_from([8, 16, 24]),
    frames=st.integers(1, 9000),
    cut=st.integers(1, 5000),
    seed=st.integers(0, 99),
)
def test_integers_of_up_to_24_bits_come_back_exactly(bits: int, frames: int, cut: int, seed: int) -> None:
    full = 2 ** (bits - 1)
    integers = np.random.default_rng(seed).integers(-full, full, (frames, 2))
    integers[0] = [-full, full - 1]
    samples = (integers / full).astype(np.float32)
    gain = gain_for(float(samples.max()), float(samples.min()))
    assert gain == 1.0
    np.testing.assert_array_equal(through_flac(samples, gain, cut), samples)


@settings(max_examples=25, deadline=None)
@given(peak=st.floats(0.001, 900.0), seed=st.integers(0, 99))
def test_floats_come_back_within_24_bits_of_their_gain(peak: float, seed: int) -> None:
    samples = np.random.default_rng(seed).uniform(-peak, peak, (3000, 2)).astype(np.float32)
    high, low = float(samples.max()), float(samples.min())
    gain = gain_for(high, low)
    assert gain == 1.0 or gain < 2 * max(high, -low)
    assert np.abs(through_flac(samples, gain) - samples).max() <= gain * 2.0**-24


@pytest.mark.parametrize(
    ("high", "low", "gain"), [(0.0, 0.0, 1), (1.0, -1.0, 1), (0.2, -1.01, 2), (2.0, 0, 2), (2.1, -1, 4)]
)
def test_the_gain_is_the_least_power_of_two_that_fits(high: float, low: float, gain: float) -> None:
    assert gain_for(high, low) == gain


def test_damage_and_absence_are_told(tmp_path: Path) -> None:
    path = tmp_path / "stem.flac"
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, (50_000, 2)).astype(np.float32)
    write_flac(path, [samples], 44_100)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadAudio, match=r"stem\.flac"):
        list(read_flac(path))
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    path.write_bytes(bytes(flipped))
    with pytest.raises(BadAudio, match=r"stem\.flac"):
        list(read_flac(path))
    path.unlink()
    with pytest.raises(BadAudio, match="missing"):
        list(read_flac(path))
