"""What callers get over gRPC, by their tokens: sessions, fans, rates, an audit log; no log tells a secret."""

from __future__ import annotations

import io
import json
import logging
import threading
import time
from contextlib import contextmanager

import grpc
import pytest
import tokens
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from serving import PlainNames, Service
from shelves import TRACK

from remixd.api.audit import Audit
from remixd.api.auth import Gate
from remixd.api.tokens import Keyring
from remixd.client import Client, Signal
from remixd.control.fan_keys import FanKeys, key_id_of
from remixd.errors import Exhausted, Forbidden, NotFound, Unauthenticated
from remixd.logs import formatter
from remixd.settings import Auth, Limits
from remixd.v1 import audience_pb2, audience_pb2_grpc, sessions_pb2, sessions_pb2_grpc

HANDLE = "mina-kim-1987"


@contextmanager
def guarded(folder, limits=None, fan_keys=None):
    """A service that asks for tokens; a function that makes clients of it."""
    limits = limits or Limits()
    audit = Audit(folder / "audit.jsonl", name_of=(fan_keys or PlainNames()).name)
    gate = Gate(Keyring(Auth(hs256_secret_file=tokens.secret_file(folder), leeway_s=0.0)), limits)
    service = Service(gate=gate, audit=audit, fan_keys=fan_keys or PlainNames())
    clients = []

    def client(**changed):
        clients.append(Client(str(service.address), token=tokens.hs256(**changed)))
        return clients[-1]

    try:
        yield service, client
    finally:
        for each in clients:
            each.close()
        service.stop()
        audit.close()


@pytest.fixture
def house(tmp_path):
    with guarded(tmp_path) as made:
        yield made


def audited(folder):
    return [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]


def assert_hints_at(error, absent, mine):
    """That one is not there is said as of one that never was; the only hint is the caller's own."""
    hints = (f"did you mean {mine}?", f"there are {mine}")  # by how much their names are alike
    assert str(error) in [f"there is no session {absent!r}: {hint}" for hint in hints]


def test_other_peoples_sessions_are_not_there_by_id_by_hint_or_in_lists(house):
    _, client = house
    admin = client(scope="admin", sub="root")
    mine, other = (admin.create_session(TRACK).id for _ in range(2))
    fan = client(session=mine)
    for call in (
        lambda: fan.session(other),
        lambda: fan.signal(other, {"drums": -3.0}),
        lambda: fan.listen(other, 0.1),
        lambda: next(fan.watch(other)),
        lambda: fan.signals(other),
        lambda: fan.explain(other, "mina"),
    ):
        with pytest.raises(NotFound) as caught:
            call()
        assert_hints_at(caught.value, other, mine)
    with pytest.raises(NotFound) as absent:
        fan.session("s-9")
    assert_hints_at(absent.value, "s-9", mine)
    assert [session.id for session in fan.sessions()] == [mine]
    assert [session.id for session in admin.sessions()] == [mine, other]
    with pytest.raises(NotFound), client(scope="dj", session=mine).console(other):
        pass
    with client(scope="dj", session=mine).console(mine) as console:
        assert console.play("A").accepted


def test_what_the_token_is_not_for_is_told_with_its_status_and_details(house):
    service, _ = house
    token = tokens.hs256()
    with grpc.insecure_channel(str(service.address)) as channel:
        stub = sessions_pb2_grpc.SessionsStub(channel)

        def refused(method, request, bearer):
            metadata = (("authorization", f"Bearer {bearer}"),) if bearer else ()
            with pytest.raises(grpc.RpcError) as caught:
                list(method(request, metadata=metadata, timeout=5))
            told = status_pb2.Status.FromString(
                dict(caught.value.trailing_metadata())["grpc-status-details-bin"]
            )
            info = error_details_pb2.ErrorInfo()
            assert told.details[0].Unpack(info)
            return caught.value.code(), info.reason

        create = sessions_pb2.CreateSessionRequest(track=TRACK)
        listen = sessions_pb2.ListenRequest(session="s-1")
        assert refused(stub.CreateSession, create, token) == (
            grpc.StatusCode.PERMISSION_DENIED, "Forbidden",
        )  # fmt: skip
        for bearer in ("", tokens.hs256(exp=1), token[:-2]):
            for method, request in ((stub.CreateSession, create), (stub.Listen, listen)):
                assert refused(method, request, bearer) == (
                    grpc.StatusCode.UNAUTHENTICATED, "Unauthenticated",
                )  # fmt: skip
    assert service.sessions.held == {}


