"""Ogg Opus (RFC 3533, RFC 7845) of packets as they came."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final

from remixd.client._checksums import crc32

CONVERGES_FRAMES: Final = 3840
"""A decoder that begins in the middle is exact after 80 ms (RFC 7845, section 4.2)."""

_PRE_SKIP_AT: Final = 10
_SERIAL: Final = 1
_BEGINS, _ENDS = 2, 4
_PAGE_PACKETS: Final = 50
_SEGMENTS_MAX: Final = 255
_FILLERS: Final = ((960, b"\xfc"), (480, b"\xf4"), (240, b"\xec"), (120, b"\xe4"))
"""Packets of stereo CELT that are nothing but their first byte, by their frames: a decoder conceals what was
lost there (RFC 6716, sections 3.1 and 3.2.1)."""

Piece = tuple[int, bytes]
"""The sample of the first frame that a codec's packet decodes to, and the packet."""


def ogg_opus(
    header: bytes, pieces: Sequence[Piece], codec_frames: int, skip_frames: int, frames: int
) -> Iterator[bytes]:
    """The pages of an Ogg Opus file. Where packets are missing it conceals as much.

    Args:
        header: `OpusHead`.
        pieces: in order.
        codec_frames: that each packet decodes to.
        skip_frames: of what is decoded, to leave out at the beginning.
        frames: to play after them.
    """
    head = bytearray(header)
    struct.pack_into("<H", head, _PRE_SKIP_AT, skip_frames)
    vendor = b"remixd"
    tags = b"OpusTags" + struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", 0)
    yield _page(0, 0, [bytes(head)], _BEGINS)
    yield _page(1, 0, [tags])
    packets = list(_filled(pieces, codec_frames))
    number, decoded, waiting = 2, 0, list[bytes]()
    for at, (length, packet) in enumerate(packets, start=1):
        waiting.append(packet)
        decoded += length
        segments = sum(len(each) // 255 + 1 for each in waiting)
        following = len(packets[at][1]) // 255 + 1 if at < len(packets) else 0
        if at == len(packets):
            yield _page(number, min(decoded, skip_frames + frames), waiting, _ENDS)
        elif len(waiting) == _PAGE_PACKETS or segments + following > _SEGMENTS_MAX:
            yield _page(number, decoded, waiting)
            number, waiting = number + 1, []


def _filled(pieces: Sequence[Piece], codec_frames: int) -> Iterator[tuple[int, bytes]]:
    """Frames and packets without a gap."""
    following = pieces[0][0]
    for sample, packet in pieces:
        for length, filler in _FILLERS:
            while sample - following >= length:
                yield length, filler
                following += length
        yield codec_frames, packet
        following = sample + codec_frames


def _page(number: int, granule: int, packets: Sequence[bytes], flags: int = 0) -> bytes:
    lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,)) for packet in packets)
    head = struct.pack("<4sBBqIII", b"OggS", 0, flags, granule, _SERIAL, number, 0)
    page = bytearray(head + bytes((len(lacing),)) + lacing + b"".join(packets))
    struct.pack_into("<I", page, 22, crc32(bytes(page)))
    return bytes(page)
