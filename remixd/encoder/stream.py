"""One session's sound in one encoding. Thread: the one thread of the encoder."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np

from remixd._kernel.ring import PacketEntry
from remixd.encoder.codec import Codec
from remixd.encoder.wire import Kind, Message
from remixd.units import PACKET_FRAMES

FRAME_BYTES = 8


class Ring(Protocol):
    """What is read of a session's ring of packets (`remixd._kernel.ring.PacketRing`)."""

    @property
    def newest(self) -> int: ...  # noqa: D102 (the ring's own)
    @property
    def oldest(self) -> int: ...  # noqa: D102
    def read(self, sequence: int) -> PacketEntry | None: ...  # noqa: D102


class _Piece(NamedTuple):
    """Where a packet of the ring lies."""

    sequence: int
    sample: int
    position: int
    tempo: float


class Stream:
    """Reads a session's ring and encodes it, from the next packet that is rendered on.

    Where packets are missing it begins anew, with another encoder, so that nothing from before the gap sounds
    after it.

    Args:
        number: what its messages are told under.
        make: makes an encoder.
        ring: to read; any number of readers may.
        before: added to the ring's sequences.
    """

    def __init__(self, number: int, make: Callable[[], Codec], ring: Ring, before: int) -> None:
        self._number = number
        self._make = make
        self._codec = make()
        self._ring, self._before = ring, before
        self._read = ring.newest
        self._pieces: deque[_Piece] = deque()
        self._waiting = bytearray()
        self._first_sample = 0
        self._is_used = False

    def opened(self) -> Message:
        """What a decoder must know."""
        codec = self._codec
        return Message(
            Kind.OPENED, self._number, offset_frames=codec.delay_frames, frames=codec.packet_frames,
            data=codec.header,
        )  # fmt: skip

    def move(self, ring: Ring, before: int) -> Iterator[Message]:
        """Go on in another ring, from its first packet; what the one before still had comes first."""
        yield from self.take()
        self._ring, self._before, self._read = ring, before, 0

    def take(self) -> Iterator[Message]:
        """Encode what was rendered since the last call. Raises av.error.FFmpegError."""
        newest = self._ring.newest
        for sequence in range(max(self._read + 1, self._ring.oldest), newest + 1):
            entry = self._ring.read(sequence)
            if entry is not None:
                yield from self._add(entry)
        self._read = newest

    def _add(self, entry: PacketEntry) -> Iterator[Message]:
        if entry.sample != self._first_sample + len(self._waiting) // FRAME_BYTES:
            self._begin(entry.sample)
        self._pieces.append(_Piece(self._before + entry.sequence, entry.sample, entry.position, entry.tempo))
        self._waiting += entry.pcm
        size = self._codec.packet_frames * FRAME_BYTES
        while len(self._waiting) >= size:
            yield self._encode(bytes(self._waiting[:size]))
            del self._waiting[:size]
            self._first_sample += self._codec.packet_frames
            while self._pieces and self._pieces[0].sample + PACKET_FRAMES <= self._first_sample:
                self._pieces.popleft()

    def _begin(self, sample: int) -> None:
        if self._is_used:
            self._codec = self._make()
        self._pieces.clear()
        self._waiting.clear()
        self._first_sample = sample

    def _encode(self, pcm: bytes) -> Message:
        codec, piece = self._codec, self._pieces[0]
        offset = self._first_sample - piece.sample - codec.delay_frames
        self._is_used = True
        return Message(
            Kind.SOUND, self._number, piece.sequence + offset // PACKET_FRAMES, piece.sample + offset,
            piece.position, piece.tempo, offset, codec.packet_frames,
            codec.encode(np.frombuffer(pcm, dtype=np.float32).reshape(-1, 2)),
        )  # fmt: skip
