"""Many songs at once: what is one, how long they take, and what becomes of those that fail."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processes import run
from recordings import sine, write_wav

from remixd.cli._bulk import Estimate, import_all, told_left
from remixd.errors import BadAudio, InvalidInput
from remixd.track.library import Library
from remixd.track.song_files import size_bytes, songs_in

SONGS = [Path(f"song-{number}") for number in range(10)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of stems, two files, and what is no song; one of the files is broken."""
    shelf = tmp_path / "shelf"
    (shelf / "a band").mkdir(parents=True)
    write_wav(shelf / "a band" / "bass.wav", sine(1, 110))
    write_wav(shelf / "a band" / "vocals.wav", sine(1, 440))
    write_wav(shelf / "b.wav", sine(1, 550))
    (shelf / "c.wav").write_bytes(b"RIFF of nothing")
    write_wav(shelf / "d.WAV", sine(1, 660))
    (shelf / "covers").mkdir()
    (shelf / "covers" / "front.jpg").touch()
    (shelf / "readme.txt").touch()
    (shelf / ".hidden").mkdir()
    return shelf


def test_sub_folders_with_audio_and_audio_files_are_songs(folder: Path) -> None:
    (folder / "e.stem.mp4").touch()
    found = songs_in(folder)
    assert [song.name for song in found.songs] == ["a band", "b.wav", "c.wav", "d.WAV", "e.stem.mp4"]
    assert [other.name for other in found.others] == ["covers", "readme.txt"]
    assert size_bytes(folder / "a band") == 2 * size_bytes(folder / "b.wav")
    assert size_bytes(folder / "nothing") == 0
    for no_folder in (folder / "nothing", folder / "b.wav"):
        with pytest.raises(InvalidInput, match=f"{no_folder.name} cannot be read"):
            songs_in(no_folder)


def test_a_sub_folder_that_cannot_be_read_holds_back_no_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Path.iterdir

    def refused(path: Path) -> Iterator[Path]:
        if path.name == "covers":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "iterdir", refused)
    assert [song.name for song in songs_in(folder).songs] == ["a band", "b.wav", "c.wav", "covers", "d.WAV"]


@given(outcomes=st.lists(st.sampled_from(["new", "there", "broken"]), max_size=12), jobs=st.integers(1, 5))
def test_each_song_ends_once_and_none_holds_back_another(outcomes: list[str], jobs: int) -> None:
    songs = [Path(f"{number}-{outcome}") for number, outcome in enumerate(outcomes)]
    at_once: list[int] = [0]
    ended: list[Path] = []

    async def import_song(song: Path, tell: Any) -> dict[str, Any]:
        at_once.append(at_once[-1] + 1)
        tell(0.5, "working")
        await asyncio.sleep(0)
        at_once.append(at_once[-1] - 1)
        if song.name.endswith("broken"):
            raise BadAudio(f"{song} holds no audio")
        return {"id": song.name, "new": song.name.endswith("new")}

    imported, failures = asyncio.run(
        import_all(songs, import_song, jobs, lambda *_: None, lambda song, _: ended.append(song))
    )
    assert [song["id"] for song in imported] == [s.name for s in songs if not s.name.endswith("broken")]
    assert [failure.song for failure in failures] == [s for s in songs if s.name.endswith("broken")]
    assert sorted(ended) == sorted(songs)
    assert max(at_once) == min(jobs, len(songs))


def test_a_fault_or_an_interruption_ends_all_imports() -> None:
    cancelled = []

    async def import_song(song: Path, _tell: Any) -> dict[str, Any]:
        if song == SONGS[2]:
            raise KeyboardInterrupt
        try:
            return await asyncio.sleep(60, {})
        except asyncio.CancelledError:
            cancelled.append(song)
            raise

    with pytest.raises((KeyboardInterrupt, BaseExceptionGroup)):
        asyncio.run(import_all(SONGS, import_song, 3, lambda *_: None, lambda *_: None))
    assert sorted(cancelled) == SONGS[:2]


