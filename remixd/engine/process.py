"""The engine process: a render thread that owns the sound, and a housekeeping thread that serves control.

Control speaks to housekeeping over a Unix socket in the engine's directory, one JSON object a line, each
answered by one line: slow things such as loading a session. What must be fast goes through the mailboxes,
which the render thread drains before every packet.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from remixd._kernel import host, mailbox, ring, session, simd, stem, stretch
from remixd.engine.realtime import promote_thread, quiet_python
from remixd.units import PACKET_FRAMES

COMMANDS = 4096
REPORTS = 8192
RING_PACKETS = 64
LINE_BYTES_MAX = 1 << 20


class Stopping(BaseException):
    """SIGTERM, or control has gone."""


def make_shared(path: Path, size: int) -> mmap.mmap:
    """Create a shared-memory file and map it. Its pages exist: writing cannot fail later.

    Raises OSError, naming the file, when the file system has no room. Thread: [housekeeping].
    """
    with path.open("xb+") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            path.unlink()
            raise OSError(error.errno, f"no room for {size} bytes of shared memory", str(path)) from None
        return mmap.mmap(file.fileno(), size)


class Engine:
    """One engine process. Thread: [housekeeping], but for `_render`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        commands = make_shared(directory / "commands", mailbox.size_bytes(COMMANDS))
        reports = make_shared(directory / "reports", mailbox.size_bytes(REPORTS))
        self._host = host.Host(mailbox.Mailbox(commands, COMMANDS), mailbox.Mailbox(reports, REPORTS))
        self._keys: set[int] = set()
        self._notes: list[str] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._render, name="render", daemon=True)

    def start(self) -> None:
        """Start the render thread and wait until it knows what it was granted."""
        quiet_python()
        self._thread.start()
        self._ready.wait()

    def _render(self) -> None:
        """Thread: [render]."""
        self._notes += promote_thread()
        self._ready.set()
        self._host.run()

    def stop(self) -> None:
        """Fade every session out, then end the render thread."""
        for key in list(self._keys):
            self._leave(key)
        self._host.stop()
        self._thread.join(timeout=1.0)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what one request asks. What goes wrong is answered with `error`, in a sentence."""
        try:
            match request.get("op"):
                case "hello":
                    return {"pid": os.getpid(), "notes": self._notes, "simd": simd.LEVEL}
                case "play":
                    return self._play(request)
                case "leave":
                    return {"left": self._leave(int(request["key"]))}
                case op:
                    return {"kind": "invalid", "error": f"the engine knows no {op!r}"}
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            return {"kind": "invalid", "error": str(error)}
        except (OSError, MemoryError) as error:
            return {"kind": "exhausted", "error": str(error)}

    def _play(self, request: dict[str, Any]) -> dict[str, Any]:
        stems = [stem.Stem.open(each["path"]) for each in request["stems"]]
        playing = session.Session(
            stems,
            [int(each["role"]) for each in request["stems"]],
            start=int(request["start"]),
            mix=request["mix"],
            low=request["low"],
            high=request["high"],
            vocals_limit_db=request["vocals_limit_db"],
            key=int(request["key"]),
        )
        memory = make_shared(Path(request["ring"]), ring.size_bytes(RING_PACKETS, PACKET_FRAMES))
        packets = ring.PacketRing(memory, RING_PACKETS, PACKET_FRAMES)
        locked = all([playing.lock_memory(), packets.lock_memory()])
        self._host.add(playing, packets, int(request["lead_ns"]))
        self._keys.add(int(request["key"]))
        return {"playing": True, "locked": locked}

    def _leave(self, key: int) -> bool:
        left = self._host.leave(key)
        for _ in range(100):
            self._keys.difference_update(self._host.collect())
            if key not in self._keys:
                break
            time.sleep(0.002)
        return left


def _lines(connection: socket.socket) -> Iterator[bytes]:
    """The lines control sends, until it hangs up."""
    with connection.makefile("rb") as file:
        while line := file.readline(LINE_BYTES_MAX):
            yield line


def _serve(engine: Engine, listener: socket.socket) -> None:
    """Answer one connection of control until it closes."""
    connection, _ = listener.accept()
    with connection:
        for line in _lines(connection):
            try:
                answer = engine.answer(dict(json.loads(line)))
            except (ValueError, TypeError) as error:
                answer = {"kind": "invalid", "error": f"not a JSON object: {error}"}
            connection.sendall(json.dumps(answer).encode() + b"\n")


def _stop(_signal: int, _frame: object) -> None:
    raise Stopping


def run(directory: Path, wisdom: Path) -> int:
    """Be an engine in `directory` until SIGTERM, or until control hangs up; then remove the directory.

    Returns the exit status.

    Everything goes through SIGTERM or the socket; Ctrl-C in a terminal reaches control, which then stops
    its engines in order.
    """
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stretch.prepare(wisdom)
    engine = Engine(directory)
    engine.start()
    try:
        with socket.socket(socket.AF_UNIX) as listener, contextlib.suppress(Stopping):
            partial = directory / "socket.partial"
            listener.bind(str(partial))
            listener.listen(1)
            partial.rename(directory / "socket")  # appears only once it answers
            _serve(engine, listener)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        engine.stop()
        shutil.rmtree(directory, ignore_errors=True)
    return 0
