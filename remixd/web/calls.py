"""What the gateway calls: the services, as far as it knows them. `remixd.api.methods` is one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from google.protobuf.message import Message
from google.rpc import status_pb2

BEARER: Final = "bearer "
CARRIED: Final = ("traceparent", "tracestate", "user-agent")
"""Headers that are handed on with a call."""


async def _nobody() -> None:
    """Nobody waits to be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls: see `remixd.api.methods.Caller`. This is where a bearer token is passed on."""

    peer: str
    via: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    bearer: str = ""
    on_started: Callable[[], Awaitable[None]] = _nobody

    async def started(self) -> None:
        """A stream is in place."""
        await self.on_started()


class Method(Protocol):
    """One method of a service."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def request(self) -> type[Message]: ...  # noqa: D102
    @property
    def response(self) -> type[Message]: ...  # noqa: D102
    @property
    def takes_many(self) -> bool: ...  # noqa: D102
    @property
    def gives_many(self) -> bool: ...  # noqa: D102


M = TypeVar("M", bound=Method)


class Calls(Protocol[M]):
    """The services."""

    def find(self, name: str) -> M:
        """A method by its name, such as `Sessions/Watch`. Raises Unsupported."""

    def call(
        self, method: M, requests: AsyncIterator[Message], caller: Caller
    ) -> AsyncGenerator[Message | bytes, None]:
        """Answer a call; closing the generator cancels it."""

    def status(self, error: Exception, method: str) -> status_pb2.Status:
        """What a caller is told of an error that `find` or `call` raised."""


AnyCalls = Calls[Any]


def bearer_of(header: str) -> str:
    """The token of an Authorization header; empty if it holds none."""
    return header[len(BEARER) :].strip() if header.lower().startswith(BEARER) else ""


def carried(headers: Mapping[str, str]) -> dict[str, str]:
    """What of the headers of a request goes with its calls."""
    return {name: headers[name] for name in CARRIED if name in headers}
