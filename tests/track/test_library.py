import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packages import write_package

from remixd.errors import AlreadyExists, InvalidInput, NotFound
from remixd.track.library import Library, cache_folder
from remixd.track.migrations import VERSION


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library(tmp_path / "library") as opened:
        yield opened


def add(library: Library, number: int = 1, **changed: Any) -> tuple[str, bool]:
    folder = library.incoming()
    content = f"{number:08x}" * 8
    write_package(
        folder, **{"id": f"song-{number:08x}", "content": content, "title": f"Song {number}", **changed}
    )
    track, new = library.add(folder)
    return track.id, new


def left_over(library: Library) -> list[Path]:
    return list((library.path / "incoming").iterdir())


def test_a_track_that_was_added_is_listed_and_read(library: Library) -> None:
    assert library.tracks() == []
    track_id, new = add(library, artist="Somebody")
    assert new
    [row] = library.tracks()
    assert (row.id, row.title, row.artist, row.stems, row.duration_s) == (
        track_id,
        "Song 1",
        "Somebody",
        2,
        0.1,
    )
    track = library.get(track_id)
    assert track.folder == library.path / "tracks" / track_id
    assert left_over(library) == []


def test_the_list_survives_closing_and_keeps_the_order_of_import(tmp_path: Path) -> None:
    with Library(tmp_path) as library:
        for number in (3, 1, 2):
            add(library, number)
            time.sleep(0.002)
        rows = library.tracks()
    assert [row.title for row in rows] == ["Song 3", "Song 1", "Song 2"]
    with Library(tmp_path) as library:
        assert library.tracks() == rows


def test_an_unknown_track_is_named_with_the_nearest(library: Library) -> None:
    add(library, 0xABC)
    with pytest.raises(NotFound, match=r"'song-00000abd'.*did you mean song-00000abc"):
        library.get("song-00000abd")
    for hostile in ("../../etc", "", "\udcff", "a\nb"):
        with pytest.raises(NotFound) as refused:
            library.get(hostile)
        assert len(str(refused.value).splitlines()) == 1


def test_the_same_content_is_kept_once_even_under_another_title(library: Library) -> None:
    assert add(library, 1) == ("song-00000001", True)
    assert add(library, 1, title="Other", id="other-00000001") == ("song-00000001", False)
    assert len(library.tracks()) == 1
    assert [entry.name for entry in (library.path / "tracks").iterdir()] == ["song-00000001"]
    assert left_over(library) == []


def test_a_damaged_package_is_replaced_by_a_new_import(library: Library) -> None:
    track_id, _ = add(library, 1)
    (library.path / "tracks" / track_id / "stems" / "bass.flac").unlink()
    with pytest.raises(NotFound, match=r"bass\.flac"):
        library.get(track_id)
    assert add(library, 1) == (track_id, True)
    assert library.get(track_id).id == track_id
    assert len(library.tracks()) == 1


def test_an_incomplete_package_is_not_added(library: Library) -> None:
    folder = library.incoming()
    write_package(folder)
    (folder / "stems" / "bass.flac").unlink()
    with pytest.raises(NotFound):
        library.add(folder)
    library.discard(folder)
    assert library.tracks() == []
    assert left_over(library) == []


