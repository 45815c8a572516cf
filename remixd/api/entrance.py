"""The way in: every call passes the gate, and sees what its caller may. Thread: [control]."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import secrets
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, Final, NoReturn

import grpc
import grpc.aio

from remixd.api.audit import Audit
from remixd.api.auth import Caller, Gate, begin_call, calling
from remixd.api.scopes import RULES
from remixd.api.status import Context, Handler, status_code
from remixd.control.sessions import Session, Sessions
from remixd.errors import Forbidden, NotFound, Unauthenticated, nearest
from remixd.logs import begin_request, hide

SIGNALS: Final = "signals"
HEALTH_CHECK: Final = "/grpc.health.v1.Health/Check"
STRANGER_S: Final = 2.0
"""How long who has no token may take to send a request."""


class Visible:
    """The registry of sessions as whoever calls sees it: what it may not see is not there.

    What is not looked up by a session's id is the registry's own.
    """

    def __init__(self, sessions: Sessions, gate: Gate) -> None:
        self._sessions = sessions
        self._gate = gate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sessions, name)

    def get(self, session_id: str) -> Session:
        """Find a session. Raises NotFound with the nearest id among those that the caller sees."""
        if calling().may_see(session_id):
            with contextlib.suppress(NotFound):
                return self._sessions.get(session_id)
        hint = nearest(session_id, [session.id for session in self.all()])
        raise NotFound(f"there is no session {session_id!r}: {hint}", kind="session", name=session_id)

    def all(self) -> list[Session]:
        """Those that the caller sees, in the order of their creation."""
        caller = calling()
        return [session for session in self._sessions.all() if caller.may_see(session.id)]

    async def create(self, *args: Any, **options: Any) -> Session:
        """Make a session, which is its caller's own. Raises Forbidden for a sink, Exhausted for too many."""
        caller = calling()
        caller.check_sink(options.get("sink") or "")
        with self._gate.making(caller, [session.id for session in self._sessions.all()]) as made:
            session = await self._sessions.create(*args, **options)
            made.add(session.id)
            session.own(caller.sub or "")
        return session

    async def delete(self, session_id: str) -> None:
        """End a session. Raises NotFound, and Forbidden if the caller may see it only."""
        self.get(session_id)
        if not calling().owns(session_id):
            raise Forbidden("this token ends only those sessions that it made: that is for the scope admin")
        await self._sessions.delete(session_id)
        self._gate.note_gone(session_id)


