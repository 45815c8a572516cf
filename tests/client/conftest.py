"""Both faces of the client, blocking and asynchronous, against a real server."""

from __future__ import annotations

import pytest
from faces import AsyncFace
from shelves import TRACK

from remixd.client import Client


@pytest.fixture(params=[Client, AsyncFace], ids=["blocking", "async"])
def connect(request):
    """One face of the client, to be opened."""
    return request.param


@pytest.fixture
def client(service, connect):
    with connect(str(service.address), timeout_s=5.0) as opened:
        yield opened


@pytest.fixture
def session(service, client):
    return service.session(client.create_session(TRACK).id)
