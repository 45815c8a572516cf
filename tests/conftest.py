"""Fixtures that several folders share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from serving import Service


@pytest.fixture
def service() -> Iterator[Service]:
    """A real gRPC server on an ephemeral port, with sessions that the test plays by hand."""
    from serving import Service

    running = Service()
    yield running
    running.stop()
