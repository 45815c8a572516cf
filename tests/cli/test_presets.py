"""Presets on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from shelves import TRACK


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("REMIXD_PRESETS", str(tmp_path / "own"))
    return tmp_path / "own"


def test_a_session_begins_in_a_blend_and_goes_to_another(told, remixd, service):
    made = told("session", "create", TRACK, "--preset", "lo-fi:.5,stadium:.3")
    assert made["preset_weights"] == {"lo-fi": 0.5, "stadium": 0.3}
    answer = told("preset", "set", made["id"], "karaoke:.5", "--over", 4, "--at", "phrase", "--wait")
    assert answer["accepted"]
    assert answer["applied"]["sample"] == 0
    [pick] = service.session(made["id"]).picks
    assert (dict(pick.weights), pick.over_bars, pick.at) == ({"karaoke": 0.5}, 4.0, "phrase")
    shown = remixd("preset", "set", made["id"], "club-lift").out
    assert "density: 0 instead of 0.5: this engine cannot play density yet" in shown


def test_a_session_is_saved_as_a_preset(told, remixd):
    session = told("session", "create", TRACK, "--preset", "karaoke")["id"]
    told("signal", session, "drums=-3")
    done = remixd("preset", "save", "mine", "--from", session, "--title", "Mine")
    assert (done.code, done.out) == (0, "mine saved: drums=-3\n")
    assert "mine" in {each["name"] for each in told("preset", "list")}
    assert told("preset", "show", "mine")["title"] == "Mine"
    again = remixd("preset", "save", "mine", "--from", session)
    assert (again.code, again.err) == (1, "remixd: there is a preset mine already\n")
    assert remixd("preset", "save", "mine", "--from", session, "--replace").code == 0
    assert remixd("preset", "delete", "mine").out == "mine deleted\n"
    gone = remixd("preset", "delete", "mine")
    assert (gone.code, gone.err.startswith("remixd: there is no preset 'mine'")) == (1, True)


def test_a_broken_file_is_told_and_does_not_hide_the_others(remixd, own: Path):
    own.mkdir()
    (own / "odd.toml").write_text('title = "T"\ndescription = "D"\n\n[mix]\nvocals = 99\n')
    listed = remixd("preset", "list")
    assert listed.code == 0
    assert "karaoke" in listed.out
    assert "odd.toml, line 5: mix: vocals is 99: not within -60 to 6" in listed.err
    shown = remixd("preset", "show", "odd")
    assert shown.code == 1
    assert "odd.toml, line 5" in shown.err


@pytest.mark.parametrize(
    ("words", "told_why"),
    [
        (("karoake",), "there is no preset 'karoake': did you mean karaoke?"),
        (("karaoke:2",), "the weight of karaoke is 2: not within 0 to 1"),
        (("karaoke:x",), "the weight of karaoke is 'x', not a number"),
        (("karaoke", "--over", "100"), "over_bars goes from 0 to 64, not 100"),
    ],
)
def test_what_cannot_be_is_one_line(remixd, told, words, told_why):
    session = told("session", "create", TRACK)["id"]
    done = remixd("preset", "set", session, *words)
    assert (done.code, done.err) == (1, f"remixd: {told_why}\n")
