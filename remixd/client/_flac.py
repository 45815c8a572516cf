"""A FLAC file (RFC 9639) of frames as they came, which are numbered anew: the first is the file's first."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final

from remixd.client._checksums import crc8, crc16

Piece = tuple[int, bytes]
"""The sample of a frame's first frame of sound, and the frame."""

_SIZES_AT, _TOTAL_AT = 8, 21
_FIXED, _VARIABLE = b"\xff\xf8", b"\xff\xf9"
_SILENT_FRAMES_MAX: Final = 4096
_BLOCK_FRAMES_MIN: Final = 16
_EXTRA_BYTES: Final = {6: 1, 7: 2}
_EXTRA_RATE_BYTES: Final = {12: 1, 13: 2, 14: 2}
_SILENCE: Final = bytes(8)
"""Two constant subframes of 24 bits."""


def flac_file(header: bytes, pieces: Sequence[Piece], codec_frames: int) -> Iterator[bytes]:
    """The parts of a FLAC file. Where frames are missing it is silent for as long.

    Args:
        header: `fLaC` and STREAMINFO.
        pieces: in order.
        codec_frames: of sound in each frame.
    """
    first, last = pieces[0][0], pieces[-1][0]
    has_gaps = last - first != codec_frames * (len(pieces) - 1)
    yield _header(header, last + codec_frames - first, codec_frames, has_gaps)
    following = first
    for number, (sample, frame) in enumerate(pieces):
        while has_gaps and following < sample:
            length = min(sample - following, _SILENT_FRAMES_MAX)
            if 0 < sample - following - length < _BLOCK_FRAMES_MIN:
                length -= _BLOCK_FRAMES_MIN
            yield _silence(following - first, length)
            following += length
        yield (
            _renumbered(frame, sample - first, _VARIABLE) if has_gaps else _renumbered(frame, number, _FIXED)
        )
        following = sample + codec_frames


def _header(header: bytes, total_frames: int, codec_frames: int, has_gaps: bool) -> bytes:
    found = bytearray(header)
    sizes = (_BLOCK_FRAMES_MIN, max(codec_frames, _SILENT_FRAMES_MAX)) if has_gaps else (codec_frames,) * 2
    struct.pack_into(">HH", found, _SIZES_AT, *sizes)
    found[_TOTAL_AT] = found[_TOTAL_AT] & 0xF0 | total_frames >> 32 & 0x0F
    struct.pack_into(">I", found, _TOTAL_AT + 1, total_frames & 0xFFFFFFFF)
    return bytes(found)


def _coded(number: int) -> bytes:
    """A number as a frame's header has it (RFC 9639, section 9.1.5): UTF-8's way, up to 36 bits."""
    if number < 0x80:
        return bytes((number,))
    tail, room_bits = [], 6
    while number >= 1 << room_bits:
        tail.append(0x80 | number & 0x3F)
        number >>= 6
        room_bits -= 1
    lead = 0xFF << room_bits + 1 & 0xFF | number
    return bytes((lead, *reversed(tail)))


def _coded_bytes(lead: int) -> int:
    """How long such a number is, by its first byte."""
    return 1 if lead < 0x80 else 8 - (lead ^ 0xFF).bit_length()


def _sealed(header: bytes, subframes: bytes) -> bytes:
    frame = header + bytes((crc8(header),)) + subframes
    return frame + crc16(frame).to_bytes(2, "big")


def _renumbered(frame: bytes, number: int, sync: bytes) -> bytes:
    """A frame under another number."""
    at = 4 + _coded_bytes(frame[4])
    extra = _EXTRA_BYTES.get(frame[2] >> 4, 0) + _EXTRA_RATE_BYTES.get(frame[2] & 0x0F, 0)
    header = sync + frame[2:4] + _coded(number) + frame[at : at + extra]
    return _sealed(header, frame[at + extra + 1 : -2])


def _silence(sample: int, frames: int) -> bytes:
    """A frame of silence: 48 kHz, two channels, 24 bits."""
    return _sealed(_VARIABLE + b"\x7a\x1c" + _coded(sample) + (frames - 1).to_bytes(2, "big"), _SILENCE)
