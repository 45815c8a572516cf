"""A song that is imported again takes the place of what was there, and its edits stay."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packages import write_package

from remixd.errors import InvalidInput, RemixdError
from remixd.track.analysis import Analysis
from remixd.track.edits import Edits
from remixd.track.library import Library

TRACK = "a-song-0a1b2c3d"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library(tmp_path) as opened:
        yield opened


def bring(library: Library, bpm: float, *, again: bool = False, **changed: Any) -> tuple[float | None, bool]:
    folder = library.incoming()
    write_package(
        folder, analysis=Analysis(source="computed", duration_s=0.1, bpm=bpm, key="C major"), **changed
    )
    track, new = library.add(folder, again=again)
    return track.analysis.bpm, new


def test_a_song_is_replaced_only_when_that_is_asked_for(library: Library) -> None:
    assert bring(library, 100.0) == (100.0, True)
    [before] = library.tracks()
    assert bring(library, 90.0) == (100.0, False)
    assert bring(library, 80.0, again=True, title="New Name") == (80.0, False)
    [after] = library.tracks()
    assert (after.id, after.imported_at) == (before.id, before.imported_at)
    assert (after.title, after.bpm) == ("New Name", 80.0)
    assert [entry.name for entry in (library.path / "tracks").iterdir()] == [TRACK]
    assert list((library.path / "incoming").iterdir()) == []
    assert bring(library, 70.0, again=True, id="b-00000002", content="2" * 64) == (70.0, True)


def test_edits_stay_over_the_new_analysis_and_over_a_repair(library: Library) -> None:
    bring(library, 100.0)
    library.edit(TRACK, Edits(key="8A", title="Mine"))
    bring(library, 80.0, again=True)
    track = library.get(TRACK)
    assert (track.title, track.analysis.key, track.analysis.bpm) == ("Mine", "A minor", 80.0)
    (track.folder / "stems" / "bass.flac").unlink()
    assert bring(library, 60.0) == (60.0, True)
    assert library.get(TRACK).title == library.tracks()[0].title == "Mine"


def test_broken_edits_do_not_bar_a_repair(library: Library) -> None:
    bring(library, 100.0)
    (library.path / "tracks" / TRACK / "edits.toml").write_text("bpm = ")
    with pytest.raises(InvalidInput, match=r"edits\.toml is not TOML"):
        library.get(TRACK)
    assert bring(library, 60.0) == (60.0, True)
    assert not library.get(TRACK).edits


def test_edits_that_cannot_be_read_are_not_lost(library: Library) -> None:
    bring(library, 100.0)
    folder = library.path / "tracks" / TRACK
    newer = 'format = "remixd-edits-9"\nbpm = 120.0\n'
    (folder / "edits.toml").write_text(newer)
    bring(library, 60.0)
    library.edit(TRACK, Edits(title="Mine"))
    bring(library, 80.0, again=True)
    assert (folder / "edits.toml.broken").read_text() == newer
    assert library.get(TRACK).edits == Edits(title="Mine")


def test_a_replacement_that_fails_leaves_what_was_there(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(library, 100.0)
    library.edit(TRACK, Edits(key="8A"))
    before = (library.get(TRACK), library.tracks())

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("remixd.track.library.list_track", fail)
        with pytest.raises(OSError, match="No space"):
            bring(library, 80.0, again=True)
    assert (library.get(TRACK), library.tracks()) == before
    assert [entry.name for entry in (library.path / "tracks").iterdir()] == [TRACK]


@pytest.mark.parametrize("new_is_there", [False, True])
def test_what_a_crash_left_of_a_replacement_is_put_right(tmp_path: Path, new_is_there: bool) -> None:
    with Library(tmp_path) as library:
        bring(library, 100.0)
        before = library.tracks()
    place = tmp_path / "tracks" / TRACK
    place.rename(tmp_path / "tracks" / f"{TRACK}.former")
    if new_is_there:
        write_package(place, title="New Name")
    with Library(tmp_path) as library:
        assert [row.id for row in library.tracks()] == [row.id for row in before] == [TRACK]
        assert library.get(TRACK).title == ("New Name" if new_is_there else "A Song")
        assert library.tracks()[0].title == library.get(TRACK).title
        assert [entry.name for entry in (tmp_path / "tracks").iterdir()] == [TRACK]


@pytest.mark.parametrize("can_swap", [True, False])
def test_readers_find_one_or_the_other_whole_at_any_moment(
    library: Library, monkeypatch: pytest.MonkeyPatch, can_swap: bool
) -> None:
    """What is read while songs take each other's place is never missing, and never half of each."""
    if not can_swap:
        monkeypatch.setattr("remixd.track.library.exchange", lambda *_: False)
    bring(library, 100.0, title="100")
    seen, faults, over = set(), [], threading.Event()

    def look() -> None:
        with Library(library.path) as other:
            while not over.is_set():
                try:
                    track = other.get(TRACK)
                except RemixdError:
                    faults.append("")
                    return
                seen.add((track.title, f"{track.analysis.bpm:g}"))

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for bpm in range(101, 131):
            bring(library, float(bpm), again=True, title=str(bpm))
    finally:
        over.set()
        reader.join()
    assert not faults
    assert len(seen) > 3
    assert all(title == bpm for title, bpm in seen)
    assert [entry.name for entry in (library.path / "tracks").iterdir()] == [TRACK]


def test_a_swap_that_fails_is_undone_where_names_cannot_swap(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remixd.track.library.exchange", lambda *_: False)
    test_a_replacement_that_fails_leaves_what_was_there(library, monkeypatch)


@pytest.mark.parametrize("change", ["edit", "again"])
def test_a_process_that_dies_before_the_list_is_written_leaves_the_truth(tmp_path: Path, change: str) -> None:
    """The package is changed, the list not yet: whoever opens the library next makes the list agree."""
    with Library(tmp_path) as library:
        bring(library, 100.0)
    died = subprocess.run([sys.executable, "-c", DIES, tmp_path, change], check=False)
    assert died.returncode == 9
    with Library(tmp_path) as library:
        [row], track = library.tracks(), library.get(TRACK)
        assert track.title == row.title == "New Name"
        assert [entry.name for entry in (tmp_path / "tracks").iterdir()] == [TRACK]
        assert list((tmp_path / "incoming").iterdir()) == []


DIES = f"""
import os, sys
from pathlib import Path
sys.path[:0] = [{str(Path(__file__).parents[1])!r}]
from packages import write_package
from remixd.track.edits import Edits
from remixd.track.library import Library

class Mortal:
    def __init__(self, db):
        self.db = db
    def execute(self, statement, *values):
        if statement == "COMMIT":
            os._exit(9)
        return self.db.execute(statement, *values)

library = Library(Path(sys.argv[1]))
library._db = Mortal(library._db)
if sys.argv[2] == "edit":
    library.edit({TRACK!r}, Edits(title="New Name"))
folder = library.incoming()
write_package(folder, title="New Name")
library.add(folder, again=True)
"""
