"""Hands on decks from the command line."""

from __future__ import annotations

import pytest
from shelves import TRACK

from remixd.control.action import Action


@pytest.mark.parametrize(
    ("words", "action"),
    [
        (("load", TRACK[:6]), Action(verb="load", name=TRACK, start_s=0.0)),
        (("load", TRACK, "1:02.5"), Action(verb="load", name=TRACK, start_s=62.5)),
        (("play",), Action(verb="play")),
        (("pause",), Action(verb="pause")),
        (("seek", "1:02.5"), Action(verb="seek", value=62.5)),
        (("seek", "7"), Action(verb="seek", value=7.0)),
        (("cue", "3"), Action(verb="cue", value=3, name="go")),
        (("cue", "3", "set", "0:10"), Action(verb="cue", value=3, name="set", start_s=10.0)),
        (("cue", "3", "clear"), Action(verb="cue", value=3, name="clear")),
        (("loop", "4"), Action(verb="loop", value=4)),
        (("loop", "1/8"), Action(verb="loop", value=0.125)),
        (("loop", "half"), Action(verb="scale", value=0.5)),
        (("loop", "double"), Action(verb="scale", value=2.0)),
        (("loop", "exit"), Action(verb="exit")),
        (("jump", "+8"), Action(verb="jump", value=8)),
        (("jump", "-8"), Action(verb="jump", value=-8)),
        (("sync",), Action(verb="sync")),
        (("sync", "off"), Action(verb="sync", on=False)),
        (("lead",), Action(verb="lead")),
        (("align",), Action(verb="align")),
        (("level", "bass", "-6"), Action(verb="level", name="bass", value=-6)),
        (("level", "bass", "-6", "--over", "2"), Action(verb="level", name="bass", value=-6, ramp_s=2.0)),
        (("mute", "drums"), Action(verb="mute", name="drums")),
        (("solo", "drums", "off"), Action(verb="solo", name="drums", on=False)),
        (
            ("fader", "-60", "--over", "8", "--equal-power"),
            Action(verb="channel", name="fader", value=-60, ramp_s=8.0, equal_power=True),
        ),
        (("low", "-60"), Action(verb="channel", name="low", value=-60)),
        (("filter", "-.5"), Action(verb="channel", name="filter", value=-0.5)),
        (("pan", "1"), Action(verb="channel", name="pan", value=1)),
        (("send", ".25"), Action(verb="channel", name="send", value=0.25)),
        (("slip",), Action(verb="slip")),
        (("reverse", "off"), Action(verb="reverse", on=False)),
        (("keylock", "off"), Action(verb="keylock", on=False)),
        (("eject",), Action(verb="eject")),
        (("tempo", "1.06"), Action(verb="tempo", value=1.06)),
        (("pitch", "-2"), Action(verb="pitch", value=-2)),
        (("mix", "c"), Action(verb="mix", other=2)),
        (("stinger", "riser"), Action(verb="stinger", name="riser")),
        (
            ("mix", "A", "--how", "echo-out", "--bars", "4", "--glide", "8"),
            Action(verb="mix", name="echo-out", value=4, glide_bars=8, other=0),
        ),
        (("section", "chorus,2", "--times", "3"), Action(verb="section", name="chorus,2", value=3)),
    ],
)
def test_words_become_what_they_say(told, session, words, action):
    answer = told("deck", session.id, "b", *words, "--at", "bar", "--expires", "9")
    assert answer["accepted"]
    [command] = session.performed
    assert (command.action, command.deck, command.at, command.expires_s) == (action, 1, "bar", 9.0)


