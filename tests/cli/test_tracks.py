"""Tracks: listed, searched, edited, shown and deleted."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace

import pytest
from packages import write_package
from shelves import TRACK, a_track, an_analysis

from remixd.cli._shelf import find_track, package_json
from remixd.client import Client
from remixd.errors import InvalidInput, NotFound
from remixd.track.listing import TrackRow
from remixd.track.package import Track


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
                                     sections=(), chords=(), alternatives=(), singing=None,
                                     onsets_s={}, onset_strengths={}),
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


def test_another_way_to_count_is_offered_and_chosen_by_its_number(told, remixd, tmp_path):
    shown = remixd("track", "show", TRACK).out
    assert f"alternative 1: 60.00 bpm, 4/4, bars from 0.500 s on (25 %): `remixd track edit {TRACK}" in shown
    chosen = told("track", "edit", TRACK, "--alternative", "2", "--title", "Moon")
    assert (chosen["bpm"], chosen["metre"], chosen["downbeats_s"]) == (120.0, "3/4", [0.5, 2.0, 3.5])
    assert chosen["edited"] == ["title", "alternative"]
    assert told("track", "edit", TRACK, "--alternative", "1")["bpm"] == 60.0  # the numbers stay
    assert told("track", "edit", TRACK, "--reset", "alternative")["metre"] == "4/4"
    analysis = replace(an_analysis(), onsets_s={}, onset_strengths={})
    write_package(tmp_path / "tracks" / TRACK, analysis=analysis, frames=4 * 48_000)
    on_disk = told("track", "edit", TRACK, "--alternative", "1", "--library", tmp_path)
    assert (on_disk["bpm"], on_disk["beats_s"]) == (60.0, [0.5, 1.5, 2.5, 3.5])


def test_a_track_is_told_in_words(service, remixd, monkeypatch):
    shown = remixd("track", "show", TRACK).out.splitlines()
    for line in (
        "beats_s: 8, an even grid", "energy_curve: 4 seconds",
        "section 0:00: chorus (a guess, A: like no other)",
        "singing: 62 % of the song, 1 span", "onsets_s: drums 2", "true_peak_dbtp: -0.5",
        "null_test: -62 dB beside the master, at worst -61 dB", "loudness_range_lu: 6.5",
        "confidence: bpm 0.9",
    ):  # fmt: skip
        assert line in shown
    wind = an_analysis(beats_s=(), downbeats_s=(), bpm=None, metre=None, phrases_s=(), alternatives=())
    monkeypatch.setitem(service.shelf.held, TRACK, a_track(analysis=wind))
    shown = remixd("track", "show", TRACK).out
    assert "beats_s: none: what goes by beats and bars goes by the second" in shown
    refused = remixd("track", "edit", TRACK, "--alternative", "1")
    assert (refused.code, refused.err) == (
        1, "remixd: --alternative 1 is none: this track has no other way to count it\n"
    )  # fmt: skip


def test_a_picture_of_a_title_that_its_letters_cannot_write_says_so(remixd, tmp_path):
    write_package(tmp_path / "tracks" / TRACK, title="달빛")
    shown = remixd("track", "show", TRACK, "--library", tmp_path, "--png", tmp_path / "song.png")
    assert shown.code == 0
    assert "its letters are Latin" in shown.err
    assert "달빛".encode() in (tmp_path / "song.png").read_bytes()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "nothing to edit"), (["--alternative", "3"], "--alternative 3 is none: there are 1 to 2"),
        (["--title", "x" * 301], "title has 301 characters: at most 300 are kept"),
        (["--bpm", "9999"], "bpm is 9999"), (["--metre", "4"], "metre is '4'"),
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
    assert package["sections"] == [
        {"start_s": 0.0, "end_s": 4.0, "label": "chorus", "how": "guessed", "because": "A: like no other",
         "estimated": True},
    ]  # fmt: skip
    assert (package["true_peak_dbtp"], package["loudness_range_lu"]) == (-0.5, 6.5)
    assert package["singing"] == [{"start_s": 0.5, "end_s": 3.0}]
    assert package["onsets_s"] == {"drums": [0.0, 0.5]}
    assert package["onset_strengths"] == {"drums": [1.0, 0.25]}
    assert package["energy_curve"] == [0.1, 0.9, 0.8, 1.0]
    assert package["constant_tempo"] is True
    assert package["alternatives"][0]["bpm"] == 60.0
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


def test_stems_that_are_guesses_are_told_so(service, remixd, monkeypatch):
    guess = replace(a_track().stems[2], estimated=True, colour="#009e73")
    monkeypatch.setitem(service.shelf.held, TRACK, a_track(stems=(guess,)))
    assert "stem drums: drums, #009e73, estimated" in remixd("track", "show", TRACK).out


def test_a_track_is_deleted_when_that_is_meant(remixd, told, service, tmp_path):
    refused = remixd("track", "delete", "a-song")
    assert (refused.code, refused.out) == (1, "")
    assert "say --yes" in refused.err
    assert TRACK in service.shelf.held
    assert told("track", "delete", "a-song", "--yes") == {"id": TRACK, "deleted": True}
    assert TRACK not in service.shelf.held
    assert "there is no track" in remixd("track", "delete", TRACK, "--yes").err
    assert remixd("track", "delete", TRACK, "--yes", "--library", tmp_path).code == 1


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
