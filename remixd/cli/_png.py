"""Pictures: an array of pixels with letters on it, written as PNG (W3C PNG, third edition)."""

from __future__ import annotations

import struct
import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Red, green and blue, (height, width, 3)."""

Colour = tuple[int, int, int]

GLYPH: Final = (3, 5)
"""Columns and rows of a letter."""

# Five rows of three pixels a letter, each row an octal digit.
_GLYPHS: Final = {
    "A": "25755", "B": "65656", "C": "34443", "D": "65556", "E": "74647", "F": "74644", "G": "34553",
    "H": "55755", "I": "72227", "J": "11152", "K": "55655", "L": "44447", "M": "57755", "N": "65555",
    "O": "25552", "P": "65644", "Q": "25573", "R": "65655", "S": "34216", "T": "72222", "U": "55557",
    "V": "55552", "W": "55775", "X": "55255", "Y": "55222", "Z": "71247", "0": "75557", "1": "26227",
    "2": "61247", "3": "61216", "4": "55711", "5": "74616", "6": "34652", "7": "71122", "8": "25252",
    "9": "25316", ":": "02020", ".": "00002", "-": "00700", "/": "11244", "#": "57575", "(": "12221",
    ")": "42224", "+": "02720", "'": "22000", ",": "00024", "?": "61202", " ": "00000",
    "_": "00007", "&": "25253", "!": "22202",
}  # fmt: skip


def can_write(text: str) -> bool:
    """Whether there is a letter for all of a text."""
    return all(letter in _GLYPHS for letter in text.upper())


def write_text(pixels: Pixels, x: int, y: int, text: str, colour: Colour, scale: int = 2) -> None:
    """Write a text with its upper left corner at `x`, `y`, cut at the edges; "?" for what has no letter."""
    for index, letter in enumerate(text.upper()):
        rows = _GLYPHS.get(letter, _GLYPHS["?"])
        bits = np.array([[int(row) >> shift & 1 for shift in (2, 1, 0)] for row in rows], bool)
        shape = bits.repeat(scale, axis=0).repeat(scale, axis=1)
        left = x + index * (GLYPH[0] + 1) * scale
        place = pixels[y : y + shape.shape[0], left : left + shape.shape[1]]
        place[shape[: place.shape[0], : place.shape[1]]] = colour


def text_width(text: str, scale: int = 2) -> int:
    """How many pixels wide a text is, with the space after it."""
    return len(text) * (GLYPH[0] + 1) * scale


def encode_png(pixels: Pixels, title: str = "") -> bytes:
    """A picture as a PNG file: 8 bits, true colour, no filter, no interlace; `title` is of any letters."""
    height, width, _ = pixels.shape
    lines = np.zeros((height, 1 + 3 * width), np.uint8)
    lines[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    # keyword, no compression, no language, no translated keyword (11.3.3.4)
    about = ((b"iTXt", b"Title\0\0\0\0\0" + title.encode("utf-8", "replace")),) if title else ()
    parts = ((b"IHDR", header), *about, (b"IDAT", zlib.compress(lines.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in parts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