def test_the_session_has_a_pace_and_an_echo(told, session):
    told("deck", session.id, "all", "pace", "126")
    told("deck", session.id, "all", "echo", "delay", ".375")
    assert [command.action for command in session.performed] == [
        Action(verb="pace", value=126), Action(verb="echo", name="delay", value=0.375),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "action"),
    [
        (("lock", "drums,bass"), Action(verb="lock", name="drums,bass")),
        (("lock", "drums", "off"), Action(verb="lock", name="drums", on=False)),
        (("lock",), Action(verb="lock")),
        (("lock", "off"), Action(verb="lock", on=False)),
        (("take", "tempo", "30"), Action(verb="take", name="tempo", value=30)),
        (("take", "30"), Action(verb="take", value=30)),
        (("take",), Action(verb="take")),
        (("hand-back", "tempo"), Action(verb="hand", name="tempo")),
        (("hand-back",), Action(verb="hand")),
        (("move", "drums", "-6"), Action(verb="move", name="drums", value=-6)),
        (("move", "drums", "-6", "jump"), Action(verb="move", name="drums", value=-6, on=False)),
        (("arc", "0:.25,600:.75"), Action(verb="arc", name="0.0:0.25,600.0:0.75")),
        (("arc", "off"), Action(verb="arc")),
    ],
)
@pytest.mark.parametrize("all_", [("all",), ()])
def test_a_dj_holds_what_fans_move(told, session, words, action, all_):
    assert told("deck", session.id, *all_, *words)["accepted"]
    [command] = session.performed
    assert (command.action, command.deck) == (action, -1)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("lock", "drumz"), "there is no dimension 'drumz': did you mean drums?"),
        (("move", "drums"), "move: say a number"),
        (("move", "drums", "loud"), "move: 'loud' is not a number"),
        (("arc", "600:.2,0:.3"), "arc[1].after_s does not rise: 0 s follows 600 s"),
        (("take", "drums", "10", "20"), "take: 20 is too much"),
    ],
)
def test_a_dj_is_told_what_cannot_be(remixd, session, words, why):
    done = remixd("deck", session.id, *words)
    assert (done.code, done.out, done.err) == (1, "", f"remixd: {why}\n")
    assert session.performed == []


def test_who_waits_is_told_and_who_loads_waits(told, remixd, session):
    assert told("deck", session.id, "A", "play")["applied"] is None
    assert told("deck", session.id, "A", "play", "--wait")["applied"]["bar_beat"] == "1:1.00"
    assert told("deck", session.id, "A", "load", TRACK)["applied"]["sample"] == 0
    assert "applied from sample 0 (1:1.00)" in remixd("deck", session.id, "A", "pause", "--wait").out


def test_the_decks_are_shown(told, remixd, session):
    assert [deck["state"] for deck in told("deck", session.id)] == ["playing", "empty", "empty", "empty"]
    shown = remixd("deck", session.id).out
    assert TRACK in shown
    assert "1.00-2.00 s" in shown
    assert "mute=vocals" in shown
    assert "deck A: playing " + TRACK in remixd("session", "show", session.id).out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("A", "paly"), "there is no action 'paly': did you mean play?"),
        (("A",), "deck A: say what to do: load"),
        (("E", "play"), "there is no deck 'E': they are A to D, or 1 to 4"),
        (("A", "seek"), "seek: say a place such as 1:02.5"),
        (("A", "seek", "x:1"), "seek: 'x:1' is not a place such as 1:02.5"),
        (("A", "loop", "1/0"), "loop: '1/0' is not beats"),
        (("A", "cue", "9", "set"), "cues go from 1 to 8: there is no cue 9"),
        (("A", "cue", "1.5"), "1.5 is not a cue"),
        (("A", "mute", "drums", "maybe"), "mute is on or off, not 'maybe'"),
        (("A", "play", "loud"), "play: loud is too much"),
        (("A", "play", "--over", "3"), "play takes no time"),
        (("A", "load", "z-song"), "there is no track 'z-song'"),
        (("all", "play"), "there is no action 'play'"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_done(remixd, session, words, why):
    done = remixd("deck", session.id, *words)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("remixd: " + why) or why in done.err
    assert done.err.count("\n") == 1
    assert session.performed == []


def test_a_session_is_created_without_a_track(told, remixd):
    made = told("session", "create")
    assert made["track"] == ""
    assert {deck["state"] for deck in made["decks"]} == {"empty"}
    assert "has empty decks" in remixd("session", "create").out


def test_a_signal_waits_for_the_bar(told, session):
    told("signal", session.id, "drums=-3", "--at", "bar")
    assert session.received[0].at == "bar"
