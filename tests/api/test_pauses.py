"""Batches pause while there is time, and never where their senders wait for nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from remixd.api.pauses import PAUSE_S, WINDOW_S, Pauses

PIECES_S = st.lists(st.floats(1e-4, 2e-3), min_size=1, max_size=40)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def take(pauses: Pauses, clock: Clock, pieces_s: list[float]) -> list[float]:
    """A batch, piece by piece; how long the pauses after them are."""
    lengths_s = []
    with pauses.batch():
        for piece_s in pieces_s:
            clock.now_s += piece_s
            lengths_s.append(pauses.length_s)
            clock.now_s += lengths_s[-1]
    return lengths_s


@given(PIECES_S, st.integers(1, 20))
def test_who_sends_with_rests_as_long_as_the_batches_is_always_in_nobodys_way(pieces_s, rounds):
    clock = Clock()
    pauses = Pauses(clock)
    for _ in range(rounds):
        began_s = clock.now_s
        assert all(take(pauses, clock, pieces_s[:16]))
        clock.now_s += clock.now_s - began_s


@given(st.lists(PIECES_S, min_size=1, max_size=20))
def test_who_waits_for_nothing_but_answers_is_not_slowed_down(batches):
    clock = Clock()
    pauses = Pauses(clock)
    began_s = clock.now_s
    paused_s = sum(sum(take(pauses, clock, pieces_s)) for pieces_s in batches)
    longest_s = WINDOW_S * 1.3 + PAUSE_S  # until 70 % of the time: 1.2 windows
    assert paused_s <= longest_s
    while clock.now_s < began_s + 2 * longest_s:
        take(pauses, clock, [1e-3] * 8)
    assert not any(take(pauses, clock, [1e-3] * 8))


@given(st.integers(1, 6))
def test_batches_beside_each_other_are_one_time(together):
    clock = Clock()
    pauses = Pauses(clock)
    with pauses.batch():
        for _ in range(together):
            take(pauses, clock, [1e-3] * 3)
        assert pauses.length_s == PAUSE_S
        clock.now_s += 2 * WINDOW_S
        assert pauses.length_s == 0.0
    clock.now_s += WINDOW_S
    with pauses.batch():
        assert pauses.length_s == PAUSE_S
