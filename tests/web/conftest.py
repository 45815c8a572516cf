"""The web in front of sessions that tests play by hand."""

from __future__ import annotations

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
