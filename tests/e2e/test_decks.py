"""Two songs on the decks of the real daemon: beat-matched, looped, their stems swapped; measured by ear."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from processes import Daemon, run

from remixd.client import Client, Console, Deck
from remixd.control.encoder import write_audio
from remixd.track.analysis import Analysis
from remixd.units import RATE_HZ

SONG_S = 24.0
SONGS = {
    "one": (120.0, {"bass": 110.0, "vocals": 1000.0, "other": 2750.0}),
    "two": (126.0, {"bass": 150.0, "vocals": 1300.0, "other": 3500.0}),
}


def write_song(folder: Path, bpm: float, sines_hz: dict[str, float]) -> None:
    """A song whose drums strike each beat, never twice the same, and whose other stems are a sine each."""
    folder.mkdir()
    frames = round(SONG_S * RATE_HZ)
    time_s = np.arange(frames) / RATE_HZ
    for name, frequency_hz in sines_hz.items():
        wave = (0.1 * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)
        write_audio(folder / f"{name}.wav", iter([np.stack([wave, wave], axis=1)]), RATE_HZ)
    beats_s = np.arange(0.0, SONG_S - 0.01, 60.0 / bpm)
    drums = np.zeros((frames, 2), dtype=np.float32)
    rng = np.random.default_rng(round(bpm))
    for beat_s in beats_s:
        strike = drums[round(beat_s * RATE_HZ) :][:2000]
        strike += (
            rng.uniform(-0.4, 0.4, strike.shape) * np.exp(-np.arange(len(strike)) / 400)[:, None]
        ).astype(np.float32)
    write_audio(folder / "drums.wav", iter([drums]), RATE_HZ)
    times = tuple(beats_s.tolist())
    analysis = Analysis(
        source="demo", duration_s=SONG_S, bpm=bpm, metre="4/4", beats_s=times, downbeats_s=times[::4]
    )
    (folder / "analysis.json").write_text(analysis.to_json())


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder, library = tmp_path_factory.mktemp("songs"), tmp_path_factory.mktemp("library")
    for name, (bpm, sines_hz) in SONGS.items():
        write_song(folder / name, bpm, sines_hz)
        done = run("import", folder / name, "--warm", "--library", library)
        assert done.returncode == 0, done.stderr
    for path in (library / "tracks").glob("*/track.toml"):
        path.write_text(path.read_text().partition("\n[rights]")[0] + "\n[rights]\nmash_ups = true\n")
    running = Daemon(library, tmp_path_factory.mktemp("log") / "errors")
    yield running
    assert running.stop() == 0


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Client]:
    with daemon.client() as opened:
        yield opened
        for session in opened.sessions():
            opened.delete_session(session.id)


@pytest.fixture
def tracks(client: Client) -> dict[str, str]:
    return {row.title: row.id for row in client.tracks()}


def level_db(pcm: np.ndarray, frequency_hz: float) -> float:
    """How loud one sine is."""
    window = np.hanning(len(pcm))
    turning = np.exp(-2j * np.pi * frequency_hz * np.arange(len(pcm)) / RATE_HZ)
    return float(20 * np.log10(abs(np.sum(pcm * window * turning)) * 2 / np.sum(window) + 1e-12))


def strikes(pcm: np.ndarray) -> np.ndarray:
    """Frames at which drums strike after a tenth of a second of silence."""
    loud = np.flatnonzero(np.abs(pcm) > 0.05)
    return loud[np.flatnonzero(np.diff(loud, prepend=-RATE_HZ) > RATE_HZ // 10)]


def both_play(console: Console, tracks: dict[str, str]) -> None:
    """Put the first song on deck A and the second in sync on deck B, from a bar on."""
    assert console.load("A", tracks["one"]).accepted
    assert console.load("B", tracks["two"]).accepted
    assert console.play("A", wait=True).accepted
    assert console.lead("A", wait=True).accepted
    assert console.sync("B", wait=True).accepted
    answer = console.play("B", at="bar", wait=True)
    assert answer.applied.bar_beat == "1:1.00"
    assert abs(answer.planned_sample - answer.applied.sample) < 480


def deck(client: Client, session: str, name: str) -> Deck:
    return next(each for each in client.session(session).decks if each.name == name)


def test_two_songs_of_different_tempo_strike_together(client, tracks) -> None:
    session = client.create_session().id
    with client.console(session) as console:
        for name, side in (("A", -1.0), ("B", 1.0)):
            console.pan(name, side)
        both_play(console, tracks)
        for name in ("A", "B"):
            for role in ("bass", "vocals", "other"):
                assert console.mute(name, role, wait=True).accepted
    time.sleep(0.5)
    heard = client.listen(session, 5.0)
    assert heard.gaps == 0
    left, right = strikes(heard.pcm[:, 0]), strikes(heard.pcm[:, 1])
    assert len(left) >= 9
    off_frames = np.array([np.abs(right - at).min() for at in left[1:-1]])
    assert off_frames.max() < RATE_HZ // 1000, "within a millisecond on every beat"
    status = deck(client, session, "B")
    assert (status.synced, status.tempo) == (True, pytest.approx(120 / 126, abs=1e-4))
    assert status.bpm == pytest.approx(120.0, abs=0.05)


def test_the_vocals_of_one_sing_over_the_band_of_the_other_from_the_bar_on(client, tracks) -> None:
    session = client.create_session().id
    one, two = SONGS["one"][1], SONGS["two"][1]
    with client.console(session) as console:
        both_play(console, tracks)
        out = console.mute("B", "vocals", at="bar")
        over = console.solo("A", "vocals", at="bar", wait=True)
        assert (out.accepted, over.accepted) == (True, True)
        assert "12 dB above" in over.because
    assert over.applied.bar_beat.endswith(":1.00")
    while client.session(session).sample < over.applied.settled_sample + RATE_HZ // 10:
        time.sleep(0.02)
    pcm = client.listen(session, 1.0).pcm[:, 0]
    there = {
        "vocals of one": one["vocals"],
        "bass of two": two["bass"],
        "other of two": two["other"],
    }
    gone = [level_db(pcm, hz) for hz in (one["bass"], one["other"], two["vocals"])]
    for name, hz in there.items():
        assert level_db(pcm, hz) == pytest.approx(-20.0, abs=1.5), name
    assert max(gone) < -50


def test_a_loop_at_the_bar_comes_round_to_the_sample(client, tracks) -> None:
    session = client.create_session(tracks["one"]).id
    with client.console(session) as console:
        looped = console.loop("A", 1.0, at="bar", wait=True).applied
        assert looped.sample % (2 * RATE_HZ) == 0
        heard = client.listen(session, 3.0)
        period = RATE_HZ // 2
        start = -(-(heard.first_sample - looped.sample) // period) * period + looped.sample
        laps = heard.pcm[start - heard.first_sample :][: 4 * period].reshape(4, period, 2)
        for lap in laps[1:]:
            np.testing.assert_array_equal(lap[: period - 256], laps[0][: period - 256])
        assert strikes(laps[0][:, 0]).max() < 10
        assert console.exit_loop("A", wait=True).accepted
        heard = client.listen(session, 1.5).pcm
        assert np.abs(heard[:period] - heard[period : 2 * period]).max() > 0.05, "strikes never repeat else"


def test_the_command_line_mixes_from_one_song_to_the_other(daemon, client, tracks) -> None:
    there = {"REMIXD_LISTEN": daemon.address}

    def told(*words):
        done = run(*words, "--json", **there)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    session = told("session", "create", tracks["one"])["id"]
    told("deck", session, "A", "lead")
    told("deck", session, "B", "fader", "-60")
    told("deck", session, "B", "load", tracks["two"])
    told("deck", session, "B", "sync")
    told("deck", session, "B", "play", "--at", "bar", "--wait")
    told("deck", session, "A", "fader", "-60", "--over", "1", "--equal-power")
    told("deck", session, "B", "fader", "0", "--over", "1", "--equal-power", "--wait")
    time.sleep(1.5)
    heard = client.listen(session, 0.5).pcm[:, 0]
    assert level_db(heard, SONGS["one"][1]["bass"]) < -55
    assert level_db(heard, SONGS["two"][1]["bass"]) == pytest.approx(-20.0, abs=1.0)
    assert [each["state"] for each in told("deck", session)] == ["playing", "playing", "empty", "empty"]
    refused = run("deck", session, "A", "seek", "9:00", **there)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "540 s is outside the song on deck A: it lasts 24.000 s" in refused.stderr
    told("panic", session, "--wait")
    told("signal", session, "vocals=-60", "--at", "beat", "--wait")
