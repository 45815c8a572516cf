"""Whatever is in flight, a process that uses the client ends."""

from __future__ import annotations

import threading
import time

import pytest
from endings import OPEN, exit_codes
from shelves import TRACK

from remixd import errors
from remixd.client import Client, Signal


@pytest.fixture
def session(service):
    with Client(str(service.address)) as client:
        return service.session(client.create_session(TRACK).id)


def test_processes_end_whatever_they_have_open(service, session):
    everything = "; ".join(f"kept_{number} = {body}" for number, body in enumerate(OPEN.values()))
    assert exit_codes(service.address, session.id, [everything, everything + "; raise SystemExit(3)"]) == [
        0,
        3,
    ]


def test_no_thread_is_left_when_a_client_is_closed(service, session):
    before = set(threading.enumerate())
    for _ in range(5):
        client = Client(str(service.address))
        kept = [client.console(session.id), client.watch(session.id), client.packets(session.id)]
        kept += [client.signals(session.id)]
        kept[3].put(Signal(id="x", reaction="like"))
        assert set(threading.enumerate()) > before
        client.close()
        assert set(threading.enumerate()) <= before
        client.close()


def test_a_client_that_is_closed_says_so(service, session):
    client = Client(str(service.address))
    client.close()
    for ask in (client.tracks, lambda: client.watch(session.id), lambda: client.signals(session.id)):
        with pytest.raises(errors.Unavailable, match="this client is closed"):
            ask()


def test_a_client_is_closed_from_its_own_callback(service, session):
    client = Client(str(service.address))
    done = threading.Event()

    def close(_answer):
        client.close()
        done.set()

    stream = client.signals(session.id, on_answer=close)
    stream.put(Signal(id="x", reaction="like"))
    began = time.monotonic()
    assert done.wait(10)
    assert time.monotonic() - began < 10
