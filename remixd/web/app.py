"""The web application: the gateway, health, metrics and the module for browsers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.rpc import code_pb2
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from remixd.config import Address
from remixd.errors import Exhausted, InvalidInput, RemixdError, Unavailable, Unsupported
from remixd.web.calls import AnyCalls, Caller, Method, bearer_of, carried
from remixd.web.guard import Guard
from remixd.web.leaving import Leaving
from remixd.web.messages import MESSAGE_BYTES_MAX, Encoder, dumps, message_of, parse, status_json
from remixd.web.pace import Pace
from remixd.web.pages import Strict, page_routes
from remixd.web.socket import Connection

BODY_S: Final = 10.0
"""A body that has not come by then is waited for no more."""
PAGE_LENGTH_MAX: Final = 64
SOCKETS_MAX: Final = 4096
HTTP_STATUS: Final = {
    "OK": 200, "INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "NOT_FOUND": 404, "ALREADY_EXISTS": 409,
    "ABORTED": 409, "RESOURCE_EXHAUSTED": 429, "CANCELLED": 499, "UNIMPLEMENTED": 501, "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}  # fmt: skip
"""As google/rpc/code.proto has it; what is not here is 500."""

Health = Callable[[], Mapping[str, Any]]
"""How the daemon is, in JSON's types: `ready` is whether it can do its work."""
Page = Callable[[], Awaitable[bytes]]
"""Every figure, as Prometheus reads it."""
Check = Callable[[str, str], object]
"""Raises unless a bearer token, or "", that came from a peer is enough."""


