"""A session's sound as Opus or FLAC: encoded once, however many listen to it so.

Thread: [control].
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from remixd.control.desk import POSITION_ONE
from remixd.control.fanout import Listeners
from remixd.control.streams import Listener, Packet
from remixd.encoder.wire import Message
from remixd.errors import InvalidInput, Unavailable
from remixd.units import RATE_HZ

OPUS_BITRATE_BPS: Final = 128_000
"""What Opus takes unless something else is asked for: transparent to nearly everybody."""

OPUS_BITRATES_BPS: Final = (48_000, 64_000, 96_000, 128_000, 192_000, 256_000)
"""A few, so that listeners share one encoding."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a stream is encoded. Raises InvalidInput for a bit rate that is not to be had.

    Attributes:
        bitrate_bps: of Opus, on average; 0 for FLAC.
    """

    codec: Literal["opus", "flac"]
    bitrate_bps: int = 0

    def __post_init__(self) -> None:
        if self.codec == "opus" and self.bitrate_bps not in OPUS_BITRATES_BPS:
            known = ", ".join(map(str, OPUS_BITRATES_BPS))
            raise InvalidInput(
                f"bitrate_bps is {self.bitrate_bps}; it must be one of {known}", field="bitrate_bps"
            )
        if self.codec == "flac" and self.bitrate_bps:
            raise InvalidInput("FLAC takes what it takes: bitrate_bps is for Opus", field="bitrate_bps")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a decoder must know before the first packet.

    Attributes:
        data: `OpusHead`, or `fLaC` and STREAMINFO.
        pre_skip_frames: the first so many decoded frames are of no use, where a decoder begins.
        packet_frames: of each packet.
    """

    data: bytes
    pre_skip_frames: int
    packet_frames: int


class Tap:
    """One session's sound in one encoding, and who listens to it.

    Attributes:
        number: of its stream in the encoder.
        head: what a decoder must know, as soon as the encoder has said so.
        is_open: whether the encoder is at it.
        idle_ticks: since when nobody listens.
    """

    def __init__(self, number: int, encoding: Encoding, source: Callable[[], tuple[Path, int]]) -> None:
        self.number = number
        self.encoding = encoding
        self.listeners = Listeners()
        self.head: asyncio.Future[Head] = asyncio.get_running_loop().create_future()
        self.is_open = False
        self.is_over = False
        self.idle_ticks = 0
        self._source = source

    def command(self, op: str) -> dict[str, Any]:
        """What the encoder is told to have it open, moved or closed."""
        path, before = self._source()
        about = {"codec": self.encoding.codec, "bitrate_bps": self.encoding.bitrate_bps}
        return {"op": op, "stream": self.number, "path": str(path), "before": before, **about}

    def begin(self, message: Message) -> None:
        """The encoder has begun."""
        if not self.head.done():
            self.listeners.packet_frames = message.frames
            self.head.set_result(
                Head(data=message.data, pre_skip_frames=message.offset_frames, packet_frames=message.frames)
            )

    def put(self, message: Message, bar_beat: Callable[[float], str | None]) -> None:
        """Hand a packet to everybody."""
        if not self.listeners:
            return
        frames = message.position / POSITION_ONE + message.offset_frames * message.tempo
        position_s = max(frames / RATE_HZ, 0.0)
        self.listeners.put(
            Packet(
                sequence=message.sequence, sample=message.sample, frames=message.frames, pcm=b"",
                encoded=(message.data,), position_s=position_s, bar_beat=bar_beat(position_s),
            )
        )  # fmt: skip

    def end(self, reason: str = "") -> None:
        """End everybody's iteration, with Unavailable if there is a reason."""
        self.is_over = True
        if not self.head.done():
            self.head.set_exception(Unavailable(reason or "the session ended"))
            self.head.exception()  # nobody may be waiting for it
        if reason:
            self.listeners.lose(reason)
        else:
            self.listeners.close()


class Taps:
    """Every encoding of one session that is wanted."""

    def __init__(self) -> None:
        self._taps: dict[Encoding, Tap] = {}
        self.on_move: Callable[[Tap], None] = lambda _tap: None

    def __iter__(self) -> Iterator[Tap]:
        return iter(list(self._taps.values()))

    def __len__(self) -> int:
        """How many listen."""
        return sum(len(tap.listeners) for tap in self._taps.values())

    def get(self, encoding: Encoding) -> Tap | None:
        """The one for an encoding, if there is one."""
        return self._taps.get(encoding)

    def add(self, tap: Tap) -> None:
        """Have one more."""
        self._taps[tap.encoding] = tap

    def remove(self, tap: Tap) -> None:
        """Have one less."""
        if self._taps.get(tap.encoding) is tap:
            del self._taps[tap.encoding]

    def move(self) -> None:
        """The session plays in another engine now."""
        for tap in self:
            self.on_move(tap)

    def end(self, reason: str = "") -> None:
        """The session is over; lost, if there is a reason."""
        for tap in self:
            tap.end(reason)


Heard = tuple[Listener, Head]
"""One listener's packets, and what its decoder must know."""
