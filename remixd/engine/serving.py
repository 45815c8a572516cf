"""An engine's socket: one control at a time, one JSON object a line each way. Thread: [housekeeping]."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol

LINE_BYTES_MAX: Final = 4 << 20
"""The beats of the longest song take 3 MB."""

TICK_S: Final = 0.25
ALONE_S: Final = 60.0
"""What plays goes on for so long without a control."""


class Stopping(BaseException):
    """SIGTERM, or control says what makes no sense."""


class Served(Protocol):
    """What is served: the engine."""

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to look after."""

    @property
    def hurries(self) -> bool:
        """Whether something waits to be looked after at once."""

    def tick(self) -> None:
        """Look after what plays."""

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what one request asks."""


def serve(engine: Served, directory: Path) -> None:
    """Listen on `socket` in the engine's folder, until control hangs up while nothing plays.

    While something plays, another control may come, for ALONE_S. Raises Stopping, OSError.
    """
    with socket.socket(socket.AF_UNIX) as listener:
        partial = directory / "socket.partial"
        listener.bind(str(partial))
        listener.listen(1)
        partial.rename(directory / "socket")  # appears only once it answers
        while connection := _accept(engine, listener):
            with connection:
                _answer(engine, connection)
            if engine.is_idle:
                return


def _accept(engine: Served, listener: socket.socket) -> socket.socket | None:
    """The next control; None if none comes in time."""
    until = time.monotonic() + ALONE_S
    while time.monotonic() < until:
        ready, _, _ = select.select([listener], [], [], TICK_S)
        if ready:
            return listener.accept()[0]
        engine.tick()
    return None


def _answer(engine: Served, connection: socket.socket) -> None:
    """Answer one control until it hangs up."""
    for line in _lines(engine, connection):
        try:
            answer = engine.answer(dict(json.loads(line)))
        except (ValueError, TypeError) as error:
            answer = {"kind": "invalid", "error": f"not a JSON object: {error}"}
        try:
            connection.sendall(json.dumps(answer).encode() + b"\n")
        except OSError:
            return


def _lines(engine: Served, connection: socket.socket) -> Iterator[bytes]:
    """The lines control sends, until it hangs up; the engine is looked after while none comes."""
    parts: list[bytes] = []
    ticked = time.monotonic()
    while True:
        wait_s = 0.0 if engine.hurries else None if engine.is_idle else TICK_S
        ready, _, _ = select.select([connection], [], [], wait_s)
        if time.monotonic() - ticked >= TICK_S or (engine.hurries and not ready):
            ticked = time.monotonic()
            engine.tick()
        if not ready:
            continue
        try:
            part = connection.recv(1 << 18)
        except OSError:
            return
        if not part:
            return
        *lines, rest = part.split(b"\n")
        if lines:
            lines[0] = b"".join([*parts, lines[0]])
            parts = []
        parts.append(rest)
        yield from lines
        if sum(map(len, parts)) > LINE_BYTES_MAX:
            raise Stopping
