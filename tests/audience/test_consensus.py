"""What many want together."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.audience import consensus as module
from remixd.audience.consensus import FOLLOW_S, Consensus
from remixd.errors import Exhausted
from remixd.mix import DIMENSIONS

names = st.sampled_from(list(DIMENSIONS))
LATER_S = 100 * FOLLOW_S


@st.composite
def wishes(draw):
    """A dimension, and values that fans wish of it, in order."""
    row = DIMENSIONS[draw(names)]
    values = st.floats(row.minimum, row.maximum)
    return row, draw(st.lists(st.tuples(st.sampled_from("abcdef"), values), min_size=1, max_size=30))


def told(given_):
    row, values = given_
    crowd = Consensus()
    for index, (fan, value) in enumerate(values):
        crowd.wish(fan, row.name, value, now=row.neutral, at_s=float(index))
    return crowd


@given(given_=wishes())
def test_the_last_wish_of_each_fan_counts_and_the_others_do_not(given_):
    row, values = given_
    last = list(dict(values).items())
    crowd, once = told(given_), told((row, last))
    assert crowd.fans(row.name) == len(last)
    assert crowd.wanted(row.name) == pytest.approx(once.wanted(row.name), abs=1e-6)


@given(given_=wishes())
def test_what_is_wanted_lies_between_what_was_wished(given_):
    row, values = given_
    live = dict(values).values()
    assert min(live) - 1e-6 <= told(given_).wanted(row.name) <= max(live) + 1e-6


@given(given_=wishes())
def test_the_goal_follows_and_arrives(given_):
    row, values = given_
    crowd = told(given_)
    wanted = crowd.wanted(row.name)
    far = [
        abs(row.to_unit(crowd.goal(row.name, len(values) + after)) - row.to_unit(wanted))
        for after in range(12)
    ]
    assert all(later <= earlier + 1e-9 for earlier, later in itertools.pairwise(far))
    assert crowd.goal(row.name, LATER_S) == wanted


@given(fan=names, value=st.floats(-60, 6))
def test_one_fan_gets_exactly_what_was_wished(fan, value):
    crowd = Consensus()
    crowd.wish(fan, "drums", value, now=0.0, at_s=0.0)
    assert crowd.wanted("drums") == pytest.approx(value, abs=1e-6)


def test_the_goal_starts_where_the_mix_is_and_goes_exponentially():
    crowd = Consensus()
    crowd.wish("a", "drums", -12.0, now=0.0, at_s=5.0)
    assert crowd.goal("drums", 5.0) == 0.0
    assert crowd.goal("drums", 5.0 + FOLLOW_S) == pytest.approx(-12.0 * (1 - math.exp(-1)))
    assert crowd.goal("drums", 0.0) == crowd.goal("drums", 5.0 + FOLLOW_S), "time does not run back"


def test_those_without_a_name_are_one_fan():
    crowd = Consensus()
    for value in (-3.0, -6.0, -9.0):
        crowd.wish("", "bass", value, now=0.0, at_s=0.0)
    assert (crowd.fans("bass"), crowd.wanted("bass")) == (1, -9.0)


def test_more_fans_than_there_is_room_for_are_refused(monkeypatch):
    monkeypatch.setattr(module, "FANS_MAX", 2)
    crowd = Consensus()
    crowd.check_room({"a", "b"})
    crowd.wish("a", "bass", 0.0, now=0.0, at_s=0.0)
    crowd.check_room({"a", "b"})
    with pytest.raises(Exhausted, match="2 fans"):
        crowd.check_room({"b", "c"})
    crowd.clear()
    assert crowd.names() == []
    crowd.check_room({"b", "c"})
