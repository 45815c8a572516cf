"""Crowds of two minds: found where they are, and served in turns that are fair."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from remixd.audience.crowd import NAMES, Crowd, Standing

D = len(NAMES)
Units = NDArray[np.float64]


def cast(crowd: Crowd, values: Units, at_s: float = 0.0) -> None:
    """Opinions on the first dimension."""
    table, weights = np.zeros((len(values), D)), np.zeros((len(values), D))
    table[:, 0], weights[:, 0] = values, 1.0
    crowd.cast(np.arange(len(values)), table, weights, at_s)


def two_minds(fans: int, low_share: float, seed: int = 0, apart: float = 1.2, sd: float = 0.12) -> Units:
    random = np.random.default_rng(seed)
    low = np.arange(fans) < round(fans * low_share)
    return np.clip(np.where(low, -apart / 2, apart / 2) + random.normal(0, sd, fans), -1, 1)


def of_one_mind(kind: str, fans: int, seed: int) -> Units:
    random = np.random.default_rng(seed)
    return {
        "normal": random.normal(0.1, 0.4, fans),
        "wide": random.normal(0, 0.8, fans),
        "flat": random.uniform(-1, 1, fans),
        "skewed": 1.0 - random.exponential(0.4, fans),
        "three": random.choice([-0.8, 0.0, 0.8], fans) + random.normal(0, 0.08, fans),
        "a few against": np.where(np.arange(fans) < fans // 6, -0.9, 0.5) + random.normal(0, 0.1, fans),
        "all the same": np.full(fans, 0.3),
    }[kind].clip(-1, 1)


def serve(values: Units, sections: int, seed: int = 1) -> list[Standing]:
    crowd = Crowd(np.zeros(D), seed)
    cast(crowd, values)
    return [crowd.decide(1.0, section).standings[0] for section in range(sections)]


@pytest.mark.parametrize("fans", [24, 200, 20_000])
@pytest.mark.parametrize("low_share", [0.3, 0.5, 0.7])
def test_two_minds_are_found_and_both_are_named(fans: int, low_share: float) -> None:
    (standing,) = serve(two_minds(fans, low_share), 1)
    assert standing.peaks == (pytest.approx(-0.6, abs=0.1), pytest.approx(0.6, abs=0.1))
    assert standing.low_share == pytest.approx(low_share, abs=0.02)
    assert standing.goal in standing.peaks


@pytest.mark.parametrize(
    "kind", ["normal", "wide", "flat", "skewed", "three", "a few against", "all the same"]
)
def test_a_crowd_of_one_mind_or_of_many_has_its_median(kind: str) -> None:
    for seed in range(12):
        for fans in (60, 2_000):
            (standing,) = serve(of_one_mind(kind, fans, seed), 1)
            assert (standing.how, standing.peaks) == ("median", None)


def test_a_few_fans_are_never_of_two_minds() -> None:
    for fans in range(2, 20, 3):
        (standing,) = serve(two_minds(fans, 0.5), 1)
        assert standing.how == "median"


@settings(max_examples=30)
@given(low_share=st.floats(0.27, 0.73), seed=st.integers(0, 99))
def test_turns_are_as_many_as_the_weight_deserves_at_any_time(low_share: float, seed: int) -> None:
    standings = serve(two_minds(300, low_share), 60, seed)
    share, low = standings[0].low_share, 0
    for sections, standing in enumerate(standings, 1):
        low += standing.how == "low"
        assert abs(low - share * sections) <= 1.0
    if low_share == 0.5:
        assert all(one.how != other.how for one, other in pairwise(standings))


def test_who_becomes_more_gets_more_turns() -> None:
    crowd = Crowd(np.zeros(D), seed=3)
    low, due = 0, 0.0
    for section in range(90):
        cast(crowd, two_minds(300, 0.3 + 0.4 * section / 90), at_s=float(section))
        standing = crowd.decide(float(section), section).standings[0]
        low, due = low + (standing.how == "low"), due + standing.low_share
        assert abs(low - due) <= 1.0


def test_a_turn_lasts_a_section_and_depends_on_the_seed_only() -> None:
    values = two_minds(200, 0.5)
    crowd = Crowd(np.zeros(D), seed=1)
    cast(crowd, values)
    turns = [{crowd.decide(t / 4, section).standings[0].how for t in range(4)} for section in range(6)]
    assert all(len(turn) == 1 for turn in turns)
    assert [turn.pop() for turn in turns] == [each.how for each in serve(values, 6)]
    assert len({serve(values, 1, seed)[0].how for seed in range(12)}) == 2


def test_in_the_midst_of_a_section_nothing_parts_but_who_agrees_is_one_at_once() -> None:
    crowd = Crowd(np.zeros(D), seed=1)
    cast(crowd, of_one_mind("normal", 200, 0))
    assert crowd.decide(1.0, 0).standings[0].how == "median"
    cast(crowd, two_minds(200, 0.5), at_s=2.0)
    assert crowd.decide(3.0, 0).standings[0].how == "median"
    assert crowd.decide(4.0, 1).standings[0].how != "median"
    cast(crowd, of_one_mind("normal", 200, 0), at_s=5.0)
    assert crowd.decide(6.0, 1).standings[0].how == "median"


def test_between_one_mind_and_two_it_does_not_go_to_and_fro() -> None:
    random = np.random.default_rng(4)
    crowd = Crowd(np.zeros(D), seed=1)
    hows = []
    for section in range(120):  # a fifth changes by a little all the time, about the edge of two minds
        apart = 0.86 + 0.06 * np.sin(section / 3)
        values = two_minds(200, 0.5, apart=apart, sd=0.15) + random.normal(0, 0.02, 200)
        cast(crowd, values.clip(-1, 1), at_s=float(section))
        hows.append(crowd.decide(float(section), section).standings[0].how == "median")
    assert sum(one != other for one, other in pairwise(hows)) <= 2


def test_a_heir_goes_on_with_the_turns() -> None:
    crowd, heir = Crowd(np.zeros(D), 5), Crowd(np.zeros(D), 5)
    cast(crowd, two_minds(200, 0.4))
    for section in range(7):
        crowd.decide(1.0, section)
    heir.restore(crowd.snapshot())
    for section in range(6, 30):
        assert heir.decide(1.0, section) == crowd.decide(1.0, section)
