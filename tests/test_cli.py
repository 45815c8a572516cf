"""The command line, against a real server."""

from __future__ import annotations

import dataclasses
import json
import os
import signal as signals
import subprocess
import sys
import threading
import time
import wave
from dataclasses import replace
from types import SimpleNamespace

import pytest
from packages import write_package
from serving import ENGINE_PID, a_track, an_analysis

from remixd import cli
from remixd.cli._out import plain
from remixd.cli._shelf import find_track, package_json
from remixd.client import Client
from remixd.errors import InvalidInput, NotFound
from remixd.mix import DIMENSIONS
from remixd.track.import_options import ImportOptions
from remixd.track.listing import TrackRow
from remixd.track.package import Track
from remixd.units import PACKET_FRAMES

TRACK = "a-song-0a1b2c3d"


@pytest.fixture
def remixd(service, monkeypatch, capsys):
    """Run a command as a person would; its exit code, stdout and stderr."""
    monkeypatch.setenv("REMIXD_LISTEN", str(service.address))
    monkeypatch.delenv("REMIXD_LIBRARY", raising=False)
    monkeypatch.delenv("REMIXD_DEBUG", raising=False)

    def run(*words):
        code = cli.run([str(word) for word in words])
        captured = capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    return run


@pytest.fixture
def told(remixd):
    """Run a command with --json that must succeed; its one value."""

    def run(*words):
        done = remixd(*words, "--json")
        assert (done.code, done.err) == (0, "")
        return json.loads(done.out)

    return run


@pytest.fixture
def session(service, told):
    return service.session(told("session", "create", TRACK)["id"])


def play_when_heard(service, session, act):
    def wait():
        until = time.monotonic() + 5
        while not session.listeners and time.monotonic() < until:
            time.sleep(0.002)
        service.run(act)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


# The library


def test_tracks_are_listed(told, remixd):
    rows = told("tracks")
    assert [row["id"] for row in rows] == [TRACK, "b-song-4e5f6a7b"]
    assert set(rows[0]) == {field.name for field in dataclasses.fields(TrackRow)}
    assert (rows[0]["camelot"], rows[0]["energy"], rows[0]["loudness_lufs"]) == ("8A", 6.5, -9.0)
    assert TRACK in remixd("tracks").out


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["b-s", "SONG"], 1), (["--key", "9A"], 2), (["--key", "C major"], 2), (["--key", "11B"], 0),
        (["--bpm", "110..120"], 2), (["--bpm", "121.."], 0), (["--energy", "5..8", "somebody"], 2),
    ],
)  # fmt: skip
def test_tracks_are_searched_alike_with_the_daemon_and_on_the_disk(told, tmp_path, words, count):
    assert len(told("tracks", *words)) == count
    package = write_package(
        tmp_path / "tracks" / TRACK, artist="Somebody",
        analysis=dataclasses.replace(an_analysis(), duration_s=0.1, beats_s=(), downbeats_s=(), phrases_s=(),
                                     sections=(), chords=(), onsets_s={}),
    )  # fmt: skip
    found = told("tracks", *words, "--library", tmp_path)
    assert [row["id"] for row in found] == ([package.id] if count == 2 else [])


def test_a_search_that_cannot_be_is_one_line(remixd):
    for words, told in ((["--bpm", "fast"], "no range"), (["--key", "H"], "is not a key")):
        done = remixd("tracks", *words)
        assert (done.code, done.out) == (1, "")
        assert told in done.err
    assert remixd("tracks", "nothing has this").out == "no such tracks\n"


