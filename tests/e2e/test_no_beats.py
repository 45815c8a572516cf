"""A song without a beat, from its file to a directed session: bars are seconds then, and it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from processes import Daemon, run

from remixd.client import Client, Session
from remixd.control.encoder import write_audio
from remixd.units import RATE_HZ

SECONDS = 20
BAR_FRAMES = 2 * RATE_HZ


def wind() -> np.ndarray:
    """Noise that swells as it likes."""
    rng = np.random.default_rng(4)
    level = np.interp(np.arange(SECONDS * RATE_HZ), np.arange(0, SECONDS * RATE_HZ, RATE_HZ * 3 // 2),
                      rng.uniform(0.05, 0.2, 14)[: -(-SECONDS * 2 // 3)])  # fmt: skip
    return (level[:, None] * rng.normal(size=(SECONDS * RATE_HZ, 2)) / 2).astype(np.float32)


def rubato() -> np.ndarray:
    """Bells that are struck when somebody likes."""
    rng = np.random.default_rng(5)
    sound = np.zeros((SECONDS * RATE_HZ, 2), np.float32)
    since_s = np.arange(RATE_HZ) / RATE_HZ
    for at_s in np.cumsum(rng.lognormal(-0.3, 0.7, 18)):
        start = round(at_s * RATE_HZ)
        hz = rng.choice([220.0, 277.2, 329.6, 415.3])
        bell = 0.2 * np.sin(2 * np.pi * hz * since_s) * np.exp(-4 * since_s)
        if start < len(sound):
            sound[start : start + RATE_HZ] += bell[: len(sound) - start, None].astype(np.float32)
    return sound


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    songs, folder = tmp_path_factory.mktemp("songs"), tmp_path_factory.mktemp("library")
    for name, pcm in (("wind", wind()), ("rubato", rubato())):
        write_audio(songs / f"{name}.wav", iter([pcm]), RATE_HZ)
        done = run("import", songs / f"{name}.wav", "--splitter", "none", "--library", folder, "--json")
        assert done.returncode == 0, done.stderr
        assert any("no beat was found" in note for note in json.loads(done.stdout)[0]["notes"])
    return folder


@pytest.fixture(scope="module")
def client(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    running = Daemon(library, tmp_path_factory.mktemp("log") / "errors")
    with running.client() as opened:
        yield opened
    assert running.stop() == 0


@pytest.fixture(params=["wind", "rubato"])
def session(client: Client, request: pytest.FixtureRequest) -> Iterator[Session]:
    [track] = client.tracks(request.param)
    created = client.create_session(track.id, directed=True)
    yield created
    client.delete_session(created.id)


def test_it_has_no_beats_and_says_so(client: Client, library: Path) -> None:
    for row in client.tracks():
        track = client.track(row.id)
        assert (track.bpm, track.metre, track.beats_s, track.downbeats_s) == (None, None, (), ())
        assert (track.alternatives, track.constant_tempo) == ((), False)
        assert any("no beat was found" in note for note in track.notes)
        shown = run("track", "show", row.id, "--library", library)
        assert "beats_s: none: what goes by beats and bars goes by the second" in shown.stdout


def test_a_directed_session_goes_by_the_second(client: Client, session: Session) -> None:
    told = client.signal(session.id, {"other": -6.0}, wait=True)
    assert told.applied is not None
    assert told.because == "other by 3 dB a bar: 2 bars"
    assert told.applied.sample % BAR_FRAMES == 0
    assert told.applied.bar_beat is None
    [move] = told.applied.moves
    assert 0 <= move.settled_sample - move.sample - BAR_FRAMES <= 4096, "settled with its last frame"
    bent = client.signal(session.id, {"tempo": 1.05}, wait=True)
    assert bent.applied is not None
    assert bent.planned_sample is not None
    assert bent.planned_sample % (4 * BAR_FRAMES) == 0
    heard = client.listen(session.id, seconds=5.0)
    assert np.abs(heard.pcm).max() > 0.0
