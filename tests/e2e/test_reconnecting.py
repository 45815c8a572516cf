"""A client lives through a daemon that is killed: the next one, at the same address, has the sessions."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from remixd.client import Applied, Client, Packet, Reconnected, Session, Signal
from remixd.errors import Disconnected, Unavailable

pytestmark = pytest.mark.timeout(120)


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def follow(stream, kept: list) -> threading.Thread:
    def read() -> None:
        with contextlib.suppress(Unavailable), stream as opened:  # the client goes at the end
            for each in opened:
                kept.append(each)

    thread = threading.Thread(target=read)
    thread.start()
    return thread


def test_everything_that_is_open_goes_on_with_the_next_daemon(start_daemon) -> None:
    daemon = start_daemon()
    packets: list[Packet] = []
    events: list[object] = []
    client = Client(daemon.address)
    with client:
        session = client.create_session(client.tracks()[0].id)
        threads = [follow(client.packets(session.id), packets), follow(client.watch(session.id), events)]
        console = client.console(session.id)
        stream = client.signals(session.id)
        done = threading.Event()
        answers = []

        def express() -> None:
            number = 0
            while not done.wait(0.005):
                number += 1
                steps = {"bass": -1.0 if number % 2 else 1.0}
                answers.append(stream.put(Signal(id=f"s{number}", fan=f"fan{number % 50}", directions=steps)))

        expressing = threading.Thread(target=express)
        expressing.start()
        until(lambda: len(packets) > 20 and len(answers) > 100)
        time.sleep(1.2)  # what is known of sessions is written down once a second
        daemon.kill()
        until(lambda: any(isinstance(event, Reconnected) for event in events))
        done.set()
        expressing.join()
        stream.close()
        assert client.sessions()[0].id == session.id
        heard = len(packets)
        until(lambda: len(packets) > heard + 20)
        until(lambda: console_answers(console))
        console.close()
    for thread in threads:
        thread.join(10)
    assert {answer.result(0).reason for answer in answers if not answer.result(0).accepted} == set()
    assert [answer.result(0).id for answer in answers] == [f"s{each + 1}" for each in range(len(answers))]
    for before, after in itertools.pairwise(packets):
        assert after.sample == before.sample + len(before.pcm) + after.skipped_frames
    [gap] = [each.skipped_frames for each in packets if each.skipped_frames]
    [away] = [event.seconds for event in events if isinstance(event, Reconnected)]
    assert 0 < gap <= (away + 5) * 48_000
    at = next(place for place, event in enumerate(events) if isinstance(event, Reconnected))
    assert isinstance(events[at + 1], Session)
    applied = Counter(event.id for event in events if isinstance(event, Applied))
    assert max(applied.values()) == 1, "nothing is in the sound twice"


def console_answers(console) -> bool:
    try:
        return console.fader("A", -3.0, wait=True).accepted
    except Disconnected:
        return False