def test_a_track_whose_listing_fails_is_not_there(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = library.incoming()
    write_package(folder)

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("remixd.track.library.sync_folder", fail)
    with pytest.raises(OSError, match="No space"):
        library.add(folder)
    assert library.tracks() == []
    assert list((library.path / "tracks").iterdir()) == []


def test_opening_adopts_whole_packages_and_forgets_lost_ones(tmp_path: Path) -> None:
    with Library(tmp_path) as library:
        for number in (1, 2, 3):
            add(library, number)
    (tmp_path / "library.db").unlink()
    for rest in tmp_path.glob("library.db-*"):
        rest.unlink()
    (tmp_path / "tracks" / "song-00000002" / "track.toml").write_text("nonsense")
    (tmp_path / "tracks" / "stray").mkdir()
    with Library(tmp_path) as library:
        assert {row.id for row in library.tracks()} == {"song-00000001", "song-00000003"}
    shutil.rmtree(tmp_path / "tracks" / "song-00000003")
    with Library(tmp_path) as library:
        assert {row.id for row in library.tracks()} == {"song-00000001"}


def test_imports_under_way_are_left_alone_and_dead_ones_swept(tmp_path: Path) -> None:
    with Library(tmp_path) as one:
        alive = one.incoming()
        (alive / "half.flac").write_bytes(b"half")
        dead = tmp_path / "incoming" / "dead"
        dead.mkdir()
        (dead / "half.flac").write_bytes(b"half")
        with Library(tmp_path) as two:
            one.sweep()
            assert {entry.stem for entry in left_over(two)} == {alive.name}
            assert (alive / "half.flac").exists()
    with Library(tmp_path) as three:
        assert left_over(three) == []


def test_the_import_of_a_killed_process_is_swept(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from remixd.track.library import Library\n"
        "folder = Library(Path(sys.argv[1])).incoming(); (folder / 'x').touch()\n"
        "print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        with Library(tmp_path) as library:
            assert len(left_over(library)) == 2  # the folder and its lock
        process.send_signal(signal.SIGKILL)
        process.wait()
    with Library(tmp_path) as library:
        assert left_over(library) == []


def test_many_add_the_same_and_different_songs_at_once(tmp_path: Path) -> None:
    outcomes: list[tuple[str, bool]] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            with Library(tmp_path) as library:
                outcomes.extend(add(library, number) for number in range(1, 4))
        except BaseException as error:  # shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(outcomes) == 18
    assert sorted(track for track, new in outcomes if new) == [f"song-{n:08x}" for n in (1, 2, 3)]
    with Library(tmp_path) as library:
        assert len(library.tracks()) == 3
        assert left_over(library) == []


def test_a_newer_library_is_refused_with_a_sentence(tmp_path: Path) -> None:
    Library(tmp_path).close()
    with sqlite3.connect(tmp_path / "library.db") as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    with pytest.raises(
        InvalidInput, match=rf"library\.db is of version {VERSION + 1}: made by a newer remixd"
    ):
        Library(tmp_path)


@pytest.mark.parametrize("where", [0, 4096])
def test_a_damaged_list_is_refused_and_made_again_once_moved_away(tmp_path: Path, where: int) -> None:
    with Library(tmp_path) as library:
        track_id, _ = add(library)
    path = tmp_path / "library.db"
    raw = bytearray(path.read_bytes())
    raw[where : where + 2000] = b"\xa5" * 2000
    path.write_bytes(bytes(raw))
    with pytest.raises(InvalidInput, match=r"library\.db is damaged .*move it away"):
        Library(tmp_path)
    path.rename(tmp_path / "damaged.db")
    with Library(tmp_path) as library:
        assert [row.id for row in library.tracks()] == [track_id]


def test_a_place_that_cannot_hold_a_library_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput, match="file/library cannot hold a library"):
        Library(tmp_path / "file" / "library")


def test_one_daemon_serves_a_library(tmp_path: Path) -> None:
    with Library(tmp_path) as one, Library(tmp_path) as two:
        with one.lock_for_serving():
            with pytest.raises(AlreadyExists, match=str(tmp_path)), two.lock_for_serving():
                pass
            assert two.tracks() == []  # reading goes on
        with two.lock_for_serving():
            pass


def test_a_deleted_track_is_gone_with_its_cache(tmp_path: Path) -> None:
    with Library(tmp_path) as library:
        kept, _ = add(library, 1)
        gone, _ = add(library, 2)
        for track_id in (kept, gone):
            cache_folder(tmp_path, track_id).mkdir()
            (cache_folder(tmp_path, track_id) / "drums.pcm").write_bytes(b"x")
        library.delete(gone)
        assert [row.id for row in library.tracks()] == [kept]
        with pytest.raises(NotFound, match=r"did you mean song-00000001"):
            library.get(gone)
        with pytest.raises(NotFound):
            library.delete(gone)
        for folder in ("tracks", "cache"):
            assert [entry.name for entry in (tmp_path / folder).iterdir()] == [kept]
        assert left_over(library) == []
        assert add(library, 2) == (gone, True)  # it may come back


def test_what_is_open_survives_its_deletion(library: Library) -> None:
    track_id, _ = add(library)
    with (library.path / "tracks" / track_id / "stems" / "bass.flac").open("rb") as file:
        library.delete(track_id)
        assert file.read(4) == b"fLaC"


def test_a_track_without_its_files_can_be_deleted(library: Library) -> None:
    track_id, _ = add(library)
    shutil.rmtree(library.path / "tracks" / track_id)
    library.delete(track_id)
    assert library.tracks() == []


@pytest.mark.parametrize("hostile", ["../tracks", "", ".", "a\nb", "\udcff", "song-0000000"])
def test_only_what_is_listed_can_be_deleted(library: Library, hostile: str) -> None:
    add(library)
    with pytest.raises(NotFound) as refused:
        library.delete(hostile)
    assert len(str(refused.value).splitlines()) == 1
    assert len(library.tracks()) == 1
    assert left_over(library) == []


def test_a_deletion_that_fails_leaves_the_track(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    track_id, _ = add(library)

    def fail(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr("remixd.track.library.sync_folder", fail)
        with pytest.raises(OSError, match="Input/output"):
            library.delete(track_id)
    assert library.get(track_id).id == track_id
    library.delete(track_id)
