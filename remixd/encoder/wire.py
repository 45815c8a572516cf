"""What control and the encoder say to each other. Imports the standard library only.

Commands go down a pipe, a JSON object a line:

    {"op": "open", "stream": 7, "codec": "opus", "bitrate_bps": 128000, "path": PATH, "before": 0}
    {"op": "move", "stream": 7, "path": PATH, "before": 900}     its session plays in another engine now
    {"op": "close", "stream": 7}

`path` is the session's shared memory, `before` what is added to the sequence of its packets. Messages come
up another pipe, each a header and its data.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

DATA_BYTES_MAX: Final = 1 << 20
"""No codec's packet, header or complaint is larger."""

_HEAD: Final = struct.Struct("<IBIqqqdiI")


class Kind(enum.IntEnum):
    """What a message is."""

    ALIVE = 0
    OPENED = 1
    SOUND = 2
    FAILED = 3


class Message(NamedTuple):
    """One message of the encoder.

    Attributes:
        kind: `ALIVE`, now and then; `OPENED`, whose data is the codec's header, `frames` long a packet and
            `offset_frames` its delay; `SOUND`, one codec packet; `FAILED`, whose data says why.
        stream: which one, as it was opened.
        sequence: of the session's packet that holds the first frame this decodes to.
        sample: of that frame, on the session's clock.
        position, tempo: of the session's packet that it was made of, as the ring has them.
        offset_frames: from the first frame of that one to the first that this decodes to.
        frames: how many this decodes to.
    """

    kind: Kind
    stream: int = 0
    sequence: int = 0
    sample: int = 0
    position: int = 0
    tempo: float = 1.0
    offset_frames: int = 0
    frames: int = 0
    data: bytes = b""

    def to_bytes(self) -> bytes:
        """The message as it goes up the pipe."""
        return (
            _HEAD.pack(
                len(self.data), self.kind, self.stream, self.sequence, self.sample, self.position, self.tempo,
                self.offset_frames, self.frames,
            )
            + self.data
        )  # fmt: skip


class Messages:
    """Cuts what comes up the pipe into messages, however it was cut on its way."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, part: bytes) -> Iterator[Message]:
        """Every message that is complete now. Raises ValueError for what is none."""
        self._waiting += part
        at = 0
        while len(self._waiting) - at >= _HEAD.size:
            size, kind, stream, sequence, sample, position, tempo, offset, frames = _HEAD.unpack_from(
                self._waiting, at
            )
            if size > DATA_BYTES_MAX:
                raise ValueError(f"a message of {size} bytes")
            start = at + _HEAD.size
            if len(self._waiting) - start < size:
                break
            at = start + size
            data = bytes(self._waiting[start:at])
            yield Message(Kind(kind), stream, sequence, sample, position, tempo, offset, frames, data)
        del self._waiting[:at]