def test_a_track_is_edited_by_hand_and_the_edit_undone(told, remixd):
    edited = told("track", "edit", "a-song", "--bpm", "90", "--first-downbeat", ".5", "--key", "8B",
                  "--section", "2.0=drop")  # fmt: skip
    assert (edited["bpm"], edited["key"], edited["downbeats_s"][0]) == (90.0, "C major", 0.5)
    assert [part["label"] for part in edited["sections"]] == ["chorus", "drop"]
    assert edited["edited"] == ["bpm", "first_downbeat_s", "key", "sections"]
    assert told("track", "show", TRACK) == edited
    assert "edited by hand: bpm" in remixd("track", "show", TRACK).out
    assert told("tracks", "--key", "8B", "a-song")[0]["edited"]
    assert told("track", "edit", TRACK, "--reset", "bpm", "--reset", "section")["edited"] == [
        "first_downbeat_s", "key",
    ]  # fmt: skip
    assert remixd("track", "edit", TRACK, "--reset", "all").out == f"{TRACK}: edited by hand: nothing\n"
    assert told("track", "show", TRACK)["bpm"] == 120.0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "nothing to edit"), (["--bpm", "9999"], "bpm is 9999"), (["--metre", "4"], "metre is '4'"),
        (["--first-downbeat", "9"], "first_downbeat_s is 9: the song lasts 4.000 s"),
        (["--section", "x=y"], "--section 'x=y' is not such as 32.0=chorus"),
        (["--section", "3"], "'3' is not"),
        (["--reset", "tempo"], "'tempo' is no field"),
    ],
)  # fmt: skip
def test_an_absurd_edit_is_one_line_that_names_it(remixd, service, words, why):
    done = remixd("track", "edit", TRACK, *words)
    assert (done.code, done.out) == (1, "")
    assert why in done.err
    assert len(done.err.splitlines()) == 1
    assert not service.shelf.get(TRACK).edits


def test_a_track_on_the_disk_is_drawn_and_one_whose_sound_is_gone_says_so(remixd, tmp_path):
    package = write_package(tmp_path / "tracks" / TRACK)
    shown = remixd("track", "show", TRACK, "--library", tmp_path, "--png", tmp_path / "song.png")
    assert (shown.code, shown.err) == (0, "")
    assert any(line.startswith("drums ") and "\u2588" in line for line in shown.out.splitlines())
    assert (tmp_path / "song.png").read_bytes().startswith(b"\x89PNG")
    package.file_of(package.stems[0]).write_bytes(b"fLaC of nothing")
    shown = remixd("track", "show", TRACK, "--library", tmp_path)
    assert shown.code == 0
    assert "drums.flac is damaged" in shown.err
    assert "\ntime " in shown.out
    assert remixd("track", "show", TRACK, "--library", tmp_path, "--png", tmp_path / "b.png").code == 1
    assert not (tmp_path / "b.png").exists()


def test_rights_are_told_in_words(told, remixd):
    words = remixd("track", "rights", TRACK).out
    assert "The tempo may go from 80 % to 125 % of the artist's." in words
    assert "The pitch may be moved by -3 to +3 semitones." in words
    assert "The drums may go from -24 to +6 dB, and never be muted." in words
    assert "The vocals may not be heard alone." in words
    assert "bass" not in words  # it plays none
    assert told("track", "rights", TRACK) == told("track", "show", TRACK)["rights"]


def test_a_track_is_shown_in_full_by_its_id_or_the_beginning_of_it(told, remixd):
    package = told("track", "show", TRACK)
    assert (package["bpm"], package["metre"], package["key"]) == (120.0, "4/4", "A minor")
    assert package["beats_s"][:2] == [0.0, 0.5]
    assert package["downbeats_s"] == [0.0, 2.0]
    assert package["sections"] == [{"start_s": 0.0, "end_s": 4.0, "label": "chorus"}]
    assert package["stems"][1] == {
        "name": "vocals-en", "role": "vocals", "language": "en", "plays": False, "colour": "",
        "estimated": False,
    }  # fmt: skip
    assert told("track", "show", "a-s") == package
    assert package["rights"]["never_mute"] == ["drums"]
    assert package["rights"]["ranges"]["drums"] == [-24.0, 6.0]
    shown = remixd("track", "show", TRACK).out
    assert "vocals-en: vocals, en, alternate" in shown
    assert "The drums may go from -24 to +6 dB, and never be muted." in shown


def test_a_package_has_one_shape_from_the_disk_and_from_the_daemon(service, tmp_path):
    values = vars(a_track()) | {"master": None, "folder": tmp_path}
    del values["duration_s"]
    with Client(str(service.address)) as client:
        over_the_wire = package_json(client.track(TRACK))
    assert over_the_wire == json.loads(json.dumps(Track(**values).to_json()))


def test_songs_are_imported_into_the_daemons_library(service, told, tmp_path):
    song = tmp_path / "song"
    [done] = told("import", song, "--map", "gtr=bass")
    assert (done["id"], done["title"], done["new"]) == (TRACK, "A Song", True)
    assert [stem["role"] for stem in done["stems"]] == ["vocals", "vocals", "drums"]
    assert done["notes"] == ["drums was 12 ms shorter: padded"]
    assert service.imports == [(song, service.shelf.path, ImportOptions(roles={"gtr": "bass"}), False)]


