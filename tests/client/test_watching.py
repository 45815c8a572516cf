"""Watching: what comes, what was missed, and how it ends."""

from __future__ import annotations

import time

import pytest

from remixd import errors
from remixd.client import Applied, Lost, Missed, Session
from remixd.control.command import Applied as WireApplied
from remixd.control.streams import ANSWERS_MAX


def test_a_watcher_misses_nothing_sent_after_it_was_there(client, session):
    with client.watch(session.id) as events:
        sent = [client.signal(session.id, {"bass": -level}).id for level in range(20)]
        applied = []
        while len(applied) < 20:
            event = next(events)
            if isinstance(event, Applied):
                applied.append(event.id)
    assert applied == sent


def test_a_watcher_that_fell_behind_is_told_how_many_answers_it_missed(service, client, session):
    def answer_many():
        for number in range(ANSWERS_MAX + 5):
            session.tell(
                WireApplied(id=str(number), sample=1, settled_sample=2, bar_beat="", late_frames=0, moves=())
            )

    with client.watch(session.id) as events:
        next(events)
        service.run(answer_many)
        assert next(events) == Missed(answers=5)
        assert next(events).id == "5"


def test_a_watch_ends_in_time_or_with_its_session(service, client, session):
    began = time.monotonic()
    events = list(client.watch(session.id, seconds=0.2))
    assert 0.1 < time.monotonic() - began < 3
    assert [type(event) for event in events] == [Session]
    with client.watch(session.id) as watching:
        service.run(session.die)
        assert isinstance(list(watching)[-1], Lost)


def test_a_stream_that_was_closed_ends_quietly(client, session):
    events = client.watch(session.id)
    next(events)
    events.close()
    assert list(events) == []


def test_a_stopped_daemon_is_told_to_who_listens_and_does_not_reconnect(service, session, connect):
    with connect(str(service.address), reconnect=False) as client, client.packets(session.id) as packets:
        service.stop()
        with pytest.raises(errors.Unavailable, match="the daemon is stopping"):
            next(packets)
