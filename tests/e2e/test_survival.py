"""Engines and daemons are killed for real, in mid-song: what plays goes on, and whoever listens is told."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import wave
from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np
import pytest
from processes import Daemon

from remixd._kernel.shared import SessionMemory
from remixd.client import Client, Lost
from remixd.client import Packet as HeardPacket
from remixd.errors import Unavailable
from remixd.v1 import sessions_pb2, sessions_pb2_grpc

pytestmark = pytest.mark.timeout(120)


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


class Follower:
    """Listens to a session and watches it, in threads of its own."""

    def __init__(self, client: Client, session: str) -> None:
        self.packets: list[HeardPacket] = []
        self.events: list[object] = []
        self._streams = [client.packets(session), client.watch(session)]
        self._threads = [
            threading.Thread(target=self._follow, args=pair, daemon=True)
            for pair in zip(self._streams, (self.packets, self.events), strict=True)
        ]
        for thread in self._threads:
            thread.start()

    def _follow(self, stream, kept: list) -> None:
        with contextlib.suppress(Unavailable), stream as opened:  # the client goes at the end
            for each in opened:
                kept.append(each)

    def missing_frames(self) -> int:
        return sum(each.skipped_frames for each in self.packets)


def test_an_engine_killed_in_mid_song_is_replaced_and_nobody_has_to_come_again(start_daemon) -> None:
    daemon = start_daemon("--engines", "2")
    with daemon.client() as client:
        [track] = client.tracks()
        sessions = [client.create_session(track.id) for _ in range(4)]
        pids = {session.engine_pid for session in sessions}
        assert len(pids) == 2, "they are spread over both engines"
        client.signal(sessions[0].id, {"vocals": -12.0})
        killed = sessions[0].engine_pid
        followers = {session.id: Follower(client, session.id) for session in sessions}
        until(lambda: len(daemon.engines) == 3)
        until(lambda: all(len(each.packets) > 20 for each in followers.values()))
        until(lambda: client.session(sessions[0].id).mix["vocals"] == -12.0)
        os.kill(killed, signal.SIGKILL)
        for session in sessions:
            until(lambda session=session: client.session(session.id).engine_pid != killed)
        time.sleep(0.5)
        for session in sessions:
            follower = followers[session.id]
            if session.engine_pid == killed:
                assert 0 < follower.missing_frames() < 48_000 * 2
            else:
                assert follower.missing_frames() == 0, "sessions of another engine are not disturbed"
            assert not [event for event in follower.events if isinstance(event, Lost)]
            assert client.session(session.id).state == "playing"
        again = client.session(sessions[0].id)
        assert again.mix["vocals"] == -12.0
        before = len(followers[sessions[0].id].packets)
        until(lambda: len(followers[sessions[0].id].packets) > before + 5)
        until(lambda: len(daemon.engines) == 3, 30)


class RingReader:
    """Reads the one session's packets where the engine lays them down, in a thread of its own."""

    def __init__(self, daemon: Daemon) -> None:
        [path] = daemon.runtime.glob("engine-*/session-*")
        self._ring = SessionMemory(path).ring
        self.samples: list[int] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        sequence = self._ring.newest
        while not self._done.wait(0.02):
            while sequence <= self._ring.newest:
                packet = self._ring.read(sequence)
                self.samples.append(packet.sample if packet else -1)
                sequence += 1

    def stop(self) -> list[int]:
        self._done.set()
        self._thread.join()
        return self.samples


def test_a_daemon_that_was_killed_leaves_its_sessions_playing_and_the_next_one_has_them(
    start_daemon, tmp_path: Path
) -> None:
    daemon = start_daemon()
    with daemon.client() as client:
        [track] = client.tracks()
        session = client.create_session(track.id, sink=f"file:{tmp_path / 'sound.wav'}")
        client.signal(session.id, {"bass": -9.0})
        engine = session.engine_pid
    reader = RingReader(daemon)
    time.sleep(1.5)  # what is known of sessions is written down once a second
    again = daemon.kill()
    with again.client() as client:
        [found] = client.sessions()
        assert (found.id, found.engine_pid, found.state) == (session.id, engine, "playing")
        assert (found.mix["bass"], found.track) == (-9.0, track.id)
        with client.packets(found.id) as packets:
            heard = [next(packets) for _ in range(20)]
        assert not any(each.skipped_frames for each in heard)
        samples = reader.stop()
        assert heard[0].sample <= samples[-1] + 48_000
        assert len(samples) > 150
        assert np.diff(samples).tolist() == [480] * (len(samples) - 1), "nothing was missing all the while"
        client.signal(found.id, {"bass": -3.0})
        until(lambda: len(again.engines) == 1)
        os.kill(engine, signal.SIGKILL)  # and it is as safe as before
        until(lambda: client.session(found.id).engine_pid != engine)
        assert client.session(found.id).mix["bass"] == -3.0
        until(lambda: client.session(found.id).sample > heard[-1].sample)
        client.delete_session(found.id)
    with wave.open(str(tmp_path / "sound.wav")) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), dtype=np.uint8).reshape(-1, 6)
    assert len(pcm) > samples[-1]
    silent = ~pcm[: samples[-1]].any(axis=1)
    assert not silent[1000:].reshape(-1)[: 480 * 100].all()
    assert silent.mean() < 0.01, "the file went on all the while too"


def test_a_request_that_is_sent_again_finds_its_session_with_the_next_daemon_too(start_daemon) -> None:
    daemon = start_daemon()
    with daemon.client() as client:
        [track] = client.tracks()
    request = sessions_pb2.CreateSessionRequest(track=track.id, sink="null", request_id="r-1")

    def create(at: str) -> sessions_pb2.Session:
        with grpc.insecure_channel(at) as channel:
            return sessions_pb2_grpc.SessionsStub(channel).CreateSession(request, timeout=60).session

    made = create(str(daemon.address))
    assert create(str(daemon.address)).id == made.id
    time.sleep(1.5)  # what is known of sessions is written down once a second
    again = daemon.kill()
    found = create(str(again.address))
    assert (found.id, found.engine_pid) == (made.id, made.engine_pid)
    with again.client() as client:
        assert [each.id for each in client.sessions()] == [made.id]
        client.delete_session(made.id)
    with pytest.raises(grpc.RpcError) as ended:
        create(str(again.address))
    assert ended.value.code() is grpc.StatusCode.NOT_FOUND
