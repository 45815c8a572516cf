"""The real daemon in a process of its own, on a library with one small song."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from processes import SONG_S, STEMS_HZ, Daemon, run

from remixd.client import Client
from remixd.control.encoder import write_audio
from remixd.track.analysis import Analysis, Section
from remixd.units import RATE_HZ


@pytest.fixture(scope="session")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("songs") / "three sines"
    folder.mkdir()
    time_s = np.arange(round(SONG_S * RATE_HZ)) / RATE_HZ
    for name, frequency_hz in STEMS_HZ.items():
        wave = (0.2 * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)
        write_audio(folder / f"{name}.wav", iter([np.stack([wave, wave], axis=1)]), RATE_HZ)
    beats_s = tuple(np.arange(0.0, SONG_S, 0.5).tolist())
    analysis = Analysis(
        source="demo", duration_s=SONG_S, bpm=120.0, metre="4/4", beats_s=beats_s, downbeats_s=beats_s[::4],
        sections=(Section(start_s=0.0, end_s=SONG_S, label="all of it"),),
    )  # fmt: skip
    (folder / "analysis.json").write_text(analysis.to_json())
    return folder


@pytest.fixture(scope="session")
def library(song: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    done = run("import", song, "--library", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def shared_daemon(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    running = Daemon(library, tmp_path_factory.mktemp("log") / "errors")
    yield running
    assert running.stop() == 0


@pytest.fixture
def client(shared_daemon: Daemon) -> Iterator[Client]:
    with shared_daemon.client() as opened:
        yield opened
        for session in opened.sessions():
            opened.delete_session(session.id)


@pytest.fixture
def start_daemon(song: Path, tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """Start a daemon that a test may break, on a library of its own."""
    running: list[Daemon] = []

    def start(*options: str) -> Daemon:
        library = Path(tempfile.mkdtemp(dir=tmp_path))
        done = run("import", song, "--library", library)
        assert done.returncode == 0, done.stderr
        running.append(Daemon(library, tmp_path / f"errors-{len(running)}", *options))
        return running[-1]

    yield start
    for daemon in running:
        daemon.stop()
