"""Every method of the real daemon, called with anything: it answers as its comment says, and stays well."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from fuzzing import ANY_TIME, Call, calls, documented, methods
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from processes import Daemon

from remixd.client import Client
from remixd.errors import NotFound

MESSAGES_MAX = 8
"""Of a stream so many are read."""

METHODS = methods()
DOCUMENTED = documented()
DELETED = ("DeleteTrack", "EditTrack", "ImportTrack")
"""Methods that are not given the name of what other examples need."""


class Caller:
    """Calls a daemon with requests of any kind."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.channel = grpc.insecure_channel(daemon.address)
        with daemon.client() as client:
            self.track = client.tracks()[0].id
            self.sessions = self._play(client)

    def _play(self, client: Client) -> tuple[str, ...]:
        kinds = (True, False)
        return tuple(client.create_session(self.track, sink="null", directed=each).id for each in kinds)

    def names_for(self, method: str) -> tuple[str, ...]:
        return () if method in DELETED else (*self.sessions, self.track)

    def code(self, call: Call) -> str:
        """How the daemon answered: the name of its status code."""
        method = call.method
        kinds = {
            (False, False): self.channel.unary_unary,
            (False, True): self.channel.unary_stream,
            (True, True): self.channel.stream_stream,
        }
        path = f"/{method.containing_service.full_name}/{method.name}"
        serialize = GetMessageClass(method.input_type).SerializeToString
        deserialize = GetMessageClass(method.output_type).FromString
        ask = kinds[method.client_streaming, method.server_streaming](
            path, request_serializer=serialize, response_deserializer=deserialize
        )
        try:
            if method.client_streaming:
                self._read(ask(iter(call.requests), timeout=0.5))
            elif method.server_streaming:
                self._read(ask(call.requests[0], timeout=0.1))
            else:
                answer = ask(call.requests[0], timeout=20)
                if method.name == "CreateSession":
                    self.end(answer.session.id)
        except grpc.RpcError as error:
            return error.code().name
        return "OK"

    def _read(self, stream: grpc.Call) -> None:
        for count, _ in enumerate(stream, 1):
            if count == MESSAGES_MAX:
                stream.cancel()
                return

    def end(self, session: str) -> None:
        if session not in self.sessions:
            with self.daemon.client() as client, contextlib.suppress(NotFound):  # of a request sent again
                client.delete_session(session)

    def look_after(self) -> None:
        """What examples have ended is there again; fails if the daemon does not answer as it should."""
        with self.daemon.client() as client:
            there = {each.id for each in client.sessions() if each.state == "playing"}
            if not there >= set(self.sessions):
                ways = [
                    client.create_session(self.track, sink="null", directed=each) for each in (True, False)
                ]
                self.sessions = tuple(each.id for each in ways)
        assert self.daemon.process.poll() is None

    def resident_bytes(self) -> int:
        """The memory of the process that answers."""
        pages = int(Path(f"/proc/{self.daemon.pid}/statm").read_text("utf-8").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="module")
def caller(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    errors = tmp_path_factory.mktemp("log") / "errors"
    daemon = Daemon(library, errors)
    called = Caller(daemon)
    yield called
    called.channel.close()
    assert daemon.stop() == 0
    assert b"Traceback" not in errors.read_bytes()


@pytest.mark.parametrize("cases", [25, pytest.param(1000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@pytest.mark.timeout(1800)
def test_a_method_answers_anything_as_its_comment_says(caller, method, cases) -> None:
    allowed = DOCUMENTED[method.full_name] | ANY_TIME | {"OK"}

    @settings(max_examples=cases, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def check(data):
        call = data.draw(calls(method, caller.names_for(method.name)))
        assert caller.code(call) in allowed
        if method.name in ("DeleteSession", "Perform"):
            caller.look_after()

    check()
    caller.look_after()


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_hundred_thousand_calls_leave_the_memory_as_it_was(caller) -> None:
    unary = [each for each in METHODS if not each.server_streaming and each.name != "CreateSession"]
    sampled = []

    @settings(max_examples=100_000 // len(unary) // 20, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def collect(data):
        sampled.extend(data.draw(calls(method, caller.names_for(method.name))) for method in unary)

    collect()
    grown = []
    for _ in range(21):
        for call in sampled:
            caller.code(call)
        caller.look_after()
        grown.append(caller.resident_bytes())
    assert grown[-1] < 1.05 * grown[1], grown
