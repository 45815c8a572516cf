"""Errors, whatever they are: one line and a code."""

from __future__ import annotations

import pytest


def test_a_cap_that_is_no_size_is_refused(remixd, tmp_path):
    done = remixd("serve", "--library", tmp_path, "--cache-max", "much")
    assert (done.code, done.err) == (1, "remixd: 'much' is not a size such as 20GB or 512MiB\n")


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
