"""The isolator: three bands that sum to what came in, and can each be turned off."""

from __future__ import annotations

import numpy as np
import pytest
from mixers import FREQUENCIES_HZ, HIGH, LOW, MID, gain_db, response, run
from sounds import music, roughness, tone

from remixd._kernel.channel import ChannelStrip

HARDLY_DB = 1e-5  # enough for the filters to be heard


def test_the_bands_sum_flat() -> None:
    answer = response((LOW, HARDLY_DB))
    audible = (FREQUENCIES_HZ > 10) & (FREQUENCIES_HZ < 23_500)
    assert np.abs(20 * np.log10(np.abs(answer[audible]))).max() < 0.001
    turned = np.unwrap(np.angle(answer[audible]))
    assert turned[0] - turned[-1] > 5 * np.pi  # it is the allpass, not the bypass, that was measured


@pytest.mark.parametrize(
    ("band", "centre_hz", "others_hz"),
    [(LOW, 60, (800, 10_000)), (MID, 800, (60, 10_000)), (HIGH, 10_000, (60, 800))],
)
def test_a_band_that_is_off_is_down_40_db_and_leaves_the_others(
    band: int, centre_hz: float, others_hz: tuple[float, float]
) -> None:
    off = response((band, -60))
    assert gain_db(off, centre_hz) < -40
    raised = response((band, 6))
    assert gain_db(raised, centre_hz) == pytest.approx(6, abs=0.1)
    for other_hz in others_hz:
        assert gain_db(off, other_hz) == pytest.approx(0, abs=0.15)
        assert gain_db(raised, other_hz) == pytest.approx(0, abs=0.15)


def test_bands_cross_at_half_at_250_hz_and_2500_hz() -> None:
    for bands, crossing_hz in (((LOW,), 250), ((MID, HIGH), 250), ((LOW, MID), 2500), ((HIGH,), 2500)):
        answer = response(*((band, -60) for band in bands))
        assert gain_db(answer, crossing_hz) == pytest.approx(-6.02, abs=0.1)


def test_with_all_bands_off_nothing_is_left() -> None:
    pcm = np.concatenate([music(64 * 200), np.zeros((64 * 1000, 2), dtype=np.float32)])
    out, _ = run(pcm, [(band, -60, 6400, 480) for band in (LOW, MID, HIGH)])
    assert np.abs(out[:6400]).max() > 0.01
    assert np.abs(out[9600 : 64 * 200]).max() < 1e-9
    assert not out[-64:].any()


def test_an_isolator_that_was_used_is_again_untouched_to_the_bit() -> None:
    pcm = music(64 * 300)
    out, _ = run(pcm, [(MID, -60, 1000, 480), (MID, 0, 6000, 480)])
    settled = 6000 + 480 + 63 + 480 + 2 * 64
    np.testing.assert_array_equal(out[:1000], pcm[:1000])
    assert np.abs(out[3000:6000] - pcm[3000:6000]).max() > 0.01
    np.testing.assert_array_equal(out[settled:], pcm[settled:])


def test_the_filters_come_in_as_if_they_had_run_all_along() -> None:
    """The same moment heard by filters that began 10 ms before it, and by others that ran for long."""
    pcm = music(64 * 300, level=0.3) + tone(64 * 300, 55)
    begun, _ = run(pcm, [(LOW, -12, 9600, 240)])
    running, _ = run(pcm, [(LOW, HARDLY_DB, 0, 0), (LOW, -12, 9600, 240)])
    error = np.abs(begun[9600 + 480 :] - running[9600 + 480 :]).max()
    assert error < 0.001 * np.abs(pcm).max()
    bypassed = np.abs(pcm[9600 + 480 :] - running[9600 + 480 :]).max()
    assert bypassed > 0.1 * np.abs(pcm).max()


def test_a_low_band_alone_moves_without_a_click() -> None:
    """With nothing above it that would hide one: not rougher than twice the bass that it lets through."""
    pcm = tone(64 * 300, 60, level=0.5)
    dark = [(MID, -60.0, 0, 0), (HIGH, -60.0, 0, 0)]
    out, _ = run(pcm, [*dark, (LOW, -60, 9600, 240), (LOW, 0, 9700, 240)])
    steady, _ = run(pcm, dark)
    assert roughness(out[6400:]).max() < 2 * roughness(steady[6400:]).max()


def test_what_is_not_finite_does_not_stay_in_the_filters() -> None:
    pcm = music(64 * 100)
    pcm[3000] = np.nan
    strip = ChannelStrip()
    strip.move(LOW, -12, 0, 0)
    strip.move(5, -0.5, 0, 0)
    out, _ = strip.process(pcm)
    assert not np.isfinite(out[2944:3008]).all()
    assert np.isfinite(out[3008:]).all()
    assert np.abs(out[-640:]).max() > 0.001