def test_a_listener_is_its_own_fan_however_it_asks(house):
    service, client = house
    session = client(scope="create", sub="app").create_session(TRACK).id
    fan = client(verified=True)
    fan.signal(session, {"drums": -3.0})
    fan.send(session, [Signal(id="a", fan="mina", wishes={"bass": 1.0}, verified=False)])
    with pytest.raises(Forbidden, match="its own fan"):
        fan.send(session, [Signal(id="b", wishes={"bass": 1.0}), Signal(id="c", fan="joon", reaction="like")])
    with pytest.raises(Forbidden):
        fan.forget_fan("joon")
    with pytest.raises(Forbidden):
        fan.taste(session, "joon")
    unvouched = client(sub="yuna")
    unvouched.send(session, [Signal(id="d", fan="yuna", wishes={"bass": 1.0}, verified=True)])
    received = service.session(session).received
    assert [(signal.fan, signal.verified) for signal in received] == [
        ("mina", True), ("mina", True), ("yuna", False),
    ]  # fmt: skip
    assert fan.taste(session, "").fan == "mina"


def test_a_backend_ends_what_it_made_and_nothing_else(house):
    service, client = house
    mine = client(scope="create", sub="app")
    theirs = client(scope="create listener", sub="other app")
    session = mine.create_session(TRACK).id
    assert theirs.session(session).id == session
    with pytest.raises(Forbidden, match="that it made"):
        theirs.delete_session(session)
    with pytest.raises(NotFound):
        client(scope="create", sub="third").delete_session(session)
    for sink in ("file:/tmp/x.wav", "device", "device:hw"):
        with pytest.raises(Forbidden, match="scope admin"):
            mine.create_session(TRACK, sink=sink)
    mine.delete_session(session)
    assert service.sessions.held == {}


def test_a_session_that_another_daemon_began_is_still_its_makers(house):
    service, client = house
    mine, other = client(scope="create", sub="app"), client(scope="create", sub="other app")
    session = service.wait(service.sessions.create(TRACK)).id
    for each in (mine, other):
        with pytest.raises(NotFound):
            each.session(session)
    service.run(service.options["gate"].note_made, "app", session)
    assert mine.session(session).id == session
    with pytest.raises(NotFound):
        other.delete_session(session)
    mine.delete_session(session)
    made = mine.create_session(TRACK).id
    assert service.session(made).owner == "app"


def test_quotas_are_told_with_when_to_come_again(tmp_path):
    limits = Limits(
        calls_per_s=0.1, calls_burst=4, signals_burst=1024, signals_per_s=1.0, streams_per_token=1,
        sessions_per_token=1,
    )  # fmt: skip
    with guarded(tmp_path, limits) as (_, client):
        app = client(scope="create", sub="app")
        session = app.create_session(TRACK).id
        with pytest.raises(Exhausted, match="made 1 sessions") as caught:
            app.create_session(TRACK)
        assert caught.value.quota == "sessions"
        many = [Signal(id=f"{index}", wishes={"bass": 1.0}) for index in range(1000)]
        fan = client()
        fan.send(session, many)
        with pytest.raises(Exhausted) as caught:
            fan.send(session, many)
        assert caught.value.quota == "signals"
        assert 970.0 < caught.value.retry_after_s <= 976.0
        with fan.watch(session), pytest.raises(Exhausted, match="1 streams open"):
            next(fan.watch(session))
        with pytest.raises(Exhausted) as caught:
            fan.session(session)
        assert caught.value.quota == "calls"
        assert 0.0 < caught.value.retry_after_s <= 10.0
        assert client(sub="joon").session(session).id == session


