"""Fixtures that several folders share."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

# A busy machine is no failure. In CI the same examples are tried every time; elsewhere new ones.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

if TYPE_CHECKING:
    from serving import Service


@pytest.fixture
def service() -> Iterator[Service]:
    """A real gRPC server on an ephemeral port, with sessions that the test plays by hand."""
    from serving import Service

    running = Service()
    yield running
    running.stop()


@pytest.fixture
def music() -> Path:
    """The folder of the real songs; a test that asks for it is marked `music`."""
    from recordings import MUSIC

    if not MUSIC.is_dir():
        pytest.skip("the real songs are not beside this checkout")
    return MUSIC


@pytest.fixture
def runtime() -> Iterator[Path]:
    """A folder in shared memory with a name short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="remixd-test-", dir="/dev/shm"))
    yield path
    shutil.rmtree(path, ignore_errors=True)
