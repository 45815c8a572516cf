"""Density and stingers on a real daemon: named, within rights, survived, and replayed bit for bit."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import numpy as np
from processes import Daemon

from remixd.client import Client, Recorder, Session
from remixd.control.recording import read_recording
from remixd.control.replay import Replay
from remixd.track.cache import cache_path
from remixd.track.library import Library, cache_folder


def until(client: Client, session: str, holds: Callable[[Session], bool], seconds: float = 8.0) -> Session:
    end = time.monotonic() + seconds
    while not holds(found := client.session(session)):
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


def perform(client: Client, session: str, failures: list[BaseException]) -> None:
    """Density up, stingers, a dead engine, density down."""
    try:
        client.signal(session, {"density": 1.0}, wait=True)
        status = until(client, session, lambda now: now.generated_db > -50)
        assert "drums" in status.generated
        assert status.because["density"].startswith("generated drums")
        with client.console(session) as hands:
            landed = hands.stinger("A", "impact", wait=True)
            assert landed.accepted
            assert landed.applied
            assert landed.applied.bar_beat.endswith(":1.00")
            assert "cool down" in hands.stinger("A", "riser").reason
            os.kill(status.engine_pid, signal.SIGKILL)
            until(client, session, lambda now: now.engine_pid != status.engine_pid)
            until(client, session, lambda now: now.generated_db > -50)
        client.signal(session, {"density": -0.5}, wait=True)
        until(client, session, lambda now: not now.generated and now.generated_db <= -50)
        client.delete_session(session)
    except BaseException as error:
        failures.append(error)


def test_what_was_generated_survives_its_engine_and_is_replayed_bit_for_bit(
    start_daemon: Callable[..., Daemon],
) -> None:
    daemon = start_daemon()
    with daemon.client() as client:
        [track] = client.tracks()
        session = client.create_session(track.id).id
        recorder, failures = Recorder(48_000 * 60), list[BaseException]()
        thread = threading.Thread(target=perform, args=(client, session, failures))
        with client.packets(session, seconds=60) as packets:
            thread.start()
            for packet in packets:
                recorder.add(packet)
        thread.join()
    assert not failures, failures
    [path] = daemon.state.glob(f"journals/*/{session}.rxj")
    end = time.monotonic() + 5
    while not read_recording(path).how and time.monotonic() < end:
        time.sleep(0.05)
    recording = read_recording(path)
    assert len(recording.patterns) > 3
    with Library(daemon.library) as library:
        caches = {
            (track.id, stem.name): cache_path(cache_folder(daemon.library, track.id), stem)
            for stem in library.get(track.id).stems
        }
    replay = Replay(recording, caches)
    again, heard = np.concatenate(list(replay.blocks(1000))), recorder.recording()
    assert replay.strayed is None
    np.testing.assert_array_equal(again[heard.first_sample :], heard.pcm)
