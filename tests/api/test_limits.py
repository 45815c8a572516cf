"""How much callers may have, and what those who misbehave do to others: nothing."""

from __future__ import annotations

import contextlib
import json
import resource
import socket

import grpc
import pytest
import tokens
from hypothesis import given
from hypothesis import strategies as st
from serving import Service
from shelves import TRACK

from remixd.api.audit import Audit
from remixd.api.auth import LOCAL, Caller, Gate
from remixd.api.quotas import Bucket, Quotas
from remixd.api.tokens import Keyring
from remixd.client import Client
from remixd.errors import Exhausted
from remixd.settings import Auth, Limits, Settings
from remixd.v1 import sessions_pb2, sessions_pb2_grpc

SILENT = 2_000


@given(
    st.lists(st.tuples(st.floats(0.0, 5.0), st.integers(1, 40)), max_size=60),
    st.floats(0.5, 50.0),
    st.integers(5, 30),
)
def test_a_bucket_never_gives_more_than_its_burst_and_its_rate(steps, rate, burst):
    now_s, bucket, taken = 0.0, Bucket(burst, 0.0), [(0.0, 0)]
    for wait_s, count in steps:
        now_s += wait_s
        more_s = bucket.take(count, rate, burst, now_s)
        if not more_s:
            taken.append((now_s, count))
        elif count <= burst:  # told when there is room, it is there then, and was not before
            assert bucket.take(count, rate, burst, now_s + more_s * 0.99 - 1e-9) > 0.0
            now_s += more_s + 1e-9
            assert bucket.take(count, rate, burst, now_s) == pytest.approx(0.0, abs=1e-6)
            taken.append((now_s, count))
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            given_out = sum(count for _, count in taken[first + 1 : last + 1])
            assert given_out <= burst + rate * (taken[last][0] - taken[first][0]) + 1e-3


def test_one_token_is_not_counted_for_another_and_what_is_closed_is_free_again():
    quotas = Quotas(Limits(calls_per_s=1.0, calls_burst=2, streams_per_token=2, streams_max=3), lambda: 0.0)
    for sub in ("a", "b"):
        quotas.take("calls", sub, 2)
        with pytest.raises(Exhausted):
            quotas.take("calls", sub)
    with quotas.stream("a"), quotas.stream("a"):
        with pytest.raises(Exhausted, match="this token"), quotas.stream("a"):
            pass
        with (
            quotas.stream("b"),
            pytest.raises(Exhausted, match="as many streams open as it may"),
            quotas.stream(None),
        ):
            pass
    with quotas.stream("a"), quotas.stream("a"), quotas.stream("b"):
        pass


def test_buckets_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("remixd.api.quotas.BUCKETS_MAX", 64)
    now = [0.0]
    quotas = Quotas(Limits(calls_per_s=1.0, calls_burst=1), lambda: now[0])
    for index in range(10_000):
        now[0] += 0.001
        quotas.take("calls", f"sub {index}")
        assert len(quotas._buckets) <= 64
    with pytest.raises(Exhausted):
        quotas.take("calls", "sub 9999")


def test_two_who_make_sessions_at_once_make_no_more_than_one_who_does_not():
    gate = Gate(limits=Limits(sessions_per_token=1))
    caller = Caller(sub="app", scopes=frozenset(("create",)))
    with gate.making(caller, []) as made, pytest.raises(Exhausted), gate.making(caller, []):
        made.add("s-1")
    with gate.making(caller, []) as made:
        made.add("s-1")
    with pytest.raises(Exhausted), gate.making(caller, ["s-1"]):
        pass
    with gate.making(caller, ["s-2"]):  # s-1 has ended
        pass
    for _ in range(3):
        with gate.making(LOCAL, ["s-1"]) as made:
            made.add("any")


