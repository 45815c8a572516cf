"""The encoder's work: commands in, packets out, until control is gone.

A reader of the rings never holds up who writes them: an encoder that is slow, or held up by control, loses
sound, and tells so by where its packets lie.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import select
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from remixd._kernel.shared import SessionMemory
from remixd.encoder.codec import make_codec
from remixd.encoder.stream import Stream
from remixd.encoder.wire import Kind, Message

POLL_S: Final = 0.004
ALIVE_S: Final = 0.5
PIPE_BYTES: Final = 1 << 20
"""What may wait for control: a third of a second of FLAC for 20 sessions."""
READ_BYTES: Final = 1 << 16
NICENESS: Final = -5
"""Where it may: what is heard goes before what computes, and behind what renders."""


class Server:
    """Every stream that is open."""

    def __init__(self) -> None:
        self.streams: dict[int, Stream] = {}

    def obey(self, command: Mapping[str, Any]) -> list[Message]:
        """Do what control says; what there is to tell of it."""
        number = int(command["stream"])
        try:
            match command["op"]:
                case "open":
                    codec, bitrate_bps = str(command["codec"]), int(command["bitrate_bps"])
                    ring = SessionMemory(Path(command["path"])).ring
                    stream = Stream(
                        number, lambda: make_codec(codec, bitrate_bps), ring, int(command["before"])
                    )
                    self.streams[number] = stream
                    return [stream.opened()]
                case "move" if number in self.streams:
                    ring = SessionMemory(Path(command["path"])).ring
                    return list(self.streams[number].move(ring, int(command["before"])))
                case "close":
                    self.streams.pop(number, None)
        except (OSError, ValueError) as error:  # FFmpeg's errors are among them
            return [self._fail(number, error)]
        return []

    def take(self) -> list[Message]:
        """What all streams have since the last call; one that fails is closed."""
        found: list[Message] = []
        for number, stream in list(self.streams.items()):
            try:
                found.extend(stream.take())
            except (OSError, ValueError) as error:
                found.append(self._fail(number, error))
        return found

    def _fail(self, number: int, error: Exception) -> Message:
        self.streams.pop(number, None)
        return Message(Kind.FAILED, number, data=(str(error) or type(error).__name__).encode()[:500])


def run(commands_fd: int = 0, packets_fd: int = 1) -> int:
    """Serve until the commands end; the exit status."""
    with contextlib.suppress(OSError):
        fcntl.fcntl(packets_fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    gc.freeze()
    server, waiting, alive_s = Server(), b"", 0.0
    try:
        while True:
            ready, _, _ = select.select([commands_fd], [], [], POLL_S if server.streams else None)
            told: list[Message] = []
            if ready:
                part = os.read(commands_fd, READ_BYTES)
                if not part:
                    return 0
                *lines, waiting = (waiting + part).split(b"\n")
                for line in lines:
                    told += server.obey(json.loads(line))
            told += server.take()
            now_s = time.monotonic()
            if now_s - alive_s >= ALIVE_S:
                alive_s = now_s
                told.append(Message(Kind.ALIVE))
            _tell(packets_fd, told)
    except BrokenPipeError:  # control is gone
        return 0


def _tell(packets_fd: int, messages: Iterable[Message]) -> None:
    rest = memoryview(b"".join(message.to_bytes() for message in messages))
    while rest:
        rest = rest[os.write(packets_fd, rest) :]
