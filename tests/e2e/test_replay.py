"""What a daemon played is rendered again from its journal: the packets that were heard, bit for bit."""

from __future__ import annotations

import json
import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from processes import Daemon, run

from remixd.client import Client, Recorder
from remixd.control.recording import read_recording
from remixd.control.replay import Replay
from remixd.track.cache import cache_path
from remixd.track.library import Library, cache_folder


def journal_of(daemon: Daemon, session: str) -> Path:
    [path] = daemon.state.glob(f"journals/*/{session}.rxj")
    return path


def replayed(daemon: Daemon, path: Path, block_frames: int) -> np.ndarray:
    recording = read_recording(path)
    with Library(daemon.library) as library:
        caches = {
            (name, stem.name): cache_path(cache_folder(daemon.library, name), stem)
            for name in {stem["track"] for score in recording.players.values() for stem in score["stems"]}
            for stem in library.get(name).stems
        }
    replay = Replay(recording, caches)
    heard = np.concatenate(list(replay.blocks(block_frames)))
    assert replay.strayed is None
    return heard


def play(client: Client, session: str, track: str, seed: int) -> None:
    """Two decks in the hands of somebody who does a lot at once, and three fans."""
    chance = np.random.default_rng(seed)
    with client.console(session) as hands:
        hands.load("B", track, wait=True)
        hands.play("B", wait=True)
        hands.sync("B")
        for number in range(12):
            hands.fader("A", float(chance.uniform(-12, 0)))
            hands.loop("A", 1.0, at="beat")
            hands.jump("B", 1.0, at="beat")
            hands.filter("B", float(chance.uniform(-1, 1)))
            hands.tempo("A", float(chance.uniform(0.9, 1.1)))
            hands.exit_loop("A")
            client.signal(session, {"bass": float(chance.uniform(-20, 0))}, fan=f"fan {number % 3}")
            if number % 4 == 3:
                client.signal(session, {"pitch": float(chance.integers(-2, 3))}, wait=True)
            time.sleep(0.1)


@pytest.mark.parametrize("directed", [False, True])
def test_a_live_session_is_replayed_as_it_was_heard(
    shared_daemon: Daemon, client: Client, tmp_path: Path, directed: bool
) -> None:
    [track] = client.tracks()
    session = client.create_session(track.id, directed=directed).id
    recorder = Recorder(48_000 * 30)

    def perform() -> None:
        if directed:
            client.signal(session, {"bass": -12.0, "tempo": 1.05}, fan="fan 1")
            time.sleep(4)
        else:
            play(client, session, track.id, 1)
        client.delete_session(session)

    thread = threading.Thread(target=perform)
    with client.packets(session, seconds=30) as packets:
        thread.start()
        for packet in packets:
            recorder.add(packet)
    thread.join()
    heard = recorder.recording()
    path = journal_of(shared_daemon, session)
    until = time.monotonic() + 5
    while not read_recording(path).how and time.monotonic() < until:
        time.sleep(0.05)
    assert b"fan 1" not in path.read_bytes()
    names = [json.loads(line)[1] for line in path.with_suffix(".fans").read_text().splitlines()]
    assert len(set(names)) == len(names) == (1 if directed else 3)
    assert all(re.fullmatch(r"[0-9a-f]{8}\.[0-9a-f]+", name) for name in names), (
        "none is what the app called them"
    )
    for block_frames in (480, 1000):
        again = replayed(shared_daemon, path, block_frames)
        np.testing.assert_array_equal(again[heard.first_sample :], heard.pcm, "also as it faded out")
    assert heard.gaps == 0
    assert np.abs(heard.pcm).max() > 0.01

    out = tmp_path / "again.wav"
    done = run("render", "--journal", path, "-o", out, "--from", 1, "--seconds", 0.25, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["exact"], told["frames"], told["session"]) == (True, 12_000, session)
