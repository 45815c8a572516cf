"""What a DJ asks of the mix that fans move is valid once built."""

from __future__ import annotations

import math

import pytest

from remixd.control.action import AUTHORITY_VERBS, Action, DeckCommand
from remixd.control.sink import Sink
from remixd.control.start import Start
from remixd.director.blend import NO_PRESETS
from remixd.errors import InvalidInput, RemixdError

GOOD = {
    "lock": {"name": "drums,bass", "on": False},
    "take": {"name": "tempo", "value": 30.0},
    "hand": {},
    "move": {"name": "drums", "value": -6.0},
    "arc": {"name": "0:0.3,600:0.8"},
}


@pytest.mark.parametrize("verb", AUTHORITY_VERBS)
def test_authority_is_of_the_session_and_of_no_deck(verb):
    action = Action(verb=verb, **GOOD[verb])
    assert DeckCommand(id="x", action=action).deck == -1
    with pytest.raises(InvalidInput, match=f"{verb} is of the session, not of a deck"):
        DeckCommand(id="x", action=action, deck=0)


def test_names_are_told_apart_and_none_means_all():
    assert Action(verb="lock", name="drums,bass").dimensions == ("drums", "bass")
    assert Action(verb="hand").dimensions == ()


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"verb": "lock", "name": "drumz"}, "did you mean drums"),
        ({"verb": "lock", "name": "drums,"}, "no dimension ''"),
        ({"verb": "hand", "name": "drums, bass"}, "did you mean bass"),
        ({"verb": "take", "name": "drums,drums"}, "names a dimension twice"),
        ({"verb": "take", "value": -1.0}, "timeout_s goes from 0 to 86400, not -1"),
        ({"verb": "take", "value": 1e9}, "timeout_s goes from 0 to 86400"),
        ({"verb": "take", "value": math.nan}, "not a finite number"),
        ({"verb": "move", "name": ""}, "no dimension ''"),
        ({"verb": "move", "name": "drums", "value": math.inf}, "not a finite number"),
        ({"verb": "arc", "name": "0:1.1"}, "energy goes from 0 to 1"),
        ({"verb": "arc", "name": "9:.5,9:.6"}, "does not rise"),
    ],
)
def test_what_a_dj_cannot_ask_is_refused(asked, why):
    with pytest.raises(RemixdError, match=why):
        Action(**asked)


@pytest.mark.parametrize("given", [{"arc": ((0.0, 0.5),)}, {"exploring": True}, {"exploring": False}])
def test_only_a_directed_session_has_an_arc_or_explores(given):
    with pytest.raises(InvalidInput, match="is for a directed session"):
        Start.of(None, NO_PRESETS, Sink.parse("null"), is_directed=False, **given)
