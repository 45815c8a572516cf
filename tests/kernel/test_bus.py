"""The limiter: exactly a delay below the ceiling, never above it, without a click."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from sounds import Audio, audible_noise, level_db, music, noise, tone, true_peak_db

from remixd._kernel import bus
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem

CEILING = 10 ** (bus.CEILING_DBTP / 20)


def limit(pcm: np.ndarray) -> np.ndarray:
    return Session([Stem.of(pcm)], [3], loop=False).render(len(pcm))


def gains_of_a_plain_limiter(pcm: Audio) -> NDArray[np.float64]:
    """The gain of each frame by the limiter's description, everything computed everywhere, in doubles."""
    taps = np.arange(16) - 7 - np.arange(8)[:, None] / 8
    kernels = np.sinc(taps) * (0.5 + 0.5 * np.cos(2 * np.pi * taps / 17))
    heard = np.concatenate([np.zeros((15, 2)), pcm, np.zeros((64, 2))])
    peaks = np.abs(sliding_window_view(heard, 16, axis=0) @ kernels.T).max(axis=(1, 2))
    wanted = np.minimum(1.0, np.float64(np.float32(CEILING)) / np.maximum(peaks, 1e-9))
    held = sliding_window_view(np.concatenate([np.ones(57), wanted]), 58).min(axis=1)
    release, share = 1.0, 1 - np.exp(-1 / (0.080 * 48_000))
    released = np.ones(56 + len(held))
    for i, target in enumerate(held):
        release = min(target, release + (target + 1e-6 - release) * share)
        released[56 + i] = release
    return sliding_window_view(released, 57).mean(axis=1)[64:]


@st.composite
def sounds_that_come_and_go(draw: st.DrawFn) -> Audio:
    """Stretches of sound that stay below the ceiling, touch it, exceed it, or are silent."""
    parts = []
    for seed in range(draw(st.integers(2, 6))):
        frames = draw(st.integers(1, 1500))
        level = draw(st.sampled_from([0.0, 0.05, 0.4, 0.85, 0.9, 1.5, 40.0]))
        hz = draw(st.sampled_from([0.0, 55.0, 1000.0, 11_999.0, 15_000.0]))
        parts.append(tone(frames, hz, level=level) if hz else noise(frames, seed=seed, level=level / 3))
    return np.concatenate([*parts, noise(600, level=0.01)])


def test_the_delay_is_at_most_a_millisecond_and_a_half() -> None:
    assert bus.DELAY_FRAMES <= 0.0015 * 48_000


@pytest.mark.parametrize("hz", [50, 997, 11_999])
def test_just_below_the_ceiling_nothing_changes(hz: float) -> None:
    pcm = tone(48_000, hz, level=CEILING * 0.995)
    edge = np.minimum(np.arange(48_000), np.arange(48_000)[::-1])  # a sine cut short has a true peak there
    pcm *= np.minimum(1.0, edge / 2000)[:, None].astype(np.float32)
    np.testing.assert_array_equal(limit(pcm), pcm)


@pytest.mark.parametrize(
    "pcm",
    [
        pytest.param(audible_noise(48_000, level=1.0), id="noise"),
        pytest.param(music(48_000, level=6.0), id="music"),
        pytest.param(tone(48_000, 11_025, level=2.0), id="quarter rate"),
        pytest.param(tone(48_000, 40, level=3.0), id="bass"),
        pytest.param(tone(48_000, 15_999, level=1.5, phase=0.1), id="high"),
    ],
)
def test_true_peaks_stay_within_a_fifth_of_a_db_of_the_ceiling(pcm: np.ndarray) -> None:
    heard = limit(pcm)
    assert np.abs(heard).max() <= np.float32(CEILING)
    assert true_peak_db(heard) <= bus.CEILING_DBTP + 0.2


def test_a_peak_between_two_samples_is_seen() -> None:
    pcm = tone(48_000, 12_000, level=1.2, phase=0.0)
    pcm = np.roll(pcm, 1, axis=0)
    angle = 2 * np.pi * 12_000 * np.arange(48_000) / 48_000 + np.pi / 4
    pcm = (1.2 * np.sin(angle))[:, None].repeat(2, axis=1).astype(np.float32)
    assert np.abs(pcm).max() < CEILING, "every sample is below the ceiling, the wave is not"
    assert true_peak_db(limit(pcm)) <= bus.CEILING_DBTP + 0.2


