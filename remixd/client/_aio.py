"""The asynchronous face of the client."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from os import PathLike
from types import TracebackType
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar, cast

import grpc
import grpc.aio

from remixd.client._access import Access
from remixd.client._console import AsyncConsole
from remixd.client._errors import telling_errors
from remixd.client._plans import TIMEOUT_S, Plans
from remixd.client._signals import AsyncSignalStream
from remixd.client._steps import CHANNEL_OPTIONS, Ask, Follow, Plan, Step, Take, built, stubs
from remixd.config import Address, listen_address
from remixd.errors import RemixdError

T = TypeVar("T")
P = ParamSpec("P")


class AsyncStream(AsyncIterator[T], Generic[T]):
    """What a daemon keeps sending. Iterate over it with `async for`; close it, or leave its `async with`.

    Entering the `async with` waits until the daemon has the stream in place; without it, the first step
    does. Raises remixd's errors from the iteration.
    """

    def __init__(self, call: Any, follow: Follow[T], address: Address) -> None:
        self._call = call
        self._follow = follow
        self._address = address
        self._closed = False

    async def __anext__(self) -> T:
        """Wait for the next one."""
        while not self._closed:
            try:
                with telling_errors(self._address):
                    message = await self._call.read()
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if self._closed and not (task and task.cancelling()):  # it was closed by another task
                    break
                raise
            except RemixdError:
                if self._closed or await self._timed_out():
                    break
                raise
            if message is grpc.aio.EOF:  # type: ignore[attr-defined]  # the stubs forget it
                break
            value = self._follow.read(message)
            if value is not None:
                return value
        raise StopAsyncIteration

    async def _timed_out(self) -> bool:
        return self._follow.ends_in_time and await self._call.code() is grpc.StatusCode.DEADLINE_EXCEEDED

    async def aclose(self) -> None:
        """Take no more."""
        self._closed = True
        self._call.cancel()

    async def __aenter__(self) -> AsyncStream[T]:
        await self._call.initial_metadata()  # comes once the daemon has the stream in place, or refused it
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _awaiting(
    plan: Callable[Concatenate[Plans, P], Plan[T]],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    """The method that carries a plan out."""

    @functools.wraps(plan)
    async def method(client: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await client._carry_out(plan(client._plans, *args, **kwargs))

    return method


def _following(
    plan: Callable[Concatenate[Plans, P], Follow[T]],
) -> Callable[Concatenate[AsyncClient, P], AsyncStream[T]]:
    """The method that opens a stream."""

    @functools.wraps(plan)
    def method(client: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> AsyncStream[T]:
        return client._follow(built(lambda: plan(client._plans, *args, **kwargs)))

    return method


class AsyncClient:
    """Talks to a daemon from an event loop: `Client`, but what it answers is awaited.

    Args:
        address: HOST:PORT; None for REMIXD_LISTEN, else 127.0.0.1:7400.
        timeout_s: how long an ordinary call may take.
        token, token_file, ca, certificate, key: see `Access`; None for what the environment says.

    Make it and use it in one event loop. The methods, their types and their errors are those of `Client`;
    `packets` and `watch` give an `AsyncStream` without being awaited.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        token: str | None = None,
        token_file: str | PathLike[str] | None = None,
        ca: str | PathLike[str] | None = None,
        certificate: str | PathLike[str] | None = None,
        key: str | PathLike[str] | None = None,
    ) -> None:
        self.address: Final[Address] = listen_address(address)
        self.timeout_s: Final = timeout_s
        self._plans = Plans(timeout_s)
        access = Access.of(token, token_file, ca, certificate, key)
        encryption = access.credentials(self.address)
        self._channel = (
            grpc.aio.secure_channel(str(self.address), encryption, options=CHANNEL_OPTIONS)
            if encryption
            else grpc.aio.insecure_channel(str(self.address), options=CHANNEL_OPTIONS)
        )
        self._stubs = stubs(self._channel, access)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up; every stream ends."""
        await self._channel.close(None)

    async def _carry_out(self, plan: Plan[T]) -> T:
        async with AsyncExitStack() as streams:
            go_on: Callable[[], Step] = functools.partial(plan.send, None)
            while True:
                try:
                    step = built(go_on)
                except StopIteration as done:
                    return cast("T", done.value)
                try:
                    go_on = functools.partial(plan.send, await self._do(step, streams))
                except RemixdError as error:
                    go_on = functools.partial(plan.throw, error)

    async def _do(self, step: Step, streams: AsyncExitStack) -> Any:
        match step:
            case Ask():
                call = getattr(self._stubs[step.service], step.method)
                with telling_errors(self.address):
                    return await call(step.request, timeout=step.timeout_s)
            case Follow():
                return await streams.enter_async_context(self._follow(step))
            case Take():
                return await anext(step.stream, None)

    def _follow(self, follow: Follow[T]) -> AsyncStream[T]:
        call = getattr(self._stubs[follow.service], follow.method)
        return AsyncStream(call(follow.request, timeout=follow.timeout_s), follow, self.address)

    def console(self, session: str) -> AsyncConsole:
        """Take hold of the decks of a session: use it with `async with`."""
        return AsyncConsole(self._stubs["Console"], session, self.address, self.timeout_s)

    def signals(self, session: str) -> AsyncSignalStream:
        """Send batch after batch of signals to a session: use it with `async with`."""
        return AsyncSignalStream(self._stubs["Audience"], session, self.address)

    is_serving = _awaiting(Plans.is_serving)
    import_track = _awaiting(Plans.import_track)
    tracks = _awaiting(Plans.tracks)
    track = _awaiting(Plans.track)
    edit_track = _awaiting(Plans.edit_track)
    overview = _awaiting(Plans.overview)
    delete_track = _awaiting(Plans.delete_track)
    create_session = _awaiting(Plans.create_session)
    sessions = _awaiting(Plans.sessions)
    session = _awaiting(Plans.session)
    delete_session = _awaiting(Plans.delete_session)
    panic = _awaiting(Plans.panic)
    packets = _following(Plans.packets)
    listen = _awaiting(Plans.listen)
    watch = _following(Plans.watch)
    send = _awaiting(Plans.send)
    signal = _awaiting(Plans.signal)
    taste = _awaiting(Plans.taste)
    explain = _awaiting(Plans.explain)
    undo = _awaiting(Plans.undo)
    forget_fan = _awaiting(Plans.forget_fan)
    crowd = _awaiting(Plans.crowd)
    plan = _awaiting(Plans.plan)
    presets = _awaiting(Plans.presets)
    preset = _awaiting(Plans.preset)
    pick = _awaiting(Plans.pick)
    save_preset = _awaiting(Plans.save_preset)
    delete_preset = _awaiting(Plans.delete_preset)
