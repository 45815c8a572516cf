"""What anybody may ask for takes its share of the time, and no more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.control.budget import Budget
from remixd.errors import Exhausted

SHARE, BURST_S = 0.1, 0.5


@given(st.lists(st.tuples(st.floats(0.0, 3.0), st.floats(0.001, 0.4)), max_size=60))
def test_work_takes_no_more_than_its_share_and_comes_again_when_it_was_told(steps):
    now = [100.0]
    budget = Budget("dry runs", SHARE, BURST_S, lambda: now[0])
    worked_s = longest_s = 0.0
    for wait_s, work_s in steps:
        now[0] += wait_s
        try:
            with budget.spend():
                now[0] += work_s
        except Exhausted as refused:
            now[0] += refused.retry_after_s + 1e-6
            with budget.spend():
                now[0] += work_s
        worked_s += work_s
        longest_s = max(longest_s, work_s)
        assert worked_s <= SHARE * (now[0] - 100.0) + BURST_S + longest_s + 1e-3


def test_work_that_fails_counts_too():
    now = [0.0]
    budget = Budget("dry runs", SHARE, BURST_S, lambda: now[0])

    def fail():
        with budget.spend():
            now[0] += 1.0
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    # the time it took counts, too
    with pytest.raises(Exhausted) as refused, budget.spend():
        pass
    assert refused.value.retry_after_s == pytest.approx((1.0 - SHARE - BURST_S) / SHARE)
