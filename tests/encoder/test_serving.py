"""The encoder as a process: what it is told, what it tells, and how it ends."""

from __future__ import annotations

import json
import os
import threading

import pytest

from remixd.encoder import serving
from remixd.encoder.wire import Kind, Messages


@pytest.fixture
def worker():
    """A running encoder: what to say to it, and what it says."""
    commands_read, commands = os.pipe()
    packets, packets_write = os.pipe()
    status: list[int] = []
    thread = threading.Thread(target=lambda: status.append(serving.run(commands_read, packets_write)))
    thread.start()
    open_ends = {commands, packets}

    def close(end: int) -> None:
        if end in open_ends:
            open_ends.remove(end)
            os.close(end)

    yield commands, packets, close, thread, status
    close(commands)
    thread.join(10)
    close(packets)
    for end in (commands_read, packets_write):
        os.close(end)
    assert status == [0]


def say(commands, **words):
    os.write(commands, json.dumps(words).encode() + b"\n")


def failure(packets):
    messages = Messages()
    while True:
        for message in messages.feed(os.read(packets, 4096)):
            if message.kind is not Kind.ALIVE:
                return message


@pytest.mark.parametrize(
    ("changed", "why"),
    [({"path": "/nowhere/session-1"}, "No such file"), ({"path": __file__}, "not a session's shared memory")],
)
def test_what_cannot_be_opened_is_told_and_the_rest_goes_on(worker, changed, why):
    commands, packets, *_ = worker
    words = {"op": "open", "stream": 3, "codec": "opus", "bitrate_bps": 128_000, "before": 0, **changed}
    for _ in range(2):
        say(commands, **words)
        told = failure(packets)
        assert (told.kind, told.stream) == (Kind.FAILED, 3)
        assert why in told.data.decode()


def test_it_ends_when_its_commands_do(worker):
    commands, _, close, thread, status = worker
    say(commands, op="close", stream=9)
    say(commands, op="move", stream=9, path="/nowhere", before=0)
    close(commands)
    thread.join(10)
    assert status == [0]


def test_it_ends_when_nobody_reads_it(worker):
    commands, packets, close, thread, status = worker
    close(packets)
    say(commands, op="open", stream=1, codec="opus", bitrate_bps=128_000, path="/nowhere", before=0)
    thread.join(10)
    assert status == [0]
