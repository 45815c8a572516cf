"""Errors become status codes, for every kind of call."""

from __future__ import annotations

import logging

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from remixd import errors
from remixd.api.status import DETAILS_KEY, status_code
from remixd.client import Client, _errors
from remixd.v1 import audience_pb2, common_pb2, sessions_pb2, tracks_pb2

CODES = {
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    errors.BadAudio: grpc.StatusCode.INVALID_ARGUMENT,
    errors.AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.Exhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.Forbidden: grpc.StatusCode.PERMISSION_DENIED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    errors.Disconnected: grpc.StatusCode.UNAVAILABLE,
    errors.Unsupported: grpc.StatusCode.UNIMPLEMENTED,
}
SIGNALS = audience_pb2.SendSignalsRequest(
    session="s-1",
    signals=[audience_pb2.Signal(id="x", wishes=[common_pb2.Wish(dimension="vocals", value=-6)])],
)


@pytest.fixture
def session(service, sessions):
    sessions.CreateSession(sessions_pb2.CreateSessionRequest(track="a-song-0a1b2c3d"))
    return service.session("s-1")


def every_error():
    kinds, found = [errors.RemixdError], []
    while kinds:
        found += (below := kinds.pop().__subclasses__())
        kinds += below
    return [kind for kind in found if kind.__module__ == errors.__name__]


def test_every_error_of_remixd_has_its_code():
    assert {kind: status_code(kind("why")) for kind in every_error()} == CODES


def test_client_and_server_agree_on_the_name_of_the_error():
    assert _errors.DETAILS_KEY == DETAILS_KEY
    assert set(_errors.CLASSES.values()) == set(every_error())


@pytest.mark.parametrize("kind", CODES)
def test_a_refusal_keeps_its_message_and_names_its_class(session, audience, kind):
    session.refusal = kind("the engine is full: 한국어 too")
    with pytest.raises(grpc.RpcError) as caught:
        audience.SendSignals(SIGNALS)
    assert caught.value.code() is CODES[kind]
    assert caught.value.details() == "the engine is full: 한국어 too"
    told = details_of(caught.value)
    assert (told.code, told.message) == (CODES[kind].value[0], "the engine is full: 한국어 too")
    assert unpacked(told, error_details_pb2.ErrorInfo).reason == kind.__name__


def test_an_error_of_one_module_alone_is_named_as_the_public_one_that_it_is(session, audience):
    session.refusal = type("EngineHasDied", (errors.Unavailable,), {})("the engine has died")
    with pytest.raises(grpc.RpcError) as caught:
        audience.SendSignals(SIGNALS)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert unpacked(details_of(caught.value), error_details_pb2.ErrorInfo).reason == "Unavailable"


def details_of(error):
    """The `google.rpc.Status` that a call ended with."""
    told = status_pb2.Status()
    told.ParseFromString(dict(error.trailing_metadata())[DETAILS_KEY])
    return told


def unpacked(told, kind):
    """The one detail of a kind."""
    [found] = [detail for detail in told.details if detail.Is(kind.DESCRIPTOR)]
    message = kind()
    found.Unpack(message)
    return message


TRACK = "a-song-0a1b2c3d"


@pytest.mark.parametrize(
    ("service_", "method", "request_", "field"),
    [
        ("sessions", "GetSession", sessions_pb2.GetSessionRequest(), "session"),
        ("sessions", "CreateSession", sessions_pb2.CreateSessionRequest(track="x" * 200), "track"),
        ("sessions", "CreateSession", sessions_pb2.CreateSessionRequest(track=TRACK, mode=9), "mode"),
        ("sessions", "CreateSession", sessions_pb2.CreateSessionRequest(track=TRACK, sink="x"), "sink"),
        ("sessions", "Panic", sessions_pb2.PanicRequest(session="s-1"), "id"),
        ("sessions", "Listen", sessions_pb2.ListenRequest(session="s-1", format=9), "format"),
        ("sessions", "ListSessions", sessions_pb2.ListSessionsRequest(page_size=-1), "page_size"),
        ("sessions", "ListSessions", sessions_pb2.ListSessionsRequest(page_token="x"), "page_token"),  # noqa: S106 (no password)
        ("audience", "SendSignals", audience_pb2.SendSignalsRequest(session="s-1"), "signals"),
        ("tracks", "GetTrack", tracks_pb2.GetTrackRequest(), "track"),
        ("tracks", "ImportTrack", tracks_pb2.ImportTrackRequest(path="x"), "path"),
        ("tracks", "ImportTrack", tracks_pb2.ImportTrackRequest(path="/x", roles={"a": 9}), "roles[a]"),
    ],
)
def test_an_argument_that_cannot_be_used_is_named_as_a_field(
    session, request, service_, method, request_, field
):
    assert session.id == "s-1"
    call = getattr(request.getfixturevalue(service_), method)
    with pytest.raises(grpc.RpcError) as caught:
        list(answer) if hasattr(answer := call(request_, timeout=5), "__next__") else None
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    [violation] = unpacked(details_of(caught.value), error_details_pb2.BadRequest).field_violations
    assert violation.field == field
    assert violation.description == caught.value.details()