def test_after_a_loud_moment_the_gain_comes_back_to_exactly_one() -> None:
    pcm = noise(4 * 48_000, level=0.05)
    pcm[10_000:10_100] *= 60
    heard = limit(pcm)
    np.testing.assert_array_equal(heard[3 * 48_000 :], pcm[3 * 48_000 :])
    np.testing.assert_array_equal(heard[:9000], pcm[:9000])


def test_gain_arrives_before_the_peak_in_small_steps() -> None:
    pcm = np.full((20_000, 2), 0.4, dtype=np.float32)
    pcm[10_000:, :] = 1.6
    gain = limit(pcm)[:, 0] / pcm[:, 0]
    assert np.abs(np.diff(gain)).max() < 0.02
    assert gain[9_000] == 1.0


@given(sounds_that_come_and_go())
@settings(max_examples=25, deadline=None)
def test_the_limiter_is_the_plain_one_and_where_its_gain_is_one_the_sound_is_untouched(pcm: Audio) -> None:
    gains = gains_of_a_plain_limiter(pcm)[:, None]
    heard = limit(pcm)
    np.testing.assert_allclose(heard, np.clip(pcm * gains, -CEILING, CEILING), rtol=3e-6, atol=1e-7)
    untouched = gains[:, 0] == 1.0
    np.testing.assert_array_equal(heard[untouched], pcm[untouched])


def test_a_wave_whose_samples_lie_far_below_its_peak_is_limited_as_by_the_plain_limiter() -> None:
    """A quarter of the rate, sampled 3 dB below its crests: only how sharply it bends tells of them."""
    angle = np.pi / 2 * np.arange(6000) + np.pi / 4
    level = 0.915 * np.minimum(1.0, np.arange(6000) / 2000)
    pcm = (level * np.sin(angle))[:, None].repeat(2, axis=1).astype(np.float32)
    gains = gains_of_a_plain_limiter(pcm)[:, None]
    assert gains.min() < 0.98
    np.testing.assert_allclose(limit(pcm), pcm * gains, rtol=3e-6, atol=1e-7)


@given(sounds_that_come_and_go(), st.integers(1, 63))
@settings(max_examples=40, deadline=None)
def test_to_the_bit_it_does_not_matter_where_in_a_quantum_sound_begins(pcm: Audio, later: int) -> None:
    """A whole quantum is passed over or worked on; where its edges lie must not be heard."""
    shifted = limit(np.concatenate([np.zeros((later, 2), dtype=np.float32), pcm]))
    np.testing.assert_array_equal(shifted[later:], limit(pcm))


def test_an_absurd_sample_is_silenced_and_nothing_around_it_changes() -> None:
    pcm = noise(3000, level=0.1)
    pcm[[5, 64, 1000, 1001, 2047], [0, 1, 0, 1, 0]] = [2e6, -3e38, 1e30, -1e6, 1.1e6]
    session = Session([Stem.of(pcm)], [3], loop=False)
    silenced = np.where(np.abs(pcm) < 1e6, pcm, np.float32(0))
    np.testing.assert_array_equal(session.render(3000), silenced)
    assert session.nonfinite == 5


@given(st.lists(st.sampled_from([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-42]), min_size=1, max_size=8))
@settings(max_examples=20, deadline=None)
def test_non_finite_and_absurd_samples_never_come_out(bad: list[float]) -> None:
    # A finite stem, but so loud that its sum with itself overflows.
    huge = noise(3000)
    finite = [value if np.isfinite(value) else 3e38 for value in bad]
    huge[1000 : 1000 + len(finite), 0] = finite
    session = Session([Stem.of(huge), Stem.of(huge)], [3, 3], loop=False, mix=(1, 0, 0, 0, 0, 6))
    heard = session.render(3000)
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() <= np.float32(CEILING)
    assert session.nonfinite == sum(abs(value) > 1e6 for value in finite)


def test_the_level_is_what_a_limiter_leaves_not_less() -> None:
    heard = limit(tone(48_000, 1000, level=2.0))
    assert level_db(heard[10_000:]) > bus.CEILING_DBTP - 3.01 - 0.1
