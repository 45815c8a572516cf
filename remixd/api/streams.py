"""The open streams of a server: each can be ended with a status, and what many get is serialised once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, Generic, Protocol, TypeVar

from remixd.errors import Disconnected

KEPT_MAX: Final = 256
"""Messages that are remembered: what every session hands out at one time fits."""


class Closable(Protocol):
    """What `Streams` keeps: closing it ends its iteration, also when called twice."""

    def close(self) -> None:
        """End it."""


T = TypeVar("T", bound=Closable)
M = TypeVar("M")


class Streams:
    """Every listener and watcher that a server feeds. Thread: [control]."""

    def __init__(self) -> None:
        self._open: set[Closable] = set()
        self._stopping = False
        self._refusal = ""

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def keep(self, stream: T) -> Iterator[T]:
        """Hold `stream` for the length of a call, and close it at its end.

        Raises Disconnected, once the call has nothing more to give, if the server stops; at once, if it takes
        no more streams.
        """
        if self._refusal:
            stream.close()
            raise Disconnected(self._refusal)
        self._open.add(stream)
        try:
            if not self._stopping:
                yield stream
            if self._stopping:
                raise Disconnected("the daemon is stopping")
        finally:
            self._open.discard(stream)
            stream.close()

    def refuse(self, reason: str) -> None:
        """Take no more streams: who asks for one is told why. Those that are open go on."""
        self._refusal = reason

    def end(self) -> None:
        """Close every stream now, and every later one at once."""
        self._stopping = True
        for stream in list(self._open):
            stream.close()


class Requests(Generic[M]):
    """What a caller keeps sending, until it ends or this is closed. Thread: [control]."""

    def __init__(self, requests: AsyncIterable[M]) -> None:
        self._requests = aiter(requests)
        self._reading: asyncio.Future[M] | None = None
        self._closed = False

    def close(self) -> None:
        """Take no more: who waits for the next one is told that there is none."""
        self._closed = True
        if self._reading is not None:
            self._reading.cancel()

    def __aiter__(self) -> Requests[M]:
        return self

    async def __anext__(self) -> M:
        if self._closed:
            raise StopAsyncIteration
        self._reading = asyncio.ensure_future(anext(self._requests))
        try:
            return await self._reading
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._closed or (task is not None and task.cancelling()):
                raise
            raise StopAsyncIteration from None
        finally:
            self._reading = None


class Once(Generic[M]):
    """Serialises a thing once, however many streams send it. Thread: [control].

    Args:
        serialize: makes the message of a thing, in its bytes.
    """

    def __init__(self, serialize: Callable[[M], bytes]) -> None:
        self._serialize = serialize
        self._kept: dict[int, tuple[M, bytes]] = {}

    def __call__(self, thing: M) -> bytes:
        """The message of `thing`: the very one that others were sent, if they were lately."""
        kept = self._kept.get(id(thing))  # a thing that is kept keeps its id
        if kept is not None:
            return kept[1]
        message = self._serialize(thing)
        if len(self._kept) >= KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[id(thing)] = (thing, message)
        return message
