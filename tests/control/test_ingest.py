import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from recordings import hits, sine, write_wav

from remixd.control.caches import Caches
from remixd.control.ingest import AS_IT_IS, import_path
from remixd.control.worker import AT_ONCE
from remixd.errors import BadAudio, NotFound, Unavailable
from remixd.track.cache import verify
from remixd.track.import_options import ImportOptions
from remixd.track.library import Library, cache_folder

SUNG = ImportOptions(roles={"-lead=1": "vocals"})


@pytest.fixture
def song(tmp_path: Path) -> Path:
    folder = tmp_path / "My Song"
    folder.mkdir()
    write_wav(folder / "drums.wav", hits(4.0, 120))
    write_wav(folder / "-lead=1.wav", sine(4.0, 440))
    return folder


def executable(path: Path, script: str) -> str:
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return str(path)


def listed(library: Path) -> list[str]:
    with Library(library) as opened:
        assert list((library / "incoming").iterdir()) == []
        return [row.id for row in opened.tracks()]


async def test_a_song_is_imported_and_told(song: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    told: list[tuple[float, str]] = []
    first = await import_path(song, library, SUNG, lambda share, doing: told.append((share, doing)))
    assert (first.title, first.new, first.notes) == ("My Song", True, ())
    assert {stem.name: stem.role for stem in first.stems} == {"lead-1": "vocals", "drums": "drums"}
    assert told[-1] == (0.7, "listening for beats, bars, key and sections")
    again = await import_path(song, library, SUNG)
    assert (again.track_id, again.new) == (first.track_id, False)
    assert listed(library) == [first.track_id]


async def test_one_song_imported_twice_at_once_is_there_once(song: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    done = await asyncio.gather(*(import_path(song, library) for _ in range(3)))
    assert sorted(result.new for result in done) == [False, False, True]
    assert listed(library) == [done[0].track_id]


async def test_the_workers_error_is_raised_here(song: Path, tmp_path: Path) -> None:
    with pytest.raises(BadAudio, match="nowhere is missing"):
        await import_path(tmp_path / "nowhere", tmp_path / "library")
    with pytest.raises(NotFound, match="did you mean drums"):
        await import_path(song, tmp_path / "library", ImportOptions(roles={"drms": "bass"}))
    assert listed(tmp_path / "library") == []


@pytest.mark.parametrize(
    ("script", "kind", "told"),
    [
        ("kill -SEGV $$", BadAudio, r"My Song: .*SIGSEGV"),
        ("exit 0", Unavailable, "My Song: .*said nothing"),
        ("echo hello", Unavailable, "My Song: .*nobody understands.*hello"),
        ("echo 7", Unavailable, "My Song: .*nobody understands"),
        ("echo oh dear >&2; exit 3", Unavailable, "My Song: .*status 3.*oh dear"),
        ('echo \'{"progress": 0.5, "doing": "x"}\'; kill -KILL $$', BadAudio, "My Song: .*SIGKILL"),
    ],
)
async def test_a_worker_that_dies_is_an_error_that_names_the_song(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, kind: type[Exception], told: str
) -> None:
    monkeypatch.setattr(sys, "executable", executable(tmp_path / "python", script))
    with pytest.raises(kind, match=told):
        await import_path(song, tmp_path / "library")


async def test_a_cancelled_import_kills_its_worker(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def noted(*arguments: Any, **options: Any) -> asyncio.subprocess.Process:
        started.append(await start(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    at_work = asyncio.Event()
    task = asyncio.ensure_future(
        import_path(song, tmp_path / "library", on_progress=lambda _share, _doing: at_work.set())
    )
    await at_work.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [worker.returncode for worker in started] == [-signal.SIGKILL]
    assert listed(tmp_path / "library") == []


def test_the_daemon_does_not_load_the_analysis() -> None:
    code = (
        "import sys, remixd.control.ingest, remixd.control.encoder\n"
        "print([name for name in ('remixd.analysis', 'essentia', 'soxr', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


async def test_an_import_builds_the_cache_too_when_asked(song: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    told: list[float] = []
    done = await import_path(song, library, AS_IT_IS, lambda share, _: told.append(share), Caches(library))
    assert told == sorted(told)
    assert 0.5 <= told[-1] < 1
    paths = sorted(cache_folder(library, done.track_id).iterdir())
    assert [path.name for path in paths] == ["drums.pcm", "lead-1.pcm"]
    assert [verify(path).frames for path in paths] == [4 * 48_000] * 2


async def test_many_imports_at_once_wait_for_their_turn(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "at work").mkdir()
    script = f"""cd '{tmp_path}/at work'; touch $$; ls | wc -l >> ../seen; sleep .1; rm $$
echo '{{"error": {{"kind": "BadAudio", "message": "no"}}}}'; exit 1"""
    monkeypatch.setattr(sys, "executable", executable(tmp_path / "python", script))
    told: list[str] = []
    many = (
        import_path(song, tmp_path, on_progress=lambda _, doing: told.append(doing))
        for _ in range(AT_ONCE + 6)
    )
    assert {str(error) for error in await asyncio.gather(*many, return_exceptions=True)} == {"no"}
    seen = [int(line) for line in (tmp_path / "seen").read_text().split()]
    assert len(seen) == AT_ONCE + 6
    assert max(seen) <= AT_ONCE
    assert told == ["waiting for its turn"] * 6
