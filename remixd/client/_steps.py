"""The steps that plans are made of, and the channel and stubs that they are taken on."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2_grpc

from remixd.client._access import Access, with_metadata
from remixd.errors import InvalidInput
from remixd.v1 import (
    audience_pb2_grpc,
    console_pb2_grpc,
    presets_pb2_grpc,
    sessions_pb2_grpc,
    stats_pb2_grpc,
    tracks_pb2_grpc,
)

CHANNEL_OPTIONS: Final = (
    ("grpc.enable_http_proxy", 0),  # a proxy for the web has no part in what goes on inside this machine
    ("grpc.keepalive_time_ms", 20_000),  # while a call is open: a line that is dead on one side is noticed
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),  # counts where gRPC asks by itself, else a minute
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 5_000),  # what one attempt may take
    ("grpc.max_reconnect_backoff_ms", 1_000),
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask:
    """Call `METHOD` of `service` and wait for its one answer, which is sent back into the plan."""

    service: str
    method: str
    request: Message
    timeout_s: float

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be carried out twice: it reads, or the daemon knows again what came before."""
        reads = self.method.startswith(("Get", "List", "Explain", "Plan"))
        return reads or self.method == "SendSignals" or bool(getattr(self.request, "request_id", ""))


@dataclass(frozen=True, slots=True)
class Again(Generic[T]):
    """How a stream goes on that was cut and is there again.

    Attributes:
        told: makes what its reader is told of it, from the seconds that it was away; None for nothing.
        joined: makes of the last value before and the first one after what the latter is told as.
    """

    told: Callable[[float], T | None]
    joined: Callable[[T, T], T]


@dataclass(frozen=True, slots=True)
class Follow(Generic[T]):
    """Open a stream; it is sent back into the plan, and closed when the plan ends.

    Attributes:
        timeout_s: how long it may last; None for ever.
        read: makes a value of a message; None for one to pass over.
        ends_in_time: whether reaching `timeout_s` is an end like any other, and no error.
        again: how it goes on when it was cut; None if it cannot.
    """

    service: str
    method: str
    request: Message
    timeout_s: float | None
    read: Callable[[Any], T | None]
    ends_in_time: bool = False
    again: Again[T] | None = None


@dataclass(frozen=True, slots=True)
class Take:
    """Wait for the next value of a stream that was followed; None is its end."""

    stream: Any


Step: TypeAlias = Ask | Follow[Any] | Take
Plan: TypeAlias = Generator[Step, Any, T]


def built(step: Callable[[], T]) -> T:
    """A step of a plan, once its message is built. Raises InvalidInput for a text that none can carry."""
    try:
        return step()
    except UnicodeEncodeError as error:
        shown = str(error.object).encode("utf-8", "backslashreplace").decode()
        raise InvalidInput(f"{shown[:60]} is not valid Unicode") from None


def stubs(channel: grpc.Channel | grpc.aio.Channel, access: Access) -> dict[str, Any]:
    """The callables of each service on a channel, blocking or not, which send the token if there is one."""
    kinds: dict[str, Any] = {
        "Tracks": tracks_pb2_grpc.TracksStub,
        "Sessions": sessions_pb2_grpc.SessionsStub,
        "Audience": audience_pb2_grpc.AudienceStub,
        "Console": console_pb2_grpc.ConsoleStub,
        "Presets": presets_pb2_grpc.PresetsStub,
        "Stats": stats_pb2_grpc.StatsStub,
        "Health": health_pb2_grpc.HealthStub,
    }
    return {service: with_metadata(kind(channel), access.metadata) for service, kind in kinds.items()}
