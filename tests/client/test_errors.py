"""Errors come back as what they were, and a daemon that is not there is told."""

from __future__ import annotations

import socket

import grpc
import pytest

from remixd import errors
from remixd.client._errors import error_from_status
from remixd.config import Address


def test_errors_come_back_as_what_they_were(client):
    with pytest.raises(errors.NotFound, match="did you mean a-song-0a1b2c3d"):
        client.track("a-song-0a1b2c3e")
    with pytest.raises(errors.BadAudio, match="/songs/broken holds no audio"):
        client.import_track("/songs/broken")
    with pytest.raises(errors.InvalidInput, match="track has 200 characters"):
        client.create_session("x" * 200)


def test_a_text_that_no_message_can_carry_is_refused(client):
    word = "caf\udce9"  # as Python reads an argument that is not UTF-8
    for ask in (client.tracks, client.track, client.delete_session, client.watch):
        with pytest.raises(errors.InvalidInput, match=r"^caf\\udce9 is not valid Unicode$"):
            ask(word)
    with pytest.raises(errors.InvalidInput, match="not valid Unicode"):
        client.edit_track("a-song-0a1b2c3d", reset=[word])


@pytest.mark.parametrize(
    "kind", [errors.Exhausted, errors.Unavailable, errors.Unsupported, errors.AlreadyExists]
)
def test_every_kind_of_refusal_is_rebuilt(client, session, kind):
    session.refusal = kind("the engine says no")
    with pytest.raises(errors.RemixdError) as caught:
        client.signal(session.id, {"vocals": -6})
    assert (type(caught.value), str(caught.value)) == (kind, "the engine says no")


def test_a_fault_of_the_daemon_is_one_line_without_its_secrets(client, session):
    session.refusal = ZeroDivisionError("the secret")
    with pytest.raises(errors.RemixdError, match="INTERNAL") as caught:
        client.signal(session.id, {"vocals": -6})
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_no_daemon_is_told_with_what_to_do(connect):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (
        connect(f"127.0.0.1:{port}") as client,
        pytest.raises(
            errors.Unavailable, match=f"^no daemon at 127.0.0.1:{port}: start one with `remixd serve`$"
        ),
    ):
        client.tracks()
    with connect(f"127.0.0.1:{port}") as client:
        assert not client.is_serving()


def test_a_proxy_for_the_web_is_not_asked_for_this_machine(service, monkeypatch, connect):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("grpc_proxy", "http://127.0.0.1:9")
    with connect(str(service.address)) as client:
        assert client.is_serving()


def test_something_else_on_the_port_is_no_daemon_and_does_not_block(connect):
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        connect(f"127.0.0.1:{deaf.getsockname()[1]}", timeout_s=0.3) as client,
        pytest.raises(errors.Unavailable),
    ):
        client.tracks()


def test_the_address_comes_from_the_environment(service, monkeypatch, connect):
    monkeypatch.setenv("REMIXD_LISTEN", str(service.address))
    with connect() as client:
        assert client.is_serving()
        assert client.address == service.address


class Broken(grpc.RpcError):
    """What gRPC's asynchronous client raises where a line broke before there was a status."""

    def code(self):
        return grpc.StatusCode.INTERNAL

    def details(self):
        return "Internal error from Core"

    def trailing_metadata(self):
        return ()


def test_a_line_that_broke_before_there_was_a_status_is_cut_and_no_fault():
    told = error_from_status(Broken(), Address("127.0.0.1", 7400))
    assert isinstance(told, errors.Disconnected)
    assert told.sent