def test_a_stream_of_signals_is_counted_batch_by_batch(tmp_path):
    with guarded(tmp_path, Limits(signals_burst=1024, signals_per_s=0.1)) as (service, client):
        session = client(scope="create", sub="app").create_session(TRACK).id
        signals = [audience_pb2.Signal(id=f"{index}", emoji="🔥") for index in range(600)]
        batch = audience_pb2.StreamSignalsRequest(batch=audience_pb2.SignalBatch(signals=signals))
        requests = iter([audience_pb2.StreamSignalsRequest(session=session), batch, batch])
        with grpc.insecure_channel(str(service.address)) as channel:
            stub = audience_pb2_grpc.AudienceStub(channel)
            metadata = (("authorization", f"Bearer {tokens.hs256()}"),)
            responses = stub.StreamSignals(requests, metadata=metadata, timeout=10)
            assert len(next(responses).answers) == 600
            with pytest.raises(grpc.RpcError) as caught:
                next(responses)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_stream_ends_when_its_token_does(house):
    service, client = house
    session = client(scope="create", sub="app").create_session(TRACK).id
    with client(exp=int(time.time()) + 2).watch(session) as events:
        next(events)
        with pytest.raises(Unauthenticated, match="expired"):
            next(events)
    assert not service.session(session).watchers


def test_control_is_written_down_and_fans_by_name_only(tmp_path):
    keys = FanKeys()
    with guarded(tmp_path, fan_keys=keys) as (_, client):
        admin = client(scope="admin", sub="root")
        session = admin.create_session(TRACK).id
        dj = client(scope="dj", sub="dj juno", session=session)
        dj.panic(session)
        with dj.console(session) as console:
            console.play("A")
        fan = client(sub=HANDLE)
        fan.signal(session, {"drums": -3.0})
        fan.forget_fan(HANDLE)
        with pytest.raises(NotFound):
            admin.delete_track("nothing")
        admin.delete_session(session)
    written = audited(tmp_path)
    assert [(row["who"], row["method"], row["outcome"]) for row in written] == [
        ("root", "CreateSession", "OK"),
        ("dj juno", "Panic", "OK"),
        ("dj juno", "Perform", "OK"),
        ("dj juno", "Perform", written[3]["outcome"]),
        (keys.name(HANDLE), "ForgetFan", "OK"),
        ("root", "DeleteTrack", "NOT_FOUND"),
        ("root", "DeleteSession", "OK"),
    ]
    assert written[2]["command"] == "play"
    assert (written[2]["session"], written[2]["deck"]) == (session, "A")
    assert all(row["key"] == "hs256" for row in written)
    assert HANDLE not in (tmp_path / "audit.jsonl").read_text()


def test_behind_the_api_fans_have_names_and_the_app_sees_its_own_handles(tmp_path):
    keys = FanKeys()
    with guarded(tmp_path, fan_keys=keys) as (service, client):
        session = client(scope="create", sub="app").create_session(TRACK).id
        fan = client(sub=HANDLE)
        fan.signal(session, {"drums": -3.0})
        (signal,) = service.session(session).received
        assert key_id_of(signal.fan) == keys.keys.current
        assert fan.taste(session, HANDLE).fan == HANDLE
        with pytest.raises(NotFound, match=f"fan '{HANDLE}x'") as caught:
            client(scope="listener", fans=True, sub="app").taste(session, HANDLE + "x")
        assert caught.value.name == HANDLE + "x"
        assert fan.forget_fan(HANDLE).signals == 1


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_log_tells_a_token_or_a_handle_even_of_a_fault(tmp_path, form):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(form))
    root = logging.getLogger()
    root.addHandler(handler)
    token = tokens.hs256(sub=HANDLE)
    try:
        with guarded(tmp_path) as (service, client):
            session = client(scope="create", sub="app").create_session(TRACK).id
            service.session(session).refusal = ValueError(f"{HANDLE} sent authorization: Bearer {token}")
            with (
                Client(str(service.address), token=token) as fan,
                pytest.raises(Exception, match="failed inside"),
            ):
                fan.signal(session, {"drums": -3.0})
            with Client(str(service.address), token=token + "x") as forged, pytest.raises(Unauthenticated):
                forged.session(session)
    finally:
        root.removeHandler(handler)
    logged = stream.getvalue()
    assert "SendSignals failed" in logged
    assert "ValueError" in logged
    assert "is refused" in logged
    assert "request" in logged
    assert HANDLE not in logged
    assert token not in logged
    for piece in token.split("."):
        assert piece not in logged