def test_a_grid_is_sent_as_an_absolute_path_and_a_splitter_by_its_name(service, told, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    told("import", "/songs/one", "--grid", "a.csv", "--splitter", "None")
    options = service.imports[-1][2]
    assert (options.grid, options.splitter) == (tmp_path / "a.csv", "none")


def test_a_grid_is_for_one_song(service, remixd):
    refused = remixd("import", "/songs/one", "/songs/two", "--grid", "a.csv")
    assert "--grid has the beats of one song" in refused.err
    assert service.imports == []


def test_stems_that_are_guesses_are_told_so(service, remixd, monkeypatch):
    guess = replace(a_track().stems[2], estimated=True, colour="#009e73")
    monkeypatch.setitem(service.shelf.held, TRACK, a_track(stems=(guess,)))
    assert "stem drums: drums, #009e73, estimated" in remixd("track", "show", TRACK).out


def test_a_song_that_cannot_be_imported_does_not_hold_back_the_others(remixd, service):
    done = remixd("import", "/songs/broken", "/songs/good", "--json")
    assert done.code == 1
    assert [song["id"] for song in json.loads(done.out)] == [TRACK]
    assert done.err == "remixd: /songs/broken holds no audio\n"
    assert len(service.imports) == 2


def test_a_library_that_is_named_is_used_on_the_disk(told, service, tmp_path):
    assert told("tracks", "--library", tmp_path / "mine") == []
    assert (tmp_path / "mine" / "library.db").exists()
    assert service.imports == []


def test_the_users_own_library_is_used_where_no_daemon_runs(told, service, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    service.stop()
    assert told("tracks") == []
    assert (tmp_path / "remixd" / "library.db").exists()


def test_a_daemon_that_was_named_is_asked_though_a_library_is_set(remixd, tmp_path, monkeypatch):
    monkeypatch.setenv("REMIXD_LIBRARY", str(tmp_path))
    done = remixd("tracks", "--daemon", "127.0.0.1:1")
    assert done.code == 1
    assert "no daemon at 127.0.0.1:1" in done.err


def test_a_library_and_a_daemon_cannot_both_be_named(remixd, tmp_path):
    done = remixd("tracks", "--daemon", "127.0.0.1:1", "--library", str(tmp_path))
    assert done.code == 1
    assert "--library and --daemon" in done.err


def test_a_daemon_that_was_named_must_run(remixd, service):
    address = service.address
    service.stop()
    done = remixd("tracks", "--daemon", address)
    assert (done.code, done.out) == (1, "")
    assert done.err == f"remixd: no daemon at {address}: start one with `remixd serve`\n"


def test_a_track_is_deleted_when_that_is_meant(remixd, told, service, tmp_path):
    refused = remixd("track", "delete", "a-song")
    assert (refused.code, refused.out) == (1, "")
    assert "say --yes" in refused.err
    assert TRACK in service.shelf.held
    assert told("track", "delete", "a-song", "--yes") == {"id": TRACK, "deleted": True}
    assert TRACK not in service.shelf.held
    assert "there is no track" in remixd("track", "delete", TRACK, "--yes").err
    assert remixd("track", "delete", TRACK, "--yes", "--library", tmp_path).code == 1


def test_an_import_may_build_the_cache_too(told, service, tmp_path):
    told("import", tmp_path, "--warm")
    assert service.imports[-1][-1] is True


def test_a_cap_that_is_no_size_is_refused(remixd, tmp_path):
    done = remixd("serve", "--library", tmp_path, "--cache-max", "much")
    assert (done.code, done.err) == (1, "remixd: 'much' is not a size such as 20GB or 512MiB\n")


def test_a_beginning_finds_the_one_track_that_has_it():
    held = {"moon-11111111": 1, "moon-river-22222222": 2, "sun-33333333": 3}

    def get(name):
        if name not in held:
            raise NotFound(f"there is no track {name!r}: did you mean sun-33333333?")
        return held[name]

    assert find_track("sun", get, lambda: held) == 3
    assert find_track("moon-r", get, lambda: held) == 2
    assert find_track("moon-11111111", get, lambda: held) == 1
    with pytest.raises(InvalidInput, match="beginning of 2 tracks: moon-11111111, moon-river-22222222"):
        find_track("moon", get, lambda: held)
    for nothing in ("star", ""):
        with pytest.raises(NotFound, match="did you mean"):
            find_track(nothing, get, lambda: held)


# Sessions


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
    assert [each["name"] for each in told("preset", "list")] == ["karaoke", "nightcore", "original"]
    assert told("preset", "show", "karaoke")["mix"] == {"vocals": -60.0}
    assert "vocals=-60" in remixd("preset", "list").out
    assert "mix: as the artist left it" in remixd("preset", "show", "original").out
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


# Signals


def test_a_signal_is_answered_as_documented(told, session):
    quick = told("signal", session.id, "vocals=-90", "tempo=1.06", "--fan", "mina")
    assert quick["accepted"] is True
    assert quick["applied"] is None
    [clamp] = quick["clamps"]
    assert clamp == {"dimension": "vocals", "asked": -90.0, "given": -60.0, "because": "the range"}
    patient = told("signal", session.id, "drums=-3", "--wait")
    assert {"id", "accepted", "clamps", "applied"} <= set(patient)
    assert {"sample", "settled_sample", "bar_beat"} <= set(patient["applied"])
    assert patient["applied"]["settled_sample"] == 480
    assert [signal.fan for signal in session.received] == ["mina", ""]


def test_a_clamp_is_told_to_a_person_too(remixd, session):
    done = remixd("signal", session.id, "vocals=-90", "--wait")
    assert "vocals: -60 instead of -90: the range" in done.out
    assert "applied from sample 0 (1:1.00), settled at 480" in done.out


def test_a_signal_that_is_refused_says_why_and_fails(remixd, session):
    done = remixd("signal", session.id, "vocals=-1", "--fan", "f" * 200, "--json")
    assert (done.code, done.out) == (1, "")
    assert done.err == "remixd: fan has 200 characters; at most 128 are taken\n"


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ("vocls=-1", "there is no dimension 'vocls': did you mean vocals?"),
        ("vocals", "'vocals' is not DIMENSION=VALUE"),
        ("vocals=nan", "vocals=nan: not a number"),
        ("vocals=inf", "vocals is infinite"),
    ],
)
def test_a_wish_that_cannot_be_is_one_line(remixd, session, wish, why):
    done = remixd("signal", session.id, wish, "--json")
    assert (done.code, done.out, done.err) == (1, "", f"remixd: {why}\n")
    assert session.received == []