class Entrance:
    """Lets calls through the gate, counts what they send, and writes down who controls. Thread: [control].

    Whatever way a call has come: its context tells `invocation_metadata()` and `peer()`, as gRPC's does.
    """

    def __init__(self, gate: Gate, audit: Audit) -> None:
        self._gate = gate
        self._audit = audit

    def knows(self, metadata: Any) -> bool:
        """Whether a call that brings this metadata has a valid token, or needs none."""
        return self._gate.knows(_bearer(metadata))

    async def refuse(self, method: str, context: Context) -> NoReturn:
        """End a call of who has no valid token. Raises Unauthenticated."""
        self._admit(method, context)
        raise Unauthenticated("this daemon asks for a token, and has just learnt of this one: come again")

    def guarded(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        """A servicer's behaviour, behind the gate: it raises what the gate raises.

        Args:
            method: `/package.Service/Method`.
            behaviour: takes a request, or an iterator of them, and a context; a coroutine function for one
                answer, a function of an asynchronous generator for many.
        """
        if inspect.isasyncgenfunction(behaviour):
            return self._stream(behaviour, method)
        return self._unary(behaviour, method)

    def _admit(self, method: str, context: Context) -> Caller:
        begin_request(method, secrets.token_hex(4))
        caller = self._gate.admit(method, _bearer(context.invocation_metadata()), context.peer())
        begin_call(caller)
        if caller.sub is not None and not caller.is_controlling:
            hide(caller.sub)
        return caller

    def _unary(self, behaviour: Callable[..., Any], method: str) -> Callable[..., Any]:
        async def answered(request: Any, context: Context) -> Any:
            with self._audited(method, context, request) as caller:
                self._gate.count(caller, SIGNALS, _signals(request))
                return await behaviour(request, context)

        return answered

    def _stream(self, behaviour: Callable[..., Any], method: str) -> Callable[..., Any]:
        async def answered(request: Any, context: Context) -> AsyncIterator[Any]:
            is_read = isinstance(request, AsyncIterable)
            target = None if is_read else request
            with self._audited(method, context, target) as caller, self._gate.stream(caller):
                requests = _Counted(request, self._gate, caller) if is_read else request
                async with contextlib.aclosing(behaviour(requests, context)) as responses:
                    async for response in _until_expired(responses, caller):
                        yield response

        return answered

    @contextlib.contextmanager
    def _audited(self, method: str, context: Context, request: Any) -> Iterator[Caller]:
        """Let a caller in, and write down what became of the call if that is to be."""
        caller = self._admit(method, context)
        outcome = "CANCELLED"
        try:
            yield caller
            outcome = "OK"
        except Exception as error:
            outcome = status_code(error).name
            raise
        finally:
            if RULES[method].is_audited:
                self._audit.note(caller, method, _target(request), outcome)


def _bearer(metadata: Any) -> str | None:
    bearer = dict(metadata or ()).get("authorization")
    return bearer if isinstance(bearer, str) else None


class GateInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """The entrance of gRPC. Thread: [control].

    Who has no valid token is refused before a request is read: else anybody could hold every call that may be
    answered at a time, by sending nothing. They may ask once how the daemon is, at once; what else is not
    remixd's (watching that, reflection) lasts as long as the caller likes, and wants a token too.
    """

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Wrap the handler of a method."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None:
            return handler
        if not self._entrance.knows(handler_call_details.invocation_metadata):
            return _strangers(self._entrance, method, handler)
        if not method.startswith("/remixd."):
            return handler
        for make, behaviour in (
            (grpc.unary_unary_rpc_method_handler, handler.unary_unary),
            (grpc.unary_stream_rpc_method_handler, handler.unary_stream),
            (grpc.stream_stream_rpc_method_handler, handler.stream_stream),
        ):
            if behaviour is not None:
                return make(
                    self._entrance.guarded(method, behaviour),
                    request_deserializer=handler.request_deserializer,
                    response_serializer=handler.response_serializer,
                )
        raise TypeError(f"{method} takes a stream and gives one answer, which nothing here does")


def _strangers(entrance: Entrance, method: str, handler: Handler) -> Handler:
    """What becomes of a call without a valid token; as a stream, whose requests nobody needs to wait for."""

    async def refused(_requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
        if method.startswith("/remixd."):
            await entrance.refuse(method, context)
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "this daemon asks for a token")
        yield

    async def at_once(requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
        try:
            async with asyncio.timeout(STRANGER_S):
                request = await anext(aiter(requests))
        except (TimeoutError, StopAsyncIteration):
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "no request has come")
        yield await answer(request, context)

    answer: Any = handler.unary_unary
    return grpc.stream_stream_rpc_method_handler(
        at_once if method == HEALTH_CHECK else refused,
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )


class _Counted:
    """What a caller keeps sending, counted as it comes."""

    def __init__(self, requests: AsyncIterable[Any], gate: Gate, caller: Caller) -> None:
        self._requests = aiter(requests)
        self._gate = gate
        self._caller = caller

    def __aiter__(self) -> _Counted:
        return self

    async def __anext__(self) -> Any:
        request = await anext(self._requests)
        batch = getattr(request, "batch", None)
        if batch is not None:
            self._gate.count(self._caller, SIGNALS, _signals(batch))
        else:
            self._gate.count(self._caller, "calls")
        return request


async def _until_expired(responses: AsyncIterator[Any], caller: Caller) -> AsyncIterator[Any]:
    """What comes until the caller's token is over. Raises Unauthenticated then."""
    if caller.sub is None:
        async for response in responses:
            yield response
        return
    loop = asyncio.get_running_loop()
    end_s = loop.time() + caller.expires_unix_s - time.time()
    while True:
        try:
            async with asyncio.timeout_at(end_s):
                response = await anext(responses, None)
        except TimeoutError:
            raise Unauthenticated("the token has expired") from None
        if response is None:
            return
        yield response


def _signals(request: Any) -> int:
    sent: Sequence[Any] = getattr(request, "signals", ())
    return len(sent)


def _target(request: Any) -> dict[str, str]:
    """What a request is about, as the audit log tells it."""
    named = ("session", "track", "preset", "path", "name")
    return {
        name: value for name in named if (value := getattr(request, name, None)) and isinstance(value, str)
    }
