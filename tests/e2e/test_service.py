"""The main job, end to end: a song plays, a wish arrives, the music changes, one hears it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
import wave
from pathlib import Path

import grpc
import numpy as np
import pytest
from processes import SONG_S, STEMS_HZ, run

from remixd.client import Applied, Lost, Recorder, Session
from remixd.errors import NotFound, Unavailable
from remixd.units import RATE_HZ
from remixd.v1 import sessions_pb2, sessions_pb2_grpc


def level_db(pcm, frequency_hz):
    """How loud one sine is in a mix."""
    left = pcm[:, 0].astype(np.float64)
    window = np.hanning(len(left))
    turning = np.exp(-2j * np.pi * frequency_hz * np.arange(len(left)) / RATE_HZ)
    return 20 * np.log10(abs(np.sum(left * window * turning)) * 2 / np.sum(window) + 1e-12)


def record(client, session, seconds, do=lambda: None):
    """Hear a session for some seconds, and do something once it is heard."""
    recorder = Recorder(round(seconds * RATE_HZ))
    thread = threading.Thread(target=do)
    with client.packets(session, seconds=seconds + 10) as packets:
        while not recorder.is_full:
            recorder.add(next(packets))
            if recorder.frames >= RATE_HZ // 2 and thread.ident is None:
                thread.start()
    thread.join()
    return recorder.recording()


@pytest.fixture
def track(client):
    [only] = client.tracks()
    return only.id


@pytest.fixture
def session(client, track):
    return client.create_session(track).id


def test_a_muted_stem_is_gone_from_the_sample_that_was_named(client, session):
    answers = []
    heard = record(
        client, session, 1.6, lambda: answers.append(client.signal(session, {"vocals": -60.0}, wait=True))
    )
    applied = answers[0].applied
    assert heard.gaps == 0
    changed, settled = applied.sample - heard.first_sample, applied.settled_sample - heard.first_sample
    assert 0 < changed < settled < heard.frames - RATE_HZ // 4
    before, after = heard.pcm[changed - RATE_HZ // 4 : changed], heard.pcm[settled:]
    assert level_db(before, STEMS_HZ["vocals"]) == pytest.approx(20 * np.log10(0.2), abs=0.5)
    assert level_db(after, STEMS_HZ["vocals"]) < level_db(before, STEMS_HZ["vocals"]) - 40
    for name in ("bass", "other"):
        assert level_db(after, STEMS_HZ[name]) == pytest.approx(level_db(before, STEMS_HZ[name]), abs=0.5)
    assert client.session(session).mix["vocals"] == -60.0


def test_the_song_goes_on_at_the_tempo_that_was_wished(client, session):
    answer = client.signal(session, {"tempo": 1.2}, wait=True)
    while (first := client.session(session)).sample < answer.applied.settled_sample:
        time.sleep(0.02)
    time.sleep(0.5)
    later = client.session(session)
    assert (later.position_s - first.position_s) % SONG_S == pytest.approx(
        1.2 * (later.sample - first.sample) / RATE_HZ, abs=0.03
    )


def test_rights_clamp_a_wish_and_the_clamp_is_told(client, session):
    answer = client.signal(session, {"tempo": 1.9}, wait=True)
    [clamp] = answer.clamps
    assert (clamp.dimension, clamp.asked, clamp.given) == ("tempo", 1.9, 1.25)
    assert "rights" in clamp.because
    assert client.session(session).mix["tempo"] == 1.25


def test_every_accepted_signal_of_a_crowd_is_heard_of_again(client, session):
    with client.watch(session) as events:
        sent = [client.signal(session, {"bass": -float(level)}).id for level in range(30)]
        heard_of = []
        while len(heard_of) < len(sent):
            event = next(events)
            if isinstance(event, Applied):
                heard_of.append(event.id)
    assert sorted(heard_of) == sorted(sent)


def test_a_watcher_sees_the_clock_go_on(client, session):
    with client.watch(session, seconds=1.0) as events:
        statuses = [event for event in events if isinstance(event, Session)]
    samples = [status.sample for status in statuses]
    assert len(samples) > 5
    assert samples == sorted(samples)
    assert samples[-1] - samples[0] == pytest.approx(RATE_HZ, rel=0.5)
    assert statuses[-1].bar_beat.startswith("1:")


def test_a_deleted_session_ends_its_streams_and_is_gone(client, session):
    with client.packets(session) as packets, client.watch(session) as events:
        next(packets)
        client.delete_session(session)
        for _ in packets:
            pass
        assert not any(isinstance(event, Lost) for event in events)
    with pytest.raises(NotFound, match="there is no session"):
        client.session(session)


def test_an_unknown_track_is_named_with_the_nearest(client, track):
    with pytest.raises(NotFound, match=f"did you mean {track}"):
        client.create_session(track[:-1] + "?")


def test_a_second_daemon_on_the_port_or_the_library_is_refused(shared_daemon, tmp_path):
    taken = run("serve", "--listen", shared_daemon.address, "--library", tmp_path / "another")
    assert taken.returncode == 1
    port = shared_daemon.address.partition(":")[2]
    assert f"port {port} on 127.0.0.1 is taken" in taken.stderr.splitlines()[-1]
    held = run("serve", "--listen", "127.0.0.1:0", "--library", shared_daemon.library)
    assert held.returncode == 1
    assert f"another daemon serves the library {shared_daemon.library}" in held.stderr.splitlines()[-1]
    for refused in (taken, held):
        assert refused.stdout == ""
        assert "Traceback" not in refused.stderr


def test_an_address_beyond_this_machine_is_refused(tmp_path):
    done = run("serve", "--listen", "0.0.0.0:0", "--library", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "this machine only" in done.stderr


def test_a_listener_that_stops_reading_is_told_later_and_disturbs_nobody(shared_daemon, client, session):
    options = [("grpc.http2.lookahead_bytes", 65536), ("grpc.http2.bdp_probe", 0)]
    with grpc.insecure_channel(shared_daemon.address, options=options) as channel:
        stub = sessions_pb2_grpc.SessionsStub(channel)
        slow = stub.Listen(sessions_pb2.ListenRequest(session=session))
        assert next(slow).HasField("format")
        assert client.listen(session, 2.5).gaps == 0
        skipped = 0
        for response in slow:
            skipped += response.packet.skipped_frames
            if skipped:
                break
        assert skipped > RATE_HZ // 2
        slow.cancel()


def test_a_listener_that_dies_disturbs_nobody(shared_daemon, client, session, tmp_path):
    command = [
        sys.executable, "-m", "remixd", "listen", session, "--seconds", "60", "-o", str(tmp_path / "x.wav"),
        "--daemon", shared_daemon.address,
    ]  # fmt: skip
    with subprocess.Popen(command) as dying:

        def kill():
            time.sleep(0.5)
            dying.kill()

        assert record(client, session, 1.8, kill).gaps == 0
    assert dying.returncode == -signal.SIGKILL
    assert client.session(session).state == "playing"


def test_a_daemon_that_is_stopped_ends_its_streams_its_engine_and_its_locks(start_daemon):
    daemon = start_daemon()
    with daemon.client(reconnect=False) as client:
        session = client.create_session(client.tracks()[0].id)
        with client.packets(session.id) as packets, client.watch(session.id) as events:
            next(packets), next(events)
            began_s = time.monotonic()
            assert daemon.stop() == 0
            assert time.monotonic() - began_s < 5
            for stream in (packets, events):
                with pytest.raises(Unavailable, match="the daemon is stopping"):
                    list(stream)
        with pytest.raises(Unavailable, match="no daemon at"):
            client.sessions()
    assert not Path(f"/proc/{session.engine_pid}").exists()
    assert "Traceback" not in daemon.log.read_text()


def test_the_command_line_does_the_main_job(shared_daemon, track, tmp_path):
    there = {"REMIXD_LISTEN": shared_daemon.address}

    def told(*words):
        done = run(*words, "--json", **there)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    created = told("session", "create", track[:8])
    assert created["track"] == track
    answer = told("signal", created["id"], "vocals=-18", "tempo=1.06", "--fan", "mina", "--wait")
    assert {"id", "accepted", "clamps", "applied"} <= set(answer)
    assert answer["applied"]["sample"] < answer["applied"]["settled_sample"]
    out = tmp_path / "heard.wav"
    heard = told("listen", created["id"], "--seconds", "0.5", "-o", out)
    assert {**heard, "first_sample": 0} == {"first_sample": 0, "frames": RATE_HZ // 2, "gaps": 0}
    assert heard["first_sample"] > answer["applied"]["sample"]
    with wave.open(str(out)) as file:
        assert file.getnframes() == RATE_HZ // 2
    shown = told("session", "show", created["id"])
    assert {"mix", "position_s", "sample", "bar_beat", "track", "sink", "engine_pid"} <= set(shown)
    assert shown["mix"]["vocals"] == -18.0
    assert told("session", "delete", created["id"])["deleted"]


def test_a_song_is_imported_by_the_daemon_and_shown_as_it_is_on_disk(shared_daemon, song, track):
    imported = run("import", song, "--json", "--daemon", shared_daemon.address)
    [done] = json.loads(imported.stdout)
    assert (done["id"], done["new"]) == (track, False)
    over_the_wire = run("track", "show", track, "--json", "--daemon", shared_daemon.address)
    from_disk = run("track", "show", track, "--json", "--library", shared_daemon.library)
    assert json.loads(over_the_wire.stdout) == json.loads(from_disk.stdout)
    rows = run("tracks", "--json", "--daemon", shared_daemon.address)
    assert json.loads(rows.stdout) == json.loads(
        run("tracks", "--json", "--library", shared_daemon.library).stdout
    )


def test_a_track_of_the_daemons_library_is_rendered_in_the_mix_that_rights_allow(
    shared_daemon, track, tmp_path
):
    out = tmp_path / "out.wav"
    done = run(
        "render", track, "--mix", "tempo=1.9,vocals=-60", "--start", "1", "-o", out, "--json",
        REMIXD_LISTEN=shared_daemon.address,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert answer["frames"] == round((SONG_S - 1) * RATE_HZ / 1.25)
    assert [(clamp["dimension"], clamp["given"]) for clamp in answer["clamps"]] == [("tempo", 1.25)]
    with wave.open(str(out)) as file:
        assert file.getnframes() == answer["frames"]
        raw = np.frombuffer(file.readframes(file.getnframes()), dtype=np.uint8).reshape(-1, 2, 3)
    padded = np.zeros((*raw.shape[:2], 4), dtype=np.uint8)
    padded[:, :, 1:] = raw
    pcm = padded.view("<i4")[:, :, 0] / 2**31
    middle = pcm[RATE_HZ : 2 * RATE_HZ]
    assert level_db(middle, STEMS_HZ["vocals"]) < level_db(middle, STEMS_HZ["bass"]) - 40
