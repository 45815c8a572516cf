"""Histograms of crowds: they add up, and what they tell is near to the truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remixd.audience.crowd import NAMES, Crowd
from remixd.audience.histogram import BINS, goal_of, merge
from remixd.errors import InvalidInput

D = len(NAMES)


def crowd_of(values: np.ndarray, weights: np.ndarray, artist: float = 0.0) -> Crowd:
    crowd = Crowd(np.full(D, artist), seed=1)
    crowd.cast(np.arange(len(values)), values, weights, 0.0)
    return crowd


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6), fans=st.integers(1, 19), machines=st.integers(1, 4), artist=st.floats(-1, 1)
)
def test_the_goal_of_several_machines_is_within_half_a_bin_of_that_of_one(
    seed: int, fans: int, machines: int, artist: float
) -> None:
    random = np.random.default_rng(seed)
    values = random.choice([random.uniform(-1, 1), -1.0, 1.0, 0.0], (fans, D)) * random.uniform(
        0, 1, (fans, D)
    )
    weights = random.choice([0.0, 0.2, 1.0], (fans, D))
    whole = crowd_of(values, weights, artist)
    on = random.integers(0, machines, fans)
    parts = [crowd_of(values[on == each], weights[on == each]).histogram() for each in range(machines)]
    merged = merge(parts)
    np.testing.assert_array_equal(merged, whole.histogram())
    goal = goal_of(merged, np.full(D, artist))
    assert np.abs(goal - whole.decide(0.0, 0).goal).max() <= 1 / BINS + 1e-12


def test_weights_add_up_to_the_last_thousandth_after_years_of_changes() -> None:
    random = np.random.default_rng(2)
    crowd = Crowd(np.zeros(D), seed=1)
    for turn in range(300):
        slots = random.integers(0, 40, 30)
        crowd.cast(slots, random.uniform(-1, 1, (30, D)), random.uniform(0, 1, (30, D)), float(turn))
    crowd.cast(np.arange(40), np.ones((40, D)), np.full((40, D), 0.333), 1e3)
    assert crowd.histogram()[:, -1].tolist() == [40 * 333] * D
    assert not crowd.histogram()[:, :-1].any()


@pytest.mark.parametrize(
    "bad",
    [[], [np.zeros((2, BINS))], [np.full((2, BINS), -1)], [np.zeros((2, 8), int), np.zeros((2, 9), int)]],
    ids=["none", "floats", "below zero", "shapes"],
)
def test_what_is_no_histogram_is_refused(bad: list[np.ndarray]) -> None:
    with pytest.raises(InvalidInput):
        merge(bad)
