"""How often a fan may change its mind."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.audience.rate_cap import CHANGES, WINDOW_S, RateCap
from remixd.errors import InvalidInput


def test_a_flood_is_cut_and_nobody_else_notices() -> None:
    cap = RateCap()
    admitted = cap.admit([3] * 50 + [4] * 5, 100.0)
    assert admitted[:50].tolist() == [True] * CHANGES + [False] * (50 - CHANGES)
    assert admitted[50:].all()
    assert not cap.admit([3], 100.0).any()
    assert cap.admit([3] * 50, 100.0 + WINDOW_S / 2).sum() == CHANGES // 2
    assert cap.admit([3] * 50, 100.0 + 9 * WINDOW_S).sum() == CHANGES


@given(
    steps=st.lists(st.tuples(st.floats(0, 30), st.integers(0, 40)), max_size=30),
    cut=st.integers(0, 40),
)
def test_in_no_stretch_of_time_does_more_come_through_than_there_was_at_first_and_came_back(
    steps: list[tuple[float, int]], cut: int
) -> None:
    whole, pieces = RateCap(), RateCap()
    now_s, passed = 5.0, []
    for after_s, count in steps:
        now_s += after_s
        admitted = int(whole.admit([0] * count, now_s).sum())
        part = min(cut, count)
        assert (
            admitted
            == pieces.admit([0] * part, now_s).sum() + pieces.admit([0] * (count - part), now_s).sum()
        )
        passed.append((now_s, admitted))
    for first, (start_s, _) in enumerate(passed):
        for last, (end_s, _) in enumerate(passed[first:], first):
            among = sum(count for _, count in passed[first : last + 1])
            assert among <= CHANGES + (end_s - start_s) / WINDOW_S * CHANGES + 1e-6


@given(times=st.lists(st.floats(-1e12, 1e12), min_size=2, max_size=20))
def test_a_clock_that_jumps_gives_nobody_more_than_a_bucket_and_stops_nobody(times: list[float]) -> None:
    cap = RateCap()
    for now_s in times:
        assert cap.admit([0] * 100, now_s).sum() <= CHANGES
    assert cap.admit([0] * 100, times[-1] + WINDOW_S * 1.01 + abs(times[-1]) * 1e-9).sum() == CHANGES


def test_who_comes_after_another_in_a_slot_has_all_tokens_and_a_heir_goes_on() -> None:
    cap, heir = RateCap(), RateCap()
    cap.admit(np.repeat([0, 1], 100), 7.0)
    cap.forget([1, 1_000])
    heir.restore(cap.to_json())
    for each in (cap, heir):
        assert each.admit(np.repeat([0, 1], 100), 7.0).sum() == CHANGES
    assert heir.to_json() == cap.to_json()


def test_what_cannot_be_is_refused() -> None:
    cap = RateCap()
    for slots, now_s in (([-1], 0.0), ([0], math.nan), ([0.5], 0.0)):
        with pytest.raises(InvalidInput):
            cap.admit(slots, now_s)
    assert cap.admit([], 0.0).tolist() == []
