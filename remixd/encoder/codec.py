"""Opus and FLAC, a packet at a time: each takes as many frames as it gives, at once.

Thread: the one thread of the encoder.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from remixd.units import RATE_HZ

Sound = NDArray[np.float32]
"""float32 (frames, 2), full scale 1.0."""

OPUS_FRAMES: Final = 960
"""20 ms: half the messages of 10 ms, and less of each is overhead."""

_OPUS_COMPLEXITY: Final = "5"
"""At 128 kbit/s nobody hears the upper half of the scale, which costs two thirds more."""

_FLAC_LEVEL: Final = "2"
"""FFmpeg makes blocks of 24 ms at levels up to 2, of 96 ms above: too long for what is live."""

_FULL_SCALE_24: Final = 1 << 23


class Codec(ABC):
    """One stream's encoder.

    Attributes:
        header: what a decoder wants before the first packet: `OpusHead` (RFC 7845, section 5.1), or `fLaC`
            and STREAMINFO, as a FLAC file begins (RFC 9639, section 8).
        packet_frames: of each packet.
        delay_frames: a packet's first decoded frame is so much earlier than the first it was made of.
    """

    header: bytes
    packet_frames: int
    delay_frames = 0

    @abstractmethod
    def encode(self, sound: Sound) -> bytes:
        """One packet of `packet_frames` frames. Raises av.error.FFmpegError."""


class Opus(Codec):
    """Opus for low delay: CELT alone, 2.5 ms of look-ahead."""

    def __init__(self, bitrate_bps: int) -> None:
        self._context = _open(
            "libopus", "flt", bitrate_bps, application="lowdelay", frame_duration="20", vbr="on",
            compression_level=_OPUS_COMPLEXITY,
        )  # fmt: skip
        self.header = bytes(self._context.extradata)
        self.delay_frames = int.from_bytes(self.header[10:12], "little")  # pre-skip
        self.packet_frames = OPUS_FRAMES

    def encode(self, sound: Sound) -> bytes:
        """One packet."""
        return _encode(self._context, sound.reshape(1, -1), "flt")


class Flac(Codec):
    """FLAC of 24 bits, rounded, and clipped at full scale."""

    def __init__(self) -> None:
        self._context = _open("flac", "s32", None, compression_level=_FLAC_LEVEL)
        streaminfo = bytes(self._context.extradata)
        self.header = b"fLaC" + bytes((0x80, 0, 0, len(streaminfo))) + streaminfo
        self.packet_frames = int(self._context.frame_size)

    def encode(self, sound: Sound) -> bytes:
        """One frame."""
        scaled = np.rint(
            sound.reshape(1, -1) * np.float32(_FULL_SCALE_24)
        )  # a power of two: exact until rint
        clipped = np.clip(scaled, -_FULL_SCALE_24, _FULL_SCALE_24 - 1).astype(np.int32)
        return _encode(self._context, clipped << 8, "s32")  # of which the encoder keeps the upper 24 bits


def make_codec(name: str, bitrate_bps: int) -> Codec:
    """A new encoder: `opus` at `bitrate_bps`, or `flac`. Raises ValueError for another."""
    if name == "opus":
        return Opus(bitrate_bps)
    if name == "flac":
        return Flac()
    raise ValueError(f"there is no codec {name!r}")


def _open(name: str, sample_format: str, bitrate_bps: int | None, **options: str) -> Any:
    context: Any = av.CodecContext.create(name, "w")
    context.sample_rate, context.layout, context.format = RATE_HZ, "stereo", sample_format
    context.time_base = Fraction(1, RATE_HZ)
    if bitrate_bps is not None:
        context.bit_rate = bitrate_bps
    context.options = options
    context.open()
    return context


def _encode(context: Any, samples: NDArray[Any], sample_format: str) -> bytes:
    frame = av.AudioFrame.from_ndarray(samples, format=sample_format, layout="stereo")
    frame.sample_rate = RATE_HZ
    [packet] = context.encode(frame)
    return bytes(packet)
