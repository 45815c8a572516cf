"""Exchanges: whatever the two sides do when, answers are those to their blocks, whole and in order."""

from __future__ import annotations

import mmap
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd._kernel.exchange import FRAMES, SIZE_BYTES, SLOTS, Exchange


def pair() -> tuple[Exchange, Exchange]:
    memory = mmap.mmap(-1, SIZE_BYTES)
    return Exchange(memory, create=True), Exchange(memory)


def numbered(number: int) -> np.ndarray:
    return np.full((2, FRAMES), number, np.float32)


@given(steps=st.lists(st.tuples(st.integers(0, 80), st.integers(0, 80)), max_size=12))
def test_every_block_is_answered_in_order_or_refused_when_handed(steps: list[tuple[int, int]]) -> None:
    ours, theirs = pair()
    block = numbered(0)
    handed = answered = 0
    for hand, answer in steps:
        for _ in range(hand):
            assert ours.hand(numbered(handed)) == (handed - answered < SLOTS)
            handed += handed - answered < SLOTS
        for _ in range(answer):
            assert theirs.receive(block) == (answered < handed)
            if answered < handed:
                assert np.array_equal(block, numbered(answered))
                theirs.answer(block + 0.5)
                answered += 1
        assert (ours.handed, ours.answered) == (handed, answered)
        for sequence in range(max(0, handed - SLOTS), handed):
            there = ours.take(sequence, block)
            assert there == (sequence < answered)
            assert not there or np.array_equal(block, numbered(sequence) + 0.5)


def test_who_waits_is_woken_by_a_block() -> None:
    ours, theirs = pair()
    woken = []
    waiting = threading.Thread(target=lambda: woken.append(theirs.wait(30.0)))
    waiting.start()
    assert ours.hand(numbered(1))
    waiting.join(20)
    assert woken == [True]
    block = numbered(0)
    assert theirs.receive(block)
    theirs.answer(block)
    assert theirs.wait(0.0) is False


def test_what_is_no_exchange_or_no_block_is_refused() -> None:
    with pytest.raises(ValueError, match="too small"):
        Exchange(bytearray(SIZE_BYTES - 1), create=True)
    with pytest.raises(ValueError, match="does not hold"):
        Exchange(bytearray(SIZE_BYTES))
    ours, theirs = pair()
    for wrong in (np.zeros((1, FRAMES), np.float32), np.zeros((2, 32), np.float32)):
        with pytest.raises(ValueError, match="a block is"):
            ours.hand(wrong)
    with pytest.raises(ValueError, match="no block to answer"):
        theirs.answer(numbered(0))
