"""What a daemon keeps sending, blocking or for an event loop; a stream that is cut goes on by itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import Any, Generic, TypeVar

import grpc
import grpc.aio

from remixd.client._errors import telling_errors
from remixd.client._link import Following, Link
from remixd.client._steps import Follow
from remixd.client._threads import Threads
from remixd.errors import RemixdError

T = TypeVar("T")


class Stream(Iterator[T], Generic[T]):
    """What a daemon keeps sending. Iterate over it; close it, or leave its `with`, when done.

    Raises remixd's errors from the iteration. Where the client reconnects, it goes on by itself after a
    daemon that is back within a minute: see `Client`. One thread reads it, any may close it.
    """

    def __init__(
        self, start: Callable[[float | None], Any], follow: Follow[T], link: Link, threads: Threads
    ) -> None:
        self._start = start
        self._link = link
        self._threads = threads
        self._following = Following(follow, link)
        self._closed = threading.Event()
        self._open()
        threads.keep(self)

    def _open(self) -> None:
        with telling_errors(self._link.address):
            self._call = self._start(self._following.left_s)
        self._threads.note(self._call)
        if self._closed.is_set():
            self._call.cancel()
        self._call.initial_metadata()  # comes once the daemon has the stream in place, or refused it

    def __next__(self) -> T:
        """Wait for the next one."""
        while not self._following.to_read:
            try:
                with telling_errors(self._link.address):
                    self._following.take(next(self._call))
            except RemixdError as error:
                if self._closed.is_set() or self._timed_out():
                    raise StopIteration from None
                wait_s = self._following.wait_s(error)
                if wait_s is None:
                    raise
                if self._closed.wait(wait_s):
                    raise StopIteration from None
                self._open()
        return self._following.to_read.popleft()

    def _timed_out(self) -> bool:
        return self._following.ends_in_time and self._call.code() is grpc.StatusCode.DEADLINE_EXCEEDED

    def close(self) -> None:
        """Take no more."""
        self._closed.set()
        self._call.cancel()

    def __enter__(self) -> Stream[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncStream(AsyncIterator[T], Generic[T]):
    """What a daemon keeps sending. Iterate over it with `async for`; close it, or leave its `async with`.

    Entering the `async with` waits until the daemon has the stream in place; without it, the first step
    does. Raises remixd's errors from the iteration, and goes on by itself as `Stream` does.
    """

    def __init__(self, start: Callable[[float | None], Any], follow: Follow[T], link: Link) -> None:
        self._start = start
        self._link = link
        self._following = Following(follow, link)
        self._closed = asyncio.Event()
        self._open()

    def _open(self) -> None:
        with telling_errors(self._link.address):
            self._call = self._start(self._following.left_s)

    async def __anext__(self) -> T:
        """Wait for the next one."""
        while not self._following.to_read:
            if self._closed.is_set():
                raise StopAsyncIteration
            try:
                await self._read()
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if self._closed.is_set() and not (task and task.cancelling()):  # another task closed it
                    raise StopAsyncIteration from None
                raise
            except RemixdError as error:
                if self._closed.is_set() or await self._timed_out():
                    raise StopAsyncIteration from None
                wait_s = self._following.wait_s(error)
                if wait_s is None:
                    raise
                await self._pause(wait_s)
                self._open()
        return self._following.to_read.popleft()

    async def _read(self) -> None:
        with telling_errors(self._link.address):
            message = await self._call.read()
        if message is grpc.aio.EOF:  # type: ignore[attr-defined]  # the stubs forget it
            raise StopAsyncIteration
        self._following.take(message)

    async def _pause(self, wait_s: float) -> None:
        try:
            await asyncio.wait_for(self._closed.wait(), wait_s)
        except TimeoutError:
            return
        raise StopAsyncIteration

    async def _timed_out(self) -> bool:
        return self._following.ends_in_time and await self._call.code() is grpc.StatusCode.DEADLINE_EXCEEDED

    async def aclose(self) -> None:
        """Take no more."""
        self._closed.set()
        self._call.cancel()

    async def __aenter__(self) -> AsyncStream[T]:
        await self._call.initial_metadata()  # comes once the daemon has the stream in place, or refused it
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
