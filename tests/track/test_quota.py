import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from packages import a_track

from remixd.track.library import Library, cache_folder, track_folder
from remixd.track.quota import Lease, Room, make_room, used_bytes


def cached(library: Path, number: int, size: int, age_s: int) -> str:
    """The cache of a track that was last used so long ago."""
    track_id = f"song-{number:08x}"
    track_folder(library, track_id).mkdir(parents=True)
    folder = cache_folder(library, track_id)
    folder.mkdir(parents=True)
    (folder / "drums.pcm").write_bytes(bytes(size))
    os.utime(folder, (1e9 - age_s, 1e9 - age_s))
    return track_id


@pytest.fixture
def three(tmp_path: Path) -> list[str]:
    """Three tracks of 100 bytes, the first one used last."""
    return [cached(tmp_path, number, 100, number) for number in range(3)]


def left(library: Path) -> set[str]:
    return {folder.name for folder in (library / "cache").iterdir()}


@pytest.mark.usefixtures("three")
def test_what_fits_stays(tmp_path: Path) -> None:
    assert make_room(tmp_path, 100, 400) == Room(used_bytes=300, dropped=())
    assert used_bytes(tmp_path) == 300


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path, three: list[str]) -> None:
    assert make_room(tmp_path, 0, 200) == Room(used_bytes=200, dropped=(three[2],))
    assert make_room(tmp_path, 150, 200) == Room(used_bytes=0, dropped=(three[1], three[0]))
    assert left(tmp_path) == set()


def test_to_hold_a_cache_is_to_use_it(tmp_path: Path, three: list[str]) -> None:
    Lease(tmp_path, a_track(tmp_path, id=three[2])).close()
    assert make_room(tmp_path, 0, 200).dropped == (three[1],)


def test_what_is_held_stays_even_above_the_cap(tmp_path: Path, three: list[str]) -> None:
    with Lease(tmp_path, a_track(tmp_path, id=three[2])), Lease(tmp_path, a_track(tmp_path, id=three[2])):
        assert make_room(tmp_path, 0, 50) == Room(used_bytes=100, dropped=(three[1], three[0]))
    assert make_room(tmp_path, 0, 50).dropped == (three[2],)


def test_another_process_holds_as_well_until_it_dies(tmp_path: Path, three: list[str]) -> None:
    code = (
        "import sys; from pathlib import Path; from remixd.track.lock import share_folder\n"
        "share_folder(Path(sys.argv[1])); print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(cache_folder(tmp_path, three[0]))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        assert make_room(tmp_path, 0, 0).used_bytes == 100
        process.kill()
        process.wait()
    assert make_room(tmp_path, 0, 0).used_bytes == 0


def test_what_belongs_to_no_track_goes_in_any_case(tmp_path: Path, three: list[str]) -> None:
    track_folder(tmp_path, three[0]).rmdir()
    with Lease(tmp_path, a_track(tmp_path, id=three[0])):
        assert make_room(tmp_path, 0, 1000).dropped == ()
    assert make_room(tmp_path, 0, 1000).dropped == (three[0],)


def test_a_lease_makes_the_folder_and_survives_its_removal(tmp_path: Path) -> None:
    with Library(tmp_path):
        pass
    track = a_track(tmp_path / "song")
    with Lease(tmp_path, track) as lease:
        assert lease.folder.is_dir()
        assert [path.name for path in lease.paths] == ["drums.pcm", "bass.pcm"]
        lease.folder.rmdir()
    lease.close()  # twice does no harm


def test_nothing_that_is_held_ever_goes_however_the_threads_fall(tmp_path: Path) -> None:
    tracks = [a_track(tmp_path, id=f"song-{number:08x}") for number in range(3)]
    for track in tracks:
        track_folder(tmp_path, track.id).mkdir(parents=True)
    lost: list[str] = []
    over = threading.Event()

    def play(seed: int) -> None:
        rng = random.Random(seed)
        while not over.is_set():
            with Lease(tmp_path, rng.choice(tracks)) as lease:
                mine = lease.folder / f"{seed}.pcm"
                mine.write_bytes(b"x" * 100)
                time.sleep(rng.uniform(0.0, 0.003))
                if not mine.exists():
                    lost.append(str(mine))

    def evict() -> None:
        while not over.is_set():
            make_room(tmp_path, 0, 0)

    threads = [threading.Thread(target=play, args=(seed,)) for seed in range(4)]
    threads += [threading.Thread(target=evict) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
    over.set()
    for thread in threads:
        thread.join()
    assert lost == []
    assert make_room(tmp_path, 0, 0).used_bytes == 0
