"""Streams of signals to one session, blocking or for an event loop: batched, and sent again when cut."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Protocol, TypeVar

from remixd.audience.signal import Signal
from remixd.client._audience_convert import signal_to_proto
from remixd.client._audience_types import Said
from remixd.client._batches import Batches
from remixd.client._convert import answer
from remixd.client._lines import AsyncLine, Bell, Line, Side
from remixd.client._link import Link
from remixd.client._steps import built
from remixd.client._threads import Threads
from remixd.client._types import Answer
from remixd.errors import RemixdError, Unavailable
from remixd.v1 import audience_pb2 as pb

OnAnswer = Callable[[Answer], object]


class Waiting(Protocol):
    """Somebody who waits for an answer: a future of either kind."""

    def set_result(self, result: Answer, /) -> None:
        """It is there."""


W = TypeVar("W", bound=Waiting)


def _naming(session: str) -> pb.StreamSignalsRequest:
    return built(lambda: pb.StreamSignalsRequest(session=session))


def _batch(batches: Batches[W]) -> pb.StreamSignalsRequest:
    return pb.StreamSignalsRequest(batch=pb.SignalBatch(signals=batches.next_batch()))


def _settle(batches: Batches[W], message: pb.StreamSignalsResponse, on_answer: OnAnswer | None) -> None:
    """Hand on the answers to the batch that was sent first. Raises RemixdError where that cannot be."""
    batch = batches.oldest()
    if len(batch) != len(message.answers):
        raise RemixdError(f"the daemon gave {len(message.answers)} answers to {len(batch)} signals")
    answers = [answer(each) for each in message.answers]
    for each, given in zip(batch, answers, strict=True):
        each.future.set_result(given)
    if on_answer is not None:
        try:
            for given in answers:
                on_answer(given)
        except Exception as error:
            raise RemixdError(f"on_answer raised {error!r}") from error


class _Requests:
    """What one stream sends: the session's name, then batch after batch, as they are due."""

    def __init__(
        self, first: pb.StreamSignalsRequest, batches: Batches[Any], told: threading.Condition
    ) -> None:
        self._first: pb.StreamSignalsRequest | None = first
        self._batches = batches
        self._told = told
        self._closed = False

    def __iter__(self) -> _Requests:
        return self

    def __next__(self) -> pb.StreamSignalsRequest:
        with self._told:
            first, self._first = self._first, None
            if first is not None:
                return first
            while not self._closed:
                due_in_s = self._batches.due_in_s()
                if due_in_s is not None and due_in_s <= 0.0:
                    return _batch(self._batches)
                self._told.wait(due_in_s)
        raise StopIteration

    def close(self) -> None:
        with self._told:
            self._closed = True
            self._told.notify_all()


class SignalStream:
    """Sends signals to one session, many in one message. Leave its `with` when done. Any thread may use it.

    A batch goes when 64 signals wait, or 20 ms after the first of them came. Signals keep their order, and so
    do their answers. At most 1024 are on their way: then `put` waits. Where the client reconnects, what was
    sent and not answered when the daemon went is sent to the next one with the same ids, so that nothing is
    lost and nothing counts twice. What ends the stream (NotFound, once the session is gone) is raised by
    `put` and `flush`, and by every answer that did not come.

    Args:
        on_answer: called with every answer in its order, in a thread of the stream's; it must not wait for
            answers itself. What it raises ends the stream.
    """

    def __init__(
        self,
        stub: Any,
        session: str,
        link: Link,
        threads: Threads,
        timeout_s: float,
        on_answer: OnAnswer | None = None,
    ) -> None:
        first = _naming(session)
        self._timeout_s = timeout_s
        self._on_answer = on_answer
        self._batches: Batches[Future[Answer]] = Batches()
        self._told = threading.Condition(threading.RLock())
        self._error: RemixdError | None = None
        self._lost = self._is_open = self._closed = False
        side = Side(
            opened=self._opened, take=self._take, cut=self._cut, end=self._end, retries_exhausted=True
        )
        self._line = Line(
            side, stub.StreamSignals, lambda: _Requests(first, self._batches, self._told), link, threads
        )
        self._line.open()
        with self._told:
            in_place = self._told.wait_for(lambda: self._is_open or self._error, timeout_s)
        if self._error or not in_place:
            self._line.close()
            raise self._error or Unavailable(f"the daemon at {link.address} did not answer in time")

    def put(self, signal: Signal | Said) -> Future[Answer]:
        """Take one signal to be sent; its answer comes later. Waits while 1024 are on their way.

        Raises NotFound for a time or a consent that is none, and what ended the stream.
        """
        message = built(lambda: signal_to_proto(signal))
        future: Future[Answer] = Future()
        future.set_running_or_notify_cancel()  # it will be sent: there is no calling it back
        with self._told:
            self._told.wait_for(lambda: self._error or self._batches.has_room)
            if self._error:
                raise self._error
            self._batches.add(message, future)
            self._told.notify_all()
        return future

    def flush(self, timeout_s: float | None = None) -> None:
        """Send what waits at once, and wait until every signal is answered.

        Raises what ended the stream if signals were left without an answer, Unavailable after `timeout_s`
        seconds (None: the client's).
        """
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        with self._told:
            self._batches.hurry()
            self._told.notify_all()
            in_time = self._told.wait_for(lambda: not len(self._batches), limit_s)
            if self._lost and self._error:
                raise self._error
        if not in_time:
            raise Unavailable(f"signals were not answered within {limit_s:g} s")

    def _opened(self) -> None:
        """The line is in place."""
        with self._told:
            self._is_open = True
            self._told.notify_all()

    def _take(self, message: pb.StreamSignalsResponse) -> None:
        """A batch is answered."""
        try:
            _settle(self._batches, message, self._on_answer)
        except RemixdError:
            self._lost = True
            raise
        finally:
            with self._told:
                self._batches.answered()
                self._told.notify_all()

    def _cut(self, error: RemixdError) -> None:
        """The line is cut."""
        del error
        with self._told:
            self._batches.cut()

    def _end(self, error: RemixdError) -> None:
        """The line is over."""
        with self._told:
            self._error = error
            futures = self._batches.drop()
            self._lost = self._lost or bool(futures)
            self._told.notify_all()
        for future in futures:
            future.set_exception(error)

    def close(self) -> None:
        """Send what waits, wait for its answers as `flush` does, and send no more."""
        closed, self._closed = self._closed, True
        try:
            if not closed:
                self.flush()
        finally:
            self._line.close()
            self._line.join(self._timeout_s)

    def __enter__(self) -> SignalStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = self._closed or kind is not None  # an error waits for no answers
        self.close()


