"""What is cut goes on by itself: nothing is lost, nothing counts twice, and it is told."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time

import pytest
from droppers import PACKET_FRAMES, Dropper
from faces import AsyncFace
from hypothesis import given, settings
from hypothesis import strategies as st
from proxies import Proxy
from shelves import TRACK

from remixd import errors
from remixd.client import Applied, AsyncClient, Client, Reconnected, Session, Signal, _aio, _client, _link

CUTS = st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=6)
FACES = pytest.mark.parametrize("face", [Client, AsyncFace], ids=["blocking", "async"])


@pytest.fixture(scope="module")
def dropper():
    running = Dropper()
    yield running
    running.stop()


@pytest.fixture(scope="module", autouse=True)
def _short_waits():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_link, "FIRST_WAIT_S", 0.002)
        patch.setattr(_link, "LAST_WAIT_S", 0.05)
        yield


@pytest.fixture(scope="module", params=[Client, AsyncFace], ids=["blocking", "async"])
def client(request, dropper):
    with request.param(f"127.0.0.1:{dropper.port}", timeout_s=5.0) as opened:
        assert opened.is_serving()
        yield opened


def likes(count):
    return [Signal(id=f"s-{each}", reaction="like") for each in range(count)]


@settings(max_examples=15)
@given(cuts=CUTS, count=st.integers(1, 300))
def test_however_a_stream_of_signals_breaks_each_counts_once_and_in_order(dropper, cuts, count):
    dropper.begin(cuts)
    told = []
    with Client(f"127.0.0.1:{dropper.port}") as client:
        assert client.is_serving()
        with client.signals("s-1", on_answer=lambda answer: told.append(answer.id)) as stream:
            answers = [stream.put(signal) for signal in likes(count)]
    ids = [each.id for each in likes(count)]
    assert dropper.counted == ids
    assert told == ids
    assert [answer.result(0).id for answer in answers] == ids


@settings(max_examples=15)
@given(cuts=CUTS, count=st.integers(1, 300))
def test_however_it_breaks_in_an_event_loop_each_counts_once_and_in_order(dropper, cuts, count):
    async def run():
        async with AsyncClient(f"127.0.0.1:{dropper.port}") as client:
            assert await client.is_serving()
            async with client.signals("s-1") as stream:
                answers = [await stream.put(signal) for signal in likes(count)]
            return [answer.result().id for answer in answers]

    dropper.begin(cuts)
    ids = [each.id for each in likes(count)]
    assert asyncio.run(run()) == ids
    assert dropper.counted == ids


@settings(max_examples=15)
@given(cuts=CUTS)
def test_a_listener_goes_on_and_is_told_every_frame_it_missed(dropper, client, cuts):
    dropper.begin(cuts)
    with client.packets("s-1") as packets:
        heard = list(itertools.islice(packets, 12))
    for before, after in itertools.pairwise(heard):
        assert after.sample == before.sample + PACKET_FRAMES + after.skipped_frames
    assert heard[0].skipped_frames == 0


@settings(max_examples=15)
@given(cuts=CUTS)
def test_a_watcher_goes_on_and_is_told_of_every_cut(dropper, client, cuts):
    dropper.begin(cuts)
    with client.watch("s-1") as events:
        seen = list(itertools.islice(events, 30))
    told = "".join("|" if isinstance(each, Reconnected) else "." for each in seen)
    broken = [left for left, _ in cuts]
    wanted = "|".join("." * left for left in broken if left)
    wanted = ("|" if broken and not broken[0] else "") + wanted + ("|" if any(broken) else "") + "." * 30
    assert told == wanted.replace("||", "|")[:30]
    assert all(each.seconds > 0.0 for each in seen if isinstance(each, Reconnected))


@settings(max_examples=15)
@given(heard=st.lists(st.booleans(), max_size=4))
def test_a_call_that_may_be_repeated_is_and_counts_once(dropper, client, heard):
    dropper.begin([(0, each) for each in heard])
    answers = client.send("s-1", likes(3))
    assert [answer.accepted for answer in answers] == [True] * 3
    assert dropper.counted == [each.id for each in likes(3)]


def test_a_call_that_may_not_be_repeated_is_not(dropper, client):
    dropper.begin([(0, True)])
    with pytest.raises(errors.Disconnected, match="went away"):
        client.undo("s-1", "mina", "s-1")
    assert client.undo("s-1", "mina", "s-1") == []


def test_a_session_that_is_gone_for_good_ends_what_follows_it(dropper, client):
    dropper.begin([(2, True)] * 9)
    with client.watch("s-1") as events, client.packets("s-1") as packets:
        assert isinstance(next(events), Applied)
        next(packets)
        dropper.gone = True
        for stream in (events, packets):
            with pytest.raises(errors.NotFound, match="no such session"):
                list(stream)
    dropper.gone = False


@FACES
def test_who_does_not_want_it_is_told_at_once(dropper, face):
    dropper.begin([(1, True)] * 9)
    with face(f"127.0.0.1:{dropper.port}", reconnect=False) as client:
        assert client.is_serving()
        with client.watch("s-1") as events, pytest.raises(errors.Disconnected):
            list(events)
        dropper.begin([(0, True)])
        with pytest.raises(errors.Disconnected):
            client.send("s-1", likes(1))


def test_signals_of_a_session_that_is_gone_tell_so(dropper):
    dropper.begin([(0, False)])
    with Client(f"127.0.0.1:{dropper.port}") as client:
        assert client.is_serving()
        stream = client.signals("s-1")
        dropper.gone = True
        answer = stream.put(likes(1)[0])
        assert isinstance(answer.exception(5), errors.NotFound)
        with pytest.raises(errors.NotFound):
            stream.close()
    dropper.gone = False


@FACES
def test_patience_ends(dropper, face, monkeypatch):
    monkeypatch.setattr(_link.Backoff.__init__, "__defaults__", (0.3,))
    dropper.begin([(1, True)] + [(0, True)] * 1000)
    with face(f"127.0.0.1:{dropper.port}") as client:
        assert client.is_serving()
        began = time.monotonic()
        with client.watch("s-1") as events, pytest.raises(errors.Disconnected):
            list(events)
        assert 0.2 < time.monotonic() - began < 5


def test_a_stream_that_waits_for_its_daemon_can_be_closed(dropper, monkeypatch):
    monkeypatch.setattr(_link, "FIRST_WAIT_S", 1000.0)
    dropper.begin([(1, True)] * 9)
    with Client(f"127.0.0.1:{dropper.port}") as client:
        assert client.is_serving()
        events = client.watch("s-1")
        next(events)
        waiting = threading.Thread(target=list, args=(events,))
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        events.close()
        waiting.join(5)
        assert not waiting.is_alive()


@FACES
def test_a_watcher_of_a_real_service_that_stopped_is_there_again(service, face):
    with face(str(service.address)) as client:
        session = service.session(client.create_session(TRACK).id)
        with client.watch(session.id) as events:
            assert isinstance(next(events), Session)
            service.halt()
            service.resume()
            assert isinstance(next(events), Reconnected)
            assert isinstance(next(events), Session)
            sent = client.signal(session.id, {"bass": -3.0})
            assert next(event.id for event in events if isinstance(event, Applied)) == sent.id
        assert client.session(session.id).id == session.id


def test_a_console_attaches_again_and_repeats_no_command(service):
    with Client(str(service.address), timeout_s=5.0) as client:
        session = service.session(client.create_session(TRACK).id)
        session.applies = False
        with client.console(session.id) as console:
            waiting = []

            def play():
                with pytest.raises(errors.Disconnected, match="seen on the decks") as caught:
                    console.play("A", wait=True)
                waiting.append(caught.value)

            thread = threading.Thread(target=play)
            thread.start()
            while not session.performed:
                time.sleep(0.005)
            service.halt()
            thread.join(5)
            assert waiting[0].sent
            with pytest.raises(errors.Disconnected, match="the command was not sent") as caught:
                console.pause("A")
            assert not caught.value.sent
            service.resume()
            session.applies = True
            until = time.monotonic() + 5
            while time.monotonic() < until:
                try:
                    assert console.pause("A", wait=True).applied
                    break
                except errors.Disconnected:
                    time.sleep(0.01)
    assert [command.action.verb for command in session.performed] == ["play", "pause"]


async def test_a_console_in_an_event_loop_attaches_again(service):
    async with AsyncClient(str(service.address), timeout_s=5.0) as client:
        session = service.session((await client.create_session(TRACK)).id)
        session.applies = False
        async with client.console(session.id) as console:
            waiting = asyncio.create_task(console.play("A", wait=True))
            while not session.performed:  # noqa: ASYNC110  # in another thread
                await asyncio.sleep(0.005)
            await asyncio.to_thread(service.halt)
            with pytest.raises(errors.Disconnected, match="seen on the decks"):
                await waiting
            await asyncio.to_thread(service.resume)
            session.applies = True
            until = time.monotonic() + 5
            while time.monotonic() < until:
                try:
                    assert (await console.pause("A", wait=True)).applied
                    break
                except errors.Disconnected:
                    await asyncio.sleep(0.01)
    assert [command.action.verb for command in session.performed] == ["play", "pause"]


@pytest.mark.timeout(30)  # without an option it takes a minute
@FACES
def test_a_line_that_is_dead_on_one_side_is_noticed(service, face, monkeypatch):
    for module in (_client, _aio):
        options = dict(module.CHANNEL_OPTIONS) | {
            "grpc.keepalive_time_ms": 500, "grpc.keepalive_timeout_ms": 300,
            "grpc.http2.ping_timeout_ms": 300,
        }  # fmt: skip
        monkeypatch.setattr(module, "CHANNEL_OPTIONS", tuple(options.items()))
    proxy = Proxy((service.address.host, service.address.port))
    try:
        with face(proxy.address) as client:
            session = client.create_session(TRACK)
            with client.watch(session.id) as events:
                assert isinstance(next(events), Session)
                proxy.freeze()
                assert isinstance(next(events), Reconnected)
    finally:
        proxy.stop()
