"""Many calls over one WebSocket."""

from __future__ import annotations

import contextlib
import json
import socket as sockets
import time

import numpy as np
import pytest
import tokens
from webs import Socket, Web
from websockets.exceptions import ConnectionClosed, InvalidStatus

from remixd.api.auth import LOCAL, Gate
from remixd.api.tokens import Keyring
from remixd.settings import Auth
from remixd.web import app, messages
from remixd.web import socket as socket_module
from remixd.web.server import PIECES_MAX, Bounded
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


def masked(opcode: int, data: bytes = b"", *, last: bool = True) -> bytes:
    """A short frame of a client, as it goes over the line."""
    return bytes([(0x80 if last else 0) | opcode, 0x80 | len(data), 0, 0, 0, 0]) + data


def test_a_call_that_is_cancelled_before_it_has_begun_ends_all_the_same(socket):
    raw = b"".join(
        masked(1, json.dumps(frame).encode())
        for call in range(3)
        for frame in ({"call": call, "method": "Sessions/ListSessions"}, {"call": call, "cancel": True})
    )
    socket.raw.socket.sendall(raw)  # all in one piece
    for call in range(3):
        assert socket.until("end", call)["code"] in ("CANCELLED", "OK")
    assert socket.ended(call=1, method="Sessions/ListSessions") == {"code": "OK"}


def test_pings_of_who_does_not_read_are_not_kept(web, monkeypatch):
    grown = []
    real = Bounded.handle_ping

    def handle_ping(self):
        real(self)
        grown.append(self.transport.get_write_buffer_size())

    monkeypatch.setattr(Bounded, "handle_ping", handle_ping)
    with sockets.create_connection((web.at.host, web.at.port), timeout=5) as raw:
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        raw.sendall(
            f"GET /v1/ws HTTP/1.1\r\nHost: {web.at}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert raw.recv(12) == b"HTTP/1.1 101"
        for _ in range(100):  # 13 MB; the kernel's own buffers take a few
            raw.sendall(masked(9, b"x" * 125) * 1000)
    assert max(grown) > 0
    assert max(grown) < 1 << 20


def test_a_message_of_endless_pieces_ends_its_socket(socket):
    socket.raw.socket.sendall(masked(1, b"{", last=False) + masked(0, last=False) * (2 * PIECES_MAX))
    with pytest.raises(ConnectionClosed):
        socket.take()


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


def test_nothing_of_a_stranger_is_made_a_message(tmp_path, monkeypatch):
    made = []
    real = messages.message_of

    def message_of(kind, data):
        made.append(kind)
        return real(kind, data)

    for module in (app, socket_module):
        monkeypatch.setattr(module, "message_of", message_of)
    gate = Gate(Keyring(Auth(hs256_secret_file=tokens.secret_file(tmp_path))))
    web = Web(gate)
    try:
        web.create()
        with web.socket() as connection:
            socket = Socket(connection)
            asked = {"method": "Sessions/GetSession", "request": {"session": "s-1"}}
            assert socket.ended(call=1, **asked)["code"] == "UNAUTHENTICATED"
            assert web.ask("/v1/Sessions/GetSession", {"session": "s-1"})[0] == 401
            assert not made
            assert 'code="UNAUTHENTICATED",method="Sessions/GetSession"' in web.wait(web._page()).decode()
            socket.send(token=tokens.hs256())
            assert socket.ended(call=2, **asked)["code"] == "OK"
            assert made
    finally:
        web.stop()


def test_who_says_nothing_is_let_go_and_who_is_told_something_stays(web, monkeypatch):
    monkeypatch.setattr(socket_module, "STRANGER_S", 0.1)
    web.create()
    with web.socket() as silent, web.socket() as known, web.socket() as watching:
        socket = Socket(watching)
        socket.send(call=1, method="Sessions/Watch", request={"session": "s-1"})
        socket.until("response", 1)
        assert Socket(known).ended(call=1, method="Sessions/ListSessions") == {"code": "OK"}
        assert Socket(silent).take()["end"]["code"] == "UNAVAILABLE"
        with pytest.raises(ConnectionClosed):
            silent.recv(5)
        assert Socket(known).ended(call=1, method="Sessions/ListSessions") == {"code": "OK"}
        web.run(web.session("s-1").tell_status)
        assert "status" in socket.until("response", 1)


def test_strangers_make_room_for_others(web, monkeypatch):
    monkeypatch.setattr(app, "SOCKETS_MAX", 3)
    with contextlib.ExitStack() as stack:
        known, silent, _ = (stack.enter_context(web.socket()) for _ in range(3))
        assert Socket(known).ended(call=1, method="Sessions/ListSessions") == {"code": "OK"}
        late = stack.enter_context(web.socket())
        for each in (known, late):
            assert Socket(each).ended(call=1, method="Sessions/ListSessions") == {"code": "OK"}
        assert Socket(silent).take()["end"]["message"] == "others are waiting"
