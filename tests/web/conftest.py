"""The web in front of sessions that tests play by hand."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest
from webs import Socket, Web


@pytest.fixture(scope="module")
def running() -> Iterator[Web]:
    it = Web()
    yield it
    it.stop()


@pytest.fixture
def web(running: Web) -> Web:
    """One server for a file, with nothing in it."""
    running.run(running.start_over)
    return running


@pytest.fixture
def socket(web: Web) -> Iterator[Socket]:
    with web.socket() as connection:
        yield Socket(connection)


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """axe-core, from npm, for tests alone."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm")
    folder = tmp_path_factory.mktemp("axe")
    asked = [npm, "install", "--no-save", "--silent", "--prefix", str(folder), "axe-core@4"]
    try:
        done = subprocess.run(asked, capture_output=True, check=False, timeout=60)
    except subprocess.TimeoutExpired:
        pytest.skip("npm does not answer")
    script = folder / "node_modules/axe-core/axe.min.js"
    if done.returncode or not script.exists():
        pytest.skip("axe-core cannot be had here")
    return script.read_text("utf-8")
