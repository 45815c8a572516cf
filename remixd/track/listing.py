"""The lines of the list: what is kept of a track to find it without opening its package."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from typing import Final

from remixd.errors import InvalidInput
from remixd.track.camelot import camelot
from remixd.track.package import Track


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRow:
    """One line of the list, as the track is with its edits. None is what nobody knows.

    Attributes:
        camelot: the key's code, such as "8A".
        energy: 1 to 10.
        loudness_lufs: integrated.
        stems: how many, alternates included.
        imported_at: ISO 8601, UTC.
        edited: whether somebody edited it by hand.
    """

    id: str
    title: str
    artist: str
    duration_s: float
    bpm: float | None
    key: str | None
    camelot: str | None
    energy: float | None
    loudness_lufs: float | None
    stems: int
    imported_at: str
    edited: bool


_COLUMNS: Final = tuple(column.name for column in fields(TrackRow))


def row_of(track: Track, imported_at: str) -> TrackRow:
    """The line of a track."""
    music = track.analysis
    code = None
    if music.key:
        with contextlib.suppress(InvalidInput):  # an analysis that came along may call its key anything
            code = camelot(music.key)
    return TrackRow(
        id=track.id,
        title=track.title,
        artist=track.artist,
        duration_s=track.duration_s,
        bpm=music.bpm,
        key=music.key,
        camelot=code,
        energy=music.energy,
        loudness_lufs=music.loudness_lufs,
        stems=len(track.stems),
        imported_at=imported_at,
        edited=bool(track.edits),
    )


def read_rows(db: sqlite3.Connection) -> list[TrackRow]:
    """Every line, in the order of import."""
    found = db.execute(f"SELECT {', '.join(_COLUMNS)} FROM tracks ORDER BY imported_at, id").fetchall()  # noqa: S608
    return [
        TrackRow(**(dict(zip(_COLUMNS, values, strict=True)) | {"edited": bool(values[-1])}))
        for values in found
    ]


def list_track(db: sqlite3.Connection, track: Track) -> None:
    """Write the line of a track, the moment of its import kept where it is listed already.

    Where another track has its content, that one stays.
    """
    there = db.execute("SELECT imported_at FROM tracks WHERE id = ?", (track.id,)).fetchone()
    imported_at = there[0] if there else datetime.now(UTC).isoformat(timespec="milliseconds")
    names = ("content", *_COLUMNS)
    db.execute(
        f"INSERT INTO tracks ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608 (our own)
        f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in names)}"
        " ON CONFLICT (content) DO NOTHING",
        (track.content, *astuple(row_of(track, imported_at))),
    )


def in_memory(db: sqlite3.Connection) -> sqlite3.Connection:
    """A list that cannot be written to, as one that can be brought up to this version."""
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    with contextlib.closing(db):
        db.backup(copy)
    return copy
