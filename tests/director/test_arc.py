"""Energy arcs: where they take the goal, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.audience.arc import check_arc, parse_arc
from remixd.director.arc import SPAN, energy, moved
from remixd.errors import InvalidInput
from remixd.mix import DIMENSIONS, NEUTRAL

points = st.lists(
    st.tuples(st.floats(0.0, 1e4), st.floats(0.0, 1.0)),
    min_size=1,
    max_size=8,
    unique_by=lambda each: each[0],
).map(lambda each: check_arc(sorted(each)))


def test_between_two_points_the_energy_is_on_the_line_and_beyond_them_it_stays():
    arc = parse_arc("10:0.2,30:0.8")
    assert [energy(arc, at_s) for at_s in (0.0, 10.0, 20.0, 30.0, 1e6)] == pytest.approx(
        [0.2, 0.2, 0.5, 0.8, 0.8]
    )


@given(arc=points, at_s=st.floats(0.0, 2e4))
def test_an_energy_is_never_beyond_its_points(arc, at_s):
    levels = [level for _, level in arc]
    assert min(levels) - 1e-9 <= energy(arc, at_s) <= max(levels) + 1e-9


@given(
    name=st.sampled_from(sorted(SPAN)), unit=st.floats(-1.0, 1.0), low=st.floats(0, 1), high=st.floats(0, 1)
)
def test_more_energy_never_takes_a_dimension_lower_and_it_stays_in_its_range(name, unit, low, high):
    row = DIMENSIONS[name]
    value = row.clamp(row.from_unit(unit))
    low, high = sorted((low, high))
    assert row.minimum <= moved(name, value, low) <= moved(name, value, high) <= row.maximum
    assert moved(name, value, 0.5) == pytest.approx(value, abs=1e-4)


def test_full_energy_is_audible_in_every_dimension_that_it_moves():
    for name in SPAN:
        assert moved(name, NEUTRAL[name], 1.0) > NEUTRAL[name] > moved(name, NEUTRAL[name], 0.0)


@pytest.mark.parametrize(
    "text", ["0:2", "0:-1", "5:0.5,5:0.6", "9:.1,3:.2", "x", "1:nan", "nan:1", "1", "-1:0.5", ":"]
)
def test_an_arc_that_cannot_be_is_refused_and_the_field_named(text):
    with pytest.raises(InvalidInput, match="arc"):
        parse_arc(text)
