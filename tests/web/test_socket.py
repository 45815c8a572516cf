"""Many calls over one WebSocket."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from webs import Socket, Web
from websockets.exceptions import ConnectionClosed, InvalidStatus

from remixd.api.auth import LOCAL, Gate
from remixd.web.socket import CALLS_MAX


def test_calls_share_a_socket_and_each_has_its_own_end(web, socket):
    web.create()
    socket.send(call=1, method="Sessions/Watch", request={"session": "s-1"})
    assert socket.until("response", 1)["status"]["id"] == "s-1"
    assert socket.ended(call=2, method="Sessions/GetSession", request={"session": "s-1"}) == {"code": "OK"}
    end = socket.ended(call=3, method="Sessions/GetSession", request={"session": "s-2"})
    assert (end["code"], end["details"][1]["resourceName"]) == ("NOT_FOUND", "s-2")
    socket.send(call=1, cancel=True)
    assert socket.until("end", 1)["code"] == "CANCELLED"


def test_a_stream_says_that_it_is_in_place_before_anything_else(web, socket):
    web.create()
    socket.send(call=7, method="Sessions/Watch", request={"session": "s-1"})
    assert socket.take() == {"call": 7, "started": True}


def test_packets_are_binary_frames_with_their_samples_as_they_are(web, socket):
    session = web.create()
    socket.send(call=9, method="Sessions/Listen", request={"session": "s-1"})
    assert socket.until("response", 9)["format"]["rateHz"] == 48_000
    web.run(session.play, 2, level=0.25)
    for number in range(2):
        call, told, payload = socket.take()
        offset, length = told["packet"]["pcm"]
        assert call == 9
        assert int(told["packet"]["clock"].get("sample", 0)) == 480 * number
        samples = np.frombuffer(payload[offset : offset + length], "<f4")
        assert samples.size == 2 * 480
        assert (samples == 0.25).all()


def test_what_many_are_sent_is_made_into_json_once(web, socket):
    session = web.create()
    before = len(web.gateway._encoder._kept)
    with web.socket() as second:
        for each in (socket.raw, second):
            each.send(json.dumps({"call": 1, "method": "Sessions/Listen", "request": {"session": "s-1"}}))
            assert json.loads(each.recv(5)) == {"call": 1, "started": True}
            each.recv(5)
        web.run(session.play, 1)
        assert socket.raw.recv(5) == second.recv(5)
    assert len(web.gateway._encoder._kept) == before + 1


def test_a_call_that_takes_a_stream_is_sent_more_until_done(web, socket):
    web.create()
    socket.send(call=1, method="Audience/StreamSignals", request={"session": "s-1"})
    for number in range(3):
        batch = {"signals": [{"id": f"a{number}", "wishes": [{"dimension": "drums", "value": -number}]}]}
        socket.send(call=1, request={"batch": batch})
        assert socket.until("response", 1)["answers"][0]["id"] == f"a{number}"
    socket.send(call=1, done=True)
    assert socket.until("end", 1) == {"code": "OK"}
    assert len(web.session("s-1").received) == 3


def test_a_request_that_is_wrong_ends_its_call_alone(web, socket):
    web.create()
    socket.send(call=1, method="Audience/StreamSignals", request={"session": "s-1"})
    socket.until("started", 1)
    socket.send(call=1, request={"batch": {"signals": [{"id": 5}]}})
    end = socket.until("end", 1)
    assert end["code"] == "INVALID_ARGUMENT"
    assert end["message"].startswith("batch.signals[0].id: ")
    assert socket.ended(call=1, method="Sessions/ListSessions") == {"code": "OK"}, "the number is free again"


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        ("[1", "no JSON"),
        ("5", "JSON object"),
        ('{"method": "Sessions/Watch"}', "call is a number"),
        ('{"call": -1}', "call is a number"),
        ('{"call": true}', "call is a number"),
        (b"\x00\x01", "text"),
        ("[" * 5000, "deep"),
    ],
)
def test_what_is_no_call_is_told_and_ends_the_socket(web, frame, told):
    with web.socket() as connection:
        connection.send(frame)
        assert told in json.loads(connection.recv(5))["end"]["message"]
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(5)
    assert closed.value.rcvd.code == 1008
    assert web.ask("/healthz")[0] == 200


def test_a_frame_beyond_the_limit_ends_the_socket_and_nothing_else(web):
    with web.socket() as connection:
        connection.send("x" * ((1 << 20) + 1))
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(5)
    assert closed.value.rcvd.code == 1009
    assert web.ask("/healthz")[0] == 200


def test_a_word_that_is_none_is_named(socket):
    end = socket.ended(call=1, method="Sessions/ListSessions", reqest={})
    assert end["message"].startswith("reqest: ")


def test_a_socket_carries_so_many_calls_and_no_more(web, socket):
    web.create()
    for call in range(CALLS_MAX):
        socket.send(call=call, method="Sessions/Watch", request={"session": "s-1"})
        socket.until("started", call)
    end = socket.ended(call=CALLS_MAX, method="Sessions/Watch", request={"session": "s-1"})
    assert end["code"] == "RESOURCE_EXHAUSTED"


def test_who_goes_away_is_listened_to_no_more(web):
    session = web.create()
    with web.socket() as connection:
        connection.send(json.dumps({"call": 1, "method": "Sessions/Watch", "request": {"session": "s-1"}}))
        connection.recv(5)
        assert len(session.watchers) == 1
    until = time.monotonic() + 5
    while session.watchers and time.monotonic() < until:
        time.sleep(0.005)
    assert not session.watchers


def test_a_socket_that_is_not_read_skips_and_memory_does_not_grow(web):
    session = web.create()
    with web.socket(max_queue=1) as connection:
        connection.send(json.dumps({"call": 1, "method": "Sessions/Listen", "request": {"session": "s-1"}}))
        connection.recv(5)
        for _ in range(60):  # 60 s of sound, 23 MB; the kernel's own buffers take a few
            web.run(session.play, 100)
        [listener] = session.listeners
        assert listener.waiting_frames <= 24_480
        skipped = 0
        while not skipped:
            frame = connection.recv(5)
            if isinstance(frame, bytes):
                length = int.from_bytes(frame[4:8], "little")
                skipped = int(json.loads(frame[8 : 8 + length])["packet"].get("skippedFrames", 0))
    assert skipped > 0


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_pages_of_other_sites_open_no_socket(web, headers):
    with pytest.raises(InvalidStatus) as refused, web.socket(additional_headers=headers):
        pass
    assert refused.value.response.status_code == 403


def test_a_token_goes_with_every_call_that_follows(web, socket, monkeypatch):
    seen = []

    def admit(_gate, method, bearer, peer):
        seen.append((method, bearer, peer))
        return LOCAL

    monkeypatch.setattr(Gate, "admit", admit)
    socket.ended(call=1, method="Sessions/ListSessions")
    socket.send(**{"token": "a-token"})
    socket.ended(call=2, method="Sessions/ListSessions")
    web.ask("/v1/Sessions/ListSessions", {}, Authorization="Bearer another")
    assert [each[:2] for each in seen] == [
        ("/remixd.v1.Sessions/ListSessions", None),
        ("/remixd.v1.Sessions/ListSessions", "Bearer a-token"),
        ("/remixd.v1.Sessions/ListSessions", "Bearer another"),
    ]
    assert all(peer.startswith("127.0.0.1:") for *_, peer in seen)


def test_streams_end_with_a_reason_when_the_daemon_stops():
    web = Web()
    web.create()
    with web.socket() as connection:
        socket = Socket(connection)
        socket.send(call=1, method="Sessions/Watch", request={"session": "s-1"})
        socket.until("response", 1)
        web.wait(web.server.stop(0.1))
        end = socket.until("end", 1)
        assert (end["code"], end["message"]) == ("UNAVAILABLE", "the daemon is stopping")
        web.wait(web.gateway.close("the daemon is stopping"))
        assert socket.take()["end"]["code"] == "UNAVAILABLE"
    web.stop()


def test_who_drains_takes_no_new_streams_and_keeps_those_that_run():
    web = Web()
    session = web.create()
    with web.socket() as connection:
        socket = Socket(connection)
        socket.send(call=1, method="Sessions/Watch", request={"session": "s-1"})
        socket.until("response", 1)
        web.wait(web.server.drain("the daemon is about to stop"))
        end = socket.ended(call=2, method="Sessions/Listen", request={"session": "s-1"})
        assert (end["code"], end["message"]) == ("UNAVAILABLE", "the daemon is about to stop")
        assert not session.listeners
        web.run(session.tell_status)
        assert "status" in socket.until("response", 1)
    web.stop()
