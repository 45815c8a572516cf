"""The sweeping filter: analogue's response where it stands, and calm where it moves."""

from __future__ import annotations

import numpy as np
import pytest
from mixers import FILTER, FREQUENCIES_HZ, response, run
from numpy.typing import NDArray
from sounds import RATE_HZ, music, noise, roughness

DAMPINGS = (1.6, 0.6)


def analogue(knob: float) -> NDArray[np.complex128]:
    """Two analogue filters of second order in a row, their frequencies bent as by the bilinear transform."""
    cutoff_hz = 20_000 * (60 / 20_000) ** -knob if knob < 0 else 20 * (8000 / 20) ** knob
    s = 1j * np.tan(np.pi * FREQUENCIES_HZ / RATE_HZ) / np.tan(np.pi * cutoff_hz / RATE_HZ)
    sections = [(1 if knob < 0 else s * s) / (s * s + damping * s + 1) for damping in DAMPINGS]
    return sections[0] * sections[1]


@pytest.mark.parametrize("knob", [-1, -0.7, -0.31, -0.05, 0.05, 0.29, 0.7, 1])
def test_the_response_is_that_of_the_analogue_filter(knob: float) -> None:
    answer, ideal = response((FILTER, knob)), analogue(knob)
    measured = (FREQUENCIES_HZ > 5) & (FREQUENCIES_HZ < 23_500) & (np.abs(ideal) > 1e-4)
    off_db = 20 * np.log10(np.abs(answer[measured]) / np.abs(ideal[measured]))
    assert np.abs(off_db).max() < 0.05
    assert 20 * np.log10(np.abs(answer).max()) < 2.1


def test_full_sweeps_each_5_ms_stay_bounded_on_white_noise() -> None:
    pcm = noise(64 * 1500, level=0.2)
    moves = [(FILTER, 1.0 if index % 2 else -1.0, 240 * index, 240) for index in range(390)]
    out, _ = run(pcm, moves)
    assert np.isfinite(out).all()
    assert np.abs(out).max() < 1.5 * np.abs(pcm).max()
    assert out[:90_000].std() > 0.01
    settled, _ = run(pcm, [(FILTER, 1.0, 0, 0)])
    np.testing.assert_allclose(out[-960:], settled[-960:], atol=1e-6)  # nothing of the sweeps is left


def test_the_filter_at_0_is_untouched_to_the_bit_before_and_after() -> None:
    pcm = music(64 * 300)
    out, _ = run(pcm, [(FILTER, -0.8, 1000, 480), (FILTER, 0.6, 4000, 300), (FILTER, 0, 8000, 480)])
    np.testing.assert_array_equal(out[:1000], pcm[:1000])
    assert np.abs(out[2000:8000] - pcm[2000:8000]).max() > 0.01
    settled = 8000 + 480 + 63 + 480 + 2 * 64
    np.testing.assert_array_equal(out[settled:], pcm[settled:])


@pytest.mark.parametrize("towards", [-0.001, 0.001])
def test_a_touch_of_the_filter_is_hardly_heard(towards: float) -> None:
    """Leaving 0 on music adds nothing rough, and below 20 Hz and above 15 kHz is all that it takes."""
    pcm = music(64 * 300)
    out, _ = run(pcm, [(FILTER, towards, 9600, 240)])
    assert roughness(out)[9500:11_000].max() < 1.05 * roughness(pcm)[9500:11_000].max()
    middle = (np.fft.rfftfreq(9600, 1 / RATE_HZ) > 60) & (np.fft.rfftfreq(9600, 1 / RATE_HZ) < 12_000)
    before, after = (np.abs(np.fft.rfft(a[9600:, 0] * np.hanning(9600)))[middle] for a in (pcm, out))
    assert np.abs(20 * np.log10((after + 1e-2) / (before + 1e-2))).max() < 0.5
