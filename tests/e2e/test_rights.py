"""Rights, presets, panic and full mailboxes, with the real daemon and engine."""

from __future__ import annotations

import json
import os
import signal
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from processes import STEMS_HZ, Daemon, run

from remixd.control.desk import PANIC_ROOM
from remixd.control.receipts import WAITING_MAX
from remixd.errors import Exhausted, InvalidInput, NotFound
from remixd.units import RATE_HZ

RIGHTS = """
[rights]
tempo = [0.9, 1.1]
never_mute = ["other"]
"""


def level_db(pcm: np.ndarray, name: str) -> float:
    """How loud one stem of the song, a sine, is in a mix."""
    window = np.hanning(len(pcm))
    turning = np.exp(-2j * np.pi * STEMS_HZ[name] * np.arange(len(pcm)) / RATE_HZ)
    return float(20 * np.log10(abs(np.sum(pcm * window * turning)) * 2 / np.sum(window) + 1e-12))


@pytest.fixture
def daemon(start_daemon) -> Daemon:
    """A daemon whose one track does not let itself be remixed as others do."""
    running = start_daemon()
    say(running, RIGHTS)
    return running


def say(daemon: Daemon, rights: str) -> Path:
    [path] = (daemon.library / "tracks").glob("*/track.toml")
    path.write_text(path.read_text().partition("\n[rights]")[0] + rights)
    return path


def only_track(daemon: Daemon) -> str:
    with daemon.client() as client:
        [track] = client.tracks()
        return track.id


def test_the_engine_keeps_to_the_rights_of_the_track(daemon: Daemon) -> None:
    with daemon.client() as client:
        session = client.create_session(only_track(daemon)).id
        answer = client.signal(session, {"other": -60.0, "tempo": 1.2}, wait=True)
        given = {clamp.dimension: (clamp.given, clamp.because) for clamp in answer.clamps}
        assert given["other"] == (-24.0, "the rights of this track allow -24 to 6 dB, and never mute other")
        assert given["tempo"] == (1.1, "the rights of this track allow 0.9 to 1.1 ratio")
        while client.session(session).sample < answer.applied.settled_sample:
            time.sleep(0.02)
        client.signal(session, {"tempo": 1.0}, wait=True)
        time.sleep(0.5)
        heard = client.listen(session, 0.5).pcm[:, 0]
    assert level_db(heard, "other") - level_db(heard, "bass") == pytest.approx(-24.0, abs=0.3)


def test_offline_renders_keep_to_them_too(daemon: Daemon, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    done = run(
        *("render", only_track(daemon), "--mix", "other=-60", "--seconds", "1", "-o", out),
        *("--library", daemon.library, "--json"),
    )
    assert done.returncode == 0, done.stderr
    assert [clamp["given"] for clamp in json.loads(done.stdout)["clamps"]] == [-24.0]
    with wave.open(str(out)) as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), dtype=np.uint8).reshape(-1, 2, 3)[:, 0]
    sound = np.ascontiguousarray(np.pad(raw, ((0, 0), (1, 0)))).view("<i4")[:, 0] / 2.0**31
    assert level_db(sound, "other") - level_db(sound, "bass") == pytest.approx(-24.0, abs=0.3)


def test_what_may_not_leave_the_machine_is_played_and_not_rendered_to_a_file(
    daemon: Daemon, tmp_path: Path
) -> None:
    track, out = only_track(daemon), tmp_path / "out.wav"
    with daemon.client() as client:
        before = client.create_session(track).id
        time.sleep(0.3)
        client.delete_session(before)
        say(daemon, '\n[rights]\nexport = "no"\n')
        told = "do not let it leave this machine: it plays, but is not rendered to a file"
        with pytest.raises(InvalidInput, match=told):
            client.create_session(track, sink=f"file:{out}")
        assert client.create_session(track).state == "playing"
    [journal] = daemon.state.glob(f"journals/*/{before}.rxj")
    for what in ([track], ["--journal", journal]):
        done = run("render", *what, "-o", out, "--library", daemon.library)
        assert done.returncode != 0
        assert told in done.stderr
        assert not out.exists()


def test_a_preset_is_played_as_far_as_rights_allow_and_the_rest_is_told(daemon: Daemon) -> None:
    with daemon.client() as client:
        session = client.create_session(only_track(daemon), preset="nightcore")
        [tempo, drums] = sorted(session.preset_clamps, key=lambda clamp: clamp.dimension != "tempo")
        assert (tempo.asked, tempo.given) == (1.2, 1.1)
        assert "no drums" in drums.because
        assert (session.mix["tempo"], session.mix["pitch"]) == (1.1, 3.0)
        while (first := client.session(session.id)).sample < RATE_HZ // 2:
            time.sleep(0.02)
        assert first.position_s == pytest.approx(1.1 * first.sample / RATE_HZ, abs=0.01)
        applied = client.panic(session.id, wait=True).applied
        assert {move.dimension: move.value for move in applied.moves}["tempo"] == 1.0
        assert client.session(session.id).preset == "original"
        assert applied.settled_sample - first.sample < 2 * RATE_HZ, "within a bar"


@pytest.mark.parametrize(
    ("rights", "told"),
    [
        ("\n[rights]\ntempo = [1.1, 1.2]\n", "track.toml: rights: tempo goes from 1.1 to 1.2"),
        ("\n[rights]\nnever_mute = ['drums']\n", "track.toml: rights: never_mute names drums, but"),
        ("\n[rights]\ntempo = fast\n", r"track.toml is not TOML: .*line \d+"),
    ],
)
def test_a_track_with_broken_rights_does_not_play_and_says_which_line(
    daemon: Daemon, rights: str, told: str
) -> None:
    track = only_track(daemon)
    say(daemon, rights)
    with daemon.client() as client:
        with pytest.raises(InvalidInput, match=told):
            client.create_session(track)
        say(daemon, RIGHTS)
        assert client.create_session(track).state == "playing"


def test_unknown_things_are_named_and_nothing_is_made(daemon: Daemon) -> None:
    track = only_track(daemon)
    with daemon.client() as client:
        for kind, name, call in (
            ("preset", "karoake", lambda: client.create_session(track, preset="karoake")),
            ("track", "nothing", lambda: client.create_session("nothing")),
            ("session", "s-0", lambda: client.panic("s-0")),
            ("session", "s-0", lambda: client.signal("s-0", {"bass": 0.0})),
        ):
            with pytest.raises(NotFound, match=name) as refused:
                call()
            assert (refused.value.kind, refused.value.name) == (kind, name)
        assert client.sessions() == []


def test_a_full_mailbox_is_told_and_nothing_that_was_accepted_is_lost(daemon: Daemon) -> None:
    with daemon.client() as client:
        session = client.create_session(only_track(daemon))
        with client.watch(session.id) as events:
            next(events)
            os.kill(session.engine_pid, signal.SIGSTOP)
            accepted: list[str] = []

            def flood() -> None:
                for _ in range(1000):
                    accepted.append(client.signal(session.id, {"bass": -6.0}).id)

            try:
                with pytest.raises(Exhausted, match="more dimensions now, not 1"):
                    flood()
                client.panic(session.id)
            finally:
                os.kill(session.engine_pid, signal.SIGCONT)
            assert len(accepted) >= WAITING_MAX - PANIC_ROOM
            waiting = set(accepted)
            while waiting:
                waiting.discard(getattr(next(events), "id", ""))
        assert client.session(session.id).mix["bass"] == 0.0, "panic got through"
