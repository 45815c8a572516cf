"""The mix table and the mix vector."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.errors import InvalidInput, NotFound
from remixd.mix import DIMENSIONS, NEUTRAL, PLAYABLE, Mix, dimension, parse_wishes
from remixd.units import STEM_ROLES, gain_from_db

TABLE = {
    "tempo": (0.5, 1.0, 2.0),
    "pitch": (-12.0, 0.0, 12.0),
    "vocals": (-60.0, 0.0, 6.0),
    "drums": (-60.0, 0.0, 6.0),
    "bass": (-60.0, 0.0, 6.0),
    "other": (-60.0, 0.0, 6.0),
    "brightness": (-12.0, 0.0, 12.0),
    "space": (0.0, 0.0, 1.0),
    "drive": (0.0, 0.0, 1.0),
    "density": (-1.0, 0.0, 1.0),
}
TASTE_SPACE = [
    ("tempo", 0.5, -1.0), ("tempo", 2.0, 1.0), ("tempo", math.sqrt(2), 0.5),
    ("pitch", -12, -1.0), ("pitch", 6, 0.5),
    ("vocals", -60, -1.0), ("vocals", -24, -1.0), ("vocals", -12, -0.5), ("vocals", 3, 0.5),
    ("vocals", 6, 1.0),
    ("brightness", -6, -0.5), ("space", 0.25, 0.25), ("drive", 1, 1.0), ("density", -1, -1.0),
]  # fmt: skip

rows = st.sampled_from(list(DIMENSIONS.values()))


def test_the_table_is_the_one_that_everyone_speaks_about():
    assert {name: (row.minimum, row.neutral, row.maximum) for name, row in DIMENSIONS.items()} == TABLE
    assert list(DIMENSIONS) == list(TABLE)


def test_what_can_be_played_is_in_the_table_and_every_role_has_a_dimension():
    assert set(PLAYABLE) <= set(DIMENSIONS)
    assert set(STEM_ROLES) <= set(PLAYABLE)


@pytest.mark.parametrize(("name", "value", "unit"), TASTE_SPACE)
def test_values_lie_in_taste_space_where_the_table_says(name, value, unit):
    assert dimension(name).to_unit(value) == pytest.approx(unit)


@given(row=rows, share=st.floats(0, 1))
def test_taste_space_is_minus_one_to_one_and_rises_with_the_value(row, share):
    value = row.minimum + share * (row.maximum - row.minimum)
    unit = row.to_unit(value)
    assert -1.0 - 1e-12 <= unit <= 1.0 + 1e-12
    assert row.to_unit(row.minimum) <= unit <= row.to_unit(row.maximum)


@given(row=rows, unit=st.floats(-1, 1))
def test_a_value_of_taste_space_survives_the_way_back(row, unit):
    unit = max(unit, row.to_unit(row.minimum))
    assert row.to_unit(row.from_unit(unit)) == pytest.approx(unit, abs=1e-9)


@pytest.mark.parametrize("row", DIMENSIONS.values(), ids=list(DIMENSIONS))
def test_the_artists_own_mix_is_zero_in_taste_space_and_inside_the_range(row):
    assert row.to_unit(row.neutral) == 0.0
    assert row.minimum <= row.neutral <= row.maximum


def test_the_least_of_taste_space_turns_a_stem_off():
    assert gain_from_db(dimension("drums").from_unit(-1.0)) == 0.0


@given(row=rows, value=st.floats(allow_nan=False))
def test_a_clamped_value_is_the_nearest_of_the_range(row, value):
    given_ = row.clamp(value)
    assert row.minimum <= given_ <= row.maximum
    assert row.clamp(given_) == given_
    assert given_ == value or given_ in (row.minimum, row.maximum)


def test_what_is_not_a_number_is_not_clamped_but_refused():
    with pytest.raises(InvalidInput, match="tempo is not a number"):
        dimension("tempo").clamp(math.nan)


def test_an_unknown_dimension_names_the_nearest():
    with pytest.raises(NotFound, match=r"no dimension 'Vocal': did you mean vocals\?"):
        dimension("Vocal")


def test_a_mix_has_a_value_for_every_dimension():
    mix = Mix({"vocals": -6.0})
    assert dict(mix) == {**dict(NEUTRAL), "vocals": -6.0}
    assert len(mix) == len(DIMENSIONS)
    assert dict(NEUTRAL) == {name: row.neutral for name, row in DIMENSIONS.items()}


def test_a_moved_mix_leaves_the_first_as_it_was():
    mix = NEUTRAL.moved(tempo=1.1)
    assert mix.moved(drums=-3.0)["tempo"] == 1.1
    assert NEUTRAL["tempo"] == 1.0


def test_a_mix_cannot_lie_outside_its_ranges():
    with pytest.raises(InvalidInput, match="tempo=3 is outside its range"):
        NEUTRAL.moved(tempo=3.0)
    with pytest.raises(NotFound, match="did you mean bass"):
        NEUTRAL.moved(base=0.0)
    with pytest.raises(InvalidInput, match="not a number"):
        NEUTRAL.moved(tempo=math.nan)


def test_wishes_are_read_as_the_command_line_writes_them():
    assert parse_wishes(["vocals=-18", "tempo = 1.06", "drums=+3e0"]) == {
        "vocals": -18.0,
        "tempo": 1.06,
        "drums": 3.0,
    }
    assert parse_wishes([]) == {}


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        ("vocals", InvalidInput, "'vocals' is not DIMENSION=VALUE"),
        ("vocals=loud", InvalidInput, "'loud' is not a number"),
        ("vocals=", InvalidInput, "'' is not a number"),
        ("vocals=nan", InvalidInput, "not a number"),
        ("vocls=1", NotFound, "did you mean vocals"),
        ("=1", NotFound, "there is no dimension ''"),
    ],
)
def test_a_wish_of_another_form_is_told_why(text, error, told):
    with pytest.raises(error, match=told):
        parse_wishes([text])


@given(row=rows, share=st.floats(0, 1), goal=st.floats(0, 1))
def test_a_step_goes_towards_the_goal_and_no_further_than_the_slew(row, share, goal):
    now, goal = (row.minimum + part * (row.maximum - row.minimum) for part in (share, goal))
    value = row.slew.towards(now, goal)
    assert min(now, goal) <= value <= max(now, goal)
    assert abs(value - now) <= row.slew.step * (now if row.slew.is_ratio else 1.0) + 1e-9
    count = row.slew.steps(now, goal)
    for _ in range(count):
        now = row.slew.towards(now, goal)
    assert now == pytest.approx(goal, abs=1e-6)


def test_the_slew_is_told_as_the_table_has_it():
    told = {name: row.slew.told(row.unit) for name, row in DIMENSIONS.items()}
    assert told["tempo"] == "2 % a phrase"
    assert told["pitch"] == "2 semitones a section"
    assert told["drums"] == "3 dB a bar"
    assert DIMENSIONS["tempo"].slew.total == 0.08


def test_a_dimension_wished_twice_is_refused():
    with pytest.raises(InvalidInput, match="vocals is wished twice"):
        parse_wishes(["vocals=-3", "vocals=-60"])
