"""An audience: what its fans express becomes what is wanted; undone, it is as if it had never been."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remixd.audience.audience import IDS_KEPT, Audience
from remixd.audience.fans import BURST
from remixd.audience.gathered import TICK_MAX
from remixd.audience.reading import NUDGES, cadence_tempo, stepped, wished
from remixd.audience.signal import Signal
from remixd.audience.space import NAMES
from remixd.audience.trial import TRIED_MOST
from remixd.errors import Exhausted, InvalidInput, NotFound
from remixd.mix import DIMENSIONS, NEUTRAL

LOUD = {**NEUTRAL, "drums": 6.0}


def listening(at_s: float = 100.0, mix=NEUTRAL) -> Audience:
    audience = Audience(NEUTRAL)
    audience.hear(0.0, NEUTRAL)
    audience.hear(at_s - 6.0, mix)
    return audience


def say(audience: Audience, signal_id: str, fan: str = "mina", at_s: float = 100.0, **words) -> None:
    signal = Signal(id=signal_id, fan=fan, **words)
    audience.take(signal, signal.wishes, at_s)


def test_a_slider_is_where_it_was_put_whatever_was_wished_before():
    audience = listening()
    for number, value in enumerate((-9.0, 3.0, -60.0, -1.25)):
        say(audience, f"{number}", at_s=100.0 + 10 * number, wishes={"drums": value, "tempo": 1.03})
        wanted = audience.wanted(101.0 + 10 * number)
        assert (wanted["drums"].value, wanted["tempo"].value) == (value, 1.03)
    assert set(wanted) == {"drums", "tempo"}, "of the others nothing is known"


def test_likes_of_what_is_loud_pull_it_up_and_dislikes_down():
    for reaction, sign in (("like", 1), ("love", 1), ("replay", 1), ("dislike", -1), ("skip", -1)):
        audience = listening(mix=LOUD)
        audience.explores = False
        for number in range(6):
            say(audience, f"{number}", at_s=100.0 + number, reaction=reaction)
        drums = audience.wanted(110.0)["drums"]
        assert math.copysign(1.0, drums.value) == sign
        assert drums.how == "taste"


def test_a_dislike_lets_go_of_a_slider_and_a_like_does_not():
    audience = listening(mix=LOUD)
    audience.explores = False
    say(audience, "a", wishes={"drums": 6.0})
    say(audience, "b", at_s=104.0, reaction="like")
    assert audience.wanted(105.0)["drums"].value == 6.0
    for number in range(3):
        say(audience, f"no {number}", at_s=106.0 + number, reaction="dislike")
    assert audience.wanted(110.0)["drums"].value < 6.0


def test_things_are_tried_a_little_once_the_fan_judges_and_never_when_it_is_turned_off():
    audience = listening(mix={**NEUTRAL, "vocals": 5.0, "bass": -20.0})
    say(audience, "a", wishes={"drums": -6.0})
    assert set(audience.wanted(101.0)) == {"drums"}
    for number in range(8):  # of vocals and bass something is known then
        say(audience, f"b{number}", at_s=102.0 + number / 10, reaction="like")
    open_to = ["vocals", "bass", "space"]
    tried = {
        name
        for phrase in range(8)
        for name, each in audience.wanted(103.0, phrase=phrase, open_to=open_to).items()
        if each.how == "trial"
    }
    assert tried
    assert tried <= set(open_to)
    here = audience.wanted(103.0, phrase=0, open_to=open_to)
    there = audience.wanted(103.0, phrase=2, open_to=open_to)
    name = next(iter(tried))
    apart = DIMENSIONS[name].to_unit(here[name].value) - DIMENSIONS[name].to_unit(there[name].value)
    assert 0.0 < abs(apart) <= 2 * TRIED_MOST + 0.1, "to either side in turn"
    say(audience, "c", at_s=104.0, reaction="explore", amount=0.0)
    assert not any(each.how == "trial" for each in audience.wanted(105.0).values())


def test_from_the_second_fan_on_it_is_a_crowd_and_stays_one():
    audience = listening()
    say(audience, "a", "mina", wishes={"drums": -12.0})
    assert not audience.is_crowd
    say(audience, "b", "jun", wishes={"drums": -6.0})
    say(audience, "c", "bo", wishes={"drums": -9.0})
    assert audience.is_crowd
    wanted = audience.wanted(101.0)["drums"]
    assert (wanted.value, wanted.fans, wanted.how) == (-9.0, 3, "median")
    audience.forget("jun")
    audience.forget("bo")
    assert audience.is_crowd


def test_whom_somebody_vouches_for_outweighs_four_strangers():
    audience = listening()
    for number in range(4):
        say(audience, f"{number}", f"bot {number}", wishes={"drums": 6.0})
    say(audience, "a", "mina", wishes={"drums": -12.0}, verified=True)
    assert audience.wanted(101.0)["drums"].value < 0.0


names = st.sampled_from(NAMES)
wishes = st.dictionaries(names, st.floats(-1, 1), min_size=1, max_size=2).map(
    lambda units: {
        name: DIMENSIONS[name].clamp(DIMENSIONS[name].from_unit(unit)) for name, unit in units.items()
    }
)
reactions = st.sampled_from(["like", "love", "dislike", "skip", "replay"])
words = st.one_of(st.fixed_dictionaries({"wishes": wishes}), st.fixed_dictionaries({"reaction": reactions}))
fans = st.sampled_from(["", "a", "b", "c"])
sent = st.lists(st.tuples(fans, words, st.integers(100, 104)), min_size=1, max_size=14)


def told(history, order=None) -> Audience:
    audience = listening(mix=LOUD)
    for number in order or range(len(history)):
        fan, said, at_s = history[number]
        say(audience, f"{number}", fan, float(at_s), **said)
    return audience


@settings(max_examples=60)
@given(history=sent, seed=st.randoms(use_true_random=False))
def test_the_order_of_arrival_within_a_tick_does_not_matter(history, seed):
    order = list(range(len(history)))
    seed.shuffle(order)
    one, other = told(history), told(history, order)
    assert one.wanted(105.0, phrase=1) == other.wanted(105.0, phrase=1)


@settings(max_examples=60)
@given(history=sent, which=st.integers(0, 13))
def test_undo_equals_a_history_without_the_signal(history, which):
    which %= len(history)
    fan = history[which][0]
    if sum(each[0] == fan for each in history) < 2:
        history = [*history, (fan, {"wishes": {"bass": -3.0}}, 100)]
    whole = told(history)
    whole.tick(105.0)
    whole.undo(fan, f"{which}", 106.0)
    without = told(history, [number for number in range(len(history)) if number != which])
    without.tick(105.0)
    slot, other = (np.array([each.fans.get(fan).slot]) for each in (whole, without))
    np.testing.assert_allclose(
        np.concatenate(whole.positions(slot)), np.concatenate(without.positions(other)), atol=1e-9
    )
    ours, theirs = whole.wanted(107.0, phrase=1), without.wanted(107.0, phrase=1)
    assert ours.keys() == theirs.keys()
    for name, each in ours.items():
        assert each.value == pytest.approx(theirs[name].value, abs=2e-3)


@settings(max_examples=40)
@given(history=sent, later=sent)
def test_what_is_written_down_goes_on_the_same(history, later):
    one = told(history)
    other = Audience(NEUTRAL)
    other.restore(json.loads(json.dumps(one.to_json(105.0))))
    for audience in (one, other):
        audience.hear(106.0, LOUD)
        for number, (fan, said, at_s) in enumerate(later):
            say(audience, f"later {number}", fan, at_s + 10.0, **said)
    assert one.wanted(120.0, phrase=3) == other.wanted(120.0, phrase=3)
    assert other.knows(Signal(id="0", fan=history[0][0], wishes={"drums": 0.0}))


def test_what_came_before_is_known_of_each_fan_apart():
    audience = listening()
    say(audience, "same", "mina", wishes={"drums": 0.0})
    assert audience.knows(Signal(id="same", fan="mina", reaction="like"))
    assert not audience.knows(Signal(id="same", fan="jun", reaction="like"))


def test_who_is_forgotten_leaves_nothing_and_may_come_again_as_a_stranger():
    audience = listening()
    say(audience, "a", wishes={"drums": -9.0})
    audience.tick(101.0)
    say(audience, "b", at_s=102.0, wishes={"bass": -9.0})
    assert audience.forget("mina") == 2
    assert audience.wanted(103.0) == {}
    with pytest.raises(NotFound, match="this fan"):
        audience.undo("mina", "a", 104.0)
    with pytest.raises(NotFound):
        audience.forget("mina")
    say(audience, "c", at_s=105.0, wishes={"other": -3.0})
    assert set(audience.wanted(106.0)) == {"other"}


def test_what_can_not_be_undone_is_told():
    audience = listening()
    for number in range(80):
        say(audience, f"{number}", at_s=100.0 + 5 * number, reaction="like")
        audience.tick(101.0 + 5 * number)
    with pytest.raises(InvalidInput, match="no longer"):
        audience.undo("mina", "0", 600.0)
    audience.undo("mina", "79", 600.0)
    for gone in ("79", "never"):
        with pytest.raises(NotFound):
            audience.undo("mina", gone, 601.0)


def test_a_flood_from_one_fan_is_refused_and_the_others_are_heard():
    audience = listening()
    taken = 0
    for number in range(2000):
        try:
            say(audience, f"{number}", at_s=100.0 + number / 1000, wishes={"drums": -float(number % 24)})
            taken += 1
        except Exhausted:
            say(audience, f"calm {number}", f"fan {number % 50}", wishes={"drums": -3.0})
    assert BURST <= taken < BURST + 150
    say(audience, "later", at_s=200.0, wishes={"drums": 0.0})


@pytest.mark.parametrize("reaction", ["like", "better", "worse"])
def test_a_reaction_to_nothing_is_refused_and_its_fan_does_not_join(reaction):
    audience = Audience(NEUTRAL)
    if reaction != "like":
        audience.hear(0.0, NEUTRAL)
    with pytest.raises(InvalidInput):
        say(audience, "a", reaction=reaction)
    assert len(audience.fans) == 0


def test_a_clock_that_jumps_breaks_nothing():
    audience = listening()
    for number, at_s in enumerate((100.0, 1e9, -5.0, 0.0, 50.0, 1e-9)):
        audience.hear(at_s, LOUD if number % 2 else NEUTRAL)
        say(audience, f"a{number}", at_s=at_s, wishes={"drums": -6.0})
        say(audience, f"b{number}", "jun", at_s=at_s, reaction="like")
        assert all(math.isfinite(each.value) for each in audience.wanted(at_s).values())


def test_very_many_who_join_at_once_are_counted_in_ticks_of_a_bounded_size(monkeypatch):
    audience = listening()
    sizes = []
    observe = audience.tastes.observe
    monkeypatch.setattr(
        audience.tastes, "observe", lambda events: (sizes.append(len(events)), observe(events))
    )
    for number in range(5000):
        say(audience, f"{number}", f"fan {number}", wishes={"bass": -12.0 + number % 13})
    assert audience.wanted(101.0)["bass"].fans == 5000
    assert max(sizes) <= TICK_MAX
    assert len(audience._ids) <= IDS_KEPT


@given(name=names, value=st.floats(-60, 60), steps=st.floats(-8, 8))
def test_a_step_more_is_never_less_and_stays_in_range(name, value, steps):
    row = DIMENSIONS[name]
    value = row.clamp(value)
    there = stepped(name, value, steps)
    assert row.minimum <= there <= row.maximum
    assert (there - value) * steps >= 0.0
    assert set(NUDGES) == set(DIMENSIONS)


def test_two_steps_before_the_mix_has_moved_go_twice_as_far():
    down = Signal(id="a", directions={"drums": -1.0})
    first = wished(down, NEUTRAL, {})
    assert first == {"drums": -3.0}
    assert wished(down, NEUTRAL, first) == {"drums": -6.0}
    up = Signal(id="b", directions={"drums": 1.0})
    assert wished(up, NEUTRAL, first) == {"drums": 3.0}, "more than is heard"


def test_a_cadence_is_met_by_every_half_or_second_step_or_not_at_all():
    assert cadence_tempo(160.0, 80.0) == pytest.approx(1.0)
    assert cadence_tempo(82.0, 164.0) == pytest.approx(1.0)
    assert cadence_tempo(126.0, 120.0) == pytest.approx(1.05)
    for steps, bpm in itertools.product((150.0,), (100.0, 120.0)):
        assert cadence_tempo(steps, bpm) is None


def test_signals_of_the_past_and_of_now_by_turns_do_not_get_round_the_rate_cap():
    audience = listening()
    for number in range(int(BURST)):
        say(audience, f"{number}", at_s=100.0 - 60.0 * (number % 2), wishes={"drums": 1.0})
    for at_s in (100.0, 40.0, 100.0):
        with pytest.raises(Exhausted, match="too many"):
            say(audience, "one more", at_s=at_s, wishes={"drums": 1.0})
    say(audience, "later", at_s=101.0, wishes={"drums": 1.0})
    for number in range(int(BURST)):  # a clock that ran back holds up nobody
        audience.fans.get("mina").may_send(10.0 + number)
    assert audience.fans.get("mina").may_send(10.0 + BURST)


def crowd_of_four() -> Audience:
    audience = listening()
    say(audience, "hello", "jun", wishes={"bass": 0.0})
    for fan in "abc":
        say(audience, "low", fan, wishes={"drums": -6.0})
    audience.tick(100.0)
    return audience


def test_an_old_signal_that_fills_a_tick_does_not_make_the_others_old():
    audience = crowd_of_four()
    for fan in "abc":
        say(audience, "high", fan, at_s=110.0, wishes={"drums": 6.0})
    for number in range(TICK_MAX):
        signal = Signal(id=f"{number}", fan="", reaction="dwell", amount=0.1, age_s=60.0)
        audience.take(signal, {}, 110.0 - signal.age_s)
    assert audience.wanted(110.0)["drums"].value == 6.0


def test_what_is_undone_at_the_moment_it_came_is_undone_in_a_crowd_too():
    audience, without = crowd_of_four(), crowd_of_four()
    for fan in "abc":
        say(audience, "high", fan, at_s=110.0, wishes={"drums": 6.0})
        audience.undo(fan, "high", 110.0)
    assert audience.wanted(110.0)["drums"] == without.wanted(110.0)["drums"]


def test_a_wish_beyond_a_dimension_is_for_its_end():
    audience = listening()
    say(audience, "a", wishes={"drums": 1e300, "space": -1e300})
    wanted = audience.wanted(101.0)
    assert (wanted["drums"].value, wanted["space"].value) == (
        DIMENSIONS["drums"].maximum, DIMENSIONS["space"].minimum,
    )  # fmt: skip
    assert audience.stated("mina")["drums"] == DIMENSIONS["drums"].maximum


def test_undoing_one_of_very_many_leaves_what_was_stated_long_before():
    audience, without = listening(), listening()
    for each in (audience, without):
        say(each, "wish", wishes={"drums": 6.0})
        for number in range(80):
            say(each, f"{number}", at_s=101.0 + number, reaction="dislike" if number == 3 else "like")
            each.tick(101.0 + number)
    say(audience, "last", at_s=190.0, reaction="skip")
    audience.undo("mina", "last", 190.0)
    fan, other = audience.fans.get("mina"), without.fans.get("mina")
    assert 0.0 < other.stated[NAMES.index("drums")].share < 1.0
    assert fan.stated.keys() == other.stated.keys()
    for index, it in other.stated.items():
        assert fan.stated[index].share == pytest.approx(it.share)


def test_a_drag_of_a_slider_is_one_opinion_and_not_many():
    dragged, put = listening(), listening()
    for step in range(20):
        say(dragged, f"{step}", at_s=100.0 + step / 50, wishes={"drums": -float(step)})
    say(put, "19", at_s=100.0 + 19 / 50, wishes={"drums": -19.0})
    for audience in (dragged, put):
        audience.tick(101.0)
    np.testing.assert_allclose(dragged.tastes.mean([0]), put.tastes.mean([0]), atol=1e-12)
    np.testing.assert_allclose(dragged.tastes.variance([0]), put.tastes.variance([0]), atol=1e-12)
