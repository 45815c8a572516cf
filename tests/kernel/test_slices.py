"""Drums: every stroke is a copy, in its place, whatever is between the strokes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from decks import DRUMS, DRUMS_GAIN, OTHER, SECOND, TEMPO, Move, at, one, steered
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import Audio, level_db, noise, roughness

from remixd._kernel.session import Session
from remixd._kernel.stem import Stem

STROKES = (9_000, 21_000, 26_500, 48_000, 51_000, 75_000, 77_500, 110_000)


def kit(decay_frames: float = 2400, frames: int = 3 * SECOND) -> Audio:
    """Strokes of noise, no two alike, each dying away."""
    out = np.zeros((frames, 2), np.float32)
    for number, stroke in enumerate(STROKES):
        fall = np.exp(-np.arange(frames - stroke) / decay_frames)[:, None]
        out[stroke:] += noise(frames - stroke, seed=number, level=0.1) * fall.astype(np.float32)
    return out


@pytest.mark.parametrize("tempo", [0.5, 0.8, 20 / 21, 1.25, 2.0])
def test_every_stroke_is_a_copy_in_its_place(tempo: float) -> None:
    pcm = kit()
    heard = one(pcm, DRUMS, STROKES, mix=at(tempo)).render(round(3 * SECOND / tempo))
    for stroke in STROKES:
        due = round(stroke / tempo)
        original = pcm[stroke : stroke + 960, 0].astype(np.float64)
        places = range(due - 2, due + 3)
        alike = [np.corrcoef(original, heard[place : place + 960, 0])[0, 1] for place in places]
        assert max(alike) > 0.999
        assert abs(places[int(np.argmax(alike))] - due) <= 1


@pytest.mark.parametrize("tempo", [0.5, 0.8, 0.95])
def test_no_stroke_is_heard_twice_and_none_early(tempo: float) -> None:
    pcm = kit(600)
    heard = one(pcm, DRUMS, STROKES, mix=at(tempo)).render(round(3 * SECOND / tempo))
    for before, stroke in pairwise(STROKES):
        due = round(stroke / tempo)
        calm = heard[round(before / tempo) + 2400 : due - 96]
        assert np.abs(calm).max() < 0.1 * np.abs(heard[due : due + 480]).max()


@pytest.mark.parametrize("every", [1600, 2500, 5000])
@pytest.mark.parametrize("tempo", [0.5, 0.7, 0.8])
def test_in_a_roll_no_stroke_is_heard_early(tempo: float, every: int) -> None:
    pcm = np.zeros((20 * every, 2), np.float32)
    strokes = range(every, 19 * every, every)
    fall = np.exp(-np.arange(every) * 10 / every)[:, None].astype(np.float32)
    for number, stroke in enumerate(strokes):
        pcm[stroke : stroke + every] += noise(every, seed=number, level=0.1) * fall
    heard = one(pcm, DRUMS, strokes, mix=at(tempo)).render(round(len(pcm) / tempo))
    for stroke in strokes[3:]:
        due = round(stroke / tempo)
        calm = heard[due - round(0.3 * every / tempo) : due - 96]
        assert np.abs(calm).max() < 0.06 * np.abs(heard[due : due + 200]).max()


@pytest.mark.parametrize("tempo", [0.7, 1.3])
def test_tails_are_cut_and_repeated_without_a_click(tempo: float) -> None:
    t = np.arange(3 * SECOND)[:, None]
    ringing = (0.2 * np.sin(2 * np.pi * 180 * t / SECOND + np.array([0, 1]))).astype(np.float32)
    heard = one(ringing, DRUMS, STROKES, mix=at(tempo)).render(2 * SECOND)
    cut = np.concatenate([np.arange(-140, 40) + round(stroke / tempo) for stroke in STROKES])
    rough = roughness(heard)
    rough[cut[cut < len(rough)]] = 0  # where a stroke is spliced in, it may begin as suddenly as it likes
    assert rough.max() < 5 * roughness(ringing).max()


def test_muted_drums_keep_time() -> None:
    planned = [Move(20_000, TEMPO, 0.85), Move(60_000, TEMPO, 1.1)]
    muted = [*planned, Move(10_000, DRUMS_GAIN, -60.0, 0), Move(70_000, DRUMS_GAIN, 0.0, 0)]
    heard = steered(one(kit(), DRUMS, STROKES), planned, [], 100_000)
    returned = steered(one(kit(), DRUMS, STROKES), muted, [], 100_000)
    assert not returned[10_100:70_000].any()
    np.testing.assert_array_equal(returned[70_000:], heard[70_000:])


@settings(max_examples=30)
@given(
    frames=st.integers(1, 10_000),
    every=st.integers(1, 3000),
    tempo=st.floats(0.5, 2.0),
    loop=st.booleans(),
    begin=st.floats(0, 1, exclude_max=True),
    cuts=st.lists(st.integers(1, 3000), max_size=12),
)
def test_however_dense_the_strokes_and_short_the_loop_drums_are_bounded_and_cut_alike(
    frames: int, every: int, tempo: float, loop: bool, begin: float, cuts: list[int]
) -> None:
    pcm = noise(frames, level=0.05)
    stem = Stem.of(pcm, sorted({*range(0, frames, every), frames - 1}), False)

    def heard(cuts: list[int]) -> Audio:
        session = Session([stem], [DRUMS], start=int(begin * frames), loop=loop, mix=at(tempo))
        return steered(session, [Move(9000, TEMPO, 1.0), Move(12_000, TEMPO, 2.5 - tempo)], cuts, 20_000)

    whole = heard([])
    assert np.isfinite(whole).all()
    assert np.abs(whole).max() <= 2 * np.abs(pcm).max()
    np.testing.assert_array_equal(heard(cuts), whole)


def test_drums_and_the_others_stay_together_when_both_return() -> None:
    pcm = kit()
    parts = [
        steered(one(pcm, role, STROKES), [Move(9000, TEMPO, 1.2), Move(50_000, TEMPO, 1.0)], [], 100_000)
        for role in (DRUMS, OTHER)
    ]
    np.testing.assert_array_equal(parts[0][75_000:], parts[1][75_000:])
    assert level_db(parts[0][75_000:]) > -60
