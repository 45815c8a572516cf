"""What waits for the next tick: in whichever order it came, bounded, and gone with who expressed it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from remixd.audience.gathered import TICK_MAX, WISHES_KEPT, Gathered
from remixd.audience.space import INDEX
from remixd.audience.utility import Kind

wishes = st.tuples(
    st.integers(0, 3), st.sampled_from(["vocals", "drums"]), st.integers(0, 40), st.floats(-60.0, 6.0)
)


def gathered(expressed) -> Gathered:
    waiting = Gathered()
    for key, (slot, name, at_s, value) in expressed:
        waiting.wish(slot, key, float(at_s), name, value)
        waiting.judge(slot, 1000 + key, float(at_s), Kind.LIKE, 1.0, 0, 0)
    return waiting


@given(st.data(), st.lists(wishes, max_size=60))
def test_what_counts_does_not_depend_on_the_order_in_which_it_came(data, expressed):
    numbered = list(enumerate(expressed))
    waiting, other = gathered(numbered), gathered(data.draw(st.permutations(numbered)))
    for slot in range(4):
        assert waiting.stated(slot) == other.stated(slot)
    (events, values), (others, other_values) = waiting.take(), other.take()
    assert events.tolist() == others.tolist()
    assert values == other_values
    assert len(waiting) == 0


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.just("vocals"), st.integers(0, 40), st.floats(-60.0, 6.0)), min_size=1
    )
    | st.lists(wishes, min_size=1)
    | st.lists(
        st.tuples(st.just(0), st.just("drums"), st.integers(0, 9), st.just(0.0)), min_size=40, max_size=60
    )
)
def test_of_a_fans_wishes_for_a_dimension_a_few_are_kept_and_the_last_one_counts(expressed):
    waiting = Gathered()
    for key, (slot, name, at_s, value) in enumerate(expressed):
        waiting.wish(slot, key, float(at_s), name, value)
        assert max(map(len, waiting._wished.values())) <= 2 * WISHES_KEPT
    events, values = waiting.take()
    for slot, index in values:
        mine = events[(events["slot"] == slot) & (events["dimension"] == index)]
        assert 1 <= len(mine) <= WISHES_KEPT
        assert mine["weight"].tolist() == [0.0] * (len(mine) - 1) + [1.0]
        latest = max(
            (at_s, key, value)
            for key, (whose, name, at_s, value) in enumerate(expressed)
            if (whose, INDEX[name]) == (slot, index)
        )
        assert (int(mine["id"][-1]), values[slot, index]) == latest[1:]


@given(st.lists(wishes, max_size=40), st.integers(0, 3))
def test_of_whom_is_dropped_nothing_counts_and_of_the_others_all(expressed, gone):
    numbered = list(enumerate(expressed))
    waiting = gathered(numbered)
    waiting.drop(gone)
    events, values = waiting.take()
    others, other_values = gathered([each for each in numbered if each[1][0] != gone]).take()
    assert events.tolist() == others.tolist()
    assert values == other_values


def test_much_does_not_wait():
    waiting = Gathered()
    for key in range(TICK_MAX):
        assert not waiting.is_much
        waiting.judge(key, key, 1.0, Kind.LIKE, 1.0, 0, 0)
    assert waiting.is_much
