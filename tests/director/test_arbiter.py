"""What the DJ holds: locks, takes, handing back, soft takeover, timeouts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.director.arbiter import NEAR, Arbiter, Change
from remixd.mix import DIMENSIONS

ALL = tuple(DIMENSIONS)
names = st.lists(st.sampled_from(ALL), min_size=1, max_size=3, unique=True).map(tuple)
changes = st.lists(
    st.builds(
        Change,
        id=st.text("ab", max_size=3),
        verb=st.sampled_from(["lock", "unlock", "take", "hand"]),
        names=names,
        sample=st.integers(0, 100),
        until=st.integers(0, 100),
    ),
    max_size=12,
)


def asked(*changes: Change) -> Arbiter:
    arbiter = Arbiter()
    for change in changes:
        arbiter.ask(change)
    return arbiter


def test_a_change_begins_at_its_sample_and_is_foreseen_before():
    arbiter = asked(Change("a", "take", ("drums",), 480))
    assert (arbiter.owners, arbiter.turn(479), arbiter.owners_at(480)) == ({}, [], {"drums": "dj"})
    assert [change.id for change in arbiter.turn(480)] == ["a"]
    assert arbiter.owners == {"drums": "dj"}
    assert arbiter.turn(1000) == [], "once"


def test_handing_back_ends_a_take_and_a_lock_and_unlocking_ends_no_take():
    arbiter = asked(Change("a", "take", ("drums",), 0), Change("b", "lock", ("bass", "drums"), 1))
    arbiter.turn(1)
    assert arbiter.owners == {"drums": "dj", "bass": "locked"}
    arbiter.ask(Change("c", "unlock", ("drums", "bass"), 2))
    arbiter.turn(2)
    assert arbiter.owners == {"drums": "dj"}
    arbiter.ask(Change("d", "hand", ALL, 3))
    arbiter.turn(3)
    assert arbiter.owners == {}


def test_only_a_take_of_everything_has_all():
    arbiter = asked(Change("a", "lock", ALL, 0), Change("b", "take", ALL[1:], 0))
    arbiter.turn(0)
    assert not arbiter.has_all
    arbiter.ask(Change("c", "take", ALL[:1], 0))
    arbiter.turn(0)
    assert arbiter.has_all


def test_what_was_taken_for_a_time_is_over_after_it_and_told_until_it_is_handed_back():
    arbiter = asked(Change("a", "take", ("drums", "bass"), 0, until=100))
    arbiter.turn(0)
    assert arbiter.expired(99) == ()
    assert set(arbiter.expired(100)) == {"drums", "bass"}
    arbiter.ask(Change("", "hand", arbiter.expired(100), 120))
    assert arbiter.expired(110) == (), "that is on its way"
    arbiter.turn(120)
    assert arbiter.owners == {}


def test_a_fader_moves_the_mix_once_it_has_been_where_the_mix_is():
    arbiter = asked(Change("a", "take", ("drums",), 0))
    arbiter.turn(0)
    assert not arbiter.moves("drums", 3.0, -12.0, jump=False)
    assert not arbiter.moves("drums", -6.0, -12.0, jump=False)
    assert arbiter.moves("drums", -15.0, -12.0, jump=False), "it passed"
    assert arbiter.moves("drums", 6.0, -15.0, jump=False), "from here on it has it"
    arbiter.ask(Change("b", "take", ("drums",), 1))
    arbiter.turn(1)
    assert not arbiter.moves("drums", -24.0, 0.0, jump=False), "taken anew, picked up anew"
    assert arbiter.moves("drums", -24.0, 0.0, jump=True)


@given(
    name=st.sampled_from(ALL),
    units=st.lists(st.floats(-1, 1), min_size=1, max_size=10),
    here=st.floats(-1, 1),
)
def test_soft_takeover_never_jumps(name, units, here):
    row = DIMENSIONS[name]
    arbiter = asked(Change("a", "take", (name,), 0))
    arbiter.turn(0)
    now = row.clamp(row.from_unit(here))
    before = None
    for unit in units:
        value = row.clamp(row.from_unit(unit))
        if arbiter.moves(name, value, now, jump=False):
            near = abs(row.to_unit(value) - row.to_unit(now)) <= NEAR
            ends = sorted((row.to_unit(value), row.to_unit(value if before is None else before)))
            assert near or ends[0] <= row.to_unit(now) <= ends[1]
            break
        before = value


@given(changes=changes, until=st.integers(0, 120))
def test_what_is_written_down_goes_on_the_same(changes, until):
    one = asked(*changes)
    one.turn(until // 2)
    other = Arbiter()
    other.restore(json.loads(json.dumps(one.to_json())))
    assert other.owners_at(until) == one.owners_at(until)
    assert other.turn(until) == one.turn(until)
    assert (other.owners, other.expired(until)) == (one.owners, one.expired(until))


def test_clearing_holds_nothing_and_names_what_never_began():
    arbiter = asked(
        Change("a", "take", ALL, 0), Change("b", "lock", ("bass",), 50), Change("", "hand", ALL, 60)
    )
    arbiter.turn(0)
    assert arbiter.clear() == ["b"]
    assert (arbiter.owners, arbiter.turn(100)) == ({}, [])


def test_a_dimension_that_nobody_took_is_no_ones():
    with pytest.raises(KeyError):
        Arbiter().moves("drums", 0.0, 0.0, jump=True)


def test_what_is_taken_anew_before_its_time_is_over_is_not_handed_back_on_that_bar():
    arbiter = asked(Change("a", "take", ("drums", "bass"), 0, until=100))
    arbiter.turn(0)
    arbiter.ask(Change("b", "take", ("drums",), 120))
    assert arbiter.expired(100) == ("bass",)
    arbiter.turn(120)
    assert arbiter.owners == {"drums": "dj", "bass": "dj"}
    assert arbiter.expired(10_000) == ("bass",)
