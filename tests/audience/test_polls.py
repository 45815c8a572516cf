"""Contests: what stands, what wins, and what a fan may do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remixd.audience.polls import LEAD, OPTIONS_MAX, Contest
from remixd.errors import RemixdError

VOTES = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from("abc"), st.sampled_from([0.2, 1.0]), st.integers(0, 3)),
    max_size=30,
)


def vote(contest: Contest, counts: dict[str, int], weight: float = 1.0, at_s: float = 0.0) -> None:
    options = [option for option, count in counts.items() for _ in range(count)]
    contest.vote(np.arange(len(options)), options, weight, at_s)


def decided(standing: str, counts: dict[str, int], fans_min: int = 1) -> str:
    contest = Contest("preset", expires_s=90.0, standing=standing, fans_min=fans_min)
    vote(contest, counts)
    return contest.decide(1.0).standing


@pytest.mark.parametrize(
    ("counts", "winner"),
    [
        ({"a": 51, "b": 49}, "a"), ({"a": 49, "b": 51}, "b"), ({"a": 50, "b": 50}, "a"),
        ({"a": 30, "b": 44, "c": 26}, "a"), ({"a": 28, "b": 44, "c": 28}, "b"), ({"b": 40, "c": 40}, "a"),
        ({"b": 1}, "b"), ({}, "a"), ({"a": 40, "b": 42, "c": 18}, "a"), ({"c": 45, "b": 30}, "c"),
    ],
)  # fmt: skip
def test_what_stands_goes_only_for_a_majority_or_a_clear_lead(counts: dict[str, int], winner: str) -> None:
    assert decided("a", counts) == winner


def test_few_votes_change_nothing() -> None:
    assert decided("a", {"b": 4}, fans_min=5) == "a"
    assert decided("a", {"b": 5}, fans_min=5) == "b"


def test_near_a_tie_nothing_goes_to_and_fro() -> None:
    contest = Contest("preset", expires_s=90.0, standing="a")
    changes = 0
    for turn in range(40):
        vote(contest, {"a": 34 + turn % 5, "b": 36 - turn % 7, "c": 30}, at_s=float(turn))
        changes += contest.decide(float(turn)).changed
    assert changes == 0


def test_votes_weigh_expire_and_leave() -> None:
    contest = Contest("preset", expires_s=90.0)
    contest.vote([0, 1, 2], ["a", "b", "b"], [1.0, 0.2, 0.2], [0.0, 50.0, 50.0])
    outcome = contest.decide(60.0)
    assert (outcome.standing, outcome.fans, outcome.changed) == ("a", 3, True)
    assert dict(outcome.shares) == pytest.approx({"a": 1 / 1.4, "b": 0.4 / 1.4})
    assert contest.decide(100.0).standing == "b"
    contest.withdraw([1, 2, 999])
    outcome = contest.decide(101.0)
    assert (outcome.standing, outcome.fans, dict(outcome.shares)) == ("b", 0, {})


@settings(max_examples=50)
@given(votes=VOTES, seed=st.integers(0, 99))
def test_a_fan_has_one_vote_and_the_order_does_not_matter(votes: list[Any], seed: int) -> None:
    whole, pieces = (Contest("preset", expires_s=90.0) for _ in range(2))
    order = np.random.default_rng(seed).permutation(len(votes))
    if votes:
        whole.vote(*zip(*votes, strict=True))
    for at in order:
        slot, option, weight, at_s = votes[at]
        pieces.vote([slot], [option], weight, at_s)
    last = {each[0]: each for each in sorted(votes, key=lambda each: (each[3], each[1], each[2]))}
    outcome = whole.decide(5.0)
    assert pieces.decide(5.0) == outcome
    assert outcome.fans == len(last)
    for option, share in outcome.shares.items():
        total = sum(each[2] for each in last.values())
        assert share == pytest.approx(sum(each[2] for each in last.values() if each[1] == option) / total)


@given(times=st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=9))
def test_a_clock_that_jumps_holds_up_nobody(times: list[float]) -> None:
    contest = Contest("preset", expires_s=90.0)
    for now_s in times:
        contest.decide(now_s)
        later_s = math.nextafter(now_s, math.inf)
        option = str(now_s)
        assert contest.vote([3], [option], 1.0, later_s).all()
        assert contest.decide(later_s).standing == option


def test_it_goes_on_from_what_was_kept() -> None:
    contest, heir = (Contest("preset", expires_s=90.0) for _ in range(2))
    vote(contest, {"a": 3, "b": 2}, at_s=4.0)
    contest.decide(5.0)
    heir.restore(contest.to_json())
    for each in (contest, heir):
        each.vote([1, 2], ["b", "b"], 1.0, 6.0)
    assert heir.decide(7.0) == contest.decide(7.0)
    assert heir.to_json() == contest.to_json()
    heir.clear("c")
    assert (heir.decide(8.0).standing, heir.decide(8.0).fans) == ("c", 0)


BAD: list[dict[str, Any]] = [
    {"slots": [-1, 1]}, {"slots": [0.5, 1]}, {"options": ["a"]}, {"options": ["a", ""]}, {"weights": 0.0},
    {"weights": [1.0, math.nan]}, {"weights": 1.5}, {"at_s": math.inf}, {"at_s": [0.0] * 3}, {"weights": "x"},
    {"slots": range(OPTIONS_MAX + 1), "options": list(map(str, range(OPTIONS_MAX + 1)))},
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_cannot_be_is_refused_before_anything_changes(bad: dict[str, Any]) -> None:
    contest = Contest("preset", expires_s=90.0)
    vote(contest, {"a": 2})
    before = contest.to_json()
    with pytest.raises(RemixdError):
        contest.vote(**{"slots": [0, 1], "options": ["b", "b"], "weights": 1.0, "at_s": 1.0, **bad})
    with pytest.raises(RemixdError):
        contest.decide(math.nan)
    assert contest.to_json() == before


def test_options_that_nobody_votes_for_any_more_make_room_for_others() -> None:
    contest = Contest("section", expires_s=90.0)
    for turn in range(3 * OPTIONS_MAX):
        contest.vote([turn % 4], [f"option {turn}"], 1.0, float(turn))
    outcome = contest.decide(3.0 * OPTIONS_MAX)
    assert set(outcome.shares) == {f"option {3 * OPTIONS_MAX - each}" for each in (1, 2, 3, 4)}
    assert set(outcome.shares.values()) == {0.25}


def test_a_lead_is_a_share_of_all_votes() -> None:
    assert decided("a", {"a": 100 - round(100 * LEAD), "b": 100, "c": 400}) == "c"
    assert decided("a", {"a": 30, "b": 44, "c": 26}) != decided("a", {"a": 29, "b": 44, "c": 27})