def test_replayed_signals_with_another_token_of_the_fan_are_the_same_signals(house):
    service, client = house
    session = client(scope="create", sub="app").create_session(TRACK).id
    for _ in range(2):
        client().send(session, [Signal(id="once", wishes={"bass": 1.0})])
    assert {(signal.fan, signal.id) for signal in service.session(session).received} == {("mina", "once")}


def test_a_fan_who_is_named_in_raw_requests_has_no_way_around(house):
    service, client = house
    session = client(scope="create", sub="app").create_session(TRACK).id
    metadata = (("authorization", f"Bearer {tokens.hs256()}"),)
    with grpc.insecure_channel(str(service.address)) as channel:
        stub = audience_pb2_grpc.AudienceStub(channel)
        signal = audience_pb2.Signal(id="x", fan="joon", text="more dreamy")
        requests = [
            audience_pb2.StreamSignalsRequest(session=session),
            audience_pb2.StreamSignalsRequest(batch=audience_pb2.SignalBatch(signals=[signal])),
        ]
        for call in (
            lambda: list(stub.StreamSignals(iter(requests), metadata=metadata)),
            lambda: stub.PlanMix(
                audience_pb2.PlanMixRequest(session=session, signals=[signal], bars=4), metadata=metadata
            ),
            lambda: stub.UndoSignal(
                audience_pb2.UndoSignalRequest(session=session, fan="joon", signal="x"), metadata=metadata
            ),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                call()
            assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert service.session(session).received == []


def test_the_same_request_id_of_two_tokens_makes_two_sessions(house):
    service, _ = house
    with grpc.insecure_channel(str(service.address)) as channel:
        stub = sessions_pb2_grpc.SessionsStub(channel)
        made = [
            stub.CreateSession(
                sessions_pb2.CreateSessionRequest(track=TRACK, request_id="r-1"),
                metadata=(("authorization", f"Bearer {tokens.hs256(scope='create', sub=sub)}"),),
            ).session.id
            for sub in ("app", "other app", "app")
        ]
    assert made[0] == made[2] != made[1]
    assert len(service.sessions.held) == 2


@pytest.mark.parametrize(
    "method",
    [
        "/remixd.v1.Sessions/ListSessions",
        "/remixd.v1.Sessions/Watch",
        "/grpc.health.v1.Health/Watch",
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ],
)
def test_who_has_no_token_holds_no_call_however_little_they_send(tmp_path, monkeypatch, method):
    monkeypatch.setattr("remixd.api.entrance.STRANGER_S", 0.2)
    with guarded(tmp_path, Limits(calls_max=16)) as (service, client):
        never = threading.Event()

        def requests():
            never.wait(10)
            yield from ()

        with grpc.insecure_channel(str(service.address)) as channel:
            calls = [channel.stream_stream(method)(requests()) for _ in range(40)]
            ended = [call.code() for call in calls]  # waits for its end
            never.set()
        allowed = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.DEADLINE_EXCEEDED}
        assert set(ended) <= allowed | {grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert set(ended) & allowed
        assert client(scope="admin").sessions() == []


def test_health_is_told_without_a_token_once(house):
    service, _ = house
    with grpc.insecure_channel(str(service.address)) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        assert stub.Check(health_pb2.HealthCheckRequest(), timeout=5).status == 1
        with pytest.raises(grpc.RpcError) as refused:
            next(stub.Watch(health_pb2.HealthCheckRequest(), timeout=5))
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
        token = (("authorization", f"Bearer {tokens.hs256()}"),)
        assert next(stub.Watch(health_pb2.HealthCheckRequest(), timeout=5, metadata=token)).status == 1
