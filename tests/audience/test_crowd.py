"""A crowd: the median of its ballots and the artist's, whatever comes in."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from remixd.audience.ballots import SLOTS_MAX
from remixd.audience.crowd import EXPIRES_S, NAMES, UNVERIFIED_WEIGHT, Crowd
from remixd.errors import Exhausted, InvalidInput, RemixdError

D = len(NAMES)
UNITS = st.one_of(st.sampled_from([-1.0, 0.0, 1.0]), st.floats(-1.0, 1.0))
WEIGHTS = st.sampled_from([1.0, 1.0, 0.2, 0.001, 0.5])
OPINIONS = st.lists(st.tuples(UNITS, WEIGHTS), min_size=1, max_size=20)
"""Too few for two minds: what holds of a median holds."""


def cast_one(crowd: Crowd, opinions: list[tuple[float, float]], at_s: float = 0.0) -> None:
    """Ballots of fans 0, 1, ... on the first dimension."""
    values, weights = np.zeros((len(opinions), D)), np.zeros((len(opinions), D))
    values[:, 0], weights[:, 0] = np.array(opinions).T
    crowd.cast(np.arange(len(opinions)), values, weights, at_s)


def goal(opinions: list[tuple[float, float]], artist: float = 0.0) -> float:
    crowd = Crowd(np.full(D, artist), seed=1)
    cast_one(crowd, opinions)
    return crowd.decide(0.0, 0).standings[0].goal


def plain_median(opinions: list[tuple[float, float]], artist: float) -> float:
    """The value at which half of all weight is reached; the artist's is a trifle above a tenth."""
    fans = [(value, 20 * round(weight * 1000)) for value, weight in opinions]
    everybody = sorted([*fans, (artist, sum(weight for _, weight in fans) // 10 + 1)])
    total = sum(weight for _, weight in everybody)
    sums = np.cumsum([weight for _, weight in everybody])
    return everybody[int(np.argmax(2 * sums > total))][0]


def ballots(seed: int, count: int, fans: int = 12) -> list[NDArray[Any]]:
    """Slots, values, weights and times, with fans who cast several at one moment."""
    random = np.random.default_rng(seed)
    values = np.round(random.uniform(-1, 1, (count, D)), 1)
    weights = random.choice([0.0, 0.2, 1.0], (count, D))
    return [random.integers(0, fans, count), values, weights, random.integers(0, 4, count).astype(float)]


def told(crowd: Crowd, now_s: float = 4.0) -> object:
    return crowd.decide(now_s, 0), crowd.histogram().tolist()


@given(opinions=OPINIONS, artist=UNITS)
def test_the_goal_is_the_weighted_median_of_the_ballots_and_the_artists(
    opinions: list[tuple[float, float]], artist: float
) -> None:
    assert goal(opinions, artist) == plain_median(opinions, artist)


def test_of_thousands_the_goal_is_the_exact_median_too() -> None:
    random = np.random.default_rng(3)
    for values in (
        random.normal(0.2, 0.3, 9_001).clip(-1, 1),
        0.5 + random.uniform(0, 1e-9, 9_001),  # all in one bin, and beyond what is sorted
        np.repeat([0.25, 0.25 + 1e-15], [4_000, 5_001]),
    ):
        opinions = [(float(value), 1.0) for value in values]
        assert goal(opinions, -0.3) == plain_median(opinions, -0.3)


@given(value=UNITS, artist=UNITS)
def test_one_fan_gets_its_own_wish(value: float, artist: float) -> None:
    assert goal([(value, UNVERIFIED_WEIGHT)], artist) == value


@given(one=UNITS, other=UNITS, artist=UNITS)
def test_between_two_fans_stands_the_artist_or_whoever_is_nearer_to_it(
    one: float, other: float, artist: float
) -> None:
    assert goal([(one, 1.0), (other, 1.0)], artist) == min(max(artist, min(one, other)), max(one, other))


def test_without_an_opinion_the_artist_has_its_way() -> None:
    crowd = Crowd(np.full(D, 0.3), seed=1)
    cast_one(crowd, [(0.7, 1.0)])
    decision = crowd.decide(0.0, 0)
    assert [each.how for each in decision.standings] == ["median"] + ["artist"] * (D - 1)
    assert decision.goal.tolist() == [0.7] + [0.3] * (D - 1)
    assert (decision.standings[0].fans, decision.standings[0].weight) == (1, 1.0)
    assert decision.values["pitch"] == pytest.approx(3.6)


@given(opinions=OPINIONS, artist=UNITS, lie=UNITS)
def test_nobody_gets_nearer_to_its_wish_by_another_ballot(
    opinions: list[tuple[float, float]], artist: float, lie: float
) -> None:
    (ideal, weight), others = opinions[0], opinions[1:]
    honest, lied = goal(opinions, artist), goal([(lie, weight), *others], artist)
    assert (lied - honest) * (ideal - honest) <= 0.0 or lied == honest


@given(opinions=OPINIONS, artist=UNITS, up=UNITS)
def test_who_wants_more_never_gets_less(
    opinions: list[tuple[float, float]], artist: float, up: float
) -> None:
    value, weight = opinions[0]
    raised = [(max(value, up), weight), *opinions[1:]]
    assert goal(raised, artist) >= goal(opinions, artist)


@given(opinions=OPINIONS, artist=UNITS)
def test_turned_upside_down_the_crowd_wants_the_opposite(
    opinions: list[tuple[float, float]], artist: float
) -> None:
    assert goal([(-value, weight) for value, weight in opinions], -artist) == -goal(opinions, artist)


def test_unverified_fans_count_in_full_among_themselves_and_little_among_others() -> None:
    assert goal([(0.5, 0.2), (0.6, 0.2), (0.7, 0.2)], -1.0) == 0.6
    assert goal([(-0.1, 1.0)] * 10 + [(1.0, UNVERIFIED_WEIGHT)] * 40) == -0.1


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), cuts=st.lists(st.integers(0, 60), max_size=4))
def test_the_order_in_which_ballots_come_does_not_matter(seed: int, cuts: list[int]) -> None:
    cast = ballots(seed, 60)
    whole, pieces = Crowd(np.zeros(D), 1), Crowd(np.zeros(D), 1)
    whole.cast(*cast)
    shuffled = np.random.default_rng(seed + 1).permutation(60)
    for part in np.split(shuffled, sorted(cuts)):
        pieces.cast(*(each[part] for each in cast))
    assert told(pieces) == told(whole)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_a_fan_has_one_ballot_and_nothing_is_left_of_earlier_ones(seed: int) -> None:
    slots, values, weights, at_s = ballots(seed, 80)
    crowd, last = Crowd(np.zeros(D), 1), Crowd(np.zeros(D), 1)
    latest = {}
    for row in range(80):
        at_s[row] = row / 80
        latest[int(slots[row])] = row
        assert crowd.cast(slots[[row]], values[[row]], weights[[row]], at_s[[row]]).all()
        assert not crowd.cast(slots[[row]], values[[row]], weights[[row]], at_s[row] - 1).any()
    rows = list(latest.values())
    last.cast(slots[rows], values[rows], weights[rows], at_s[rows])
    assert told(crowd) == told(last)
    assert crowd.decide(1.0, 0).standings[0].fans <= 12


def test_a_ballot_expires_and_so_does_everything_of_it() -> None:
    crowd = Crowd(np.zeros(D), seed=1)
    cast_one(crowd, [(0.5, 1.0), (0.6, 1.0), (0.7, 1.0)])
    cast_one(crowd, [(-0.4, 1.0)], at_s=10.0)
    assert crowd.decide(EXPIRES_S, 1).standings[0].fans == 3
    assert crowd.decide(EXPIRES_S + 10.0, 2).standings[0].goal == -0.4
    last = crowd.decide(EXPIRES_S + 10.1, 3).standings[0]
    assert (last.how, last.goal, last.fans, last.weight) == ("artist", 0.0, 0, 0.0)
    assert not crowd.histogram().any()


def test_who_left_leaves_nothing_and_its_slot_is_anothers() -> None:
    crowd = Crowd(np.zeros(D), seed=1)
    cast_one(crowd, [(0.5, 1.0), (0.6, 1.0)], at_s=50.0)
    crowd.withdraw([0, 1, 4_000])
    assert crowd.decide(51.0, 0).standings[0].how == "artist"
    cast_one(crowd, [(-0.5, 1.0)], at_s=20.0)  # older than what was withdrawn, and another fan's
    assert crowd.decide(51.0, 0).standings[0].goal == -0.5


def test_a_preset_voids_what_was_wanted_of_the_dimensions_that_it_moved() -> None:
    crowd = Crowd(np.zeros(D), seed=1)
    crowd.cast([0, 1], np.full((2, D), 0.5), np.ones((2, D)), 0.0)
    moved = np.arange(D) < 3
    crowd.recentre(np.where(moved, -0.8, 0.0), moved)
    assert crowd.decide(1.0, 0).goal.tolist() == [-0.8] * 3 + [0.5] * (D - 3)
    crowd.cast([0], np.full((1, D), 0.5), np.ones((1, D)), 2.0)
    assert crowd.decide(3.0, 0).goal.tolist() == [0.5] * D


@given(
    times=st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=12),
    values=st.lists(UNITS, min_size=12, max_size=12),
)
def test_a_clock_that_jumps_breaks_nothing_and_holds_up_nobody(
    times: list[float], values: list[float]
) -> None:
    crowd = Crowd(np.zeros(D), seed=1)
    for section, (now_s, value) in enumerate(zip(times, values, strict=False)):
        crowd.decide(now_s, section)
        later_s = math.nextafter(now_s, math.inf)
        cast_one(crowd, [(value, 1.0)], at_s=later_s)
        assert crowd.decide(later_s, section).standings[0].goal == value


