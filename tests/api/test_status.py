"""Errors become status codes, for every kind of call."""

from __future__ import annotations

import logging

import grpc
import pytest

from remixd import errors
from remixd.api.status import ERROR_KEY, status_code
from remixd.client import _convert
from remixd.v1 import audience_pb2, common_pb2, sessions_pb2, tracks_pb2

CODES = {
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    errors.BadAudio: grpc.StatusCode.INVALID_ARGUMENT,
    errors.AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.Exhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
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
    return found


def test_every_error_of_remixd_has_its_code():
    assert {kind: status_code(kind("why")) for kind in every_error()} == CODES


def test_client_and_server_agree_on_the_name_of_the_error():
    assert _convert.ERROR_KEY == ERROR_KEY
    assert set(_convert.CLASSES.values()) == set(every_error())


@pytest.mark.parametrize("kind", CODES)
def test_a_refusal_keeps_its_message_and_names_its_class(session, audience, kind):
    session.refusal = kind("the engine is full: 한국어 too")
    with pytest.raises(grpc.RpcError) as caught:
        audience.SendSignals(SIGNALS)
    assert caught.value.code() is CODES[kind]
    assert caught.value.details() == "the engine is full: 한국어 too"
    assert dict(caught.value.trailing_metadata())[ERROR_KEY] == kind.__name__


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
