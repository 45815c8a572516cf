"""Native Instruments' `.stem.mp4`: the names and colours of its stems, from the `stem` atom in `moov/udta`.

The atom holds JSON (Stem File Specification 1.0); the boxes around it are ISO/IEC 14496-12, 4.2. Both
come from elsewhere: every size and count is bounded, and what is wrong counts as absent.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from remixd.track.fields import one_line
from remixd.units import StemRole

SUFFIX: Final = ".stem.mp4"
STREAMS: Final = 5
"""The master, and four stems."""
CUSTOMARY: Final[tuple[StemRole, ...]] = ("drums", "bass", "other", "vocals")
"""The order that Native Instruments recommends; for stems whose names say nothing."""

_BOXES_MOST: Final = 1000
_ATOM_MOST: Final = 2**20
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_NAMELESS = re.compile(r"((stem|track|part|channel)[ _-]*)?[0-9]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class StemEntry:
    """What the atom says of one stem: its name in one line, and its colour as `#rrggbb`; empty where none."""

    name: str
    colour: str


def stem_entries(path: Path) -> tuple[StemEntry, ...] | None:
    """The names and colours of the four stems; None without a usable atom.

    Raises OSError where the file cannot be read.
    """
    with path.open("rb") as file:
        span: tuple[int, int] | None = (0, os.fstat(file.fileno()).st_size)
        for kind in (b"moov", b"udta", b"stem"):
            span = _find_box(file, span, kind) if span else None
        if span is None or span[1] - span[0] > _ATOM_MOST:
            return None
        file.seek(span[0])
        raw = file.read(span[1] - span[0])
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    stems = document.get("stems") if isinstance(document, dict) else None
    if not isinstance(stems, list) or len(stems) != STREAMS - 1:
        return None
    return tuple(_entry(stem if isinstance(stem, dict) else {}) for stem in stems)


def _entry(stem: dict[str, object]) -> StemEntry:
    name, colour = stem.get("name"), stem.get("color")
    return StemEntry(
        name=one_line(name, 60) if isinstance(name, str) else "",
        colour=colour.lower() if isinstance(colour, str) and _COLOUR.fullmatch(colour) else "",
    )


def says_nothing(name: str) -> bool:
    """Whether a stem's name is none, or a mere number such as `Stem 3`."""
    return _NAMELESS.fullmatch(name.strip()) is not None


def _find_box(file: BinaryIO, span: tuple[int, int], wanted: bytes) -> tuple[int, int] | None:
    """Where the content of the first box of a kind lies, among those that fill `span`."""
    at, end = span
    for _ in range(_BOXES_MOST):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8 or at + 8 > end:
            return None
        size, content = int.from_bytes(head[:4], "big"), at + 8
        if size == 1:  # the size follows in 64 bits
            size, content = int.from_bytes(head[8:16], "big"), at + 16
        elif size == 0:  # to the end
            size = end - at
        if size < content - at or at + size > end:
            return None
        if head[4:8] == wanted:
            return content, at + size
        at += size
    return None
