"""Lowering: what a wish is given, and how it is told when that is not what was asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from remixd.control.command import heard, lower
from remixd.mix import DIMENSIONS, LAYERED, NEUTRAL, PLAYABLE
from remixd.track.rights import DEFAULT_RIGHTS, Rights

ROLES = ("drums", "bass", "vocals", "other")


def wish(roles: tuple[str, ...] = ROLES, rights: Rights = DEFAULT_RIGHTS, **wishes: float):
    return lower(wishes, dict(NEUTRAL), rights, roles)


def test_a_wish_inside_the_rights_is_given_as_it_is() -> None:
    lowered = wish(vocals=-18.0, tempo=1.06)
    assert lowered.values == {"vocals": -18.0, "tempo": 1.06}
    assert lowered.clamps == ()


def test_a_wish_beyond_the_rights_is_clamped_and_told_with_the_range() -> None:
    lowered = wish(tempo=1.6, pitch=-7.0)
    assert lowered.values == {"tempo": 1.25, "pitch": -3.0}
    told = {clamp.dimension: clamp for clamp in lowered.clamps}
    assert (told["tempo"].asked, told["tempo"].given) == (1.6, 1.25)
    assert "rights" in told["tempo"].because
    assert "0.8 to 1.25" in told["tempo"].because


def test_a_wish_beyond_the_table_is_clamped_and_told_as_that() -> None:
    lowered = wish(drums=20.0)
    assert lowered.values == {"drums": 6.0}
    assert lowered.clamps[0].because == "drums goes from -60 to 6 dB"


def test_a_role_the_track_lacks_is_named_with_those_it_has() -> None:
    lowered = wish(roles=("drums", "other"), bass=-6.0)
    assert not lowered.values
    assert "no bass" in lowered.clamps[0].because
    assert "drums, other" in lowered.clamps[0].because


def test_taking_the_band_away_takes_the_voice_along_and_says_so() -> None:
    lowered = wish(drums=-60.0, bass=-60.0, other=-40.0)
    assert lowered.values["other"] == -40.0
    clamp = next(clamp for clamp in lowered.clamps if clamp.dimension == "vocals")
    assert (clamp.asked, clamp.given) == (0.0, -28.0)


def test_where_vocals_may_be_alone_they_stay() -> None:
    lowered = wish(rights=Rights(vocals_solo=True), drums=-60.0, bass=-60.0, other=-60.0)
    assert not lowered.clamps


def test_a_track_of_vocals_only_is_heard_as_it_is() -> None:
    assert heard(dict(NEUTRAL), DEFAULT_RIGHTS, ("vocals",))["vocals"] == 0.0


@given(st.dictionaries(st.sampled_from(sorted(DIMENSIONS)), st.floats(-1e6, 1e6), min_size=1))
def test_nothing_outside_the_rights_ever_comes_out(wishes: dict[str, float]) -> None:
    lowered = wish(**wishes)
    for name, value in lowered.values.items():
        low, high = DEFAULT_RIGHTS.range(name)
        assert low <= value <= high
        assert name in (*PLAYABLE, *LAYERED)
    for name, asked in wishes.items():
        given_as_asked = lowered.values.get(name) == asked
        assert given_as_asked or any(clamp.dimension == name for clamp in lowered.clamps), (
            "told, never silent"
        )


@given(st.dictionaries(st.sampled_from(ROLES), st.floats(-60, 6)))
def test_the_voice_never_stands_further_above_the_band_than_rights_allow(levels: dict[str, float]) -> None:
    mix = heard({**NEUTRAL, **levels}, DEFAULT_RIGHTS, ROLES)
    band = max(mix[role] for role in ROLES if role != "vocals")
    assert mix["vocals"] <= max(band + 12.0, -60.0)
    if band <= -60.0:
        assert mix["vocals"] <= -60.0
