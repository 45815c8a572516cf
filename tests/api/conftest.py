"""Raw stubs: what a client of any language sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from serving import Service

from remixd.v1 import audience_pb2_grpc, sessions_pb2_grpc, tracks_pb2_grpc


@pytest.fixture
def channel(service: Service) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(str(service.address)) as opened:
        yield opened


@pytest.fixture
def tracks(channel: grpc.Channel) -> tracks_pb2_grpc.TracksStub:
    return tracks_pb2_grpc.TracksStub(channel)


@pytest.fixture
def sessions(channel: grpc.Channel) -> sessions_pb2_grpc.SessionsStub:
    return sessions_pb2_grpc.SessionsStub(channel)


@pytest.fixture
def audience(channel: grpc.Channel) -> audience_pb2_grpc.AudienceStub:
    return audience_pb2_grpc.AudienceStub(channel)


@pytest.fixture
def refused() -> Callable[..., tuple[grpc.StatusCode, str]]:
    """Call a method that must be refused; its code and message."""

    def call(method: Any, request: Any) -> tuple[grpc.StatusCode, str]:
        def run() -> None:
            answer = method(request, timeout=5)
            if hasattr(answer, "__next__"):
                list(answer)

        with pytest.raises(grpc.RpcError) as caught:
            run()
        return caught.value.code(), caught.value.details()

    return call
