"""Unary calls over HTTP, health, metrics, and who may come in."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import socket as sockets
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shelves import TRACK
from webs import Web

from remixd.errors import Forbidden, InvalidInput
from remixd.v1 import audience_pb2, console_pb2, sessions_pb2, tracks_pb2
from remixd.web import server
from remixd.web.messages import DEPTH_MAX, message_of, parse


def test_a_call_over_http_is_the_same_as_over_grpc(web):
    code, made = web.ask("/v1/Sessions/CreateSession", {"track": TRACK, "mode": "SESSION_MODE_DIRECTED"})
    assert code == 200
    assert made["session"]["id"] == "s-1"
    assert web.session("s-1").start["mode"] == "directed"
    signals = [{"id": "a", "wishes": [{"dimension": "drums", "value": -6}]}]
    code, answered = web.ask("/v1/Audience/SendSignals", {"session": "s-1", "signals": signals})
    assert (code, answered["answers"][0]["accepted"]) == (200, True)
    assert web.session("s-1").received[0].wishes == {"drums": -6.0}


@pytest.mark.parametrize(
    ("path", "body", "code", "name", "told"),
    [
        ("/v1/Sessions/GetSession", {"session": "s-2"}, 404, "NOT_FOUND", "did you mean s-1"),
        ("/v1/Sessions/GetSession", {"sesion": "s-1"}, 400, "INVALID_ARGUMENT", "sesion: there is no such"),
        ("/v1/Sessions/GetSession", {"session": 5}, 400, "INVALID_ARGUMENT", "session: "),
        ("/v1/Sessions/GetSession", [], 400, "INVALID_ARGUMENT", "JSON object"),
        ("/v1/Sessions/GetSesion", {}, 501, "UNIMPLEMENTED", "did you mean Sessions/GetSession"),
        ("/v1/Sessions/Watch", {"session": "s-1"}, 501, "UNIMPLEMENTED", "/v1/ws"),
        ("/v1/Audience/SendSignals", {"session": "s-1", "signals": [{"wishes": [{"value": "loud"}]}]},
         400, "INVALID_ARGUMENT", "signals[0].wishes[0].value: "),
    ],
)  # fmt: skip
def test_an_error_has_the_code_the_sentence_and_the_field(web, path, body, code, name, told):
    web.create()
    status, answer = web.ask(path, body)
    assert (status, answer["error"]["code"]) == (code, name)
    assert told in answer["error"]["message"]
    assert answer["error"]["details"][0]["@type"].endswith("google.rpc.ErrorInfo")


def test_a_field_at_fault_is_named_in_the_details_too(web):
    web.create()
    _, answer = web.ask("/v1/Sessions/CreateSession", {"presetWeights": {"karaoke": []}})
    [bad] = [each for each in answer["error"]["details"] if each["@type"].endswith("BadRequest")]
    assert bad["fieldViolations"][0]["field"] == "presetWeights"


@pytest.mark.parametrize("raw", [b"", b"{}", b"  {} "])
def test_a_request_without_fields_may_be_empty(web, raw):
    assert web.ask("/v1/Sessions/ListSessions", raw=raw) == (200, {})


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"{", "no JSON"),
        (b"\xff\xfe{", "no JSON"),
        (b'{"session": NaN}', "no number"),
        (b'{"session": "a", "session": "b"}', "twice"),
        (b'{"session": ' + b"[" * 60_000 + b"]" * 60_000 + b"}", "deep"),
        (b'{"session": [' + b"[]," * 200_000 + b"[]]}", "commas"),
        (b'{"session": ' + b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1) + b"}", "deep"),
        (b'{"pageSize": ' + b"9" * 5000 + b"}", "no JSON"),
        (b'{"session": "\\ud800"}', "session"),
    ],
)
def test_hostile_json_is_refused_in_a_sentence(web, raw, told):
    status, answer = web.ask("/v1/Sessions/GetSession", raw=raw)
    assert status == 400
    assert told in answer["error"]["message"]


def test_a_body_beyond_the_limit_is_refused(web):
    status, answer = web.ask("/v1/Sessions/GetSession", raw=b" " * ((1 << 20) + 1))
    assert (status, answer["error"]["code"]) == (429, "RESOURCE_EXHAUSTED")


def test_a_form_of_another_site_is_no_request(web):
    """What a browser would send without asking first."""
    status, answer = web.ask("/v1/Sessions/ListSessions", {}, Content_Type="text/plain")
    assert status == 400
    assert "application/json" in answer["error"]["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:7401"},
        {"Host": "evil.example@127.0.0.1"},
        {"Host": "["},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
def test_strangers_are_kept_out(web, headers):
    assert web.ask("/v1/Sessions/ListSessions", {}, **headers)[0] == 403
    for path in ("/healthz", "/metrics", "/static/remixd.js"):
        assert web.ask(path, **headers)[0] == 403


def test_pages_of_this_machine_and_of_named_sites_may_come(web):
    for headers in (
        {"Origin": f"http://{web.at}"},
        {"Host": "localhost:80"},
        {"Origin": "https://radio.example"},
        {"Host": "[::1]:7401"},
    ):
        assert web.ask("/healthz", **headers)[0] == 200


def test_health_is_503_while_it_is_not_ready(web):
    assert web.ask("/healthz") == (200, {"live": True, "ready": True})
    web.health["ready"] = False
    assert web.ask("/healthz")[0] == 503


def test_figures_are_for_those_who_may_read_the_stats(web, monkeypatch):
    asked = []

    def admit(method, bearer, _peer):
        asked.append((method, bearer))
        raise Forbidden("this token may not")

    monkeypatch.setattr(web.gate, "admit", admit)
    status, told = web.ask("/metrics", Authorization="Bearer a-token")
    assert (status, told["error"]["code"]) == (403, "PERMISSION_DENIED")
    assert asked == [("/remixd.v1.Stats/GetStats", "a-token")]


def test_metrics_count_calls_of_every_way_in(web):
    web.create()
    web.ask("/v1/Sessions/GetSession", {"session": "s-1"})
    web.ask("/v1/Sessions/GetSession", {"session": "s-2"})
    status, page = web.ask("/metrics")
    assert status == 200
    assert 'remixd_rpc_total{code="OK",method="Sessions/GetSession",via="http"} 1.0' in page
    assert 'remixd_rpc_total{code="NOT_FOUND",method="Sessions/GetSession",via="http"} 1.0' in page
    assert 'remixd_rpc_seconds_count{method="Sessions/GetSession"} 2.0' in page
    assert 'remixd_rpc_open{method="Sessions/GetSession"} 0.0' in page


def test_no_name_of_a_caller_becomes_a_label(web):
    web.create()
    for name in ("fan-of-old", "s-77"):
        web.ask("/v1/Sessions/GetSession", {"session": name})
        web.ask(f"/v1/{name}/{name}", {})
    _, page = web.ask("/metrics")
    assert not re.search("fan-of-old|s-77", page)


def test_headers_that_come_too_slowly_are_hung_up_on(monkeypatch, web):
    monkeypatch.setattr(server, "HEADERS_S", 0.1)
    with sockets.create_connection((web.at.host, web.at.port), timeout=5) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        assert slow.recv(1) == b""


def test_who_sends_on_when_all_is_answered_is_hung_up_on(web):
    with sockets.create_connection((web.at.host, web.at.port), timeout=5) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n")
        assert slow.recv(12) == b"HTTP/1.1 200"
        slow.sendall(b"x")
        with contextlib.suppress(ConnectionResetError):
            while slow.recv(65536):
                pass


def test_more_connections_than_are_held_are_hung_up_on_and_the_others_stay(monkeypatch, web):
    monkeypatch.setattr(server, "CONNECTIONS_MAX", 20)
    held = [sockets.create_connection((web.at.host, web.at.port), timeout=5) for _ in range(60)]
    try:
        gone = 0
        for each in held[20:]:
            try:
                gone += each.recv(1) == b""
            except ConnectionError:
                gone += 1
        assert gone == 40
        held[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert held[0].recv(12) == b"HTTP/1.1 200"
    finally:
        for each in held:
            each.close()


def test_without_descriptors_who_comes_is_hung_up_on_and_nothing_is_logged_without_end(web, caplog):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 40, hard))
        coming = sockets.socket()
        coming.settimeout(5)
        with contextlib.suppress(OSError):
            while True:
                held.append(open(os.devnull))  # noqa: SIM115, PTH123
        coming.connect((web.at.host, web.at.port))
        with contextlib.suppress(ConnectionResetError):
            assert coming.recv(1) == b""
    finally:
        for each in held:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        coming.close()
    assert web.ask("/healthz")[0] == 200
    assert "accept" not in caplog.text


def test_a_caller_who_goes_away_lets_go_of_the_call(web):
    import threading

    begun, ended = threading.Event(), threading.Event()

    async def create(*_args, **_options):
        import asyncio

        begun.set()
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()

    web.sessions.create = create
    body = json.dumps({"track": TRACK}).encode()
    with sockets.create_connection((web.at.host, web.at.port)) as leaving:
        leaving.sendall(
            b"POST /v1/Sessions/CreateSession HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\n" + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
        )
        assert begun.wait(5)
    assert ended.wait(5)


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["session", "signals", "id", "wishes", "dimension", "value", "choices", "time", "reaction",
                 "attach", "command", "seek", "positionS", "mode", "arc", "presetWeights", "roles", "edits"]
            ),
            inner, max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip
KINDS = [
    audience_pb2.SendSignalsRequest, console_pb2.PerformRequest, sessions_pb2.CreateSessionRequest,
    tracks_pb2.EditTrackRequest, tracks_pb2.ImportTrackRequest,
]  # fmt: skip


@given(kind=st.sampled_from(KINDS), data=JSON)
def test_any_json_is_a_message_or_a_sentence(kind, data):
    wrong = None
    try:
        message = message_of(kind, parse(json.dumps(data)))
    except InvalidInput as error:
        wrong = error
    if wrong is None:
        assert message_of(kind, json.loads(json.dumps(data))) == message
    else:
        assert wrong.field
        assert len(str(wrong)) < 400


def test_who_stops_waits_for_no_request_that_has_not_come():
    web = Web()
    with sockets.create_connection((web.at.host, web.at.port), timeout=5) as slow:
        slow.sendall(
            b"POST /v1/Sessions/ListSessions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        )
        while not web.gateway._reading:
            time.sleep(0.005)
        web.stop()
        assert slow.recv(12) == b"HTTP/1.1 503"
