"""How long a file says it is, where its word can be trusted: so that one cut short is noticed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from av.audio.stream import AudioStream

from remixd.errors import BadAudio

_TOLERANCES_S: Final = {
    "flac": 0.0, "wv": 0.01, "aiff": 0.01, "caf": 0.01, "ogg": 0.01,
    "mov,mp4,m4a,3gp,3g2,mj2": 0.05, "mp3": 0.1,
}  # fmt: skip
"""How much of the length a container declares may be missing; other containers declare none.

Ogg is held closely: a damaged page is left out without another sign, and a stem would lose its time.
MP3 counts whole frames, its encoder's delay and padding among them.
"""
_MP3_SPARE_FRAMES: Final = 3000
_OPUS_TOLERANCE_S: Final = 0.1
"""Opus counts what a decoder has to skip (RFC 7845, 4.2); its pages are long, usually 1 s."""
_RIFF_CHUNKS: Final = 1000
_OGG_PAGE: Final = 27 + 255 + 255 * 255
_RIFF_SLACK: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A declared length in frames, and how much less may be there."""

    frames: float
    tolerance: float

    def agrees(self, frames: int) -> bool:
        """Whether a decoded length is that of the declaration; only exact ones may not be exceeded."""
        return self.frames - self.tolerance <= frames and (self.tolerance > 0 or frames <= self.frames)


def declared_frames(path: Path, container: str, stream: AudioStream) -> Declared | None:
    """The length that a stream's container declares. None if it declares none, or only guesses."""
    tolerance_s = _TOLERANCES_S.get(container)
    if tolerance_s is None or not stream.duration or not stream.time_base or not stream.rate:
        return None
    if container == "mp3":
        counted = _mp3_frames(path)
        spare = max(_MP3_SPARE_FRAMES, tolerance_s * stream.rate)
        return Declared(frames=counted, tolerance=spare) if counted else None
    if stream.codec_context.codec.name in ("opus", "libopus"):
        tolerance_s = _OPUS_TOLERANCE_S
    frames = float(stream.duration * stream.time_base * stream.rate)
    return Declared(frames=round(frames), tolerance=tolerance_s * stream.rate)


def delay_untold(path: Path, container: str) -> bool:
    """Whether a stream comes late by its encoder's delay, and nothing in the file says by how much.

    MP4, Matroska and Ogg do say it, and so do MP3s with a Xing or Info header; FFmpeg then leaves it out.
    """
    return container == "aac" or (container == "mp3" and _mp3_frames(path) is None)


def check_ending(path: Path, name: str) -> str:
    """Look at the end of a WAV or Ogg file, where FFmpeg says nothing.

    Returns a note where it may be cut short, else nothing. Raises BadAudio where it is.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(12)
        if start[:4] == b"RIFF" and start[8:] == b"WAVE":
            _check_riff(file, size, name)
        elif start[:4] == b"OggS":
            return _check_ogg(file, size, name)
    return ""


def _check_riff(file: BinaryIO, size: int, name: str) -> None:
    """A data chunk must not go beyond the end of the file, unless its size was never filled in."""
    at = 12
    for _ in range(_RIFF_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        length = int.from_bytes(head[4:], "little")
        if head[:4] == b"data":
            there = size - at - 8
            if length < 0x7FFFF000 and length > there + _RIFF_SLACK:
                raise BadAudio(f"{name} is cut short: it holds {there} of {length} bytes of audio")
            return
        at += 8 + length + length % 2


def _check_ogg(file: BinaryIO, size: int, name: str) -> str:
    """The last page, by which FFmpeg tells the length, must be whole; it should be marked as the last."""
    begin = max(0, size - _OGG_PAGE)
    file.seek(begin)
    tail = file.read(_OGG_PAGE)
    at = tail.rfind(b"OggS")
    page = tail[at:] if at >= 0 else b""
    length = 27 + page[26] + sum(page[27 : 27 + page[26]]) if len(page) >= 27 else 0
    if not 27 <= length <= len(page):
        raise BadAudio(f"{name} is cut short: its last page is not whole")
    page = page[:length]
    if _ogg_checksum(page[:22] + bytes(4) + page[26:]) != int.from_bytes(page[22:26], "little"):
        raise BadAudio(f"{name} is damaged: its last page has another checksum")
    return "" if page[5] & 4 else f"{name} has no end mark: it may be cut short"


def _ogg_checksum(page: bytes) -> int:
    """The CRC-32 of RFC 3533, section 6: polynomial 04c11db7, the highest bit first, from 0."""
    crc = 0
    for byte in page:
        crc = (crc << 8 & 0xFFFFFFFF) ^ _CRC_TABLE[crc >> 24 ^ byte]
    return crc


def _crc_row(byte: int) -> int:
    row = byte << 24
    for _ in range(8):
        row = row << 1 & 0xFFFFFFFF ^ (0x04C11DB7 if row >> 31 else 0)
    return row


_CRC_TABLE: Final = tuple(_crc_row(byte) for byte in range(256))


def _mp3_frames(path: Path) -> int | None:
    """The frames that an MP3's Xing or Info header counts, encoder's delay and padding included.

    FFmpeg's own word is a guess from the bit rate wherever anything follows the last frame.
    """
    with path.open("rb") as file:
        start = file.read(10)
        length = 0
        if start[:3] == b"ID3" and len(start) == 10:
            for byte in start[6:]:  # seven bits each (ID3v2.4, section 6.2)
                length = length << 7 | byte & 127
            length += 10
        file.seek(length)
        head = file.read(2048)
    at = max(head.find(b"Xing"), head.find(b"Info"))
    if at < 0 or not int.from_bytes(head[at + 4 : at + 8], "big") & 1:
        return None
    count = int.from_bytes(head[at + 8 : at + 12], "big")
    for side_bytes in (36, 21, 13):  # from the frame's own header to its Xing header
        frame = head[at - side_bytes : at - side_bytes + 2] if at >= side_bytes else b""
        if len(frame) == 2 and frame[0] == 0xFF and frame[1] & 0xE0 == 0xE0:
            return count * (1152 if frame[1] & 0x18 == 0x18 else 576)
    return None
