"""Where the server listens, what it serves beside ours, how it ends."""

from __future__ import annotations

import asyncio
import errno
import socket
import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from remixd.api.server import SERVICES, Server, check_listen
from remixd.config import Address
from remixd.errors import AlreadyExists, InvalidInput, Unsupported
from remixd.v1 import audience_pb2, sessions_pb2, tracks_pb2


def build(service):
    return Server(service.shelf, service.sessions, service.import_path, service.take_census)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])  # noqa: S104
def test_an_address_beyond_this_machine_is_refused_in_a_sentence(host):
    with pytest.raises(Unsupported, match="this machine only"):
        check_listen(Address(host, 0))


def test_an_address_that_cannot_be_had_is_told_with_the_reason(monkeypatch):
    class Refusing(socket.socket):
        def bind(self, _address):
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    monkeypatch.setattr("socket.socket", Refusing)
    with pytest.raises(InvalidInput, match=r"cannot listen on 127.0.0.9:7400: Cannot assign"):
        check_listen(Address("127.0.0.9", 7400))


def test_a_port_that_is_taken_is_named(service):
    async def start():
        server = build(service)
        try:
            await server.start(service.address)
        finally:
            await server.stop(0)

    with pytest.raises(AlreadyExists, match=f"port {service.address.port} on 127.0.0.1 is taken"):
        service.wait(start())


def test_two_servers_never_share_a_port_even_past_the_first_check(service, monkeypatch):
    monkeypatch.setattr("remixd.api.server.check_listen", lambda listen, **_: listen)

    async def start():
        server = build(service)
        try:
            await server.start(service.address)
        finally:
            await server.stop(0)

    with pytest.raises(AlreadyExists, match="taken"):
        service.wait(start())


def test_localhost_is_one_address_and_port_zero_is_a_free_one(service):
    async def start():
        server = build(service)
        try:
            return await server.start(Address("localhost", 0))
        finally:
            await server.stop(0)

    chosen = service.wait(start())
    assert chosen.host == "127.0.0.1"
    assert chosen.port > 0


def test_health_tells_of_the_whole_and_of_each_service(channel):
    health = health_pb2_grpc.HealthStub(channel)
    for name in ("", *SERVICES):
        answer = health.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_names_the_services(channel):
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    [answer] = stub.ServerReflectionInfo(iter([asked]))
    names = {found.name for found in answer.list_services_response.service}
    assert {*SERVICES, "grpc.health.v1.Health"} <= names
    ours = ("Tracks", "Sessions", "Audience", "Console", "Presets", "Stats")
    assert tuple(f"remixd.v1.{name}" for name in ours) == SERVICES


def test_stopping_ends_every_stream_with_a_status_and_no_reset(service, sessions):
    created = sessions.CreateSession(sessions_pb2.CreateSessionRequest(track="a-song-0a1b2c3d")).session
    heard = sessions.Listen(sessions_pb2.ListenRequest(session=created.id))
    seen = sessions.Watch(sessions_pb2.WatchRequest(session=created.id))
    next(heard), next(seen)
    began = time.monotonic()
    service.wait(service.server.stop(5))
    assert time.monotonic() - began < 2
    for call in (heard, seen):
        with pytest.raises(grpc.RpcError) as caught:
            list(call)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert caught.value.details() == "the daemon is stopping"
    assert not service.session(created.id).listeners


def test_stopping_lets_a_call_under_way_finish(service, tracks, monkeypatch):
    entered, let_go = asyncio.Event(), asyncio.Event()
    done = service.import_path

    async def slow(*arguments):
        entered.set()
        await let_go.wait()
        return await done(*arguments)

    monkeypatch.setattr(service, "import_path", slow)
    call = tracks.ImportTrack(tracks_pb2.ImportTrackRequest(path="/songs/slow"))
    service.wait(entered.wait())
    stopping = asyncio.run_coroutine_threadsafe(service.server.stop(5), service.loop)
    service.run(let_go.set)
    assert list(call)[-1].HasField("track")
    stopping.result(5)


def test_a_message_of_ten_megabytes_is_refused_and_the_connection_lives(tracks, audience):
    for method, request in (
        (tracks.GetTrack, tracks_pb2.GetTrackRequest(track="a" * 10_000_000)),
        (tracks.ImportTrack, tracks_pb2.ImportTrackRequest(path="/" + "a" * 10_000_000)),
        (audience.SendSignals, audience_pb2.SendSignalsRequest(session="a" * 10_000_000)),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            list(method(request, timeout=10))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "larger than max" in caught.value.details()
        assert tracks.ListTracks(tracks_pb2.ListTracksRequest(), timeout=5).tracks
