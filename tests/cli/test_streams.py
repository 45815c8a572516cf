"""Listening and watching."""

from __future__ import annotations

import json
import threading
import time
import wave

import av
import pytest
from serving import when_heard
from shelves import TRACK
from sounds import noise

from remixd.units import PACKET_FRAMES


def test_what_is_heard_is_written_on_the_sessions_clock(told, service, session, tmp_path):
    out = tmp_path / "heard.wav"
    service.run(session.play, 3)
    thread = when_heard(service, session, lambda: session.play(10))
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

    thread = when_heard(service, session, play)
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
        (("--seconds", "1", "-o", "heard.mp3"), "heard.mp3 must end in .wav, .flac, .opus or .ogg"),
        (("--seconds", "1", "-o", "heard.flac", "--format", "opus"), "must end in .opus or .ogg"),
        (("--seconds", "1", "-o", "heard.opus", "--bitrate", "5"), "must be one of 48000"),
        (("--seconds", "1", "-o", "heard.flac", "--bitrate", "128"), "is for Opus"),
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


@pytest.mark.parametrize(
    "words", [("listen", "s", "--seconds", "1e9", "-o", "a.wav"), ("watch", "s", "--seconds", "1e300")]
)
def test_times_without_end_are_refused(remixd, words):
    done = remixd(*words)
    assert done.code == 2
    assert "is more than" in done.err


@pytest.mark.parametrize("name", ["heard.opus", "heard.ogg", "heard.flac"])
def test_the_suffix_says_what_is_sent_and_others_can_read_it(told, service, session, tmp_path, name):
    thread = when_heard(service, session, lambda: session.play(40))
    answer = told("listen", session.id, "--seconds", "0.2", "-o", tmp_path / name)
    thread.join()
    assert answer["gaps"] == 0
    with av.open(str(tmp_path / name)) as container:
        [stream] = container.streams
        assert stream.codec_context.name == ("flac" if name.endswith("flac") else "opus")
        assert sum(frame.samples for frame in container.decode(stream)) == answer["frames"] >= 9600


def test_whole_numbers_and_bit_rates_may_be_asked_for(told, service, session, tmp_path):
    thread = when_heard(service, session, lambda: session.play(10))
    heard = told("listen", session.id, "--seconds", ".05", "--format", "s16", "-o", tmp_path / "heard.wav")
    thread.join()
    assert heard["frames"] == 2400
    sizes = []
    for kbit in ("48", "256"):
        fresh = service.wait(service.sessions.create(TRACK))  # nobody has listened to it before
        thread = when_heard(service, fresh, lambda fresh=fresh: fresh.sound(noise(48_000 // 2)))
        told("listen", fresh.id, "--seconds", ".2", "--bitrate", kbit, "-o", tmp_path / "heard.opus")
        thread.join()
        sizes.append((tmp_path / "heard.opus").stat().st_size)
        fresh.end()
    assert sizes[1] > 2 * sizes[0]
