"""Metrics of quality: nothing is wrong with the truth, and every fault raises the figure that is its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import RATE_HZ, music, noise

from remixd.bench import metrics
from remixd.bench.attacks import attack_errors
from remixd.bench.scoring import METRICS, score
from remixd.bench.tones import make_tone, tone_errors

MS = RATE_HZ // 1000
FRAMES = 2 * RATE_HZ
STROKES = [round(at_s * RATE_HZ) for at_s in (0.2, 0.37, 0.55, 0.8, 0.93, 1.2, 1.41, 1.66)]


def strokes(at=STROKES, frames=FRAMES):
    """Short strokes of noise over a soft floor, panned differently."""
    sound = noise(frames, seed=3, level=1e-3)
    length = 60 * MS
    decay = np.exp(-np.arange(length) / (12 * MS))[:, None]
    for number, onset in enumerate(at):
        pan = np.array([1.0, 0.3 + 0.1 * number])
        sound[onset : onset + length] += (noise(length, seed=number, level=0.3) * decay * pan).astype(
            np.float32
        )
    return sound


def smeared(sound, ms=15):
    """Every attack comes softly, from `ms` before: a decay, backwards."""
    rise = np.exp(-np.arange(ms * MS, 0, -1) / (5 * MS))
    rise /= np.sqrt(np.sum(rise**2))
    columns = [np.convolve(column, rise, "full")[ms * MS :] for column in sound.T]
    early = np.stack(columns, axis=1).astype(np.float32)
    return metrics.fit(early, len(sound)) + sound


@pytest.mark.parametrize("sound", [music(FRAMES), strokes(), np.zeros((FRAMES, 2), np.float32)])
def test_nothing_is_wrong_with_the_truth(sound):
    found = score(sound, sound, STROKES, align=True)
    correlation = found.pop("onset_correlation")
    assert correlation == pytest.approx(1.0 if sound.any() else 0.0)
    assert {key: value for key, value in found.items() if key in METRICS} == pytest.approx(
        {key: 0.0 for key in found if key in METRICS}, abs=1e-5
    )


def test_a_smeared_attack_is_heard_before_and_is_less_steep():
    truth = strokes()
    found = score(smeared(truth), truth, STROKES, align=False)
    assert found["pre_echo"] > 20
    assert found["attack"] < -10
    assert found["lsd_256"] > 3
    assert found["lsd_256"] > found["lsd_2048"]  # the short window sees time


def test_onset_correlation_forgives_some_milliseconds_but_no_stroke_that_is_missing_or_elsewhere():
    truth = strokes()
    likeness = [
        metrics.onset_correlation(strokes(at), truth)
        for at in (
            [onset + 2 * MS for onset in STROKES],
            [onset + 30 * MS * (number % 2) for number, onset in enumerate(STROKES)],
            [onset + 30 * MS for onset in STROKES],
        )
    ]
    assert likeness[0] > 0.8 > likeness[1] > likeness[2]
    assert metrics.onset_correlation(strokes(STROKES[::2]), truth) < 0.8


@given(lates_ms=st.lists(st.sampled_from([-6, 6]), min_size=len(STROKES), max_size=len(STROKES)))
@settings(max_examples=5, deadline=None)
def test_timing_tells_how_far_strokes_lie_from_the_middle_one(lates_ms):
    lates_ms[:3] = [6, 6, -6]
    heard = strokes([onset + late * MS for onset, late in zip(STROKES, lates_ms, strict=True)])
    found = attack_errors(heard, strokes(), STROKES)
    off = np.abs(np.array(lates_ms) - np.median(lates_ms))
    assert found["timing_p95"] == pytest.approx(np.percentile(off, 95), abs=0.6)
    assert found["onsets"] == len(STROKES)


def test_few_or_soft_attacks_tell_nothing():
    assert attack_errors(strokes(), strokes(), STROKES[:4]) == {}
    assert attack_errors(noise(FRAMES), noise(FRAMES), STROKES) == {}


@given(late=st.integers(-40 * MS, 40 * MS))
@settings(max_examples=8, deadline=None)
def test_a_delay_is_found_and_taken_off(late):
    truth = strokes()
    found = score(metrics.fit(truth, FRAMES, -late), truth, STROKES, align=True)
    assert found["offset"] == pytest.approx(late / MS, abs=0.3)
    assert found["onset_correlation"] > 0.99


def test_the_stereo_image_has_a_figure_for_each_way_to_break_it():
    truth = music(FRAMES)
    swapped = metrics.stereo_errors(truth[:, ::-1], truth)
    assert swapped["ild"] > 3
    delayed = truth.copy()
    delayed[:, 1] = np.roll(truth[:, 1], 12)
    late = metrics.stereo_errors(delayed, truth)
    assert late["ipd"] > 0.3
    assert late["ild"] < 0.1
    unlike = np.stack([truth[:, 0], np.roll(truth[:, 1], 9000)], axis=1)
    assert metrics.stereo_errors(unlike, truth)["coherence"] > 5 * late["coherence"]


@given(gain_db=st.floats(-12, 6))
@settings(max_examples=10, deadline=None)
def test_a_gain_is_a_change_of_level_and_none_of_crest(gain_db):
    truth = music(FRAMES // 4)
    louder = truth * np.float32(10 ** (gain_db / 20))
    assert metrics.level_change_db(louder, truth) == pytest.approx(gain_db, abs=1e-3)
    assert metrics.crest_change_db(louder, truth) == pytest.approx(0.0, abs=1e-3)
    assert metrics.log_spectral_distance(louder, truth, *metrics.LONG) == pytest.approx(abs(gain_db), abs=0.7)


def test_more_noise_is_further_from_the_truth_by_every_spectral_measure():
    truth = music(FRAMES)
    found = [
        score(truth + noise(FRAMES, seed=9, level=level), truth, [], align=False) for level in (1e-3, 1e-2)
    ]
    for key in ("lsd_2048", "lsd_256", "convergence", "log_magnitude"):
        assert 0 < found[0][key] < found[1][key]


@given(offset=st.integers(-50, 50), frames=st.integers(1, 100))
def test_what_is_fitted_is_silent_where_there_is_nothing(offset, frames):
    sound = noise(40) + np.float32(10)
    fitted = metrics.fit(sound, frames, offset)
    assert fitted.shape == (frames, 2)
    for at in range(frames):
        there = 0 <= at + offset < len(sound)
        np.testing.assert_array_equal(fitted[at], sound[at + offset] if there else 0)


def test_a_tone_that_is_left_alone_is_in_tune_steady_and_clean():
    found = tone_errors(lambda tone: tone, (440.0,))
    assert found["cents"] < 0.01
    assert found["ripple"] < 1e-3
    assert found["tone_to_rest"] > 90


def test_each_fault_of_a_tone_has_its_own_figure():
    frames = len(make_tone((440.0,)))
    swell = 10 ** (np.sin(2 * np.pi * 2.0 * np.arange(frames) / RATE_HZ) * 2**0.5 / 20)[:, None]
    sharp = tone_errors(lambda _tone: make_tone((440.0 * 2 ** (5 / 1200),)), (440.0,))
    assert sharp["cents"] == pytest.approx(5.0, abs=0.05)
    rippled = tone_errors(lambda tone: tone * swell.astype(np.float32), (440.0,))
    assert rippled["ripple"] == pytest.approx(1.0, rel=0.05)
    rough = tone_errors(lambda tone: tone + noise(frames, level=0.2 / 2**0.5 / 100), (440.0,))
    assert rough["tone_to_rest"] == pytest.approx(40.0, abs=0.2)
