"""The tastes of fans who let them be kept, between sessions: one small SQLite file. Thread: [control]."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

import numpy as np

from remixd.audience.space import D, Floats

log = logging.getLogger(__name__)

FILE: Final = "tastes.sqlite"
VERSION: Final = 2
"""Of version 1 fans have the handles that apps gave them; of version 2 the names of `fan_keys`."""
KEPT_MAX: Final = 1_000_000
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS tastes "
    "(fan TEXT PRIMARY KEY, mean BLOB NOT NULL, variance BLOB NOT NULL, kept_at REAL NOT NULL)"
)

Taste = tuple[Floats, Floats]
"""Mean and variance, (D,) each, in taste space."""


class KeptTastes:
    """Tastes by fan. What cannot be read or written is logged: sessions begin without it.

    Args:
        path: of the file; None to keep nothing beyond this process.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._known: dict[str, Taste] = {}
        self._database: sqlite3.Connection | None = None
        if path is None:
            return
        try:
            self._database = sqlite3.connect(path, isolation_level=None)
            path.chmod(0o600)
            self._open(self._database)
        except (sqlite3.Error, OSError) as error:
            log.error("%s: %s; no taste is kept", path, error)
            self.close()

    def _open(self, database: sqlite3.Connection) -> None:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise sqlite3.DatabaseError(f"it has version {version}, which is newer than this remixd")
        database.execute("PRAGMA secure_delete = ON")  # what is forgotten is not on the disk either
        database.execute("PRAGMA journal_mode = TRUNCATE")
        database.execute(_TABLE)
        if not version:
            database.execute(f"PRAGMA user_version = {VERSION}")
        for fan, mean, variance in database.execute("SELECT fan, mean, variance FROM tastes"):
            taste = np.frombuffer(mean, "<f8"), np.frombuffer(variance, "<f8")
            if _is_sound(taste):
                self._known[fan] = taste

    def get(self, fan: str) -> Taste | None:
        """What is kept of a fan; None for nothing."""
        return self._known.get(fan)

    def __len__(self) -> int:
        return len(self._known)

    def put(self, tastes: Mapping[str, Taste], at_unix_s: float) -> None:
        """Keep tastes, in the place of what was kept of these fans."""
        changed = {
            fan: taste
            for fan, taste in tastes.items()
            if _is_sound(taste) and not _is_same(self._known.get(fan), taste)
        }
        if len(self._known) + len(changed) > KEPT_MAX:
            log.error("%d tastes are kept, and no more", KEPT_MAX)
            return
        self._known.update(changed)
        if self._database is None or not changed:
            return
        rows = [
            (fan, mean.astype("<f8").tobytes(), variance.astype("<f8").tobytes(), at_unix_s)
            for fan, (mean, variance) in changed.items()
        ]
        try:
            with closing(self._database.cursor()) as cursor:
                cursor.execute("BEGIN")
                cursor.executemany("INSERT OR REPLACE INTO tastes VALUES (?, ?, ?, ?)", rows)
                cursor.execute("COMMIT")
        except sqlite3.Error as error:
            log.error("tastes are not kept: %s", error)

    def name_fans(self, name_of: Callable[[str], str]) -> int:
        """Know by their names all whose handles an older remixd has kept; how many those were."""
        database = self._database
        if database is None or database.execute("PRAGMA user_version").fetchone()[0] >= VERSION:
            return 0
        fans = [fan for (fan,) in database.execute("SELECT fan FROM tastes")]
        try:
            with closing(database.cursor()) as cursor:
                cursor.execute("BEGIN")
                cursor.executemany(
                    "UPDATE tastes SET fan = ? WHERE fan = ?", [(name_of(fan), fan) for fan in fans]
                )
                cursor.execute(f"PRAGMA user_version = {VERSION}")
                cursor.execute("COMMIT")
            database.execute("VACUUM")  # nor do pages that are free tell a handle
        except sqlite3.Error as error:
            log.error("the fans of kept tastes are not renamed: %s", error)
            return 0
        self._known = {name_of(fan): taste for fan, taste in self._known.items()}
        return len(fans)

    def rename(self, fan: str, name: str) -> None:
        """Keep under another name what is kept of a fan, unless something is kept under that one."""
        taste = self._known.pop(fan, None)
        if taste is None:
            return
        self._known.setdefault(name, taste)
        if self._database is not None:
            try:
                self._database.execute("UPDATE OR IGNORE tastes SET fan = ? WHERE fan = ?", (name, fan))
                self._database.execute("DELETE FROM tastes WHERE fan = ?", (fan,))
            except sqlite3.Error as error:
                log.error("a taste is not renamed: %s", error)

    def drop(self, is_dropped: Callable[[str], bool]) -> int:
        """Drop what is kept of some fans, told by their names; of how many there was something."""
        gone = [fan for fan in self._known if is_dropped(fan)]
        for fan in gone:
            self.forget(fan)
        return len(gone)

    def forget(self, fan: str) -> bool:
        """Drop what is kept of a fan; whether there was anything."""
        known = self._known.pop(fan, None) is not None
        if self._database is not None:
            self._database.execute("DELETE FROM tastes WHERE fan = ?", (fan,))
        return known

    def close(self) -> None:
        """Let go of the file."""
        if self._database is not None:
            self._database.close()
            self._database = None


def _is_sound(taste: Taste) -> bool:
    mean, variance = taste
    return (
        mean.shape == variance.shape == (D,)
        and bool(np.all(np.abs(mean) <= 1.0))
        and bool(np.all(np.isfinite(variance) & (variance > 0.0)))
    )


def _is_same(before: Taste | None, now: Taste) -> bool:
    return before is not None and all(map(np.array_equal, before, now))
