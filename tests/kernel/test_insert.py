"""Inserts: what comes back is heard to the sample; the dry sound replaces what does not, without a click."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from remixd._kernel.exchange import FRAMES, SIZE_BYTES, SLOTS, Exchange
from remixd._kernel.insert import FADE_FRAMES, Insert

Effect = Callable[[np.ndarray], np.ndarray]


class Played:
    """An insert, and the other side of its exchange, played by hand."""

    def __init__(self, between: int, effect: Effect = np.negative) -> None:
        self.insert = Insert(between)
        self.effect = effect
        self.block = np.zeros((2, FRAMES), np.float32)
        self.join(at_once=True)

    def join(self, *, at_once: bool = False) -> None:
        memory = mmap.mmap(-1, SIZE_BYTES)
        ours = Exchange(memory, create=True)
        self.theirs = Exchange(memory)
        self.insert.join(ours, wet_at_once=at_once)

    def play(self, sound: np.ndarray, answers: Sequence[bool] | None = None) -> np.ndarray:
        """Play whole blocks; after each, everything is answered or nothing."""
        out = []
        for number in range(sound.shape[1] // FRAMES):
            block = np.ascontiguousarray(sound[:, number * FRAMES : (number + 1) * FRAMES])
            out.append(self.insert(block).copy())
            if answers is None or answers[number]:
                while self.theirs.receive(self.block):
                    self.theirs.answer(np.ascontiguousarray(self.effect(self.block)))
        return np.concatenate(out, axis=1)


def music(blocks: int, seed: int = 1) -> np.ndarray:
    """Harmonics that swell, and soft noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(blocks * FRAMES) / 48000
    sound = np.stack([
        sum(np.sin(2 * np.pi * pitch * part * t + rng.uniform(0, 6)) / part for part in range(1, 9))
        for pitch in (110.0, 137.0)
    ])  # fmt: skip
    return (0.15 * sound + 0.01 * rng.standard_normal(sound.shape)).astype(np.float32)


def delayed(sound: np.ndarray, frames: int) -> np.ndarray:
    return np.concatenate([np.zeros((2, frames), np.float32), sound], axis=1)[:, : sound.shape[1]]


def second_difference(sound: np.ndarray) -> float:
    return float(np.abs(np.diff(sound, 2, axis=1)).max())


@pytest.mark.parametrize(("between", "latency"), [(1, 0), (2, 480), (8, 17), (32, 40_000)])
def test_answers_are_heard_to_the_sample_where_the_delay_says(between: int, latency: int) -> None:
    sound = music(800)
    played = Played(between)
    assert np.array_equal(played.play(sound), delayed(-sound, between * FRAMES))
    dry = Insert(between, latency)
    heard = np.concatenate(
        [dry(np.ascontiguousarray(sound[:, at : at + 64])).copy() for at in range(0, sound.shape[1], 64)],
        axis=1,
    )
    assert np.array_equal(heard, delayed(sound, between * FRAMES + latency))


@settings(max_examples=40)
@given(
    between=st.sampled_from([1, 2, 8]),
    gaps=st.lists(st.tuples(st.integers(1, 60), st.integers(1, 100)), max_size=4),
    seed=st.integers(0, 9),
)
@example(between=2, gaps=[(10, 90)], seed=0)
def test_no_gap_in_the_answers_clicks(between: int, gaps: list[tuple[int, int]], seed: int) -> None:
    answers = [True] * 40
    for there, gone in gaps:
        answers += [True] * there + [False] * gone
    answers += [True] * 60
    sound = music(len(answers), seed)
    played = Played(between)
    out = played.play(sound, answers)
    begun = between * FRAMES + 64
    allowed = 1.5 * second_difference(sound)
    assert second_difference(out[:, begun:]) <= allowed
    wet = delayed(-sound, between * FRAMES)
    assert np.array_equal(out[:, -256:], wet[:, -256:]), "in the end it is heard again"
    missed = any(gone >= between for _, gone in gaps)
    assert (played.insert.late_blocks > 0) == missed


@pytest.mark.parametrize("between", [1, 8])
def test_the_sound_is_dry_within_5_ms_of_the_first_missing_answer(between: int) -> None:
    sound = music(60)
    out = Played(between).play(sound, [True] * 30 + [False] * 30)
    missing = (30 + between) * FRAMES  # block 30 was the first that nobody answered
    wet, dry = delayed(-sound, between * FRAMES), delayed(sound, between * FRAMES)
    assert np.array_equal(out[:, :missing], wet[:, :missing])
    assert np.array_equal(out[:, missing + FADE_FRAMES :], dry[:, missing + FADE_FRAMES :])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e9])
def test_what_is_no_sound_is_never_heard(value: float) -> None:
    def effect(block: np.ndarray) -> np.ndarray:
        wrong = -block
        wrong[1, 7] = value if block[0, 0] == marked[0, 0] else wrong[1, 7]
        return wrong

    sound = music(60)
    marked = sound[:, 20 * FRAMES : 21 * FRAMES]
    played = Played(2, effect=effect)
    out = played.play(sound)
    assert played.insert.refused_blocks == 1
    assert np.isfinite(out).all()
    assert second_difference(out[:, 192:]) <= 1.5 * second_difference(sound)
    gone = (20 + 2) * FRAMES + FADE_FRAMES
    assert np.array_equal(out[:, gone:], delayed(sound, 2 * FRAMES)[:, gone:]), "it is not asked again"
    played.join()
    again = music(60, seed=2)
    assert np.array_equal(played.play(again)[:, -64:], delayed(-again, 2 * FRAMES)[:, -64:])


def test_another_process_that_joins_is_faded_in() -> None:
    sound = music(120)
    played = Played(8)
    played.insert.join(None)
    out = played.play(sound[:, : 40 * FRAMES])
    played.join()
    out = np.concatenate([out, played.play(sound[:, 40 * FRAMES :])], axis=1)
    assert second_difference(out[:, 1024:]) <= 1.5 * second_difference(sound)
    assert played.insert.is_wet
    assert np.array_equal(out[:, -64:], delayed(-sound, 512)[:, -64:])


def test_answers_that_never_come_leave_the_sound_dry_and_are_counted() -> None:
    blocks = 3 * SLOTS
    sound = music(blocks)
    played = Played(4)
    out = played.play(sound, [False] * blocks)
    assert np.array_equal(out[:, 1024:], delayed(sound, 256)[:, 1024:])
    assert played.insert.late_blocks == blocks - 4


@pytest.mark.parametrize(("between", "latency"), [(0, 0), (33, 0), (8, -1), (8, 48_000)])
def test_delays_that_make_no_sense_are_refused(between: int, latency: int) -> None:
    with pytest.raises(ValueError, match=r"blocks later|cannot be made up"):
        Insert(between, latency)


def test_blocks_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="a block is"):
        Insert(1)(np.zeros((2, 32), np.float32))
