"""Hands on decks, through both faces of the client."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from shelves import TRACK

from remixd import errors
from remixd.audience.told import CrowdTold
from remixd.client import AsyncClient, Client
from remixd.client._hands import Hands
from remixd.control.action import SESSION_VERBS, Action
from remixd.control.command import Refused


@pytest.fixture(params=["blocking", "async"])
def on(request, service):
    """Do something on the console of a session, with either face."""

    def blocking(session, do):
        with Client(str(service.address), timeout_s=2.0) as client, client.console(session) as console:
            return do(console)

    def awaited(session, do):
        async def run():
            async with (
                AsyncClient(str(service.address), timeout_s=2.0) as client,
                client.console(session) as console,
            ):
                done = do(console)
                return await done if inspect.isawaitable(done) else done

        return asyncio.run(run())

    return blocking if request.param == "blocking" else awaited


@pytest.fixture
def session(service):
    with Client(str(service.address)) as client:
        return service.session(client.create_session(TRACK).id)


DONE = {
    "load": (("b", "x"), {"start_s": 1.0}, Action(verb="load", name="x", start_s=1.0)),
    "swap": (("B", "x"), {}, Action(verb="swap", name="x", start_s=0.0)),
    "eject": (("B",), {}, Action(verb="eject")),
    "play": (("B",), {}, Action(verb="play")),
    "pause": (("B",), {}, Action(verb="pause")),
    "seek": (("B", 62.5), {}, Action(verb="seek", value=62.5)),
    "cue": (("B", 3, "set"), {"position_s": 2.0}, Action(verb="cue", value=3, name="set", start_s=2.0)),
    "jump": (("B", -8), {}, Action(verb="jump", value=-8)),
    "loop": (("B", 4), {}, Action(verb="loop", value=4)),
    "scale_loop": (("B", 0.5), {}, Action(verb="scale", value=0.5)),
    "exit_loop": (("B",), {}, Action(verb="exit")),
    "slip": (("B",), {}, Action(verb="slip")),
    "reverse": (("B", False), {}, Action(verb="reverse", on=False)),
    "keylock": (("B", False), {}, Action(verb="keylock", on=False)),
    "sync": (("B", False), {}, Action(verb="sync", on=False)),
    "lead": (("B",), {}, Action(verb="lead")),
    "align": (("B",), {}, Action(verb="align")),
    "tempo": (("B", 1.1), {}, Action(verb="tempo", value=1.1)),
    "pitch": (("B", -2), {}, Action(verb="pitch", value=-2)),
    "pace": ((120,), {}, Action(verb="pace", value=120)),
    "level": (("B", "bass", -6), {"ramp_s": 2.0}, Action(verb="level", name="bass", value=-6, ramp_s=2.0)),
    "mute": (("B", "drums"), {}, Action(verb="mute", name="drums")),
    "solo": (("B", "other", False), {}, Action(verb="solo", name="other", on=False)),
    "channel": (("B", "low", -60), {}, Action(verb="channel", name="low", value=-60)),
    "fader": (
        ("B", -60),
        {"ramp_s": 8.0, "equal_power": True},
        Action(verb="channel", name="fader", value=-60, ramp_s=8.0, equal_power=True),
    ),
    "eq": (("B", "high", 3), {}, Action(verb="channel", name="high", value=3)),
    "filter": (("B", -0.5), {}, Action(verb="channel", name="filter", value=-0.5)),
    "pan": (("B", 1), {}, Action(verb="channel", name="pan", value=1)),
    "send": (("B", 0.25), {}, Action(verb="channel", name="send", value=0.25)),
    "mix": (
        ("B", "c"),
        {"how": "stem-swap", "bars": 8, "glide_bars": 4},
        Action(verb="mix", name="stem-swap", value=8, other=2, glide_bars=4),
    ),
    "section": (("B", "chorus", 3), {"times": 2}, Action(verb="section", name="chorus,3", value=2)),
    "stinger": (("B", "chop"), {}, Action(verb="stinger", name="chop")),
    "echo": (("delay", 0.375), {}, Action(verb="echo", name="delay", value=0.375)),
    "lock": (("drums", "bass"), {"on": False}, Action(verb="lock", name="drums,bass", on=False)),
    "take": (("tempo",), {"timeout_s": 30}, Action(verb="take", name="tempo", value=30)),
    "hand_back": ((), {}, Action(verb="hand")),
    "move": (("drums", -6), {"jump": True}, Action(verb="move", name="drums", value=-6, on=False)),
    "arc": (([(0, 0.25), (600, 0.75)],), {}, Action(verb="arc", name="0.0:0.25,600.0:0.75")),
}


def test_every_method_is_tried_here():
    assert {name for name in vars(Hands) if not name.startswith("_")} == set(DONE)


@pytest.mark.parametrize("name", DONE)
def test_what_hands_do_arrives_as_it_was_meant(on, session, name):
    words, named, action = DONE[name]
    answer = on(session.id, lambda console: getattr(console, name)(*words, at="bar", expires_s=8, **named))
    assert answer.accepted
    [command] = session.performed
    assert (command.action, command.at, command.expires_s) == (action, "bar", 8.0)
    assert command.deck == (-1 if action.verb in SESSION_VERBS else 1)


def test_who_waits_is_told_what_became_of_it(on, session):
    assert on(session.id, lambda console: console.play("A")).applied is None
    applied = on(session.id, lambda console: console.play("A", wait=True)).applied
    assert (applied.sample, applied.bar_beat) == (session.sample, "1:1.00")


def test_what_the_engine_refuses_is_told(on, service, session):
    session.applies = False

    def perform(command):
        told = Refused(id=command.id, reason="nothing is loaded on this deck")
        service.loop.call_soon_threadsafe(session.tell, told)
        return type(session).perform(session, command)

    session.perform = perform
    answer = on(session.id, lambda console: console.play("C", wait=True))
    assert (answer.accepted, answer.reason) == (False, "nothing is loaded on this deck")


@pytest.mark.parametrize(
    ("do", "why"),
    [
        (lambda console: console.play("E"), "there is no deck 'E': they are A to D"),
        (lambda console: console.play(""), "play is of a deck: say which"),
        (lambda console: console.cue("A", 9, "set"), "cues go from 1 to 8: there is no cue 9"),
        (lambda console: console.loop("A", 33), "a loop is 1/8 to 32 beats, not 33"),
        (lambda console: console.loop("A", 0.1), "a loop is 1/8 to 32 beats, not 0.1"),
        (lambda console: console.jump("A", 0), "a jump is 1/8 to 128 beats, not 0"),
        (lambda console: console.seek("A", float("nan")), "value of seek is not a finite number"),
        (lambda console: console.scale_loop("A", -1), "a loop is scaled by more than 0"),
        (lambda console: console.fader("A", 0, ramp_s=1e9), "ramp_s goes from 0 to 120 s"),
        (lambda console: console.take(timeout_s=-1), "timeout_s goes from 0 to 86400, not -1"),
        (lambda console: console.move("drums", float("inf")), "value of move is not a finite number"),
        (lambda console: console.lock("drums", "drums"), "lock names a dimension twice: drums,drums"),
        (lambda console: console.play("A", expires_s=-1), "expires_s goes from 0 to 3600, not -1"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence_and_the_console_goes_on(on, session, do, why):
    answer = on(session.id, do)
    assert not answer.accepted
    assert why in answer.reason
    assert session.performed == []


@pytest.mark.parametrize(
    ("do", "why"),
    [
        (lambda console: console.play("A", at="bra"), "there is no time 'bra': did you mean bar?"),
        (lambda console: console.level("A", "vocls", 0), "there is no role 'vocls': did you mean vocals?"),
        (lambda console: console.eq("A", "hi", 0), "there is no band 'hi'"),
        (lambda console: console.cue("A", 1, "sett"), "there is no cue action 'sett': did you mean set?"),
        (lambda console: console.echo("dely", 0), "there is no parameter 'dely': did you mean delay?"),
    ],
)
def test_a_word_that_is_none_is_told_before_it_is_sent(on, session, do, why):
    with pytest.raises(errors.NotFound, match=why.replace("?", r"\?")):
        on(session.id, do)


def test_the_decks_are_told_with_the_stream_and_with_the_session(on, session, service):
    decks = on(session.id, lambda console: console.decks)
    assert [deck.name for deck in decks] == ["A", "B", "C", "D"]
    assert [deck.state for deck in decks] == ["playing", "empty", "empty", "empty"]
    assert (decks[0].loop_s, decks[0].cues_s, decks[0].muted) == ((1.0, 2.0), {2: 1.5}, ("vocals",))
    assert (decks[0].bpm, decks[1].bpm) == (120.0, None)
    with Client(str(service.address)) as client:
        assert client.session(session.id).decks == decks


def test_a_session_that_is_not_there_is_told_on_entering(on):
    with pytest.raises(errors.NotFound, match="there is no session 's-9'"):
        on("s-9", lambda console: console.play("A"))


def test_a_session_that_is_lost_ends_its_consoles(on, service, session):
    session.applies = False

    def perform(command):
        service.loop.call_soon_threadsafe(session.die)
        return type(session).perform(session, command)

    session.perform = perform
    with pytest.raises(errors.Unavailable, match="is lost"):
        on(session.id, lambda console: console.play("A", wait=True))


def test_a_session_may_begin_with_empty_decks(service):
    with Client(str(service.address)) as client:
        made = client.create_session()
        assert made.track == ""
        assert {deck.state for deck in made.decks} == {"empty"}


def test_what_the_fans_want_and_who_holds_it_is_seen_from_the_console(service, session):
    session.crowd = CrowdTold(fans=3, dimensions=(), alarms=("40 alike",), polls={})
    with Client(str(service.address)) as client, client.console(session.id) as console:
        console.play("A", wait=True)
        assert (console.crowd.fans, console.crowd.alarms) == (3, ("40 alike",))
        assert (console.wanted, console.authority) == ({"drums": -3.0}, {"bass": "locked"})
