"""Streams of signals: batched, in order, bounded, answered, and ended without a hang."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from shelves import TRACK

from remixd import errors
from remixd.api.audience import AudienceServicer
from remixd.client import AsyncClient, Client, Said, Signal


def likes(count, name="s"):
    return [Signal(id=f"{name}-{each}", reaction="like") for each in range(count)]


@pytest.fixture
def session(service):
    with Client(str(service.address)) as client:
        return service.session(client.create_session(TRACK).id)


@pytest.fixture
def batches(monkeypatch):
    """The batches that come, by the ids in them."""
    got = []
    receive = AudienceServicer._receive

    def noting(self, session, batch, came_ns):
        got.append([signal.id for signal in batch])
        return receive(self, session, batch, came_ns)

    monkeypatch.setattr(AudienceServicer, "_receive", noting)
    return got


def in_loop(service, session, do):
    async def run():
        async with AsyncClient(str(service.address)) as client, client.signals(session.id) as stream:
            return await do(stream)

    return asyncio.run(run())


def test_signals_go_together_and_are_answered_in_order(service, session, batches):
    told = []
    with (
        Client(str(service.address)) as client,
        client.signals(session.id, on_answer=told.append) as stream,
    ):
        answers = [stream.put(signal) for signal in likes(200)]
    assert [answer.result(0).id for answer in answers] == [each.id for each in likes(200)]
    assert [answer.id for answer in told] == [each.id for each in likes(200)]
    assert [signal.id for signal in session.received] == [each.id for each in likes(200)]
    assert max(map(len, batches)) == 64
    assert len(batches) <= 8


def test_signals_go_together_in_an_event_loop_too(service, session, batches):
    async def do(stream):
        answers = [await stream.put(signal) for signal in likes(200)]
        await stream.flush()
        return [answer.result().id for answer in answers]

    assert in_loop(service, session, do) == [each.id for each in likes(200)]
    assert max(map(len, batches)) == 64
    assert len(batches) <= 8


def test_a_signal_that_is_alone_goes_by_itself(service, session):
    with Client(str(service.address)) as client, client.signals(session.id) as stream:
        assert stream.put(Said(id="a", emoji="👍")).result(5).understood == "like"

    async def do(stream):
        return (await asyncio.wait_for(await stream.put(Said(id="b", emoji="👍")), 5)).understood

    assert in_loop(service, session, do) == "like"


def test_what_cannot_be_sent_is_told_at_once_and_holds_nothing_back(service, session):
    with Client(str(service.address)) as client, client.signals(session.id) as stream:
        with pytest.raises(errors.NotFound, match="no consent"):
            stream.put(Said(id="a", emoji="👍", consent="everything"))
        with pytest.raises(errors.InvalidInput, match="not valid Unicode"):
            stream.put(Said(id="a", text="caf\udce9"))
        refused, taken = stream.put(Said(id="b", emoji="no emoji")), stream.put(likes(1)[0])
    assert not refused.result(0).accepted
    assert taken.result(0).accepted


def test_who_puts_more_than_a_daemon_takes_waits(service, session):
    gate = threading.Event()
    receive = type(session).receive

    def slow(signals):
        gate.wait(10)
        return receive(session, signals)

    session.receive = slow
    with Client(str(service.address)) as client, client.signals(session.id) as stream:
        count = 0

        def put():
            nonlocal count
            for signal in likes(1100):
                stream.put(signal)
                count += 1

        putting = threading.Thread(target=put)
        putting.start()
        end_s = time.monotonic() + 5
        while count < 1024 and time.monotonic() < end_s:
            time.sleep(0.01)
        putting.join(0.2)
        assert putting.is_alive()
        assert count == 1024
        gate.set()
        putting.join(10)
    assert len(session.received) == 1100


async def test_who_puts_too_much_waits_in_an_event_loop_too(service):
    async with AsyncClient(str(service.address)) as client:
        session = service.session((await client.create_session(TRACK)).id)
        gate = threading.Event()
        receive = type(session).receive

        def slow(signals):
            gate.wait(10)
            return receive(session, signals)

        session.receive = slow
        async with client.signals(session.id) as stream:
            for signal in likes(1024):
                await stream.put(signal)
            last = asyncio.create_task(stream.put(Signal(id="last", reaction="like")))
            await asyncio.sleep(0.1)
            assert not last.done()
            gate.set()
            assert (await (await last)).accepted
    assert len(session.received) == 1025


@pytest.mark.parametrize("kind", [errors.Unavailable, errors.InvalidInput])
def test_what_ends_a_stream_is_told_to_all_who_wait(service, session, kind):
    session.refusal = kind("the engine says no")
    with Client(str(service.address)) as client:
        stream = client.signals(session.id)
        answers = [stream.put(signal) for signal in likes(70)]
        with pytest.raises(kind, match="the engine says no"):
            stream.close()
        assert {type(answer.exception(0)) for answer in answers} == {kind}
        with pytest.raises(kind):
            stream.put(likes(1)[0])

    async def do(stream):
        answer = await stream.put(likes(1)[0])
        with pytest.raises(kind):
            await stream.flush()
        return type(answer.exception())

    with pytest.raises(kind):  # leaving the stream tells it too
        assert in_loop(service, session, do) is kind


def test_an_engine_that_is_full_for_a_moment_loses_nothing(service, session):
    session.refusal = errors.Exhausted("it takes no more just now")
    with Client(str(service.address)) as client, client.signals(session.id) as stream:
        answers = [stream.put(signal) for signal in likes(100)]
        time.sleep(0.1)
        assert not session.received
        session.refusal = None
    assert [answer.result(0).id for answer in answers] == [each.id for each in likes(100)]
    assert [signal.id for signal in session.received] == [each.id for each in likes(100)]


def test_a_stream_to_a_session_that_is_none_says_so(service):
    with Client(str(service.address)) as client, pytest.raises(errors.NotFound, match="'s-9'"):
        client.signals("s-9")


async def test_a_stream_to_a_session_that_is_none_says_so_in_an_event_loop_too(service):
    async with AsyncClient(str(service.address)) as client:
        with pytest.raises(errors.NotFound, match="'s-9'"):
            async with client.signals("s-9"):
                pass
        stream = client.signals("s-9")
        with pytest.raises(errors.Unavailable, match="async with"):
            await stream.put(likes(1)[0])


def test_an_error_in_the_callers_callback_ends_the_stream_and_nobody_waits(service, session):
    def broken(answer):
        raise KeyError(answer.id)

    with Client(str(service.address)) as client:
        stream = client.signals(session.id, on_answer=broken)
        first = stream.put(likes(1)[0])
        assert first.result(5).accepted
        with pytest.raises(errors.RemixdError, match=r"on_answer raised KeyError\('s-0'\)"):
            stream.flush()
        with pytest.raises(errors.RemixdError, match="on_answer"):
            stream.put(likes(1)[0])
        with pytest.raises(errors.RemixdError, match="on_answer"):
            stream.close()


def test_leaving_with_an_error_waits_for_no_answer(service, session):
    session.receive = lambda _signals: time.sleep(0.5)
    began = time.monotonic()
    answers = []

    def fail():
        with Client(str(service.address)) as client, client.signals(session.id) as stream:
            answers.append(stream.put(likes(1)[0]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert isinstance(answers[0].exception(5), errors.Unavailable)
    assert time.monotonic() - began < 10
