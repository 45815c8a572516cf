"""What fans express, and what is told of them, from the command line."""

from __future__ import annotations

import pytest
from shelves import TRACK

from remixd.audience.signal import Signal
from remixd.audience.told import CrowdDimension, CrowdTold


def plainly(signals):
    """What signals express, without their ids."""
    names = ("wishes", "directions", "choices", "reaction", "amount")
    return [{name: getattr(each, name) for name in names if getattr(each, name)} for each in signals]


@pytest.mark.parametrize(
    ("words", "expressed"),
    [
        (
            ("drums=-6", "vocals+2", "bass-"),
            [{"wishes": {"drums": -6}, "directions": {"vocals": 2, "bass": -1}}],
        ),
        (("vocals+.5",), [{"directions": {"vocals": 0.5}}]),
        (("like",), [{"reaction": "like"}]),
        (("dwell=12",), [{"reaction": "dwell", "amount": 12}]),
        (("volume=+3",), [{"reaction": "volume", "amount": 3}]),
        (("cadence=160", "explore=0"), [{"reaction": "cadence", "amount": 160}, {"reaction": "explore"}]),
        (("preset=lo-fi",), [{"choices": {"preset": "lo-fi"}}]),
        (
            ("section=chorus", "language=ko"),
            [{"choices": {"section": "chorus"}}, {"choices": {"language": "ko"}}],
        ),
        (("encore=yes",), [{"choices": {"encore": "yes"}}]),
        (("more dreamy, less drums",), [{"directions": {"space": 2, "brightness": -1, "drums": -1}}]),
        (("❤️",), [{"reaction": "love"}]),
        (
            ("like", "drums=-6", "🔥"),
            [{"wishes": {"drums": -6}}, {"reaction": "like"},
             {"directions": {"drums": 1, "bass": 1, "tempo": 1, "density": 1}}],
        ),
    ],
)  # fmt: skip
def test_words_express_what_they_say(told, session, words, expressed):
    told("signal", session.id, *words, "--fan", "mina", "--consent", "taste", "--verified")
    assert plainly(session.received) == expressed
    assert {(each.fan, each.consent, each.verified) for each in session.received} == {("mina", "taste", True)}


def test_a_person_is_told_what_a_text_was_taken_for(remixd, session):
    done = remixd("signal", session.id, "보컬 줄여")
    assert (done.code, done.err) == (0, "")
    assert "understood: vocals -1" in done.out


def test_what_is_not_understood_does_not_hold_back_the_rest(remixd, session):
    done = remixd("signal", session.id, "drums-", "my hovercraft is full of eels")
    assert done.code == 1
    assert "accepted" in done.out
    assert "'my hovercraft is full of eels' is not understood" in done.err
    assert plainly(session.received) == [{"directions": {"drums": -1}}]


@pytest.fixture
def fans(session):
    session.received += [
        Signal(id="a", fan="mina", reaction="like", consent="taste"),
        Signal(id="b", fan="jun", reaction="love"),
        Signal(id="c", fan="mina", directions={"drums": -1.0}),
    ]
    return session


def test_a_taste_is_shown(remixd, told, fans):
    assert told("taste", fans.id, "mina") == {
        "fan": "mina", "values": {"drums": -3.0}, "certainty": {"drums": 0.5}, "signals": 2,
        "consent": "session", "exploring": True,
    }  # fmt: skip
    shown = remixd("taste", fans.id, "mina").out
    assert "mina: 2 signals; the taste ends with the session" in shown
    assert "drums      -3 dB" in shown
    assert remixd("taste", fans.id, "nobody").err == "remixd: nothing is known of fan 'nobody'\n"


def test_why_is_told_and_an_undone_signal_is_no_reason_any_more(remixd, told, fans):
    tempo, drums = told("why", fans.id)
    assert (tempo["dimension"], tempo["reasons"]) == ("tempo", [])
    assert [reason["signals"] for reason in drums["reasons"]] == [["a"], ["b"], ["c"]]
    assert "drums: -2 dB (held by slew): drums -3 dB" in remixd("why", fans.id, "--fan", "mina").out
    assert [len(each["reasons"]) for each in told("undo", fans.id, "a", "--fan", "mina")] == [0, 1]
    again = remixd("undo", fans.id, "a", "--fan", "mina")
    assert (again.code, again.err) == (1, "remixd: fan 'mina' sent no signal 'a'\n")


def test_who_is_forgotten_is_gone(remixd, fans):
    done = remixd("forget", "mina")
    assert "mina forgotten: 2 signals in 1 sessions" in done.out
    assert "what remains: journals, by handle" in done.out
    assert [signal.fan for signal in fans.received] == ["jun"]


def test_a_crowd_is_drawn_if_it_is_large_enough(remixd, told, session):
    assert "from 50 fans up" in remixd("crowd", session.id).out
    drums = CrowdDimension(
        dimension="drums", fans=60, wanted=-3.0, how="peak", peaks=(-12.0, 3.0),
        histogram=(0.0, 0.25, 0.125, 0.0, 0.5, 0.001), held_by="dj",
    )  # fmt: skip
    session.crowd = CrowdTold(
        fans=60, dimensions=(drums,), alarms=("40 alike",), polls={"encore": {"yes": 0.75, "no": 0.25}}
    )
    shown = remixd("crowd", session.id).out
    assert " ▄▂ █▁" in shown
    assert "-3 dB (peak: -12 dB or 3 dB)" in shown
    assert "alarm: 40 alike" in shown
    assert "75% yes" in shown
    assert told("crowd", session.id)["dimensions"][0]["held_by"] == "dj"


def test_a_plan_is_shown_in_order_and_nothing_is_received(remixd, told, session):
    moves = told("plan", session.id, "drums-", "--bars", "3")
    assert [(move["sample"], move["dimension"]) for move in moves] == [
        (480, "drums"), (960, "drums"), (1440, "drums"),
    ]  # fmt: skip
    assert "nothing would move within 8 bars" in remixd("plan", session.id).out
    assert remixd("plan", session.id, "eels eels eels").code == 1
    assert session.received == []


def test_a_session_starts_with_an_arc(service, told, remixd):
    words = ("session", "create", TRACK, "--directed")
    created = told(*words, "--arc", "0:0.25,600:0.75", "--no-exploring")["id"]
    assert service.session(created).arc == ((0.0, 0.25), (600.0, 0.75))
    assert service.session(created).exploring is False
    assert service.session(told(*words)["id"]).exploring is None
    assert remixd(*words, "--arc", "0:2").err == "remixd: arc[0].energy goes from 0 to 1, not 2\n"


def test_what_the_fans_want_is_shown_with_the_session(remixd, session):
    shown = remixd("session", "show", session.id).out
    for line in ("wanted: drums -3", "held: bass (locked)", "fans: 3", "alarm: 40 new ballots alike"):
        assert line in shown
