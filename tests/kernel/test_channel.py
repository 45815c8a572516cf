"""A channel: what is turned is heard as it was asked for, without a click, and the rest is left alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixers import EQUAL_POWER, FADER, FILTER, HIGH, LOW, MID, PAN, QUANTUM, RANGES, SEND, Move, run
from numpy.typing import NDArray
from sounds import RATE_HZ, Audio, music, noise, roughness

from remixd._kernel.channel import ChannelStrip
from remixd._kernel.echo import SendEcho
from remixd._kernel.tone import ToneChain

FRAMES = 64 * 250
NEUTRAL = (0.0,) * 7


def song(seed: int = 1) -> Audio:
    """Tones and soft noise over a kick drum."""
    since = np.arange(FRAMES) % 6000 / RATE_HZ
    kick = 0.6 * np.exp(-12 * since) * np.sin(2 * np.pi * (50 * since + 4 - 4 * np.exp(-40 * since)))
    kick *= np.minimum(1, since * 1000)
    return (music(FRAMES, seed=seed, level=0.3) + kick[:, None]).astype(np.float32)


SONG = song()


@st.composite
def moves_of(draw: st.DrawFn, parameter: int, least_frames: int = 0) -> list[Move]:
    """A parameter set, then moved, mostly before it has arrived."""
    low, high = RANGES[parameter]
    values = st.one_of(st.sampled_from([low, 0.0, high]), st.floats(low, high))
    moves: list[Move] = [(parameter, draw(values), 0, 0)]
    at = 6000
    for _ in range(draw(st.integers(1, 4))):
        frames = draw(st.integers(least_frames, 1500))
        shape = draw(st.sampled_from([0, EQUAL_POWER]))
        moves.append((parameter, draw(values), at, frames, shape))
        at += draw(st.integers(1, max(2 * frames, 1)))
    return moves


def any_moves() -> st.SearchStrategy[list[Move]]:
    """Moves of several parameters."""
    each = st.integers(0, 6).flatmap(moves_of)
    return st.lists(each, min_size=1, max_size=5).map(
        lambda lists: [move for moves in lists for move in moves]
    )


def around(values: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """The greatest of the values within so many frames."""
    padded = np.pad(values, frames)
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * frames + 1).max(axis=1)


def test_a_channel_with_nothing_turned_leaves_its_block_alone() -> None:
    strip = ChannelStrip()
    assert strip.is_neutral
    for parameter, value in enumerate(NEUTRAL):
        strip.move(parameter, value, 100, 480)
    pcm = noise(FRAMES)
    pcm[5] = -0.0, np.float32(1e-40)
    out, sent = strip.process(pcm)
    np.testing.assert_array_equal(out.view(np.uint32), pcm.view(np.uint32))
    assert not sent.any()
    assert strip.is_neutral


@pytest.mark.parametrize("parameter", range(7))
def test_a_channel_is_neutral_again_once_everything_is_back(parameter: int) -> None:
    strip = ChannelStrip()
    strip.move(parameter, RANGES[parameter][1], 100, 100)
    strip.process(SONG[:640])
    assert not strip.is_neutral
    strip.move(parameter, 0, 640, 100)
    strip.process(SONG[640:3200])
    assert strip.is_neutral
    out, sent = strip.process(SONG[3200:])
    np.testing.assert_array_equal(out, SONG[3200:])
    assert not sent.any()


@pytest.mark.parametrize("parameter", range(7))
@settings(max_examples=25)
@given(data=st.data())
def test_no_move_is_rougher_than_what_it_moves_between(parameter: int, data: st.DataObject) -> None:
    moves = data.draw(moves_of(parameter, least_frames=240))
    which = int(parameter == SEND)
    stands = {move[1] for move in moves} | ({0.0} if parameter == FILTER else set())
    steady = [roughness(run(SONG, [(parameter, value, 0, 0)])[which]) for value in stands]
    allowed = 1.5 * around(np.max(steady, axis=0), 480) + 1e-7
    moved = roughness(run(SONG, moves)[which])
    assert (moved[5000:] <= allowed[5000:]).all()


@settings(max_examples=30)
@given(moves=any_moves(), cuts=st.lists(st.integers(0, FRAMES), max_size=8))
def test_a_channel_sounds_the_same_however_blocks_are_cut(moves: list[Move], cuts: list[int]) -> None:
    whole, whole_sent = run(SONG, moves)
    strip = ChannelStrip()
    for move in moves:
        strip.move(*move)
    pieces = [strip.process(piece) for piece in np.split(SONG, sorted(cuts))]
    np.testing.assert_array_equal(np.concatenate([out for out, _ in pieces]), whole)
    np.testing.assert_array_equal(np.concatenate([sent for _, sent in pieces]), whole_sent)


@settings(max_examples=60)
@given(moves=any_moves(), seed=st.integers(0, 100))
def test_nothing_that_is_moved_makes_noise_unbounded(moves: list[Move], seed: int) -> None:
    out, sent = run(noise(FRAMES, seed=seed, level=0.2), moves)
    assert np.abs(out).max() < 20  # and so it is finite
    assert np.abs(sent).max() < 20


@settings(max_examples=30)
@given(start=st.integers(0, 1000), frames=st.integers(0, 1500), level_db=st.floats(-70, 10))
def test_the_fader_follows_its_line_by_the_sample(start: int, frames: int, level_db: float) -> None:
    out, _ = run(np.ones((3200, 2), dtype=np.float32), [(FADER, level_db, start, frames)])
    goal = 0 if level_db <= -60 else 10 ** (min(level_db, 6) / 20)
    line = 1 + (goal - 1) * np.clip((np.arange(-63, 3200) - start + 1) / max(frames, 1), 0, 1)
    expected = np.convolve(line, np.full(QUANTUM, 1 / QUANTUM), mode="valid")
    np.testing.assert_allclose(out, np.stack([expected] * 2, axis=1), atol=2e-6)
    np.testing.assert_array_equal(out[start + frames + 64 :], np.float32(goal))


def test_moves_within_one_quantum_each_begin_at_their_sample() -> None:
    moves: list[Move] = [(FADER, -60, 100, 300), (FADER, 0, 310, 200), (FADER, -60, 316, 500)]
    out, _ = run(np.ones((1280, 2), dtype=np.float32), moves)
    line = np.ones(1280 + 63)  # from 63 frames before the first on
    for (_, _, start, frames), goal in zip(moves, (0.0, 1.0, 0.0), strict=True):
        done = np.clip((np.arange(63 + start, 1280 + 63) - (63 + start) + 1) / frames, 0, 1)
        line[63 + start :] = line[63 + start - 1] + (goal - line[63 + start - 1]) * done
    expected = np.convolve(line, np.full(QUANTUM, 1 / QUANTUM), mode="valid")
    np.testing.assert_allclose(out[:, 0], expected, atol=2e-6)


@pytest.mark.parametrize("turned_round", [False, True])
def test_a_crossfade_at_equal_power_keeps_its_power(turned_round: bool) -> None:
    ones = np.ones((64 * 200, 2), dtype=np.float32)
    leaving: list[Move] = [(FADER, -60, 640, 4800, EQUAL_POWER)]
    coming: list[Move] = [(FADER, -60, 0, 0), (FADER, 0, 640, 4800, EQUAL_POWER)]
    if turned_round:
        leaving.append((FADER, 0, 3000, 2000, EQUAL_POWER))
        coming.append((FADER, -60, 3000, 2000, EQUAL_POWER))
    a, b = run(ones, leaving)[0], run(ones, coming)[0]
    power = np.square(a[200:]) + np.square(b[200:])
    assert np.abs(10 * np.log10(power)).max() < 0.01
    assert a[-1, 0] == float(turned_round)
    assert b[-1, 0] == float(not turned_round)
    middle = 3040 + 31  # 3040 is half way; the fader's mean lies 31.5 frames behind
    if not turned_round:
        assert a[middle, 0] == pytest.approx(np.sqrt(0.5), abs=0.001)


def test_balance_keeps_power_and_is_exactly_1_in_the_middle() -> None:
    ones = np.ones((64 * 100, 2), dtype=np.float32)
    out, _ = run(ones, [(PAN, -1, 0, 0), (PAN, 1, 640, 4800)])
    np.testing.assert_allclose(np.square(out[64:]).sum(axis=1), 2, atol=1e-5)
    assert (np.diff(out[64:, 0]) <= 1e-6).all()
    assert out[600, 0] == pytest.approx(np.sqrt(2))
    assert out[600, 1] == 0
    assert out[-1, 0] == 0
    centred, _ = run(ones, [(PAN, 0, 0, 0), (FADER, -6, 0, 0)])
    np.testing.assert_array_equal(centred[200:, 0], np.float32(10 ** (-6 / 20)))
    np.testing.assert_array_equal(centred[200:, 0], centred[200:, 1])


def test_the_send_is_behind_the_filters_and_before_the_fader() -> None:
    moves: list[Move] = [(HIGH, -60, 0, 0), (FILTER, 0.3, 0, 0)]
    filtered, _ = run(SONG, moves)
    out, sent = run(SONG, [*moves, (FADER, -60, 0, 0), (PAN, -1, 0, 0), (SEND, 0.5, 0, 0)])
    assert not out[200:].any()
    np.testing.assert_allclose(sent[200:], 0.5 * filtered[200:], atol=1e-7)


@pytest.mark.parametrize(
    ("parameter", "beyond"), [(FADER, 40.0), (LOW, 40.0), (MID, 1e9), (FILTER, -7.0), (SEND, 2.0)]
)
def test_values_are_clamped_to_the_range(parameter: int, beyond: float) -> None:
    low, high = RANGES[parameter]
    np.testing.assert_array_equal(
        run(SONG, [(parameter, beyond, 0, 100)]),
        run(SONG, [(parameter, min(max(beyond, low), high), 0, 100)]),
    )


@pytest.mark.parametrize(
    ("parameter", "value"), [(7, 0.0), (-1, 0.0), (FADER, float("nan")), (PAN, float("inf"))]
)
def test_what_makes_no_sense_is_refused(parameter: int, value: float) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        ChannelStrip().move(parameter, value, 0)


@pytest.mark.parametrize("make", [ChannelStrip, SendEcho, ToneChain])
def test_what_is_no_sound_is_refused_and_leaves_the_numbers_as_they_were(make: type[ChannelStrip]) -> None:
    with pytest.raises(ValueError, match="must match exactly"):
        make().process(np.zeros((QUANTUM, 3), np.float32))
    assert np.finfo(np.float64).smallest_subnormal * np.ones(1) > 0, "they are flushed to zero"
