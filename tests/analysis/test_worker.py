"""The ingest worker as a process: what it prints, and what is left when it is killed."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from recordings import hits, sine, write_coded, write_wav

from remixd.track.cache import verify
from remixd.track.library import Library, cache_folder


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "remixd.analysis", *map(str, arguments)]


def run(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
    """Exit status, and every line of stdout, each of which must be JSON."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def song(tmp_path: Path) -> Path:
    folder = tmp_path / "song"
    folder.mkdir()
    write_wav(folder / "drums.wav", hits(8.0, 120))
    write_coded(folder / "bass.mp3", sine(8.0, 55))
    return folder


def test_an_import_and_a_cache_are_told_as_json_lines(song: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    status, lines = run("import", song, "--library", library, "--map", "bass=other")
    assert status == 0
    *progress, last = lines
    assert [line["progress"] for line in progress] == sorted(line["progress"] for line in progress)
    assert {"keeping drums.wav", "listening for beats, bars, key and sections"} <= {
        line["doing"] for line in progress
    }
    track = last["track"]
    assert (track["title"], track["new"]) == ("song", True)
    assert {stem["name"]: stem["role"] for stem in track["stems"]} == {"bass": "other", "drums": "drums"}
    status, lines = run("cache", track["id"], "--library", library, "--cache-max", 10**9)
    assert (status, lines[-1]) == (0, {"built": ["bass", "drums"], "dropped": [], "notes": []})
    for name in ("bass", "drums"):
        assert verify(cache_folder(library, track["id"]) / f"{name}.pcm").frames == 8 * 48_000


@pytest.mark.parametrize(
    ("arguments", "kind", "told"),
    [
        (("import", "nowhere.wav"), "BadAudio", "nowhere.wav"),
        (("import", "song", "--map", "drms=bass"), "NotFound", "did you mean drums"),
        (("import", "song", "--map", "drums=guitar"), "NotFound", "'guitar'"),
        (("import", "song", "--map", "drums"), "InvalidInput", "NAME=ROLE"),
        (("cache", "nothing-00000000", "--cache-max", "0"), "NotFound", "nothing-00000000"),
    ],
)
def test_an_error_is_the_last_line(
    song: Path, tmp_path: Path, arguments: tuple[str, ...], kind: str, told: str
) -> None:
    task, name, *rest = arguments
    what = name if task == "cache" else song.parent / name
    status, lines = run(task, what, *rest, "--library", tmp_path / "library")
    assert status == 1
    assert lines[-1]["error"]["kind"] == kind
    assert told in lines[-1]["error"]["message"]


def test_a_library_that_cannot_be_is_an_error(song: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, lines = run("import", song, "--library", tmp_path / "file")
    assert status == 1
    assert lines[-1]["error"]["kind"] == "InvalidInput"
    assert str(tmp_path / "file") in lines[-1]["error"]["message"]


def test_a_worker_killed_at_any_moment_leaves_nothing_half_done(song: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    arguments = command("import", song, "--library", library)
    rng = random.Random(2)
    finished = 0
    for _ in range(7):
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as worker:
            assert worker.stdout
            worker.stdout.readline()  # it is at work now
            time.sleep(rng.uniform(0.0, 0.15))
            worker.kill()
        with Library(library) as opened:
            rows = opened.tracks()
            assert list((library / "incoming").iterdir()) == []
            assert {entry.name for entry in (library / "tracks").iterdir()} == {row.id for row in rows}
            for row in rows:  # it was quicker than the kill: then it is whole
                assert len(opened.get(row.id).stems) == 2
                finished += 1
    assert finished < 7  # else no kill came in time, and this test has shown nothing
    status, lines = run("import", song, "--library", library)
    assert status == 0
    with Library(library) as opened:
        assert [row.id for row in opened.tracks()] == [lines[-1]["track"]["id"]]


@pytest.mark.parametrize("moment", ["checking", "keeping", "comparing", "listening"])
def test_an_import_that_was_killed_is_done_the_next_time(song: Path, tmp_path: Path, moment: str) -> None:
    """Whatever it was at: what it left is swept, and the song comes in whole."""
    library = tmp_path / "library"
    write_wav(song / "master.wav", hits(8.0, 120))
    arguments = command("import", song, "--library", library)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as worker:
        assert worker.stdout
        said = next(line for line in worker.stdout if json.loads(line).get("doing", "").startswith(moment))
        worker.kill()
    assert said
    assert moment == "checking" or list((library / "incoming").iterdir()) != []
    status, lines = run("import", song, "--library", library)
    assert (status, lines[-1]["track"]["new"]) == (0, True)
    assert list((library / "incoming").iterdir()) == []
    assert len(list((library / "tracks").iterdir())) == 1
