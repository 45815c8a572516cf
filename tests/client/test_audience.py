"""Audiences, through both faces of the client."""

from __future__ import annotations

import pytest
from shelves import TRACK

from remixd import errors
from remixd.audience.told import CrowdTold
from remixd.client import Said, Signal


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"directions": {"drums": -2}}, {"directions": {"drums": -2.0}}),
        ({"wishes": {"bass": -6}, "directions": {"drums": 1}}, None),
        ({"reaction": "cadence", "amount": 160}, None),
        ({"reaction": "like", "consent": "taste", "verified": True}, None),
        ({"choices": {"encore": "yes"}}, None),
        ({"text": "less drums"}, {"directions": {"drums": -1.0}, "understood": "drums -1"}),
        ({"emoji": "👍"}, {"reaction": "like", "understood": "like"}),
    ],
)
def test_what_is_expressed_arrives_as_it_was_meant(client, session, said, meant):
    answer = client.signal(session.id, fan="mina", **said)
    assert answer.accepted
    assert session.received == [Signal(id=answer.id, fan="mina", **(said if meant is None else meant))]
    assert answer.understood == session.received[0].understood


def test_when_it_was_said_is_told_within_a_second(client, session):
    signals = [
        Signal(id="a", reaction="like", age_s=30.0), Said(id="b", emoji="🔥", age_s=-3.0),
        Said(id="c", text="louder drums", fan="jun", consent="taste", verified=True),
    ]  # fmt: skip
    assert [answer.accepted for answer in client.send(session.id, signals)] == [True] * 3
    assert [signal.age_s for signal in session.received] == pytest.approx([30.0, -3.0, 0.0], abs=1.0)
    jun = session.received[2]
    assert (jun.fan, jun.consent, jun.verified) == ("jun", "taste", True)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"reaction": "lik"}, "there is no reaction 'lik': did you mean like?"),
        ({"reaction": "like", "consent": "all"}, "consent is session or taste"),
        ({"text": "more drums", "consent": "all"}, "there is no consent 'all'"),
        ({"directions": {"drums": 9}}, "steps go up to 8"),
        ({"text": "more drums", "reaction": "like"}, "in a signal of its own"),
        ({"text": "\ud800"}, "is not valid Unicode"),
        ({}, "wishes is empty"),
    ],
)
def test_what_cannot_be_said_is_not_sent(client, session, said, why):
    with pytest.raises(errors.RemixdError, match=why):
        client.signal(session.id, **said)
    assert session.received == []


def test_a_taste_its_reasons_an_undo_and_oblivion(client, session):
    answer = client.signal(session.id, reaction="like", fan="mina", consent="taste")
    taste = client.taste(session.id, "mina")
    assert (taste.values, taste.certainty, taste.consent) == ({"drums": -3.0}, {"drums": 0.5}, "taste")
    _, drums = client.explain(session.id, "mina")
    assert [reason.signals for reason in drums.reasons] == [(answer.id,)]
    assert (drums.dimension, drums.held_by, drums.wanted) == ("drums", "slew", -3.0)
    assert client.undo(session.id, "mina", answer.id)[1].reasons == ()
    with pytest.raises(errors.NotFound, match="sent no signal"):
        client.undo(session.id, "mina", answer.id)
    client.signal(session.id, reaction="like", fan="mina")
    assert client.forget_fan("mina").signals == 1
    with pytest.raises(errors.NotFound, match="nothing is known"):
        client.taste(session.id, "mina")


def test_a_crowd_is_told_or_why_not(client, session):
    assert "from 50 fans up" in client.crowd(session.id).hidden
    session.crowd = CrowdTold(fans=50, dimensions=(), alarms=("x",), polls={"encore": {"yes": 1.0}})
    crowd = client.crowd(session.id)
    assert (crowd.fans, crowd.hidden, crowd.alarms) == (50, "", ("x",))
    assert crowd.polls == {"encore": {"yes": 1.0}}


def test_a_dry_run_moves_nothing(client, session):
    signals = [Signal(id="a", directions={"drums": -1}), Said(id="b", text="less bass")]
    moves = client.plan(session.id, signals, bars=2)
    assert [(move.sample, move.dimension) for move in moves] == [
        (480, "bass"), (480, "drums"), (960, "bass"), (960, "drums"),
    ]  # fmt: skip
    assert session.received == []
    for bars in (0, 65, 2**40):
        with pytest.raises(errors.InvalidInput, match="bars"):
            client.plan(session.id, bars=bars)


def test_a_session_starts_with_an_arc_and_tells_who_holds_what(service, client):
    created = client.create_session(TRACK, directed=True, arc=[(0, 0.25), (60, 1)], exploring=False)
    assert service.session(created.id).arc == ((0.0, 0.25), (60.0, 1.0))
    assert (created.wanted, created.authority, created.fans) == ({"drums": -3.0}, {"bass": "locked"}, 3)
    assert created.alarms == ("40 new ballots alike",)
    with pytest.raises(errors.InvalidInput, match="does not rise"):
        client.create_session(TRACK, directed=True, arc=[(1, 0.25), (1, 1)])
