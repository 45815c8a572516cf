"""The asynchronous face of the client."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from os import PathLike
from types import TracebackType
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

import grpc.aio

from remixd.client._access import Access
from remixd.client._console import AsyncConsole
from remixd.client._errors import telling_errors
from remixd.client._link import Asking, Link
from remixd.client._plans import TIMEOUT_S, Plans
from remixd.client._signals import AsyncSignalStream, OnAnswer
from remixd.client._steps import CHANNEL_OPTIONS, Ask, Follow, Plan, Step, Take, built, stubs
from remixd.client._streams import AsyncStream
from remixd.config import Address, listen_address
from remixd.errors import Disconnected, RemixdError

T = TypeVar("T")
P = ParamSpec("P")


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
        reconnect: whether to try again when a daemon that answered before goes away: see `Client`.
        token, token_file, ca, certificate, key: see `Access`; None for what the environment says.

    Make it and use it in one event loop. The methods, their types and their errors are those of `Client`;
    `packets` and `watch` give an `AsyncStream` without being awaited.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        reconnect: bool = True,
        token: str | None = None,
        token_file: str | PathLike[str] | None = None,
        ca: str | PathLike[str] | None = None,
        certificate: str | PathLike[str] | None = None,
        key: str | PathLike[str] | None = None,
    ) -> None:
        self.address: Final[Address] = listen_address(address)
        self.timeout_s: Final = timeout_s
        self._plans = Plans(timeout_s)
        self._link = Link(self.address, reconnect)
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
        self._link.closed = True
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
                return await self._ask(step)
            case Follow():
                return await streams.enter_async_context(self._follow(step))
            case Take():
                return await anext(step.stream, None)

    async def _ask(self, ask: Ask) -> Any:
        call, asking = getattr(self._stubs[ask.service], ask.method), Asking(ask, self._link)
        while True:
            try:
                with telling_errors(self.address):
                    answer = await call(ask.request, timeout=asking.left_s)
                self._link.reached = True
                return answer
            except Disconnected as error:
                wait_s = asking.wait_s(error)
                if wait_s is None:
                    raise
                await asyncio.sleep(wait_s)

    def _follow(self, follow: Follow[T]) -> AsyncStream[T]:
        call = getattr(self._stubs[follow.service], follow.method)
        return AsyncStream(lambda left_s: call(follow.request, timeout=left_s), follow, self._link)

    def console(self, session: str) -> AsyncConsole:
        """Take hold of the decks of a session: use it with `async with`."""
        return AsyncConsole(self._stubs["Console"], session, self._link, self.timeout_s)

    def signals(self, session: str, *, on_answer: OnAnswer | None = None) -> AsyncSignalStream:
        """Send many signals to a session, in batches: use it with `async with`."""
        return AsyncSignalStream(self._stubs["Audience"], session, self._link, self.timeout_s, on_answer)

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
    join_link = _awaiting(Plans.join_link)
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
    stats = _awaiting(Plans.stats)
    watch_stats = _following(Plans.watch_stats)
    trace = _awaiting(Plans.trace)
