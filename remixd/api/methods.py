"""The services as a table of methods, for callers who do not come over gRPC: the very same servicers.

Thread: [control].
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import status_pb2

from remixd.api.status import status_code, told
from remixd.control.observing import Observer
from remixd.errors import InvalidInput, Unsupported, nearest

Guard = Callable[[str, Callable[..., Any]], Callable[..., Any]]
"""Puts a method's behaviour behind the gate: `/package.Service/Method`, and what the servicer does."""


class Caller(Protocol):
    """Who calls.

    Attributes:
        peer: where from, such as `127.0.0.1:50123`.
        via: `http` or `websocket`.
        metadata: words that came with the call, by name, in lower case.
        bearer: the token that came with it; empty without.
    """

    @property
    def peer(self) -> str: ...  # noqa: D102
    @property
    def via(self) -> str: ...  # noqa: D102
    @property
    def metadata(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def bearer(self) -> str: ...  # noqa: D102

    async def started(self) -> None:
        """A stream is in place, and nothing has come of it yet."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method.

    Attributes:
        name: such as `Sessions/Watch`.
        request, response: the messages' classes.
        takes_many, gives_many: whether it is a stream of them.
        behaviour: the servicer's.
    """

    name: str
    request: type[Message]
    response: type[Message]
    takes_many: bool
    gives_many: bool
    behaviour: Callable[[Any, Any], Any]


class Aborted(Exception):
    """A servicer has ended its call with a status of its own."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class CallContext:
    """What servicers use of gRPC's context, for one call that comes another way."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._ended: list[Callable[[Any], None]] = []

    async def send_initial_metadata(self, _metadata: object) -> None:
        """Tell the caller that the stream is in place."""
        await self._caller.started()

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Have `callback` called when the call is over, however it ends."""
        self._ended.append(callback)

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        """What came with the call, the token as gRPC has it."""
        told = {**self._caller.metadata}
        if self._caller.bearer:
            told["authorization"] = f"Bearer {self._caller.bearer}"
        return tuple(told.items())

    def peer(self) -> str:
        """Where the caller is."""
        return self._caller.peer

    async def abort(self, code: grpc.StatusCode, details: str = "", _trailing: object = ()) -> NoReturn:
        """End the call with a status."""
        raise Aborted(code, details)

    def finish(self) -> None:
        """The call is over."""
        for callback in self._ended:
            callback(self)


class Methods:
    """Every method of some services.

    Args:
        services: a servicer each.
        observer: notes each call.
        guard: lets calls in.
    """

    def __init__(
        self,
        services: Mapping[ServiceDescriptor, object],
        observer: Observer,
        guard: Guard,
    ) -> None:
        self._observer = observer
        self._methods = {
            f"{service.name}/{each.name}": Method(
                f"{service.name}/{each.name}",
                GetMessageClass(each.input_type),
                GetMessageClass(each.output_type),
                bool(each.client_streaming),
                bool(each.server_streaming),
                guard(f"/{service.full_name}/{each.name}", getattr(servicer, each.name)),
            )
            for service, servicer in services.items()
            for each in service.methods
        }

    def __iter__(self) -> Iterator[Method]:
        return iter(self._methods.values())

    def find(self, name: str) -> Method:
        """A method by its name, such as `Sessions/Watch`. Raises Unsupported with the nearest name."""
        found = self._methods.get(name)
        if found is None:
            raise Unsupported(f"there is no method {name[:80]!r}: {nearest(name[:80], self._methods)}")
        return found

    async def call(
        self, method: Method, requests: AsyncIterator[Message], caller: Caller
    ) -> AsyncGenerator[Message | bytes, None]:
        """Answer a call: its responses, some of them serialised already. Closing it cancels the call.

        Raises what the servicer raises; `status` tells what the caller may know of it.
        """
        context = CallContext(caller)
        metadata = dict(caller.metadata)
        with self._observer.call(
            method.name, caller.via, metadata, is_stream=method.gives_many or method.takes_many
        ) as ended:
            try:
                async with contextlib.aclosing(_responses(method, requests, context)) as responses:
                    async for response in responses:
                        yield response
            except Aborted as error:
                ended.code = error.code.name
                raise
            except Exception as error:
                ended.code = status_code(error).name
                raise
            finally:
                context.finish()

    def status(self, error: Exception, method: str) -> status_pb2.Status:
        """What the caller of a method is told of an error."""
        if isinstance(error, Aborted):
            return status_pb2.Status(code=error.code.value[0], message=str(error))
        return told(error, method)


async def _responses(
    method: Method, requests: AsyncIterator[Message], context: CallContext
) -> AsyncGenerator[Message | bytes, None]:
    asked: Message | AsyncIterator[Message] = requests
    if not method.takes_many:
        asked = await _one(method, requests)
    if not method.gives_many:
        yield await method.behaviour(asked, context)
        return
    async with contextlib.aclosing(method.behaviour(asked, context)) as responses:
        async for response in responses:
            yield response


async def _one(method: Method, requests: AsyncIterator[Message]) -> Message:
    async for request in requests:
        return request
    raise InvalidInput(f"{method.name} takes a request", field="request")
