"""Streams in both directions that are opened again when they are cut, blocking or for an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from remixd.client._errors import telling_errors
from remixd.client._link import Backoff, Link
from remixd.client._threads import Threads
from remixd.errors import Exhausted, RemixdError, Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What uses a line, which calls these in its thread or task.

    Attributes:
        opened: the daemon has the stream in place.
        take: something came.
        cut: the stream is cut, and will be opened again.
        end: it is over for good; comes last, and once.
        retries_exhausted: whether to try again after Exhausted too.
    """

    opened: Callable[[], object]
    take: Callable[[Any], object]
    cut: Callable[[RemixdError], object]
    end: Callable[[RemixdError], object]
    retries_exhausted: bool = False


class Requests(Protocol):
    """What is to be sent on one stream, from its first request on; it waits for more until it is closed."""

    def __iter__(self) -> Iterator[Any]:
        """Itself."""

    def __next__(self) -> Any:
        """Wait for the next request."""

    def close(self) -> None:
        """Send no more; nothing is taken after this returns."""


class AsyncRequests(Protocol):
    """`Requests` for an event loop."""

    def __aiter__(self) -> AsyncIterator[Any]:
        """Itself."""

    async def __anext__(self) -> Any:
        """Wait for the next request."""

    def close(self) -> None:
        """Send no more."""


class Bell:
    """Wakes those in an event loop who wait for something to be so."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    def ring(self) -> None:
        """Have everybody look again."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    async def wait(self, seconds: float | None = None) -> None:
        """Wait until it rings, or for so long."""
        ring = asyncio.get_running_loop().create_future()
        self._waiting.append(ring)
        await asyncio.wait((ring,), timeout=seconds)

    async def wait_for(self, ready: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait until something is so; whether it came to be within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while not ready():
                    await self.wait()
        except TimeoutError:
            return False
        return True


class _Course:
    """The course of a line: what a cut means."""

    def __init__(self, side: Side, link: Link) -> None:
        self._side = side
        self._link = link
        self._backoff = Backoff()
        self.closed = False

    def take(self, message: Any) -> None:
        self._backoff.reset()
        self._link.reached = True
        self._side.take(message)

    def wait_s(self, error: RemixdError) -> float | None:
        """How long to wait before it is opened again; None, and its side is told, when it is over."""
        full = self._side.retries_exhausted and isinstance(error, Exhausted)
        may_return = self._link.may_return(error) or (full and self._link.reconnect)
        wait_s = self._backoff.wait_s() if may_return and not self.closed else None
        if wait_s is None:
            self._side.end(Unavailable("it was closed") if self.closed else error)
        else:
            self._side.cut(error)
        return wait_s


class Line:
    """A stream in both directions, with a thread that reads it.

    Args:
        side: who uses it.
        start: opens a stream that sends these requests.
        requests: makes what is to be sent on a new stream.
    """

    def __init__(
        self,
        side: Side,
        start: Callable[[Iterator[Any]], Any],
        requests: Callable[[], Requests],
        link: Link,
        threads: Threads,
    ) -> None:
        self._side = side
        self._start = start
        self._make_requests = requests
        self._link = link
        self._threads = threads
        self._course = _Course(side, link)
        self._closing = threading.Event()
        self._is_drawn_from = threading.Event()
        self._lock = threading.Lock()
        self._call: Any = None
        self._requests: Requests | None = None
        self._thread = threading.Thread(target=self._run, name="remixd line", daemon=True)

    def open(self) -> None:
        """Begin."""
        self._threads.keep(self)
        self._thread.start()

    def _run(self) -> None:
        self._threads.here()
        wait_s: float | None = 0.0
        while wait_s is not None:
            self._closing.wait(wait_s)
            error: RemixdError = Unavailable("the session ended")
            try:
                self._follow()
            except RemixdError as told:
                error = told
            except BaseException:  # a fault in here or in its side: nobody must wait for ever
                self._side.end(Unavailable("its line to the daemon broke"))
                raise
            wait_s = self._course.wait_s(error)

    def _follow(self) -> None:
        """One stream, from its opening to its end."""
        requests = self._make_requests()
        try:
            with telling_errors(self._link.address):
                with self._lock:
                    if self._course.closed:
                        return
                    self._requests = requests
                    self._is_drawn_from.clear()
                    call = self._call = self._start(self._drawn_from(requests))
                    self._threads.note(call)
                self._is_drawn_from.wait(1.0)  # so that its thread is known, and can be waited for
                call.initial_metadata()
                if call.is_active():
                    self._side.opened()
                for message in call:
                    self._course.take(message)
        finally:
            requests.close()

    def _drawn_from(self, requests: Requests) -> Iterator[Any]:
        self._threads.here()  # gRPC's, which draws them
        self._is_drawn_from.set()
        yield from requests

    def close(self) -> None:
        """Hang up, and wait for nobody."""
        with self._lock:
            self._course.closed = True
            if self._requests is not None:
                self._requests.close()
            if self._call is not None:
                self._call.cancel()
        self._closing.set()

    def join(self, seconds: float) -> None:
        """Wait for its thread to end, unless it is this one."""
        if threading.current_thread() is not self._thread:
            self._thread.join(seconds)


class AsyncLine:
    """A `Line` with a task in the place of its thread."""

    def __init__(
        self,
        side: Side,
        start: Callable[[AsyncRequests], Any],
        requests: Callable[[], AsyncRequests],
        link: Link,
    ) -> None:
        self._side = side
        self._start = start
        self._make_requests = requests
        self._link = link
        self._course = _Course(side, link)
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="remixd line")

    async def _run(self) -> None:
        wait_s: float | None = 0.0
        try:
            while wait_s is not None:
                await asyncio.sleep(wait_s)
                error: RemixdError = Unavailable("the session ended")
                try:
                    await self._follow()
                except RemixdError as told:
                    error = told
                wait_s = self._course.wait_s(error)
        except asyncio.CancelledError:  # it, its client or its loop is closed
            self._course.closed = True
            self._course.wait_s(Unavailable("it was closed"))
            raise
        except BaseException:  # a fault in here or in its side: nobody must wait for ever
            self._side.end(Unavailable("its line to the daemon broke"))
            raise

    async def _follow(self) -> None:
        requests = self._make_requests()
        call: Any = None
        try:
            with telling_errors(self._link.address):
                call = self._start(requests)
                await call.initial_metadata()
                if not call.done():
                    self._side.opened()
                async for message in call:
                    self._course.take(message)
        finally:
            requests.close()
            if call is not None:
                call.cancel()

    async def close(self) -> None:
        """Hang up."""
        self._course.closed = True
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
