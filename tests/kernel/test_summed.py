"""Stems summed in the spectrum sound as stems do that are summed afterwards, but for when gains act."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from decks import (
    BASS,
    DRUMS,
    DRUMS_GAIN,
    OTHER,
    OTHER_GAIN,
    SECOND,
    TEMPO,
    VOCALS,
    Move,
    at,
    band,
    moves,
    one,
    steered,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import music, noise, roughness, tone

from remixd._kernel.session import Session


@pytest.mark.parametrize("tempo", [1.0, 1.1])
def test_a_stem_that_begins_muted_is_never_heard(tempo: float) -> None:
    session = one(noise(SECOND), summed=True, mix=(tempo, 0, 0, 0, 0, -60))
    assert not session.render(20_000).any()


@pytest.mark.parametrize("apart", range(-2048, 2049, 512))
def test_gains_may_move_with_the_tempo_and_nothing_clicks(apart: int) -> None:
    pcm = tone(4 * SECOND, 200.0)
    planned = [
        Move(20_000, TEMPO, 1.1),
        Move(20_000 + apart, OTHER_GAIN, -60.0),
        Move(50_000, OTHER_GAIN, 0.0),
        Move(70_000, TEMPO, 1.0),
        Move(84_000 + 2 * apart, OTHER_GAIN, -60.0),
    ]
    heard = steered(one(pcm, summed=True), planned, [], 2 * SECOND)
    assert roughness(heard).max() < 1.5 * roughness(pcm).max()


def four(summed: bool, **kwargs: Any) -> Session:
    return Session(band(100_000), [DRUMS, BASS, VOCALS, OTHER], summed=summed, **kwargs)


MIX = (1.0, 0.0, -3.0, 0.0, -6.0, 2.0)


def test_at_rest_it_is_the_sum_of_the_stems_but_for_rounding() -> None:
    heard, expected = (four(summed, mix=MIX).render(2 * SECOND) for summed in (True, False))
    assert np.abs(heard - expected).max() < 1e-6


@pytest.mark.parametrize(("tempo", "pitch"), [(1.1, 0.0), (0.85, 3.0), (1.2, -4.0)])
def test_moving_it_has_the_same_spectrum(tempo: float, pitch: float) -> None:
    levels = []
    for summed in (True, False):
        heard = four(summed, mix=(tempo, pitch, *MIX[2:])).render(2 * SECOND)
        power = np.square(np.abs(np.fft.rfft(heard, axis=0))).sum(axis=1)
        edges = np.geomspace(60, 3000, 12) * 2
        levels.append([10 * np.log10(power[int(a) : int(b)].sum()) for a, b in pairwise(edges)])
    np.testing.assert_allclose(*levels, atol=1.5)


@pytest.mark.parametrize(("tempo", "pitch"), [(1.0, 0.0), (1.1, 0.0), (0.8, -12.0), (1.0, 12.0)])
@pytest.mark.parametrize("sample", [30_000, 30_300, 30_900, 31_500])
def test_a_gain_acts_around_its_sample_and_is_done_when_it_says(
    tempo: float, pitch: float, sample: int
) -> None:
    planned = [Move(sample, OTHER_GAIN, -60.0)]
    sessions = [one(music(2 * SECOND), summed=True, mix=at(tempo, pitch)) for _ in range(2)]
    heard = steered(sessions[0], planned, [], 50_000)
    untouched = sessions[1].render(50_000)
    report = sessions[0].take_reports()[0]
    reach = round(2 * 2048 / min(2 ** (pitch / 12), 1.0))
    assert report.sample == sample
    assert report.settled_sample <= sample + 480 + reach
    np.testing.assert_array_equal(heard[: sample - reach], untouched[: sample - reach])
    assert heard[sample - reach : report.settled_sample].any()
    assert not heard[report.settled_sample :].any()


def test_drums_obey_at_the_very_sample() -> None:
    session = Session(band(100_000), [DRUMS, BASS, VOCALS, OTHER], summed=True, mix=(1, 0, -60, 0, -60, -60))
    heard = steered(session, [Move(30_011, DRUMS_GAIN, -60.0, 0)], [], 50_000)
    assert heard[24_000:30_011].any()
    assert not heard[30_011:].any()


@settings(max_examples=20)
@given(
    sent=moves(25_000),
    cuts=st.lists(st.integers(1, 4096), max_size=20),
    summed=st.booleans(),
    roles=st.permutations([DRUMS, BASS, VOCALS, OTHER]),
)
def test_all_roles_sound_the_same_however_blocks_are_cut(
    sent: list[Move], cuts: list[int], summed: bool, roles: list[int]
) -> None:
    stems = band(20_000)
    ordered = [stems[role] for role in roles]
    heard = [steered(Session(ordered, roles, summed=summed), sent, pieces, 30_000) for pieces in (cuts, [])]
    np.testing.assert_array_equal(*heard)
    assert np.isfinite(heard[0]).all()
