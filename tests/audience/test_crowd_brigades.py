"""Brigades: what many who come at once and agree can do; a crowd which only comes at once is none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from remixd.audience.brigade import DAMPED_S
from remixd.audience.crowd import EXPIRES_S, NAMES, UNVERIFIED_WEIGHT, Crowd

D = len(NAMES)
Units = NDArray[np.float64]
Taste = Callable[[np.random.Generator, int], Units]

TASTES: dict[str, Taste] = {
    "normal": lambda random, n: random.normal(0, 0.4, (n, D)),
    "narrow": lambda random, n: random.normal(0.1, 0.25, (n, D)),
    "shifted": lambda random, n: random.normal(0.3, 0.4, (n, D)),
    "flat": lambda random, n: random.uniform(-1, 1, (n, D)),
    "two minds": lambda random, n: random.choice([-0.6, 0.6], (n, D)) + random.normal(0, 0.15, (n, D)),
    "knobs at their marks": lambda random, n: random.choice([-1, -0.5, 0, 0, 0, 0.5, 1], (n, D)),
}


def at_one_end(_random: np.random.Generator, n: int) -> Units:
    return np.ones((n, D))


def near_one_end(random: np.random.Generator, n: int) -> Units:
    return random.uniform(0.8, 1.0, (n, D))


def cast(crowd: Crowd, slots: range, values: Units, at_s: float, weight: float = 1.0) -> None:
    crowd.cast(np.arange(slots.start, slots.stop), values.clip(-1, 1), np.full(values.shape, weight), at_s)


def settled_crowd(seed: int, fans: int, artist: float = 0.0, taste: str = "normal") -> Crowd:
    crowd = Crowd(np.full(D, artist), seed)
    cast(crowd, range(fans), TASTES[taste](np.random.default_rng(seed), fans), 0.0)
    return crowd


def attacked(
    seed: int, share: float, *, weight: float = 1.0, bots: Taste = at_one_end, artist: float = 0.0
) -> tuple[Crowd, Units]:
    """A crowd of 1,000 of which a share are bots, who just came; by how much they moved the goal."""
    fans = round(1000 * (1 - share))
    crowd = settled_crowd(seed, fans, artist)
    before = crowd.decide(60.0, 0).goal
    cast(crowd, range(fans, 1000), bots(np.random.default_rng(seed + 1), 1000 - fans), 61.0, weight)
    return crowd, crowd.decide(62.0, 1).goal - before


@pytest.mark.parametrize("bots", [at_one_end, near_one_end], ids=["at one end", "near it"])
@pytest.mark.parametrize(("share", "weight", "most"), [(0.2, 1.0, 0.1), (0.2, UNVERIFIED_WEIGHT, 0.05)])
@pytest.mark.parametrize("artist", [0.0, -1.0, 1.0])
def test_a_fifth_that_are_bots_move_the_goal_by_little(
    bots: Taste, share: float, weight: float, most: float, artist: float
) -> None:
    for seed in range(3):
        crowd, shift = attacked(seed, share, weight=weight, bots=bots, artist=artist)
        assert np.abs(shift).max() <= most
        alarms = crowd.decide(62.0, 1).alarms
        assert [alarm.name for alarm in alarms] == list(NAMES)
        for alarm in alarms:
            assert 190 <= alarm.fans <= 200
            assert alarm.towards == pytest.approx(1.0, abs=0.15)
            assert alarm.since_s == 62.0


def test_bots_nobody_noticed_move_the_goal_by_what_a_median_lets_them() -> None:
    shifts = []
    for seed in range(5):
        random = np.random.default_rng(seed)
        honest, crowd = settled_crowd(seed, 800), Crowd(np.zeros(D), seed)
        values = np.vstack([TASTES["normal"](random, 800), np.ones((200, D))])
        cast(crowd, range(1000), values, 0.0)
        shifts.append(crowd.decide(1.0, 0).goal - honest.decide(1.0, 0).goal)
    assert np.mean(shifts) <= 0.1


@pytest.mark.parametrize("there", TASTES)
@pytest.mark.parametrize("come", TASTES)
def test_ten_thousand_who_come_at_once_with_opinions_of_their_own_are_heard(there: str, come: str) -> None:
    for seed in range(2):
        crowd = settled_crowd(seed, 300, taste=there)
        cast(crowd, range(300, 10_300), TASTES[come](np.random.default_rng(seed + 1), 10_000), 60.0)
        decision = crowd.decide(61.0, 1)
        assert decision.alarms == ()
        assert {each.weight for each in decision.standings} == {10_300.0}


def test_an_honest_crowd_is_not_damped_at_its_very_beginning() -> None:
    crowd = Crowd(np.zeros(D), seed=1)
    cast(crowd, range(500), np.ones((500, D)), 0.0)
    decision = crowd.decide(1.0, 0)
    assert (decision.alarms, decision.goal.tolist()) == ((), [1.0] * D)


def test_newcomers_who_agree_with_those_who_are_there_are_heard() -> None:
    crowd = settled_crowd(0, 400)
    cast(crowd, range(400, 700), np.full((300, D), 0.05), 60.0)
    assert crowd.decide(61.0, 1).alarms == ()


def test_the_damped_count_in_full_when_they_come_round_and_when_they_age() -> None:
    crowd, _ = attacked(0, 0.2)
    cast(crowd, range(800, 900), np.zeros((100, D)), 70.0)
    assert {alarm.fans for alarm in crowd.decide(71.0, 2).alarms} == {100}
    for at_s in np.arange(121.0, 61.0 + DAMPED_S, EXPIRES_S / 2):
        cast(crowd, range(900), TASTES["normal"](np.random.default_rng(0), 900), at_s)
        cast(crowd, range(900, 1000), np.ones((100, D)), at_s)
        alarms = crowd.decide(at_s + 1.0, 3).alarms
    last = crowd.decide(61.0 + DAMPED_S, 4)
    assert {alarm.since_s for alarm in alarms} == {62.0}
    assert last.alarms == ()
    assert {each.weight for each in last.standings} == {1000.0}


def test_a_damped_fan_stays_so_by_whatever_it_votes_for_at_that_end() -> None:
    crowd, _ = attacked(0, 0.2)
    weight = crowd.decide(62.0, 1).standings[0].weight
    cast(crowd, range(800, 1000), np.full((200, D), 0.9), 63.0)
    assert crowd.decide(64.0, 1).standings[0].weight == pytest.approx(weight, abs=8)


def test_bots_who_leave_take_the_alarm_with_them_and_a_heir_knows_of_it() -> None:
    crowd, _ = attacked(0, 0.3)
    heir = Crowd(np.zeros(D), 0)
    heir.restore(crowd.snapshot())
    assert heir.decide(64.0, 1) == crowd.decide(64.0, 1)
    assert len(heir.decide(64.0, 1).alarms) == D
    heir.withdraw(np.arange(700, 1000))
    assert heir.decide(65.0, 1).alarms == ()
    assert heir.decide(65.0, 1).goal == pytest.approx(settled_crowd(0, 700).decide(65.0, 1).goal)
