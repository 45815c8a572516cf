"""A line between a client and a server that can go dead without a word, as one does whose cable is pulled."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading


class Proxy:
    """Forwards connections to `target`, until `freeze`: then those that are open stay open, and silent.

    After `stop` all are cut; another one may `listen` at the same address then.
    """

    def __init__(self, target: tuple[str, int], listen: str = "127.0.0.1:0") -> None:
        self._target = target
        host, _, port = listen.partition(":")
        self._listening = socket.create_server((host, int(port)))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._open: list[socket.socket] = []
        self._freezing = threading.Event()
        self._done = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def freeze(self) -> None:
        self._freezing.set()

    def stop(self) -> None:
        self._done = True
        self._thread.join(5)
        for each in (*self._open, self._listening):
            each.close()

    def _run(self) -> None:
        while not self._done:
            ready = self._selector.select(0.02)
            if self._freezing.is_set():
                self._freezing.clear()
                for end in self._open:
                    with contextlib.suppress(KeyError):
                        self._selector.unregister(end)
                continue
            for key, _ in ready:
                if key.fileobj is self._listening:
                    self._connect()
                else:
                    self._forward(key.fileobj, key.data)

    def _connect(self) -> None:
        near, _ = self._listening.accept()
        far = socket.create_connection(self._target)
        self._open += (near, far)
        self._selector.register(near, selectors.EVENT_READ, far)
        self._selector.register(far, selectors.EVENT_READ, near)

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            data = source.recv(1 << 16)
            sink.sendall(data)
        except OSError:
            data = b""
        if not data:
            self._drop(source)
            self._drop(sink)

    def _drop(self, end: socket.socket) -> None:
        if end in self._open:
            self._open.remove(end)
            self._selector.unregister(end)
            end.close()
