"""The real daemon in a process of its own, on a library with one small song."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from processes import Daemon, run, write_song

from remixd.client import Client


@pytest.fixture(scope="session")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_song(tmp_path_factory.mktemp("songs") / "three sines")


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
