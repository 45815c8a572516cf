"""Loudness: the cases of EBU Tech 3341 and 3342, and what must hold for any sound."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import noise, true_peak_db

from remixd.analysis.loudness import Loudness, LoudnessMeter

RATE_HZ = 48_000


def measure(pcm: np.ndarray, rate_hz: int = RATE_HZ, block: int = 65_536) -> Loudness:
    meter = LoudnessMeter(rate_hz)
    for at in range(0, len(pcm), block):
        meter.add(pcm[at : at + block])
    return meter.finish()


def tones(steps: list[tuple[float, float]], hz: float = 1000.0, rate_hz: int = RATE_HZ) -> np.ndarray:
    """A stereo sine with a level in dBFS and a length in seconds for each step."""
    level = np.concatenate([np.full(round(s * rate_hz), 10.0 ** (db / 20)) for db, s in steps])
    wave = level * np.sin(2 * np.pi * hz * np.arange(len(level)) / rate_hz)
    return np.repeat(wave[:, None], 2, axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("steps", "lufs"),
    [
        ([(-23.0, 20.0)], -23.0),
        ([(-33.0, 20.0)], -33.0),
        ([(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)], -23.0),
        ([(-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)], -23.0),
        ([(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)], -23.0),
    ],
)
def test_integrated_loudness_of_tech_3341(steps: list[tuple[float, float]], lufs: float) -> None:
    assert measure(tones(steps)).integrated_lufs == pytest.approx(lufs, abs=0.1)


@pytest.mark.parametrize(
    ("steps", "lu"),
    [
        ([(-20.0, 20.0), (-30.0, 20.0)], 10.0),
        ([(-20.0, 20.0), (-15.0, 20.0)], 5.0),
        ([(-40.0, 20.0), (-20.0, 20.0)], 20.0),
        ([(-50.0, 20.0), (-35.0, 20.0), (-20.0, 20.0), (-35.0, 20.0), (-50.0, 20.0)], 15.0),
    ],
)
def test_loudness_range_of_tech_3342(steps: list[tuple[float, float]], lu: float) -> None:
    assert measure(tones(steps)).range_lu == pytest.approx(lu, abs=0.5)


@pytest.mark.parametrize("rate_hz", [11_025, 44_100, 96_000])
def test_the_rate_does_not_matter(rate_hz: int) -> None:
    pcm = tones([(-23.0, 4.0)], rate_hz=rate_hz)
    assert measure(pcm, rate_hz).integrated_lufs == pytest.approx(-23.0, abs=0.1)


def test_one_channel_is_3_lu_quieter_than_both() -> None:
    pcm = tones([(-23.0, 4.0)])
    pcm[:, 1] = 0.0
    assert measure(pcm).integrated_lufs == pytest.approx(-26.0, abs=0.1)


@pytest.mark.parametrize(
    ("divisor", "degrees", "level"), [(4, 0, 0.5), (4, 45, 0.5), (6, 60, 0.5), (8, 67.5, 0.5), (4, 45, 1.41)]
)
def test_true_peak_of_tech_3341(divisor: int, degrees: float, level: float) -> None:
    frames = RATE_HZ // 2
    wave = level * np.sin(2 * np.pi * np.arange(frames) / divisor + np.radians(degrees))
    fade = np.minimum(1.0, np.minimum(np.arange(frames), np.arange(frames)[::-1]) / 2000)
    pcm = np.repeat((wave * fade)[:, None], 2, axis=1).astype(np.float32)
    peak_db = measure(pcm).true_peak_dbtp
    assert peak_db is not None
    assert -0.4 < peak_db - 20 * np.log10(level) < 0.2


@given(seed=st.integers(0, 1000))
@settings(max_examples=10)
def test_true_peaks_are_missed_by_no_more_than_four_times_oversampling_must(seed: int) -> None:
    spectrum = np.fft.rfft(noise(6000, seed=seed, level=0.2), axis=0)
    spectrum[2500:] = 0.0  # above 20 kHz no interpolator of 24 taps is exact
    pcm = np.fft.irfft(spectrum, axis=0).astype(np.float32)
    pcm[:600] *= np.linspace(0, 1, 600, dtype=np.float32)[:, None]
    pcm[-600:] *= np.linspace(1, 0, 600, dtype=np.float32)[:, None]
    found = measure(pcm).true_peak_dbtp
    assert found is not None
    # a 20 kHz peak half way between two points at 192 kHz: 20 log10(cos(pi * 20 / 192)) = -.48 dB
    assert -0.5 < found - true_peak_db(pcm) < 0.05


@given(
    cuts=st.lists(st.integers(1, 40_000), min_size=1, max_size=12),
    rate_hz=st.sampled_from([22_050, 44_100, 48_000]),
)
@settings(max_examples=10)
def test_blocks_do_not_matter(cuts: list[int], rate_hz: int) -> None:
    pcm = noise(60_000, seed=2, level=0.2)
    meter = LoudnessMeter(rate_hz)
    at = 0
    for cut in cuts:
        meter.add(pcm[at : at + cut])
        at += cut
    meter.add(pcm[at:])
    pieces, whole = meter.finish(), measure(pcm, rate_hz, block=len(pcm))
    np.testing.assert_allclose(pieces.energies, whole.energies, rtol=1e-5)
    assert pieces.true_peak_dbtp == pytest.approx(whole.true_peak_dbtp, abs=1e-4)


def test_gain_moves_loudness_and_peak_by_itself_and_leaves_the_range() -> None:
    pcm = (
        noise(10 * RATE_HZ, seed=4, level=0.1) * np.linspace(0.2, 1, 10 * RATE_HZ, dtype=np.float32)[:, None]
    )
    loud, soft = measure(pcm), measure(pcm / 2)
    assert loud.integrated_lufs is not None
    assert loud.true_peak_dbtp is not None
    assert soft.integrated_lufs == pytest.approx(loud.integrated_lufs - 6.02, abs=0.01)
    assert soft.true_peak_dbtp == pytest.approx(loud.true_peak_dbtp - 6.02, abs=0.01)
    assert soft.range_lu == pytest.approx(loud.range_lu, abs=0.01)


@pytest.mark.parametrize("frames", [0, 1, 5000, RATE_HZ])
def test_silence_has_no_loudness(frames: int) -> None:
    found = measure(np.zeros((frames, 2), np.float32))
    assert (found.integrated_lufs, found.range_lu, found.true_peak_dbtp) == (None, None, None)


def test_memory_does_not_grow_with_the_song() -> None:
    block = noise(65_536, seed=1, level=0.1)
    meter = LoudnessMeter(RATE_HZ)
    meter.add(block)
    tracemalloc.start()
    try:
        for _ in range(40):
            meter.add(block)
        kept, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 2e6  # 54 s of sound would be 21 MB