@pytest.mark.parametrize(
    ("service_", "method", "request_", "kind", "name"),
    [
        ("sessions", "GetSession", sessions_pb2.GetSessionRequest(session="s-2"), "session", "s-2"),
        ("sessions", "Panic", sessions_pb2.PanicRequest(session="s-2", id="x"), "session", "s-2"),
        ("sessions", "CreateSession", sessions_pb2.CreateSessionRequest(track="b-song"), "track", "b-song"),
        (
            "sessions",
            "CreateSession",
            sessions_pb2.CreateSessionRequest(track=TRACK, preset="x"),
            "preset",
            "x",
        ),
        ("tracks", "GetTrack", tracks_pb2.GetTrackRequest(track="b-song"), "track", "b-song"),
    ],
)
def test_what_is_not_there_is_named_as_a_resource(session, request, service_, method, request_, kind, name):
    assert session.id == "s-1"
    with pytest.raises(grpc.RpcError) as caught:
        getattr(request.getfixturevalue(service_), method)(request_)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    found = unpacked(details_of(caught.value), error_details_pb2.ResourceInfo)
    assert (found.resource_type, found.resource_name) == (f"remixd.v1/{kind}", name)


def test_the_client_rebuilds_what_the_details_name(service, session):
    assert session.id == "s-1"
    with Client(str(service.address)) as client:
        with pytest.raises(errors.InvalidInput) as wrong:
            client.create_session(TRACK, sink="speaker")
        with pytest.raises(errors.NotFound) as missing:
            client.session("s-2")
    assert wrong.value.field == "sink"
    assert (missing.value.kind, missing.value.name) == ("session", "s-2")


def test_details_that_nobody_understands_do_not_hide_the_message(service, session, monkeypatch):
    for nonsense in (b"\xff\xff", b"", b"\x1a\x02\x08\x01"):
        monkeypatch.setattr("remixd.api.status.details", lambda _error, told=nonsense: told)
        with Client(str(service.address)) as client, pytest.raises(errors.NotFound, match="did you mean s-1"):
            client.session("s-2")
    assert session.id == "s-1"


def test_a_fault_is_internal_and_its_traceback_stays_in_the_log(session, audience, caplog):
    session.refusal = ZeroDivisionError("the secret")
    with caplog.at_level(logging.ERROR), pytest.raises(grpc.RpcError) as caught:
        audience.SendSignals(SIGNALS)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in caught.value.details()
    assert "/remixd.v1.Audience/SendSignals" in caught.value.details()
    assert "the secret" in caplog.text
    assert "Traceback" in caplog.text


def test_a_stream_that_is_refused_has_a_status_too(sessions, refused):
    for method, request in (
        (sessions.Listen, sessions_pb2.ListenRequest(session="s-9")),
        (sessions.Watch, sessions_pb2.WatchRequest(session="s-9")),
    ):
        assert refused(method, request)[0] is grpc.StatusCode.NOT_FOUND


def test_a_stream_that_fails_midway_is_internal_and_logged(service, session, sessions, caplog, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("the secret")

    monkeypatch.setattr("remixd.api.convert.packet_to_proto", broken)
    call = sessions.Listen(sessions_pb2.ListenRequest(session="s-1"), timeout=5)
    assert next(call).HasField("format")
    service.run(session.play, 1)
    with caplog.at_level(logging.ERROR), pytest.raises(grpc.RpcError) as caught:
        next(call)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in caught.value.details()
    assert "the secret" in caplog.text


def test_an_unknown_method_is_unimplemented(channel):
    call = channel.unary_unary("/remixd.v1.Tracks/Nothing")
    with pytest.raises(grpc.RpcError) as caught:
        call(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_the_service_goes_on_after_a_fault(session, audience, tracks):
    session.refusal = ZeroDivisionError()
    with pytest.raises(grpc.RpcError):
        audience.SendSignals(SIGNALS)
    assert len(tracks.ListTracks(tracks_pb2.ListTracksRequest()).tracks) == 2
