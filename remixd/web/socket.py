"""One WebSocket that carries many calls at a time.

Every text frame is a JSON object. From the caller: `{"token": "..."}`, before the calls that need it;
`{"call": 1, "method": "Sessions/Watch", "request": {...}}` begins a call; `{"call": 1, "request": {...}}`
sends more to one that takes a stream; `{"call": 1, "done": true}` ends what is sent, `{"call": 1, "cancel":
true}` the call. To the caller: `{"call": 1, "started": true}` once a stream is in place, `{"call": 1,
"response": {...}}`, and last `{"call": 1, "end": {"code": "OK"}}`, or another code with its message and
details. Responses with bytes in them are binary frames (`messages.Encoded.frame`). What is no call at all is
told by an `end` without one, and the socket is closed. Thread: [control].
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from google.protobuf.message import Message
from starlette.types import Message as Received
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from remixd.errors import Exhausted, InvalidInput, RemixdError, Unavailable
from remixd.web.calls import AnyCalls, Caller, Method
from remixd.web.messages import Encoder, dumps, message_of, parse, status_json
from remixd.web.pace import Pace

CALLS_MAX: Final = 64
"""Calls of one socket at a time."""
WAITING_MAX: Final = 64
"""Requests of one call that wait for it; then no more is read from the socket."""
STRANGER_S: Final = 30.0
"""So long a socket may be of no use: no call of it was let in, and none is under way."""
IDLE_S: Final = 900.0
"""And so long later, without a call; as over gRPC."""
CALL_MAX: Final = (1 << 32) - 1
WRONG: Final = 1008
"""The WebSocket close code of a policy violation."""
GOING_AWAY: Final = 1001
CANCELLED: Final = {"code": "CANCELLED", "message": "the caller cancelled"}


class Requests:
    """What the caller keeps sending to one call."""

    def __init__(self) -> None:
        self._waiting: deque[Message] = deque()
        self._moved = asyncio.Event()
        self._done = False

    async def put(self, request: Message) -> None:
        """Add one, once there is room. Raises InvalidInput after the end."""
        if self._done:
            raise InvalidInput("done was sent before: this call takes no more requests", field="request")
        while len(self._waiting) >= WAITING_MAX and not self._done:
            await self._wait()
        self._waiting.append(request)
        self._moved.set()

    def end(self) -> None:
        """No more comes."""
        self._done = True
        self._moved.set()

    async def _wait(self) -> None:
        self._moved.clear()
        await self._moved.wait()

    def __aiter__(self) -> Requests:
        return self

    async def __anext__(self) -> Message:
        while not self._waiting:
            if self._done:
                raise StopAsyncIteration
            await self._wait()
        request = self._waiting.popleft()
        self._moved.set()
        return request


@dataclass(slots=True, eq=False)
class _Call:
    """A call under way; `failed` is why it is ended from here."""

    method: Method
    requests: Requests
    task: asyncio.Task[None] | None = None
    failed: dict[str, Any] | None = None

    def end(self, failed: dict[str, Any] | None = None) -> None:
        """End it before its time."""
        self.failed = failed
        if self.task:
            self.task.cancel()


class Connection:
    """One socket and its calls.

    Args:
        socket: not accepted yet.
        calls: what can be called.
        encoder: makes JSON of responses.
        caller: who it is, as far as the handshake tells.
        pace: how fast frames of all sockets are taken.

    Attributes:
        is_known: whether any call was let in.
    """

    def __init__(
        self, socket: WebSocket, calls: AnyCalls, encoder: Encoder, caller: Caller, pace: Pace
    ) -> None:
        self._socket = socket
        self._pace = pace
        self._calls = calls
        self._encoder = encoder
        self._caller = caller
        self._bearer = caller.bearer
        self.is_known = False
        self._turn = asyncio.Lock()
        self._open: dict[int, _Call] = {}

    async def run(self) -> None:
        """Serve it until it closes."""
        await self._socket.accept()
        try:
            while True:
                message = await self._receive()
                if message["type"] == "websocket.disconnect":
                    return
                await self._pace.turn()
                await self._take(message.get("text"))
                await asyncio.sleep(0)  # others' turn; and a call has begun before what follows may end it
        except TimeoutError:
            await self.close("nothing was called for too long")
        except (InvalidInput, UnicodeError) as error:
            await self._close(WRONG, error)
        except (WebSocketDisconnect, WebSocketDisconnected):
            return
        finally:
            await self._end_all()

    async def _receive(self) -> Received:
        """What comes next. Raises TimeoutError if that takes too long while no call is under way."""
        while True:
            try:
                async with asyncio.timeout(IDLE_S if self.is_known else STRANGER_S):
                    return await self._socket.receive()
            except TimeoutError:
                if not self._open:
                    raise

    async def close(self, reason: str) -> None:
        """End every call, then the socket."""
        await self._close(GOING_AWAY, Unavailable(reason))

    async def _close(self, code: int, error: Exception) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._send(dumps({"end": status_json(self._calls.status(error, "the WebSocket"))}))
                await self._socket.close(code, str(error).encode()[:120].decode(errors="ignore"))

    async def _end_all(self) -> None:
        tasks = [call.task for call in self._open.values() if call.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, text: str | None) -> None:
        """Take one frame. Raises InvalidInput for what belongs to no call."""
        if text is None:
            raise InvalidInput("frames from the caller are text, each a JSON object")
        frame = parse(text)
        if not isinstance(frame, dict):
            raise InvalidInput("a frame is a JSON object")
        if set(frame) == {"token"} and isinstance(frame["token"], str):
            self._bearer = frame["token"]
            return
        call = frame.get("call")
        if not isinstance(call, int) or isinstance(call, bool) or not 0 <= call <= CALL_MAX:
            raise InvalidInput(f"call is a number from 0 to {CALL_MAX} in every frame", field="call")
        try:
            await self._take_of(call, frame)
        except RemixdError as error:
            end = status_json(self._calls.status(error, "the WebSocket"))
            if call in self._open:
                self._open[call].end(end)
            else:
                await self._end(call, end)

    async def _take_of(self, call: int, frame: Mapping[str, Any]) -> None:
        if extra := set(frame) - {"call", "method", "request", "done", "cancel"}:
            word = min(extra)[:80]
            raise InvalidInput(f"{word}: a frame has call, method, request, done or cancel", field=word)
        if "method" in frame:
            await self._begin(call, frame)
        elif call in self._open:
            here = self._open[call]
            if frame.get("cancel"):
                here.end()
            elif "request" in frame:
                if not here.method.takes_many:
                    raise InvalidInput(f"{here.method.name} takes one request", field="request")
                await here.requests.put(message_of(here.method.request, frame["request"]))
            if frame.get("done"):
                here.requests.end()
        # What is sent to a call that has just ended is late, not wrong: its end is on its way.

    async def _begin(self, call: int, frame: Mapping[str, Any]) -> None:
        if not isinstance(frame["method"], str):
            raise InvalidInput("method is a text such as Sessions/Watch", field="method")
        if call in self._open:
            raise InvalidInput(f"call {call} is under way: take another number", field="call")
        if len(self._open) >= CALLS_MAX:
            raise Exhausted(f"a WebSocket carries at most {CALLS_MAX} calls at a time")
        method = self._calls.find(frame["method"])
        self._calls.check(method, self._calling())
        requests = Requests()
        if "request" in frame or not method.takes_many:
            await requests.put(message_of(method.request, frame.get("request", {})))
        if not method.takes_many or frame.get("done"):
            requests.end()
        here = self._open[call] = _Call(method, requests)
        here.task = asyncio.create_task(self._answer(call, here))

    def _calling(self) -> Caller:
        return replace(self._caller, bearer=self._bearer)

    async def _answer(self, call: int, here: _Call) -> None:
        """Carry a call to its end."""
        method, requests = here.method, here.requests

        async def started() -> None:
            self.is_known = True
            await self._send(f'{{"call":{call},"started":true}}')

        caller = replace(self._calling(), on_started=started)
        end: dict[str, Any] = {"code": "OK"}
        try:
            async with contextlib.aclosing(self._calls.call(method, requests, caller)) as responses:
                async for response in responses:
                    self.is_known = True
                    await self._send(self._encoder.encode(method.response, response).frame(call))
        except asyncio.CancelledError:
            end = here.failed or CANCELLED
        except (WebSocketDisconnect, WebSocketDisconnected):
            return
        except Exception as error:
            end = status_json(self._calls.status(error, method.name))
        finally:
            requests.end()
            self._open.pop(call, None)
        await self._end(call, end)

    async def _end(self, call: int, end: Mapping[str, Any]) -> None:
        with contextlib.suppress(WebSocketDisconnect, WebSocketDisconnected):
            await self._send(dumps({"call": call, "end": end}))

    async def _send(self, frame: str | bytes) -> None:
        """Send one frame, in turn: a socket whose other end reads slowly lets everybody wait, and skip."""
        async with self._turn:
            if isinstance(frame, bytes):
                await self._socket.send_bytes(frame)
            else:
                await self._socket.send_text(frame)
