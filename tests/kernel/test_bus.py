"""The limiter: exactly a delay below the ceiling, never above it, without a click."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import audible_noise, level_db, music, noise, tone, true_peak_db

from remixd._kernel import bus
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem

CEILING = 10 ** (bus.CEILING_DBTP / 20)


def limit(pcm: np.ndarray) -> np.ndarray:
    return Session([Stem.of(pcm)], [3], loop=False).render(len(pcm))


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
