"""The echo: repeats where they are due, ever softer, until nothing is left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import RATE_HZ, Audio, music, noise, roughness, tone

from remixd._kernel.echo import SendEcho

DELAY, FEEDBACK, DAMPING = range(3)
Move = tuple[int, float, int] | tuple[int, float, int, int]


def run(send: Audio, moves: Sequence[Move]) -> Audio:
    echo = SendEcho()
    for move in moves:
        echo.move(*move)
    return echo.process(send)


def impulse(frames: int) -> Audio:
    out = np.zeros((frames, 2), dtype=np.float32)
    out[0] = 1, 0.5
    return out


@pytest.mark.parametrize("delay", [128, 1000, 24_000, 96_000])
def test_repeats_come_once_a_delay_and_fall_by_the_feedback(delay: int) -> None:
    out = run(impulse(64 * 4600), [(DELAY, delay, 0), (FEEDBACK, 0.5, 0, 0), (DAMPING, 20_000, 0, 0)])
    np.testing.assert_array_equal(np.flatnonzero(out[: 2 * delay, 0]), [delay])
    np.testing.assert_array_equal(out[delay], [1, 0.5])
    repeats = [out[delay * k : delay * k + 60, 0].sum() for k in range(1, min(5, 64 * 4600 // delay))]
    np.testing.assert_allclose(repeats, 0.5 ** np.arange(len(repeats)), rtol=0.01)


@settings(max_examples=20)
@given(delay=st.floats(128, 20_000))
def test_a_delay_may_lie_between_frames(delay: float) -> None:
    send = tone(64 * 400, 500)
    out = run(send, [(DELAY, delay, 0), (FEEDBACK, 0, 0, 0)])
    t = np.arange(21_000, 64 * 400) - delay
    expected = 0.3 * np.sin(2 * np.pi * 500 * t / RATE_HZ)
    np.testing.assert_allclose(out[21_000:, 0], expected, atol=1e-4)


def test_damping_takes_highs_from_one_repeat_to_the_next() -> None:
    bursts = []
    for frequency_hz in (200, 8000):
        send = np.zeros((64 * 400, 2), dtype=np.float32)
        send[:2400] = tone(2400, frequency_hz)
        out = run(send, [(DELAY, 4800, 0), (FEEDBACK, 0.8, 0, 0), (DAMPING, 2000, 0, 0)])
        bursts.append([out[4800 * k + 600 : 4800 * k + 2400].std() for k in (1, 2, 3)])
    (low_1, low_2, _), (high_1, high_2, high_3) = bursts
    assert low_2 / low_1 == pytest.approx(0.8, abs=0.02)
    assert high_2 / high_1 < 0.3
    assert high_3 / high_2 == pytest.approx(high_2 / high_1, rel=0.05)


def test_a_tail_dies_to_exact_silence_and_does_not_come_back() -> None:
    echo = SendEcho()
    assert echo.is_idle
    echo.move(DELAY, 4800, 0)
    echo.move(FEEDBACK, 0.7, 0, 0)
    echo.process(noise(64 * 100))
    assert not echo.is_idle
    silence = np.zeros((64 * 75 * 20, 2), dtype=np.float32)
    tail = echo.process(silence)
    assert np.abs(tail[-64 * 75 * 15 :]).max() > 1e-4
    tail = np.concatenate([tail, echo.process(silence), echo.process(silence)])
    assert echo.is_idle
    assert not tail[-6400:].any()
    last = np.flatnonzero(tail.any(axis=1))[-1]
    assert 0.7 * np.abs(tail[last - 4600 : last]).max() < 1e-6  # the repeat that is not heard any more
    echo.move(DELAY, 90_000, 0)  # reaches back to where the tail is still in memory
    heard = echo.process(np.concatenate([impulse(64), np.zeros((64 * 1500, 2), dtype=np.float32)]))
    np.testing.assert_array_equal(np.flatnonzero(heard.any(axis=1)), [90_000])


def test_what_is_below_120_db_wakes_nothing() -> None:
    echo = SendEcho()
    assert not echo.process(noise(64 * 1000, level=1e-8)).any()
    assert echo.is_idle


@settings(max_examples=30)
@given(
    delays=st.lists(st.floats(128, 12_000), min_size=2, max_size=6),
    gaps=st.lists(st.integers(1, 4000), min_size=6, max_size=6),
)
def test_delays_change_without_a_click(delays: list[float], gaps: list[int]) -> None:
    """Also while the fade to another is under way."""
    send = tone(64 * 700, 300)
    starts = 15_000 + np.cumsum(gaps)
    moves: list[Move] = [(FEEDBACK, 0, 0, 0), (DELAY, delays[0], 0)]
    moves += [(DELAY, delay, int(start)) for delay, start in zip(delays[1:], starts, strict=False)]
    out = run(send, moves)
    assert roughness(out[13_000:]).max() < 1.05 * roughness(send).max()
    settled = run(send, [(FEEDBACK, 0, 0, 0), (DELAY, delays[-1], 0)])
    np.testing.assert_array_equal(out[-1000:], settled[-1000:])


def test_a_new_delay_does_not_bend_the_pitch() -> None:
    send = tone(64 * 800, 1000)
    out = run(send, [(FEEDBACK, 0, 0, 0), (DELAY, 4800, 0), (DELAY, 9600, 20_000)])
    during = out[20_000:21_536, 0]
    spectrum = np.abs(np.fft.rfft(during * np.hanning(len(during)), 1 << 16))
    assert spectrum.argmax() * RATE_HZ / (1 << 16) == pytest.approx(1000, abs=2)


@settings(max_examples=40)
@given(
    moves=st.lists(
        st.tuples(st.integers(0, 2), st.floats(-1e6, 1e6), st.integers(0, 19_000), st.integers(0, 2000)),
        max_size=12,
    ),
    cuts=st.lists(st.integers(0, 64 * 300), max_size=6),
)
def test_an_echo_is_bounded_and_the_same_however_blocks_are_cut(
    moves: list[tuple[int, float, int, int]], cuts: list[int]
) -> None:
    send = music(64 * 300, level=0.5)
    whole = run(send, moves)
    assert np.abs(whole).max() <= 11 * np.abs(send).max()  # 1 / (1 - 0.9), and what cubics add
    echo = SendEcho()
    for move in moves:
        echo.move(*move)
    pieces = [echo.process(piece) for piece in np.split(send, sorted(cuts))]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_what_is_not_finite_does_not_go_round() -> None:
    send = music(64 * 500)
    send[1000] = np.nan, np.inf
    out = run(send, [(DELAY, 4800, 0), (FEEDBACK, 0.9, 0, 0)])
    assert np.isfinite(out).all()
    assert np.abs(out[20_000:]).max() > 0.01


def test_feedback_moves_without_a_click() -> None:
    send = music(64 * 600, level=0.3)
    steady = [roughness(run(send, [(DELAY, 3000, 0), (FEEDBACK, g, 0, 0)])).max() for g in (0, 0.9)]
    out = run(
        send,
        [
            (DELAY, 3000, 0),
            (FEEDBACK, 0, 0, 0),
            *((FEEDBACK, 0.9 * (k % 2), 9000 + 150 * k, 240) for k in range(40)),
        ],
    )
    assert roughness(out).max() < 1.5 * max(steady)


@pytest.mark.parametrize(("parameter", "value"), [(3, 1.0), (-1, 1.0), (DELAY, float("nan"))])
def test_what_makes_no_sense_is_refused(parameter: int, value: float) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        SendEcho().move(parameter, value, 0)
