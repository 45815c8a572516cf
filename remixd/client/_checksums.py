"""The checksums of Ogg pages and FLAC frames: all have their highest bit first, and begin at 0."""

from __future__ import annotations

from typing import Final


def _table(polynomial: int, bits: int) -> tuple[int, ...]:
    """What each byte does."""
    top, mask = 1 << (bits - 1), (1 << bits) - 1
    table = []
    for byte in range(256):
        rest = byte << (bits - 8)
        for _ in range(8):
            rest = (rest << 1 ^ (polynomial if rest & top else 0)) & mask
        table.append(rest)
    return tuple(table)


_CRC8: Final = _table(0x07, 8)
_CRC16: Final = _table(0x8005, 16)
_CRC32: Final = _table(0x04C11DB7, 32)


def crc8(data: bytes) -> int:
    """Of a FLAC frame's header (RFC 9639, section 9.1.8)."""
    rest = 0
    for byte in data:
        rest = _CRC8[rest ^ byte]
    return rest


def crc16(data: bytes) -> int:
    """Of a FLAC frame (RFC 9639, section 9.3)."""
    rest = 0
    for byte in data:
        rest = (rest << 8 & 0xFFFF) ^ _CRC16[rest >> 8 ^ byte]
    return rest


def crc32(data: bytes) -> int:
    """Of an Ogg page (RFC 3533, section 6)."""
    rest = 0
    for byte in data:
        rest = (rest << 8 & 0xFFFFFFFF) ^ _CRC32[rest >> 24 ^ byte]
    return rest
