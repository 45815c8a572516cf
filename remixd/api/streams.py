"""The open streams of a server, so that it can end each with a status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from remixd.errors import Unavailable


class Closable(Protocol):
    """What `Streams` keeps: closing it ends its iteration, also when called twice."""

    def close(self) -> None:
        """End it."""


T = TypeVar("T", bound=Closable)


class Streams:
    """Every listener and watcher that a server feeds. Thread: [control]."""

    def __init__(self) -> None:
        self._open: set[Closable] = set()
        self._stopping = False

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def keep(self, stream: T) -> Iterator[T]:
        """Hold `stream` for the length of a call, and close it at its end.

        Raises Unavailable, once the call has nothing more to give, if the server stops.
        """
        self._open.add(stream)
        try:
            if not self._stopping:
                yield stream
            if self._stopping:
                raise Unavailable("the daemon is stopping")
        finally:
            self._open.discard(stream)
            stream.close()

    def end(self) -> None:
        """Close every stream now, and every later one at once."""
        self._stopping = True
        for stream in list(self._open):
            stream.close()
