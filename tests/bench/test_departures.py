"""The first changed sample is found in synthetic sound whose change is at a known one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from remixd.bench.departures import (
    BEAT_FRAMES,
    EITHER,
    LEVELS,
    LOOP_BEATS,
    NOISE,
    NOISE_PERIOD,
    SAME,
    SECTION_BEATS,
    STEADY,
    TEXTURE,
    Continuation,
    make_pattern,
    make_song,
)
from remixd.units import RATE_HZ

PERIODS = 4
FRAMES = PERIODS * NOISE_PERIOD
changes_at = st.integers(NOISE_PERIOD, FRAMES - 300)


def sound(section):
    pattern = make_pattern(1, PERIODS)[:, 0]
    return np.full(FRAMES, 0.1, np.float32) if section == LEVELS else pattern.copy()


@given(at=st.integers(1, FRAMES - 1), step_db=st.floats(-60.0, 6.0), ramp=st.integers(1, 480))
def test_a_gain_is_found_at_the_sample_where_its_ramp_begins(at, step_db, ramp):
    assume(abs(step_db) > 0.5)
    samples, gain = sound(LEVELS), 10 ** (step_db / 20)
    samples[at:] *= np.interp(np.arange(1, FRAMES - at + 1), [0, ramp], [1.0, gain]).astype(np.float32)
    assert STEADY.departure(samples, 0, FRAMES) == at
    assert STEADY.departure(samples, 0, at) is None


@given(at=changes_at, ratio=st.sampled_from((0.9, 1.1)))
def test_a_tempo_is_found_at_the_sample_after_the_one_where_it_moves_on_otherwise(at, ratio):
    samples = sound(NOISE)
    position = at + np.arange(FRAMES - at) * ratio
    samples[at:] = np.interp(position, np.arange(2 * FRAMES), np.tile(samples, 2))
    found = TEXTURE.departure(samples, NOISE_PERIOD, FRAMES)
    assert 0 <= found - at <= 1


@given(at=changes_at, frames=st.integers(1, 2048), size=st.floats(0.01, 1.0))
def test_what_fades_in_is_found_once_it_is_above_what_rounding_does(at, frames, size):
    samples = sound(NOISE)
    fade = np.minimum(np.arange(1, FRAMES - at + 1) / frames, 1.0)
    added = fade * size * 0.1
    samples[at:] += added.astype(np.float32)
    above = at + int(np.argmax(added > SAME))
    assert abs(TEXTURE.departure(samples, 0, FRAMES) - above) <= 2


@given(at=changes_at, there=st.sampled_from((LEVELS, NOISE)))
def test_another_section_is_found_at_its_first_sample(at, there):
    samples = sound(there)
    other = make_pattern(2, PERIODS)[:, 0] if there == LEVELS else np.full(FRAMES, 0.1, np.float32)
    differs = np.abs(other - samples) > SAME
    samples[at:] = other[at:]
    assert EITHER.departure(samples, 0, FRAMES) == at + int(np.argmax(differs[at:]))


@given(seed=st.integers(0, 99), rounding=st.integers(-8, 8))
def test_what_goes_on_as_it_should_is_no_change_whatever_rounding_does(seed, rounding):
    samples = np.tile(make_pattern(seed, 1)[:, 0], PERIODS)
    samples[NOISE_PERIOD:] += np.float32(rounding * 1e-8)
    assert TEXTURE.departure(samples, 0, FRAMES) is None


@given(start=st.integers(0, 20_000), end=st.integers(-5, 40_000), period=st.integers(1, 20_000))
def test_nothing_is_found_where_nothing_is(start, end, period):
    continuation = Continuation(section=LEVELS, period=period, same=0.0)
    assert continuation.departure(np.zeros(0, np.float32), start, end) is None
    assert continuation.departure(np.zeros(100, np.float32), start, end) is None


def test_the_song_repeats_where_it_loops_and_its_sections_differ_everywhere():
    stems, form = make_song()
    middle = round(form.sections[1].start_s * RATE_HZ)
    assert middle == SECTION_BEATS * BEAT_FRAMES
    assert form.bpm == pytest.approx(60 * RATE_HZ / BEAT_FRAMES)
    mixed = sum(stems.values())[:, 0]
    assert len(mixed) == 2 * middle
    assert np.ptp(mixed[:middle]) == 0
    np.testing.assert_array_equal(mixed[middle + NOISE_PERIOD :], mixed[middle:-NOISE_PERIOD])
    assert LOOP_BEATS * BEAT_FRAMES % NOISE_PERIOD == 0
    assert np.abs(mixed).max() < 0.5
    assert len({stem[middle:, 0].tobytes() for stem in stems.values()}) == len(stems)
