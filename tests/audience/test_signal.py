"""Signals are valid once built."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.audience.signal import ID_LENGTH_MAX, Signal, check_name, check_wish
from remixd.errors import InvalidInput, NotFound
from remixd.mix import DIMENSIONS


@given(name=st.sampled_from(sorted(DIMENSIONS)), value=st.floats(allow_nan=False, allow_infinity=False))
def test_any_finite_value_of_a_known_dimension_may_be_wished(name, value):
    assert Signal(id="x", wishes={name: value}).wishes == {name: value}


@given(name=st.sampled_from(sorted(DIMENSIONS)), value=st.sampled_from([math.nan, math.inf, -math.inf]))
def test_what_is_not_finite_is_refused_and_the_dimension_named(name, value):
    with pytest.raises(InvalidInput, match=name):
        check_wish(name, value)


def test_an_unknown_dimension_names_the_nearest():
    with pytest.raises(NotFound, match="did you mean tempo"):
        Signal(id="x", wishes={"temp": 1.0})


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"id": ""}, "id is empty"),
        ({"id": "x" * (ID_LENGTH_MAX + 1)}, "id has 129 characters"),
        ({"id": "a\x00b"}, "id holds characters"),
        ({"fan": "x" * (ID_LENGTH_MAX + 1)}, "fan has 129 characters"),
        ({"fan": "\x1b[2J"}, "fan holds characters"),
        ({"wishes": {}}, "wishes is empty"),
    ],
)
def test_a_signal_that_is_not_whole_names_the_field(values, told):
    with pytest.raises(InvalidInput, match=told):
        Signal(**({"id": "x", "wishes": {"vocals": 0.0}} | values))


def test_a_signal_does_not_change_with_the_mapping_it_was_built_from():
    wishes = {"vocals": -6.0}
    signal = Signal(id="x", wishes=wishes)
    wishes["vocals"] = math.nan
    assert signal.wishes == {"vocals": -6.0}
    with pytest.raises(TypeError):
        signal.wishes["vocals"] = 0.0


def test_names_of_any_language_are_taken():
    assert check_name("fan", "미나 🎧") == "미나 🎧"
