"""The schema of the list, a step a version; `PRAGMA user_version` counts the steps that a library has had."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Final

from remixd.errors import InvalidInput
from remixd.track.camelot import camelot


def migrate(db: sqlite3.Connection, name: str) -> None:
    """Bring a list up to this version, all steps or none. `name` is its file's, for the error.

    Raises InvalidInput for one that a newer remixd made. Thread: any; `db` is in autocommit.
    """
    if _version(db, name) == VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for step in _STEPS[_version(db, name) :]:  # read again: another process may have been faster
            step(db)
        db.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _version(db: sqlite3.Connection, name: str) -> int:
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise InvalidInput(f"{name} is of version {version}: made by a newer remixd than this one")
    return version


def _list_tracks(db: sqlite3.Connection) -> None:
    db.execute(
        """
        CREATE TABLE tracks (
            id          TEXT PRIMARY KEY,
            content     TEXT NOT NULL UNIQUE,
            title       TEXT NOT NULL,
            artist      TEXT NOT NULL,
            duration_s  REAL NOT NULL,
            bpm         REAL,
            key         TEXT,
            stems       INTEGER NOT NULL,
            imported_at TEXT NOT NULL
        ) STRICT
        """
    )


def _add_what_is_searched(db: sqlite3.Connection) -> None:
    for column in ("camelot TEXT", "energy REAL", "loudness_lufs REAL", "edited INTEGER NOT NULL DEFAULT 0"):
        db.execute(f"ALTER TABLE tracks ADD COLUMN {column}")
    for track, key in db.execute("SELECT id, key FROM tracks WHERE key IS NOT NULL").fetchall():
        with contextlib.suppress(InvalidInput):  # an analysis that came along may call its key anything
            db.execute("UPDATE tracks SET camelot = ? WHERE id = ?", (camelot(key), track))


_STEPS: Final = (_list_tracks, _add_what_is_searched)
VERSION: Final = len(_STEPS)