class _AsyncRequests:
    """`_Requests` for an event loop."""

    def __init__(self, first: pb.StreamSignalsRequest, batches: Batches[Any], bell: Bell) -> None:
        self._first: pb.StreamSignalsRequest | None = first
        self._batches = batches
        self._bell = bell
        self._closed = False

    def __aiter__(self) -> _AsyncRequests:
        return self

    async def __anext__(self) -> pb.StreamSignalsRequest:
        first, self._first = self._first, None
        if first is not None:
            return first
        while not self._closed:
            due_in_s = self._batches.due_in_s()
            if due_in_s is not None and due_in_s <= 0.0:
                return _batch(self._batches)
            await self._bell.wait(due_in_s)
        raise StopAsyncIteration

    def close(self) -> None:
        self._closed = True
        self._bell.ring()


def _told(future: asyncio.Future[Answer]) -> None:
    """Nobody has to ask for an answer, also where there is none."""
    if not future.cancelled():
        future.exception()


class AsyncSignalStream:
    """A `SignalStream` for an event loop: enter it with `async with`, and await its methods.

    `put` gives, once there is room, a future of the answer, which need not be awaited. `on_answer` is called
    in the loop.
    """

    def __init__(
        self, stub: Any, session: str, link: Link, timeout_s: float, on_answer: OnAnswer | None = None
    ) -> None:
        first = _naming(session)
        self._link = link
        self._timeout_s = timeout_s
        self._on_answer = on_answer
        self._batches: Batches[_Future] = Batches()
        self._bell = Bell()
        self._error: RemixdError | None = Unavailable("enter the stream with `async with` first")
        self._lost = self._is_open = self._closed = False
        side = Side(
            opened=self._opened, take=self._take, cut=self._cut, end=self._end, retries_exhausted=True
        )
        self._line = AsyncLine(
            side, stub.StreamSignals, lambda: _AsyncRequests(first, self._batches, self._bell), link
        )

    async def __aenter__(self) -> AsyncSignalStream:
        self._error = None
        self._line.open()
        in_place = await self._bell.wait_for(lambda: self._is_open or bool(self._error), self._timeout_s)
        if self._error or not in_place:
            await self._line.close()
            raise self._error or Unavailable(f"the daemon at {self._link.address} did not answer in time")
        return self

    async def put(self, signal: Signal | Said) -> asyncio.Future[Answer]:
        """Take one signal to be sent, once there is room: a future of its answer. See `SignalStream`."""
        message = built(lambda: signal_to_proto(signal))
        await self._bell.wait_for(lambda: bool(self._error) or self._batches.has_room)
        if self._error:
            raise self._error
        future = _Future()
        future.add_done_callback(_told)
        self._batches.add(message, future)
        self._bell.ring()
        return future

    async def flush(self, timeout_s: float | None = None) -> None:
        """Send what waits at once, and wait until every signal is answered. Raises as the blocking one."""
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        self._batches.hurry()
        self._bell.ring()
        in_time = await self._bell.wait_for(lambda: not len(self._batches), limit_s)
        if self._lost and self._error:
            raise self._error
        if not in_time:
            raise Unavailable(f"signals were not answered within {limit_s:g} s")

    def _opened(self) -> None:
        """The line is in place."""
        self._is_open = True
        self._bell.ring()

    def _take(self, message: pb.StreamSignalsResponse) -> None:
        """A batch is answered."""
        try:
            _settle(self._batches, message, self._on_answer)
        except RemixdError:
            self._lost = True
            raise
        finally:
            self._batches.answered()
            self._bell.ring()

    def _cut(self, error: RemixdError) -> None:
        """The line is cut."""
        del error
        self._batches.cut()

    def _end(self, error: RemixdError) -> None:
        """The line is over."""
        self._error = error
        futures = self._batches.drop()
        self._lost = self._lost or bool(futures)
        for future in futures:
            future.set_exception(error)
        self._bell.ring()

    async def close(self) -> None:
        """Send what waits, wait for its answers as `flush` does, and send no more."""
        closed, self._closed = self._closed, True
        try:
            if not closed:
                await self.flush()
        finally:
            await self._line.close()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = self._closed or kind is not None  # an error waits for no answers
        await self.close()


class _Future(asyncio.Future[Answer]):
    """Whose canceller does not want to know the answer; the signal is sent."""

    def set_result(self, result: Answer, /) -> None:
        if not self.cancelled():
            super().set_result(result)

    def set_exception(self, exception: type | BaseException, /) -> None:
        if not self.cancelled():
            super().set_exception(exception)