class Gateway:
    """The services in JSON, over HTTP and WebSockets.

    Args:
        calls: the services.
        health: how the daemon is.
        metrics: its figures.
        check_operator: raises for whoever may not read them: with the bearer token, and where it came from.
    """

    def __init__(self, calls: AnyCalls, health: Health, metrics: Page, check_operator: Check) -> None:
        self._calls = calls
        self._health = health
        self._metrics = metrics
        self._check_operator = check_operator
        self._encoder = Encoder()
        self._pace = Pace()
        self._sockets: dict[Connection, None] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._reading: set[asyncio.Timeout] = set()
        self._closed = ""
        self._pages = Leaving()

    def app(self, listen: Address, origins: Collection[str] = ()) -> Starlette:
        """The application, for a server that listens there. Pages of `origins` may call it too."""
        middleware = [Middleware(Strict), Middleware(Guard, listen=listen, origins=origins)]
        if origins:
            middleware.append(
                Middleware(
                    CORSMiddleware,
                    allow_origins=[origin.rstrip("/") for origin in origins],
                    allow_methods=["GET", "POST"],
                    allow_headers=["authorization", "content-type", "traceparent"],
                )
            )
        routes = [
            Route("/healthz", self._healthz, methods=["GET"]),
            Route("/metrics", self._page, methods=["GET"]),
            WebSocketRoute("/v1/ws", self._socket),
            Route("/v1/leave", self._leave, methods=["POST"]),
            Route("/v1/stay", self._stay, methods=["POST"]),
            Route("/v1/{service}/{method}", self._post, methods=["POST"]),
            *page_routes(),
        ]
        return Starlette(routes=routes, middleware=middleware)

    async def close(self, reason: str) -> None:
        """End every WebSocket with a reason, and wait no more for requests that have not come yet."""
        self._closed = reason
        for patience in self._reading:
            patience.reschedule(0.0)
        self._pages.close()
        await asyncio.gather(*(socket.close(reason) for socket in self._sockets), return_exceptions=True)

    async def _healthz(self, _request: Request) -> Response:
        found = self._health()
        return JSONResponse(dict(found), 200 if found["ready"] else 503, {"cache-control": "no-store"})

    async def _page(self, request: Request) -> Response:
        caller = _caller(request, "http")
        try:
            self._check_operator(caller.bearer, caller.peer)
        except RemixdError as error:
            return self._refused(error, "metrics")
        headers = {"cache-control": "no-store"}
        return Response(await self._metrics(), 200, headers, "text/plain; version=0.0.4")

    async def _socket(self, socket: WebSocket) -> None:
        if len(self._sockets) >= SOCKETS_MAX:
            stranger = next((each for each in self._sockets if not each.is_known), None)
            if stranger is None:
                await socket.close(1013, f"at most {SOCKETS_MAX} WebSockets are served at a time")
                return
            self._let_go(stranger)
        connection = Connection(socket, self._calls, self._encoder, _caller(socket, "websocket"), self._pace)
        self._sockets[connection] = None
        try:
            await connection.run()
        finally:
            self._sockets.pop(connection, None)

    def _let_go(self, socket: Connection) -> None:
        """Make room for another socket."""
        del self._sockets[socket]
        self._leaving.add(task := asyncio.create_task(socket.close("others are waiting")))
        task.add_done_callback(self._leaving.discard)

    async def _post(self, request: Request) -> Response:
        name = f"{request.path_params['service']}/{request.path_params['method']}"
        try:
            method = self._calls.find(name)
            if method.takes_many or method.gives_many:
                raise Unsupported(f"{name} is a stream: call it over the WebSocket, /v1/ws")
            caller = _caller(request, "http")
            self._calls.check(method, caller)
            asked = message_of(method.request, parse(await self._body(request)))
            answer = await _unless_gone(request, self._answer(method, asked, caller))
        except (ClientDisconnect, asyncio.CancelledError):
            raise
        except Exception as error:
            return self._refused(error, name)
        return Response(answer, 200, {"cache-control": "no-store"}, "application/json")

    async def _leave(self, request: Request) -> Response:
        """A page that holds `session` goes."""
        caller = _caller(request, "http")

        def leave(session: str, page: str) -> None:
            self._pages.leave(session, caller.bearer, page, lambda: end(session))

        async def end(session: str) -> None:
            await self._once("Sessions/DeleteSession", {"session": session}, caller)

        return await self._for_page(request, leave, "leave")

    async def _stay(self, request: Request) -> Response:
        """A page holds it, or is back after it was loaded again."""
        who = _caller(request, "http").bearer
        return await self._for_page(
            request, lambda session, page: self._pages.stay(session, who, page), "stay"
        )

    async def _for_page(self, request: Request, act: Callable[[str, str], None], name: str) -> Response:
        """Do something about a session that the caller may see, and the page that it names."""
        try:
            asked = parse(await self._body(request))
            page = asked.pop("page", "") if isinstance(asked, dict) else ""
            if not isinstance(page, str) or len(page) > PAGE_LENGTH_MAX:
                raise InvalidInput(f"page is a name of at most {PAGE_LENGTH_MAX} letters", field="page")
            await self._once("Sessions/GetSession", asked, _caller(request, "http"))
            act(asked["session"], page)
        except ClientDisconnect:
            raise
        except Exception as error:
            return self._refused(error, name)
        return Response("{}", 200, {"cache-control": "no-store"}, "application/json")

    async def _once(self, name: str, asked: Any, caller: Caller) -> str:
        method = self._calls.find(name)
        return await self._answer(method, message_of(method.request, asked), caller)

    async def _body(self, request: Request) -> bytes:
        """What was sent. Raises InvalidInput unless it is JSON, small, and comes in time."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":  # what a form of another site could send without being asked is none
            raise InvalidInput(
                "a request is JSON: its Content-Type is application/json", field="content-type"
            )
        body = bytearray()
        patience = asyncio.timeout(0.0 if self._closed else BODY_S)
        self._reading.add(patience)
        try:
            async with patience:
                async for piece in request.stream():
                    body += piece
                    if len(body) > MESSAGE_BYTES_MAX:
                        raise Exhausted(f"a request has at most {MESSAGE_BYTES_MAX} bytes")
        except TimeoutError:
            if self._closed:
                raise Unavailable(self._closed) from None
            raise InvalidInput(f"the request did not come within {BODY_S:g} s") from None
        finally:
            self._reading.discard(patience)
        return bytes(body) or b"{}"

    def _refused(self, error: Exception, name: str) -> Response:
        status = self._calls.status(error, name)
        code = HTTP_STATUS.get(code_pb2.Code.Name(status.code), 500)
        return _json({"error": status_json(status)}, code)

    async def _answer(self, method: Method, asked: Message, caller: Caller) -> str:
        async def once() -> AsyncIterator[Message]:
            yield asked

        async with contextlib.aclosing(self._calls.call(method, once(), caller)) as responses:
            [response] = [each async for each in responses]
        message = response if isinstance(response, Message) else method.response.FromString(response)
        return dumps(MessageToDict(message))


def _json(data: Mapping[str, Any], code: int) -> Response:
    return Response(dumps(data), code, {"cache-control": "no-store"}, "application/json")


def _caller(connection: Request | WebSocket, via: str) -> Caller:
    client = connection.client
    return Caller(
        peer=f"{client.host}:{client.port}" if client else "",
        via=via,
        metadata=carried(connection.headers),
        bearer=bearer_of(connection.headers.get("authorization", "")),
    )


async def _unless_gone(request: Request, work: Any) -> Any:
    """Wait for an answer, and let go of it when the caller goes away, as gRPC does."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