BAD: list[dict[str, Any]] = [
    {"values": math.nan}, {"values": math.inf}, {"values": 1.0001}, {"weights": -0.1}, {"weights": 1.1},
    {"weights": math.nan}, {"at_s": math.nan}, {"at_s": -math.inf}, {"slots": -1}, {"slots": 0.5},
    {"slots": SLOTS_MAX}, {"values": "loud"}, {"values": None},
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_cannot_be_is_refused_before_anything_changes(bad: dict[str, Any]) -> None:
    crowd = Crowd(np.zeros(D), seed=1)
    cast_one(crowd, [(0.5, 1.0), (0.1, 1.0)])
    before = crowd.snapshot()
    good = {"slots": [0, 7], "values": np.zeros((2, D)), "weights": np.ones((2, D)), "at_s": np.ones(2)}
    for name, value in bad.items():
        row = np.array(good[name], object)
        row[1] = value
        good[name] = row.tolist()
    with pytest.raises(RemixdError):
        crowd.cast(**good)
    with pytest.raises(InvalidInput):
        crowd.decide(math.nan, 0)
    with pytest.raises(InvalidInput):
        crowd.recentre(np.full(D, math.nan), np.ones(D, bool))
    assert crowd.snapshot() == before


def test_other_shapes_are_refused() -> None:
    crowd = Crowd(np.zeros(D), seed=1)
    with pytest.raises(InvalidInput):
        crowd.cast([0], np.zeros((1, D - 1)), np.zeros((1, D - 1)), 0.0)
    with pytest.raises(InvalidInput):
        crowd.cast([0, 1], np.zeros((2, D)), np.zeros((2, D)), [0.0])
    with pytest.raises(InvalidInput):
        crowd.recentre(np.zeros(D), [True])
    with pytest.raises(InvalidInput):
        Crowd(np.zeros(D + 1), seed=1)
    with pytest.raises(Exhausted):
        crowd.withdraw([SLOTS_MAX])
    assert crowd.cast([], np.zeros((0, D)), np.zeros((0, D)), 0.0).tolist() == []


def test_a_hundred_thousand_join_at_once_and_all_leave_again() -> None:
    random = np.random.default_rng(5)
    crowd = Crowd(np.zeros(D), seed=1)
    values = random.uniform(-1, 1, (100_000, D))
    crowd.cast(np.arange(100_000), values, np.ones((100_000, D)), 1.0)
    decision = crowd.decide(2.0, 0)
    low, high = np.quantile(values, [0.4499, 0.5501], axis=0)
    assert ((low <= decision.goal) & (decision.goal <= high)).all()
    assert {each.fans for each in decision.standings} == {100_000}
    crowd.withdraw(np.arange(100_000))
    assert not crowd.histogram().any()


def test_a_flood_of_one_fan_is_one_ballot() -> None:
    count = 20_000
    values = np.tile(np.linspace(-1, 1, count)[:, None], D)
    crowd = Crowd(np.zeros(D), seed=1)
    assert crowd.cast(np.zeros(count, int), values, np.ones((count, D)), 3.0).sum() == 1
    standing = crowd.decide(3.0, 0).standings[0]
    assert (standing.fans, standing.goal) == (1, 1.0)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_a_crowd_goes_on_from_its_snapshot_as_if_nothing_had_been(seed: int) -> None:
    crowd, heir = Crowd(np.full(D, 0.1), 7), Crowd(np.zeros(D), 7)
    crowd.cast(*ballots(seed, 60, fans=300))
    crowd.decide(2.0, 3)
    heir.restore(crowd.snapshot())
    assert heir.snapshot() == crowd.snapshot()
    for each in (crowd, heir):
        each.cast(*ballots(seed + 1, 60, fans=300))
        each.withdraw([1, 2, 3])
    assert told(heir) == told(crowd)
    assert heir.decide(EXPIRES_S + 2.5, 4) == crowd.decide(EXPIRES_S + 2.5, 4)
