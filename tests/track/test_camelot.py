"""Keys and the Camelot wheel."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.errors import InvalidInput
from remixd.track.camelot import camelot, compatible, key_name, key_of, parse_key, transposed

KEYS = [key_name(tonic, minor=minor) for tonic in range(12) for minor in (False, True)]
keys = st.sampled_from(KEYS)


@pytest.mark.parametrize(
    ("key", "code"),
    [("A minor", "8A"), ("C major", "8B"), ("Ab minor", "1A"), ("B major", "1B"), ("F# minor", "11A"),
     ("Db major", "3B"), ("E major", "12B"), ("Bbm", "3A"), ("d minor", "7A")],
)  # fmt: skip
def test_known_keys_lie_where_every_dj_has_them(key: str, code: str) -> None:
    assert camelot(key) == code


def test_every_key_has_a_place_of_its_own() -> None:
    assert len({camelot(key) for key in KEYS}) == 24


@given(key=keys)
def test_a_code_leads_back_to_its_key(key: str) -> None:
    assert key_of(camelot(key)) == key
    assert parse_key(key_of(key)) == parse_key(key)


@given(key=keys)
def test_compatible_keys_are_next_to_each_other_on_the_wheel(key: str) -> None:
    same, up, down, relative = (camelot(other) for other in compatible(key))
    place, mode = int(same[:-1]), same[-1]
    assert same == camelot(key)
    assert up == f"{place % 12 + 1}{mode}"
    assert down == f"{(place - 2) % 12 + 1}{mode}"
    assert relative == f"{place}{'B' if mode == 'A' else 'A'}"


@given(key=keys, other=keys)
def test_compatibility_goes_both_ways(key: str, other: str) -> None:
    assert (other in compatible(key)) == (key in compatible(other))


@given(key=keys, semitones=st.integers(-24, 24))
def test_a_semitone_up_is_seven_steps_on_the_wheel(key: str, semitones: int) -> None:
    before, after = camelot(key), camelot(transposed(key, semitones))
    assert (int(after[:-1]) - int(before[:-1]) - 7 * semitones) % 12 == 0
    assert after[-1] == before[-1]


@pytest.mark.parametrize(
    "text", ["", "H major", "13A", "0B", "A minor minor", "8C", "A\nminor", "٨A", "A  dorian"]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_key(text)
