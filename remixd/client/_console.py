"""Consoles: hands on the decks of a session, blocking or for an event loop."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable
from types import TracebackType
from typing import Any

from remixd.client._book import Book, Told, patience_s
from remixd.client._hands import Hands
from remixd.client._lines import AsyncLine, Bell, Line, Side
from remixd.client._link import Link
from remixd.client._steps import built
from remixd.client._threads import Threads
from remixd.client._types import Answer
from remixd.errors import RemixdError, Unavailable
from remixd.v1 import console_pb2 as pb


def _attaching(session: str) -> pb.PerformRequest:
    return built(lambda: pb.PerformRequest(attach=pb.Attach(session=session)))


def _nothing() -> None:
    """A console is in place with its first message."""


class _Requests:
    """What one stream sends: whom it attaches to, then commands as they are given."""

    def __init__(self, first: pb.PerformRequest) -> None:
        self._queue: queue.SimpleQueue[pb.PerformRequest | None] = queue.SimpleQueue()
        self._queue.put(first)

    def put(self, command: pb.DeckCommand) -> None:
        """Have a command sent."""
        self._queue.put(pb.PerformRequest(command=command))

    def __iter__(self) -> _Requests:
        return self

    def __next__(self) -> pb.PerformRequest:
        request = self._queue.get()
        if request is None:
            raise StopIteration
        return request

    def close(self) -> None:
        self._queue.put(None)


class Console(Told, Hands[Answer]):
    """Hands on the decks of one session. Leave its `with` when done; the decks stay as they are.

    Every method gives the command's `Answer`, whose `accepted` and `reason` tell; with `wait` also what
    became of it. Any thread may use it.

    Raises Unavailable when the session or the daemon goes, or does not answer in time. Where the client
    reconnects, the console attaches to the session again by itself. A command that was on its way then raises
    Disconnected, as does one that is given meanwhile: none is sent again, since it meant a moment that is
    over.
    """

    def __init__(self, stub: Any, session: str, link: Link, threads: Threads, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._book = Book()
        self._told = threading.Condition()
        self._first = _attaching(session)
        self._requests = _Requests(self._first)
        side = Side(opened=_nothing, take=self._take, cut=self._cut, end=self._end)
        self._line = Line(side, stub.Perform, self._renew, link, threads)
        self._line.open()
        with self._told:
            in_place = self._told.wait_for(lambda: self._book.is_open or self._book.error, timeout_s)
        if self._book.error or not in_place:
            self.close()
            raise self._book.error or Unavailable(f"the daemon at {link.address} did not answer in time")

    def _renew(self) -> _Requests:
        with self._told:
            self._requests = _Requests(self._first)
            return self._requests

    def _take(self, message: pb.PerformResponse) -> None:
        """Something was told."""
        with self._told:
            self._book.take(message)
            self._told.notify_all()

    def _cut(self, error: RemixdError) -> None:
        """The line is cut."""
        with self._told:
            self._book.cut(error)
            self._told.notify_all()

    def _end(self, error: RemixdError) -> None:
        """The line is over."""
        with self._told:
            self._book.end(error)
            self._told.notify_all()

    def _send(self, command: pb.DeckCommand, wait: bool) -> Answer:
        with self._told:
            self._book.expect(command.id, wait)
            self._requests.put(command)
            self._told.wait_for(
                lambda: self._book.ready(command.id), patience_s(command, wait, self._timeout_s)
            )
            return self._book.close(command.id)

    def close(self) -> None:
        """Let go."""
        self._line.close()
        self._line.join(self._timeout_s)

    def __enter__(self) -> Console:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _AsyncRequests:
    """`_Requests` for an event loop."""

    def __init__(self, first: pb.PerformRequest) -> None:
        self._queue: asyncio.Queue[pb.PerformRequest | None] = asyncio.Queue()
        self._queue.put_nowait(first)

    def put(self, command: pb.DeckCommand) -> None:
        """Have a command sent."""
        self._queue.put_nowait(pb.PerformRequest(command=command))

    def __aiter__(self) -> _AsyncRequests:
        return self

    async def __anext__(self) -> pb.PerformRequest:
        request = await self._queue.get()
        if request is None:
            raise StopAsyncIteration
        return request

    def close(self) -> None:
        self._queue.put_nowait(None)


class AsyncConsole(Told, Hands[Awaitable[Answer]]):
    """A `Console` for an event loop: enter it with `async with`, and await what its methods give."""

    def __init__(self, stub: Any, session: str, link: Link, timeout_s: float) -> None:
        self._link = link
        self._timeout_s = timeout_s
        self._book = Book()
        self._book.end(Unavailable("enter the console with `async with` first"))
        self._bell = Bell()
        self._first = _attaching(session)
        self._requests = _AsyncRequests(self._first)
        side = Side(opened=_nothing, take=self._take, cut=self._cut, end=self._end)
        self._line = AsyncLine(side, stub.Perform, self._renew, link)

    def _renew(self) -> _AsyncRequests:
        self._requests = _AsyncRequests(self._first)
        return self._requests

    async def __aenter__(self) -> AsyncConsole:
        self._book = Book()
        self._line.open()
        in_place = await self._bell.wait_for(
            lambda: self._book.is_open or bool(self._book.error), self._timeout_s
        )
        if self._book.error or not in_place:
            await self.close()
            raise self._book.error or Unavailable(
                f"the daemon at {self._link.address} did not answer in time"
            )
        return self

    def _take(self, message: pb.PerformResponse) -> None:
        """Something was told."""
        self._book.take(message)
        self._bell.ring()

    def _cut(self, error: RemixdError) -> None:
        """The line is cut."""
        self._book.cut(error)
        self._bell.ring()

    def _end(self, error: RemixdError) -> None:
        """The line is over."""
        self._book.end(error)
        self._bell.ring()

    async def _send(self, command: pb.DeckCommand, wait: bool) -> Answer:
        self._book.expect(command.id, wait)
        try:
            self._requests.put(command)
            await self._bell.wait_for(
                lambda: self._book.ready(command.id), patience_s(command, wait, self._timeout_s)
            )
        except asyncio.CancelledError:
            self._book.forget(command.id)
            raise
        return self._book.close(command.id)

    async def close(self) -> None:
        """Let go."""
        await self._line.close()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
