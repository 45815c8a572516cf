"""What goes wrong around a running daemon is told, and nobody else is disturbed."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import grpc
import numpy as np
import pytest
from places import small_disk
from processes import Daemon, run
from recordings import hits, write_wav

from remixd.errors import Exhausted, NotFound
from remixd.v1 import tracks_pb2, tracks_pb2_grpc


def consume(values):
    for _ in values:
        pass


def plays(client, session):
    """Whether a session sounds, without gaps."""
    heard = client.listen(session, 0.3)
    return heard.gaps == 0 and np.abs(heard.pcm).max() > 0.01


def test_a_track_deleted_while_it_plays_plays_on_and_cannot_be_started(start_daemon):
    daemon = start_daemon()
    with daemon.client() as client:
        [track] = client.tracks()
        session = client.create_session(track.id).id
        assert plays(client, session)
        client.delete_track(track.id)
        for folder in ("tracks", "cache"):
            assert list((daemon.library / folder).iterdir()) == []
        assert client.tracks() == []
        for call in (client.create_session, client.track, client.delete_track):
            with pytest.raises(NotFound, match=track.id):
                call(track.id)
        time.sleep(0.5)
        assert plays(client, session)
        assert client.signal(session, {"bass": -6.0}, wait=True).applied is not None
        client.delete_session(session)
        assert client.sessions() == []
    assert daemon.stop() == 0


def test_a_track_deleted_by_the_command_line_is_gone_for_the_daemon(start_daemon):
    daemon = start_daemon()
    with daemon.client() as client:
        [track] = client.tracks()
        done = run("track", "delete", track.id, "--yes", "--library", daemon.library)
        assert done.returncode == 0, done.stderr
        with pytest.raises(NotFound):
            client.create_session(track.id)
        assert client.is_serving()


def test_a_cancelled_import_ends_its_worker(start_daemon, tmp_path):
    daemon = start_daemon()
    song = write_wav(tmp_path / "long.wav", hits(60, 120))
    with grpc.insecure_channel(daemon.address) as channel:
        call = tracks_pb2_grpc.TracksStub(channel).ImportTrack(tracks_pb2.ImportTrackRequest(path=str(song)))
        assert next(call).progress.doing
        [worker] = children(daemon.process.pid, b"remixd.analysis")
        call.cancel()
        until = time.monotonic() + 5
        while Path(f"/proc/{worker}").exists() and time.monotonic() < until:
            time.sleep(0.02)
    assert not Path(f"/proc/{worker}").exists()
    with daemon.client() as client:
        assert len(client.tracks()) == 1


def children(pid: int, word: bytes) -> list[int]:
    """The children of a process that have a word in their command lines."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed if word in Path(f"/proc/{child}/cmdline").read_bytes()]


def leave_free(disk: Path, size_bytes: int) -> None:
    """Fill a disk up to so many bytes."""
    with (disk / "ballast").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - size_bytes)


def test_a_full_disk_is_told_and_the_daemon_lives_on(song, tmp_path):
    noise = np.random.default_rng(1).uniform(-0.9, 0.9, (48_000 * 8, 2))  # 1.5 MB as FLAC, 7 MB cached
    with small_disk(tmp_path / "disk", 40_000_000) as disk:
        done = run("import", song, "--library", disk)
        assert done.returncode == 0, done.stderr
        daemon = Daemon(disk, tmp_path / "errors")
        try:
            with daemon.client() as client:
                [track] = client.tracks()
                session = client.create_session(track.id).id
                leave_free(disk, 2_500_000)
                kept = write_wav(tmp_path / "noise.wav", noise, 48_000)
                other = client.import_track(kept, splitter="none").id
                with pytest.raises(Exhausted, match="full"):
                    client.create_session(other)
                more = write_wav(tmp_path / "more.wav", noise[::-1], 48_000)
                with pytest.raises(Exhausted, match="full"):
                    client.import_track(more, splitter="none")
                assert plays(client, session)
                assert {row.id for row in client.tracks()} == {track.id, other}
                client.delete_track(track.id)
                client.delete_session(session)
                assert plays(client, client.create_session(other).id)  # now there is room
        finally:
            assert daemon.stop() == 0


@pytest.fixture
def short_path():
    """A folder whose name is short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="remixd-", dir="/tmp") as folder:
        yield Path(folder)


def test_too_little_shared_memory_is_told_and_the_daemon_lives_on(start_daemon, short_path, monkeypatch):
    with small_disk(short_path / "shm", 8_000_000) as disk:
        monkeypatch.setenv("REMIXD_RUNTIME", str(disk / "r"))
        daemon = start_daemon()
        try:
            with daemon.client() as client:
                [track] = client.tracks()
                with pytest.raises(Exhausted, match=r"session-\d+: no room for \d+ bytes of shared memory$"):
                    consume(client.create_session(track.id) for _ in range(100))
                first, *others = (each.id for each in client.sessions())
                assert all(plays(client, session) for session in others[:2])
                client.delete_session(first)
                assert plays(client, client.create_session(track.id).id)
        finally:
            assert daemon.stop() == 0
