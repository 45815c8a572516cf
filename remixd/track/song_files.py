"""Which files and folders may be songs, by their names alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from remixd.errors import InvalidInput
from remixd.track.fields import printable

AUDIO_SUFFIXES: Final = frozenset(
    f".{suffix}" for suffix in (
        "wav", "wave", "flac", "ogg", "oga", "opus", "mp3", "m4a", "aac", "aif", "aiff", "aifc", "wv", "w64",
        "caf", "mka", "wma",
    )
)  # fmt: skip
"""What counts as a stem in a folder. A file that is named by itself may have any suffix."""

STEM_MP4_SUFFIX: Final = ".stem.mp4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Songs:
    """The songs in a folder, in the order of their names, and what else there is."""

    songs: tuple[Path, ...]
    others: tuple[Path, ...]


def songs_in(folder: Path) -> Songs:
    """Take each sub-folder that holds audio, and each audio file, as a song; hidden ones are passed over.

    A sub-folder that cannot be read is taken for a song: its import says so, and holds back no other.

    Raises InvalidInput, naming the folder, where it cannot be read itself. Thread: any.
    """
    songs: list[Path] = []
    others: list[Path] = []
    try:
        for entry in sorted(folder.iterdir()):
            if entry.name.startswith("."):
                continue
            is_song = _holds_audio(entry) if entry.is_dir() else _is_audio(entry)
            (songs if is_song else others).append(entry)
    except OSError as error:
        where = printable(error.filename or folder)
        raise InvalidInput(f"{where} cannot be read: {error.strerror}") from None
    return Songs(songs=tuple(songs), others=tuple(others))


def size_bytes(song: Path) -> int:
    """How large a song's files are; 0 for what is not there. Thread: any."""
    try:
        files = song.iterdir() if song.is_dir() else (song,)
        return sum(file.stat().st_size for file in files)
    except OSError:
        return 0


def _holds_audio(folder: Path) -> bool:
    try:
        return any(map(_is_audio, folder.iterdir()))
    except OSError:
        return True


def _is_audio(path: Path) -> bool:
    name = path.name.lower()
    return path.suffix.lower() in AUDIO_SUFFIXES or name.endswith(STEM_MP4_SUFFIX)
