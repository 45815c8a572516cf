"""Sessions, their presets and panic."""

from __future__ import annotations

import pytest
from hand_played import ENGINE_PID
from shelves import TRACK

from remixd.mix import DIMENSIONS


def test_a_session_is_created_shown_listed_and_deleted(told, remixd, service):
    created = told("session", "create", "a-song")
    assert (created["track"], created["sink"], created["engine_pid"]) == (TRACK, "stream", ENGINE_PID)
    service.run(service.session(created["id"]).play, 100)
    shown = told("session", "show", created["id"])
    assert (shown["sample"], shown["position_s"], shown["bar_beat"]) == (48_000, 1.0, "1:1.00")
    assert shown["mix"] == {name: row.neutral for name, row in DIMENSIONS.items()}
    assert told("session", "show") == shown
    assert told("session", "list") == [shown]
    assert created["id"] in remixd("session", "list").out
    assert "mix: tempo 1" in remixd("session", "show").out
    assert told("session", "delete", created["id"]) == {"id": created["id"], "deleted": True}
    assert told("session", "list") == []


def test_a_session_is_created_as_it_is_asked_for(told, remixd):
    plain_one = told("session", "create", TRACK)
    assert (plain_one["mode"], plain_one["sink"], plain_one["preset"]) == ("hands-on", "stream", "original")
    words = ("session", "create", TRACK, "--directed", "--sink", "null:fast", "--preset", "karaoke")
    made = told(*words)
    assert (made["mode"], made["sink"], made["preset"]) == ("directed", "null:fast", "karaoke")
    assert told("session", "show", made["id"])["mode"] == "directed"
    assert "preset: karaoke" in remixd("session", "show", made["id"]).out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--preset", "karoake"), "there is no preset 'karoake': did you mean karaoke?"),
        (("--sink", "speaker"), "there is no sink 'speaker': there are device, file, null, stream"),
    ],
)
def test_an_unknown_preset_or_sink_is_one_line_with_the_nearest(remixd, service, words, why):
    done = remixd("session", "create", TRACK, *words)
    assert (done.code, done.out, done.err) == (1, "", f"remixd: {why}\n")
    assert not service.sessions.held


def test_presets_are_listed_and_shown_without_a_daemon(told, remixd, service):
    service.stop()
    names = [each["name"] for each in told("preset", "list")]
    assert {"karaoke", "nightcore", "original"} <= set(names)
    assert names == sorted(names)
    assert told("preset", "show", "karaoke")["mix"] == {"vocals": -60.0}
    assert "vocals=-60" in remixd("preset", "list").out
    assert "mix: as the artist left it" in remixd("preset", "show", "original").out
    shown = remixd("preset", "show", "stadium").out
    assert "on master:\n  highpass: cutoff_frequency_hz=38\n" in shown
    assert "rules: when=bar explores=True cadence_lock=False\n" in shown
    assert "not for: without vocals\n" in remixd("preset", "show", "karaoke").out
    done = remixd("preset", "show", "nightcor")
    assert (done.code, done.err) == (1, "remixd: there is no preset 'nightcor': did you mean nightcore?\n")


def test_panic_is_answered_at_once_or_awaited(told, remixd, session):
    session.mix["vocals"] = -60.0
    quick = told("panic", session.id)
    assert (quick["accepted"], quick["applied"]) == (True, None)
    assert quick["planned_sample"] == session.sample
    patient = told("panic", session.id, "--wait")
    assert patient["applied"]["settled_sample"] == 480
    assert session.panics == [quick["id"], patient["id"]]
    assert "settled at 480" in remixd("panic", session.id, "--wait").out
    done = remixd("panic", "s-9")
    assert (done.code, done.err) == (1, "remixd: there is no session 's-9': did you mean s-1?\n")


def test_a_session_that_is_lost_still_answers(told, service, session):
    service.run(session.die)
    assert told("session", "show", session.id)["state"] == "lost"


def test_which_session_must_be_said_unless_there_is_one(remixd):
    assert remixd("session", "show").err == "remixd: there are no sessions\n"
    for _ in range(2):
        remixd("session", "create", TRACK)
    assert remixd("session", "show").err == "remixd: there are 2 sessions: say which\n"


@pytest.mark.parametrize(
    "words",
    [
        ("session", "show", "s-2"),
        ("session", "delete", "s-2"),
        ("signal", "s-2", "vocals=-1"),
        ("signal", "s-2", "vocals=-1", "--wait"),
        ("listen", "s-2", "--seconds", "1", "-o", "heard.wav"),
        ("watch", "s-2"),
    ],
)
def test_an_unknown_session_is_one_line_with_the_nearest(remixd, session, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert session.id == "s-1"
    done = remixd(*words)
    assert (done.code, done.out) == (1, "")
    assert done.err == "remixd: there is no session 's-2': did you mean s-1?\n"
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_track_is_one_line_with_the_nearest(remixd):
    for words in (("session", "create"), ("track", "show")):
        done = remixd(*words, "a-sing-0a1b2c3d")
        assert (done.code, done.out) == (1, "")
        assert done.err == f"remixd: there is no track 'a-sing-0a1b2c3d': did you mean {TRACK}?\n"


def test_a_link_to_join_is_printed_and_written_as_a_qr_code(told, remixd, session, tmp_path):
    site = "https://radio.example"
    made = told("session", "join", session.id, "--site", site)
    assert (made["link"], made["caution"]) == (f"{site}/join/{session.id}", "")
    for name, begins in (("code.svg", b"<?xml"), ("code.png", b"\x89PNG")):
        done = remixd("session", "join", session.id, "--site", site, "--qr", tmp_path / name)
        assert (done.code, made["link"] in done.out) == (0, True)
        assert (tmp_path / name).read_bytes().startswith(begins)
    assert "this machine only" in remixd("session", "join", session.id, "--site", "http://localhost:7401").err
    wrong = remixd("session", "join", session.id, "--site", site, "--qr", tmp_path / "code.gif")
    assert (wrong.code, wrong.err) == (1, "remixd: code.gif: a QR code is written as .svg or .png\n")
