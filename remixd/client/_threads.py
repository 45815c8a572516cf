"""The threads of a blocking client, and their end.

gRPC runs threads of its own: one a channel that hands out what comes, and one a stream of requests that takes
them from our iterator. They are daemon threads. The interpreter's end stops such threads wherever they are,
also while they hold the lock of a call, and then finalises the call, which waits for that lock for ever. So
no thread may be left when the interpreter ends: what is open then is closed first, and the threads are waited
for.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from typing import Any, Final, Protocol

PATIENCE_S: Final = 2.0
"""How long to wait for threads. A callback of the caller's that does not return is given up then."""


class Closable(Protocol):
    """Something open: closing it never waits for the daemon, also when called twice."""

    def close(self) -> None:
        """End it."""


class Threads:
    """What is open of one client, and the threads behind it. Any thread may use it."""

    def __init__(self) -> None:
        self._open: weakref.WeakSet[Any] = weakref.WeakSet()
        self._threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
        self._lock = threading.Lock()

    def keep(self, thing: Closable) -> None:
        """Have `thing` closed with the client."""
        with self._lock:
            self._open.add(thing)

    def here(self) -> None:
        """Have the thread that calls this waited for."""
        with self._lock:
            self._threads.add(threading.current_thread())

    def note(self, call: Any) -> None:
        """Have the thread of gRPC's waited for that tells the end of `call`."""
        call.add_callback(self.here)

    def close_all(self) -> None:
        """Close what is open."""
        with self._lock:
            things = list(self._open)
        for thing in things:
            thing.close()

    def join(self, patience_s: float = PATIENCE_S) -> None:
        """Wait until no thread is left, but for the one that calls this."""
        until_s = time.monotonic() + patience_s
        with self._lock:
            threads = [each for each in self._threads if each is not threading.current_thread()]
        for thread in threads:
            thread.join(max(0.0, until_s - time.monotonic()))


_clients: weakref.WeakSet[Any] = weakref.WeakSet()


def close_at_exit(client: Closable) -> None:
    """Have a client closed before the interpreter ends, if nobody did it until then."""
    _clients.add(client)


@atexit.register
def _close_clients() -> None:
    for client in list(_clients):
        client.close()