@given(seconds=st.floats(2.0, 100.0), jobs=st.integers(1, 4), there=st.integers(0, 5))
def test_equal_songs_are_estimated_to_take_equally_long(seconds: float, jobs: int, there: int) -> None:
    now = [0.0]
    estimate = Estimate(dict.fromkeys(SONGS, 10**6), jobs, lambda: now[0])
    assert estimate.left_s() is None
    for song in SONGS[:there]:  # at once
        estimate.move(song, 0.0)
        estimate.end(song, new=False)
    assert estimate.left_s() is None
    last = min(there + jobs, 10)
    for song in SONGS[there:last]:
        estimate.move(song, 0.0)
    now[0] += seconds
    for song in SONGS[there:last]:
        estimate.end(song, new=True)
    left = 10 - last
    assert estimate.left_s() == pytest.approx(left * seconds / max(1, min(jobs, left)))
    assert estimate.done == last
    assert estimate.share() == pytest.approx(last / 10)


def test_a_large_song_that_is_half_done_is_estimated_by_its_half() -> None:
    now = [0.0]
    large, small = SONGS[:2]
    estimate = Estimate({large: 900, small: 100}, 1, lambda: now[0])
    estimate.move(large, 0.0)
    now[0] = 9.0
    estimate.move(large, 0.5)
    assert estimate.left_s() == pytest.approx((450 + 100) / (450 / 9.0))
    assert told_left(0, 2, 75.4) == "0 of 2 songs, about 75 s left"
    assert told_left(1, 2, 600.0) == "1 of 2 songs, about 10 min left"
    assert told_left(0, 2, None) == "0 of 2 songs"


def ids(library: Path) -> list[str]:
    with Library(library) as opened:
        assert list((library / "incoming").iterdir()) == []
        return [row.title for row in opened.tracks()]


def test_a_folder_of_songs_is_imported_and_what_fails_is_told_at_the_end(
    folder: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    done = run("import", folder, "--each", "--jobs", 2, "--library", library, "--splitter", "none", "--json")
    assert done.returncode == 1
    assert [song["title"] for song in json.loads(done.stdout)] == ["a band", "b", "d"]
    told = done.stderr.splitlines()
    assert told[:2] == ["left out, not audio: covers", "left out, not audio: readme.txt"]
    assert told[2].startswith("remixd: c.wav: ")
    assert told[3:] == ["remixd: 1 of 4 songs could not be imported"]
    assert sorted(ids(library)) == ["a band", "b", "d"]
    (folder / "c.wav").unlink()
    again = run("import", folder, "--each", "--library", library, "--splitter", "none")
    assert again.returncode == 0
    assert again.stdout.count("(was there)") == 3
    assert len(ids(library)) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_import_of_many_goes_on_where_it_was(
    folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    (folder / "c.wav").unlink()
    words = ["import", folder, "--each", "--library", tmp_path / "library", "--splitter", "none"]
    with subprocess.Popen(
        [sys.executable, "-m", "remixd", *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        first = process.stdout.readline()
        os.kill(process.pid, number)
        assert process.wait(20) == (130 if number == signal.SIGINT else -signal.SIGKILL)
    assert first.startswith("a-band-")
    until = time.monotonic() + 20
    while time.monotonic() < until:  # a worker that lost its parent ends at its next word
        again = run(*words)
        if again.returncode == 0:
            break
    assert again.returncode == 0, again.stderr
    assert "a band (was there)" in again.stdout
    assert sorted(ids(tmp_path / "library")) == ["a band", "b", "d"]


def test_a_song_that_is_imported_again_has_its_new_title_and_keeps_its_id_and_edits(tmp_path: Path) -> None:
    song = tmp_path / "moon"
    song.mkdir()
    write_wav(song / "bass.wav", sine(1, 110))
    words = ["import", song, "--library", tmp_path / "library", "--json"]
    [first] = json.loads(run(*words).stdout)
    assert run("track", "edit", "moon", "--key", "8A", "--library", tmp_path / "library").returncode == 0
    (song / "song.toml").write_text('title = "Sun"\nartist = "Somebody"\n')
    [was_there] = json.loads(run(*words).stdout)
    assert (was_there["new"], was_there["title"]) == (False, "moon")
    [again] = json.loads(run(*words, "--again").stdout)
    assert (again["new"], again["title"], again["id"]) == (False, "Sun", first["id"])
    with Library(tmp_path / "library") as library:
        [row] = library.tracks()
        assert (row.title, row.artist, row.key, row.edited) == ("Sun", "Somebody", "A minor", True)
        assert list((tmp_path / "library" / "incoming").iterdir()) == []


def test_a_folder_without_songs_is_named(tmp_path: Path) -> None:
    done = run("import", tmp_path, "--each", "--library", tmp_path / "library")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"remixd: {tmp_path} holds no songs\n"