# Listening and watching


def test_what_is_heard_is_written_on_the_sessions_clock(told, service, session, tmp_path):
    out = tmp_path / "heard.wav"
    service.run(session.play, 3)
    thread = play_when_heard(service, session, lambda: session.play(10))
    answer = told("listen", session.id, "--seconds", "0.1", "-o", out)
    thread.join()
    assert answer == {"first_sample": 3 * PACKET_FRAMES, "frames": 4800, "gaps": 0}
    with wave.open(str(out)) as file:
        assert (file.getnframes(), file.getsampwidth()) == (4800, 3)


def test_what_was_heard_of_a_session_that_is_lost_is_kept(remixd, service, session, tmp_path):
    out = tmp_path / "heard.wav"

    def play():
        session.play(5)
        session.die()

    thread = play_when_heard(service, session, play)
    done = remixd("listen", session.id, "--seconds", "5", "-o", out, "--json")
    thread.join()
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        f"{out} holds the 0.05 s that were heard",
        "remixd: the engine of session s-1 is lost",
    ]
    with wave.open(str(out)) as file:
        assert file.getnframes() == 5 * PACKET_FRAMES


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--seconds", "1", "-o", "heard.mp3"), "heard.mp3 must end in .wav"),
        (("--seconds", "1", "-o", "nowhere/heard.wav"), "there is no folder"),
        (("--seconds", "0", "-o", "heard.wav"), "0 is not more than 0"),
        (("--seconds", "nan", "-o", "heard.wav"), "nan is not more than 0"),
        (("--seconds", "x", "-o", "heard.wav"), "'x' is not a number"),
        (("--seconds", "1"), "Missing option"),
    ],
)
def test_listening_in_vain_is_told_before_it_begins(remixd, session, words, why, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = remixd("listen", session.id, *words)
    assert done.code in (1, 2)
    assert why in done.err
    assert len(done.err.splitlines()) == 1
    assert not session.listeners


def test_a_watch_is_one_json_value_a_line(remixd, session):
    done = remixd("watch", session.id, "--count", "1", "--json")
    [line] = done.out.splitlines()
    event = json.loads(line)
    assert (event["event"], event["id"], event["state"]) == ("status", session.id, "playing")
    assert done.code == 0


def test_a_watch_ends_in_time(remixd, session):
    done = remixd("watch", session.id, "--seconds", "0.2")
    assert done.code == 0
    assert "1:1.00" in done.out


def test_a_watch_tells_of_the_loss_and_fails(remixd, service, session):
    def lose():
        until = time.monotonic() + 5
        while not session.watchers and time.monotonic() < until:
            time.sleep(0.002)
        service.run(session.die)

    thread = threading.Thread(target=lose)
    thread.start()
    done = remixd("watch", session.id, "--json")
    thread.join()
    assert done.code == 1
    assert json.loads(done.out.splitlines()[-1]) == {
        "event": "lost",
        "reason": "the engine of session s-1 is lost",
    }
    assert done.err == "remixd: the engine of session s-1 is lost\n"


# Rendering


def test_rendering_is_refused_before_it_begins(remixd, tmp_path):
    library = ("--library", tmp_path / "library")
    for words, why in (
        (("x", "-o", "out.txt"), "out.txt must end in one of .wav, .flac, .ogg, .mp3"),
        (("x", "-o", tmp_path / "nowhere" / "out.wav"), "there is no folder"),
        (("x", "-o", tmp_path / "out.wav"), "there is no track 'x': there are none"),
        (("x", "--mix", "temp=1", "-o", "out.wav"), "did you mean tempo?"),
        (("x", "--start", "-1", "-o", "out.wav"), "-1 is not at least 0"),
    ):
        done = remixd("render", *words, *library)
        assert done.code in (1, 2)
        assert why in done.err
        assert len(done.err.splitlines()) == 1


# Errors, whatever they are


@pytest.mark.parametrize("words", [("bogus",), ("session",), ("session", "bogus"), ("tracks", "--bogus"), ()])
def test_a_wrong_command_line_is_no_traceback(remixd, words):
    done = remixd(*words)
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err
    assert done.err


def test_a_fault_is_one_line(remixd, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("divided\nby zero")

    monkeypatch.setattr("remixd.client.Client.tracks", broken)
    done = remixd("tracks", "--json")
    assert (done.code, done.out) == (70, "")
    assert done.err.splitlines() == [
        "remixd: a fault of remixd: ZeroDivisionError: divided by zero (REMIXD_DEBUG=1 tells where)"
    ]


def test_a_title_in_hangul_does_not_end_a_command_on_an_ascii_terminal(service):
    service.shelf.held[TRACK].title = "노래"
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "REMIXD_LISTEN": str(service.address)}
    for words in (["tracks"], ["tracks", "--json"]):
        done = subprocess.run(
            [sys.executable, "-m", "remixd", *words], env=environment, capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")


def test_ctrl_c_is_quiet(service, session):
    command = [
        sys.executable,
        "-m",
        "remixd",
        "watch",
        session.id,
        "--daemon",
        str(service.address),
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout.readline()
        running.send_signal(signals.SIGINT)
        assert running.stderr.read() == b""
        assert running.wait(10) == 130


def test_a_reader_that_goes_away_is_quiet(service, session):
    command = [
        sys.executable,
        "-m",
        "remixd",
        "watch",
        session.id,
        "--daemon",
        str(service.address),
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout.readline()
        running.stdout.close()
        service.run(session.tell_status)
        assert running.stderr.read() == b""
        assert running.wait(10) == 141


def test_starting_up_imports_nothing_heavy():
    heavy = {"grpc", "numpy", "rich", "av", "asyncio", "sqlite3", "remixd._kernel", "remixd.v1"}
    code = f"import sys, remixd.cli; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_numbers_that_json_has_no_word_for_become_null():
    assert plain({"a": (float("inf"), 1.5), "b": float("nan")}) == {"a": [None, 1.5], "b": None}


@pytest.mark.parametrize(
    "words", [("listen", "s", "--seconds", "1e9", "-o", "a.wav"), ("watch", "s", "--seconds", "1e300")]
)
def test_times_without_end_are_refused(remixd, words):
    done = remixd(*words)
    assert done.code == 2
    assert "is more than" in done.err


def test_a_command_whose_output_is_closed_ends_quietly():
    done = subprocess.run(
        [sys.executable, "-c", "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, '-m', "
         "'remixd', 'tracks', '--library', sys.argv[1]])", "/nowhere"],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (141, "")
