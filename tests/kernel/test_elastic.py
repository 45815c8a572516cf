"""Wherever onsets are, and however short the music: stems follow the map, sound, and stay finite."""

from __future__ import annotations

import numpy as np
import pytest
from decks import BASS, DRUMS, OTHER, SECOND, TEMPO, VOCALS, Move, at, moves, one, steered
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import Audio, level_db, music, noise

from remixd._kernel.session import Session
from remixd._kernel.stem import Stem

ONSETS = {
    "first frame": [0],
    "last frame": [59_999],
    "both ends": [0, 59_999],
    "every frame for a while": range(20_000, 22_000),
    "thousands": range(0, 60_000, 32),
    "pairs": sorted([*range(3000, 60_000, 3000), *range(3001, 60_000, 3000)]),
}


@pytest.mark.parametrize("role", [DRUMS, BASS, VOCALS, OTHER])
@pytest.mark.parametrize("name", ONSETS)
@pytest.mark.parametrize("loop", [False, True])
def test_wherever_onsets_are_the_music_goes_on_at_its_level(role: int, name: str, loop: bool) -> None:
    pcm = music(60_000)
    session = one(pcm, role, ONSETS[name], loop=loop)
    heard = steered(session, [Move(5000, TEMPO, 0.7), Move(25_000, TEMPO, 1.6)], [], 45_000)
    assert np.isfinite(heard).all()
    for first in range(0, 40_000, 5000):
        assert level_db(heard[first : first + 5000]) == pytest.approx(level_db(pcm), abs=8)


@settings(max_examples=30)
@given(
    frames=st.integers(1, 10_000),
    struck=st.sets(st.integers(0, 9_999), max_size=40),
    sent=moves(18_000, most=6),
    role=st.sampled_from([BASS, VOCALS, OTHER]),
    loop=st.booleans(),
    begin=st.floats(0, 1, exclude_max=True),
    summed=st.booleans(),
    cuts=st.lists(st.integers(1, 3000), max_size=12),
)
def test_music_shorter_than_a_window_plays_from_anywhere_and_the_same_however_cut(
    frames: int,
    struck: set[int],
    sent: list[Move],
    role: int,
    loop: bool,
    begin: float,
    summed: bool,
    cuts: list[int],
) -> None:
    pcm = noise(frames, level=0.05)
    stem = Stem.of(pcm, sorted(at for at in struck if at < frames))

    def heard(cuts: list[int]) -> Audio:
        session = Session([stem], [role], start=int(begin * frames), loop=loop, summed=summed)
        return steered(session, sent, cuts, 22_000)

    whole = heard([])
    assert np.isfinite(whole).all()
    assert np.abs(whole).max() <= 10 ** (-1 / 20)
    np.testing.assert_array_equal(heard(cuts), whole)


@pytest.mark.parametrize("frames", [1, 100, 4095, 4097, 9000])
@pytest.mark.parametrize("tempo", [0.5, 2.0])
def test_music_that_does_not_loop_ends_when_the_map_does(frames: int, tempo: float) -> None:
    stem = one(np.full((frames, 2), 0.1, np.float32), mix=at(tempo))
    heard = stem.render(round(frames / tempo) + SECOND)
    assert heard.any()
    assert not heard[round(frames / tempo) + 4096 + 2048 :].any()


@pytest.mark.parametrize("start", [0, 1, 29_999, 30_000, 59_998, 59_999])
@pytest.mark.parametrize("tempo", [0.8, 1.25])
def test_begun_anywhere_the_position_is_what_the_tempo_makes_it(start: int, tempo: float) -> None:
    session = one(music(60_000), start=start, loop=True, mix=at(tempo))
    session.render(10_000)
    assert session.position == pytest.approx((start + 10_000 * tempo) % 60_000, abs=1e-3)