@pytest.fixture
def files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 3 * SILENT), hard))
    yield min(SILENT, min(hard, 3 * SILENT) // 3)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_thousands_who_connect_and_say_nothing_or_half_a_word_hold_up_nobody(files, monkeypatch):
    monkeypatch.setattr("remixd.api.server.HANDSHAKE_MS", 60_000)
    service = Service()
    with contextlib.ExitStack() as stack:
        stack.callback(service.stop)
        for index in range(files):
            silent = stack.enter_context(
                socket.create_connection((service.address.host, service.address.port))
            )
            silent.sendall((b"", b"PRI * HT", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0")[index % 3])
        with Client(str(service.address), timeout_s=10.0) as client:
            session = client.create_session(TRACK).id
            with client.watch(session) as events:
                assert next(events).id == session
            client.delete_session(session)


def test_so_many_connections_are_held_and_no_more(monkeypatch):
    monkeypatch.setattr("remixd.api.server.CONNECTIONS_MAX", 10)
    service = Service()
    at = service.address.host, service.address.port
    with contextlib.ExitStack() as stack:
        stack.callback(service.stop)
        held = [stack.enter_context(socket.create_connection(at, timeout=5)) for _ in range(20)]
        answered = 0
        for each in held:
            with contextlib.suppress(ConnectionError):
                answered += bool(each.recv(1))  # the server's settings
        assert 0 < answered <= 10


def test_who_does_not_finish_a_handshake_is_let_go(monkeypatch):
    monkeypatch.setattr("remixd.api.server.HANDSHAKE_MS", 200)
    service = Service()
    try:
        with socket.create_connection((service.address.host, service.address.port), timeout=20) as slow:
            slow.sendall(b"PRI * HTTP")
            while slow.recv(4096):  # the server's own settings come first
                pass
    finally:
        service.stop()


def test_a_message_that_is_too_long_is_refused_and_others_are_not(service):
    big = sessions_pb2.GetSessionRequest(session="x" * (1 << 21))
    with grpc.insecure_channel(str(service.address)) as channel:
        stub = sessions_pb2_grpc.SessionsStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.GetSession(big, timeout=5)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert list(stub.ListSessions(sessions_pb2.ListSessionsRequest(), timeout=5).sessions) == []


def test_a_limit_of_messages_is_the_one_that_is_set():
    service = Service(settings=Settings(limits=Limits(message_max=1 << 16)))
    try:
        with grpc.insecure_channel(str(service.address)) as channel, pytest.raises(grpc.RpcError) as caught:
            sessions_pb2_grpc.SessionsStub(channel).GetSession(
                sessions_pb2.GetSessionRequest(session="x" * (1 << 17)), timeout=5
            )
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    finally:
        service.stop()


def test_the_audit_log_is_appended_to_and_stays_within_its_quota(tmp_path):
    path = tmp_path / "audit.jsonl"
    caller = Caller(sub="dj", key_id="k", scopes=frozenset(("dj",)))
    for run in range(2):
        audit = Audit(path, max_bytes=8_000)
        for index in range(10 if run == 0 else 200):
            audit.note(caller, "/remixd.v1.Sessions/Panic", {"session": f"{run}-{index}"}, "OK")
        audit.close()
        if run == 0:
            assert len(path.read_text().splitlines()) == 10
    before = path.with_name("audit.jsonl.1")
    assert path.stat().st_size + before.stat().st_size <= 8_000
    rows = [json.loads(line) for each in (before, path) for line in each.read_text().splitlines()]
    assert rows[-1]["session"] == "1-199"
    kept = [row["session"] for row in rows]
    assert kept == [f"1-{index}" for index in range(200 - len(kept), 200)]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_line_of_the_audit_log_is_one_line_whatever_is_in_it(tmp_path):
    audit = Audit(tmp_path / "audit.jsonl")
    caller = Caller(sub='d"j\n\u2028', scopes=frozenset(("admin",)))
    audit.note(caller, "/x/ImportTrack", {"path": "/a\n{}\0" + "x" * 9_000}, "OK")
    audit.close()
    (line,) = (tmp_path / "audit.jsonl").read_bytes().splitlines()
    assert json.loads(line)["who"] == 'd"j\n\u2028'
    assert len(line) < 1_000


def test_what_cannot_be_audited_is_logged_and_done_all_the_same(tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("")
    audit = Audit(blocked / "audit.jsonl")
    audit.note(LOCAL, "/x/Panic", {}, "OK")
    audit.close()
    assert "audit log cannot be written" in caplog.text


def test_a_disk_that_fills_up_leaves_whole_lines_and_what_comes_later_is_written(tmp_path, caplog):
    path = tmp_path / "audit.jsonl"
    audit = Audit(path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    audit.note(LOCAL, "/x/First", {}, "OK")
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, hard))
        audit.note(LOCAL, "/x/Lost", {}, "OK")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    audit.note(LOCAL, "/x/Last", {}, "OK")
    audit.close()
    assert "audit log cannot be written" in caplog.text
    assert [json.loads(line)["method"] for line in path.read_text().splitlines()] == ["First", "Last"]


def test_an_audit_log_that_was_moved_away_is_begun_anew(tmp_path):
    path = tmp_path / "audit.jsonl"
    audit = Audit(path)
    audit.note(LOCAL, "/x/Before", {}, "OK")
    path.rename(tmp_path / "audit.old")
    audit.reopen()
    audit.note(LOCAL, "/x/After", {}, "OK")
    audit.close()
    assert json.loads(path.read_text())["method"] == "After"


def test_refusals_are_logged_once_a_second_at_most(tmp_path, caplog):
    gate = Gate(Keyring(Auth(hs256_secret_file=tokens.secret_file(tmp_path))))
    for _ in range(500):
        with contextlib.suppress(Exception):
            gate.admit("/remixd.v1.Sessions/GetSession", "forged", "ipv4:1.2.3.4:5")
    assert caplog.text.count("is refused") <= 2
