"""What a search finds."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.errors import InvalidInput
from remixd.track.camelot import camelot, compatible, key_name
from remixd.track.listing import TrackRow
from remixd.track.search import Search, parse_range


def a_row(**known: Any) -> TrackRow:
    values: dict[str, Any] = {
        "id": "moon-0a1b2c3d", "title": "Moon", "artist": "", "duration_s": 180.0, "bpm": 124.0,
        "key": "A minor", "camelot": "8A", "energy": 6.5, "loudness_lufs": -9.0, "stems": 4,
        "imported_at": "2030", "edited": False,
    }  # fmt: skip
    return TrackRow(**(values | known))


@pytest.mark.parametrize(
    "text", ["", "moon", "MOON", "river moon", "beyonce", "Moon-0a1b", "ＲＩＶＥＲ", "달빛"]
)
def test_every_word_counts_but_case_accents_and_width_do_not(text: str) -> None:
    row = a_row(title="Moon River 달빛", artist="Beyoncé")
    assert Search(text=text).finds(row)
    assert not Search(text=f"{text} sun").finds(row)


def test_letters_within_an_id_say_nothing() -> None:
    assert Search(text="moon-0").finds(a_row(title="Other"))
    assert not Search(text="b2").finds(a_row(title="Other"))


@pytest.mark.parametrize("text", ["%", "_", "'", '"', "\\"])
def test_signs_stand_for_themselves(text: str) -> None:
    assert not Search(text=text).finds(a_row())
    assert Search(text=text).finds(a_row(title=f"a {text} b"))


@given(tonic=st.integers(0, 11), minor=st.booleans())
def test_found_by_key_is_what_mixes_with_it(tonic: int, minor: bool) -> None:
    key = key_name(tonic, minor=minor)
    rows = [a_row(camelot=f"{number}{side}") for number in range(1, 13) for side in "AB"]
    codes = {camelot(name) for name in compatible(key)}
    for word in (key, camelot(key)):
        assert {row.camelot for row in Search(key=word).of(rows)} == codes
    assert len(codes) == 4


def test_what_nobody_knows_is_in_no_range() -> None:
    row = a_row(bpm=None, energy=None, camelot=None)
    assert Search().finds(row)
    assert not Search(bpm=(0.0, math.inf)).finds(row)
    assert not Search(energy=(1.0, 10.0)).finds(row)
    assert not Search(key="8A").finds(row)


@given(low=st.floats(0, 500), high=st.floats(0, 500), bpm=st.floats(0, 500))
def test_a_range_holds_both_its_ends(low: float, high: float, bpm: float) -> None:
    low, high = sorted((low, high))
    assert Search(bpm=(low, high)).finds(a_row(bpm=bpm)) == (low <= bpm <= high)
    assert Search(energy=(low, high)).finds(a_row(energy=bpm)) == (low <= bpm <= high)


def test_a_range_is_read_as_it_is_written() -> None:
    assert parse_range("120..128") == (120.0, 128.0)
    assert parse_range("120 ..") == (120.0, math.inf)
    assert parse_range("..7.5") == (-math.inf, 7.5)
    assert Search(bpm=parse_range("128")).finds(a_row(bpm=127.97))
    assert not Search(bpm=parse_range("128")).finds(a_row(bpm=127.4))


@pytest.mark.parametrize("text", ["", "..", "a..b", "128..120", "nan", "nan..1", "1..2..3", "-"])
def test_what_is_no_range_is_named(text: str) -> None:
    with pytest.raises(InvalidInput, match="is no range such as"):
        parse_range(text)


@pytest.mark.parametrize(
    ("field", "value"),
    [("bpm", (128.0, 120.0)), ("energy", (math.nan, 1.0)), ("key", "H minor"), ("text", "x" * 201)],
)
def test_a_search_that_can_find_nothing_names_its_field(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=f"^{field}") as refused:
        Search(**{field: value})
    assert refused.value.field == field
