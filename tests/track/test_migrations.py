"""Lists that older versions made."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from packages import write_package

from remixd.track import library as library_module
from remixd.track.analysis import Analysis
from remixd.track.library import Library
from remixd.track.migrations import VERSION
from remixd.track.search import Search

# Written out on purpose: it is what lies on disks, whatever becomes of the steps in migrations.py.
FIRST = """
CREATE TABLE IF NOT EXISTS tracks (
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


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A library as the first version left it, with two tracks."""
    db = sqlite3.connect(tmp_path / "library.db")
    db.execute(FIRST)
    for number, key in enumerate(("A minor", "kind of blue")):
        track = write_package(
            tmp_path / "tracks" / f"song-0000000{number}",
            id=f"song-0000000{number}",
            content=f"{number:064x}",
            analysis=Analysis(source="computed", duration_s=0.1, bpm=120.0 + number, key=key),
        )
        db.execute(
            "INSERT INTO tracks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (track.id, track.content, track.title, "", 0.1, 120.0 + number, key, 2, f"2025-01-0{number + 1}"),
        )
    db.execute("PRAGMA user_version = 1")
    db.commit()
    db.close()
    return tmp_path


def version(path: Path) -> int:
    db = sqlite3.connect(path / "library.db")
    found: int = db.execute("PRAGMA user_version").fetchone()[0]
    db.close()
    return found


def test_a_list_of_the_first_version_is_brought_up_to_this_one(first: Path) -> None:
    with Library(first) as opened:
        rows = opened.tracks()
        assert [(row.id, row.camelot, row.imported_at) for row in rows] == [
            ("song-00000000", "8A", "2025-01-01"),
            ("song-00000001", None, "2025-01-02"),  # a key that nobody can read
        ]
        assert [(row.energy, row.loudness_lufs, row.edited) for row in rows] == [(None, None, False)] * 2
        assert [row.id for row in opened.tracks(Search(key="9A"))] == ["song-00000000"]
    assert version(first) == VERSION
    with Library(first) as again:
        assert again.tracks() == rows


def test_an_old_list_on_a_read_only_disk_is_read_and_left_as_it_is(
    first: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (first / "library.db").read_bytes()
    monkeypatch.setattr(library_module.os, "access", lambda _path, mode: mode != os.W_OK)
    with Library(first) as opened:
        assert [row.camelot for row in opened.tracks()] == ["8A", None]
    assert (first / "library.db").read_bytes() == before


def test_a_step_that_fails_leaves_the_list_as_it_was(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("remixd.track.migrations.camelot", fail)
        with pytest.raises(OSError, match="No space"):
            Library(first)
    assert version(first) == 1
    with Library(first) as opened:
        assert len(opened.tracks()) == 2


def test_a_list_that_was_lost_is_made_again_with_everything(first: Path) -> None:
    with Library(first) as opened:
        rows = {row.id: (row.bpm, row.key, row.camelot) for row in opened.tracks()}
    for file in first.glob("library.db*"):
        file.unlink()
    with Library(first) as opened:
        assert {row.id: (row.bpm, row.key, row.camelot) for row in opened.tracks()} == rows
    shutil.rmtree(first / "tracks" / "song-00000000")
    with Library(first) as opened:
        assert [row.id for row in opened.tracks()] == ["song-00000001"]
