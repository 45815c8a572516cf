"""What a person may say of a song's import. Thread: any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from remixd.errors import NotFound, nearest
from remixd.track.fields import printable
from remixd.units import StemRole

SplitterName = Literal["harmonic", "demucs", "none"]
SPLITTERS: Final[tuple[SplitterName, ...]] = ("harmonic", "demucs", "none")
"""What splits a full mix into stems: the embedded splitter, Demucs (an extra), or nothing."""
DEFAULT_SPLITTER: Final[SplitterName] = "harmonic"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How a song is to be imported.

    Attributes:
        roles: of stems, by their file names without suffix, before what the names say.
        grid: a file of beats that are taken instead of computed ones, absolute; None: they are computed.
        splitter: what splits a full mix; of no account for other songs.
        again: whether a song that is there is read and analysed anew; its id and its edits stay.
    """

    roles: Mapping[str, StemRole] = field(default_factory=dict)
    grid: Path | None = None
    splitter: SplitterName = DEFAULT_SPLITTER
    again: bool = False


def check_splitter(name: str) -> SplitterName:
    """Look a splitter up; an empty name is the default's. Raises NotFound with the nearest one."""
    word = name.strip().lower() or DEFAULT_SPLITTER
    if word not in SPLITTERS:
        raise NotFound(f"there is no splitter {printable(name)[:60]!r}: {nearest(word, SPLITTERS)}")
    return word
