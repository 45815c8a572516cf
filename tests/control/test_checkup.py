import importlib
import json
import os
from pathlib import Path

import pytest
from packages import write_package
from places import read_only, small_disk

from remixd import cli
from remixd.analysis.warm import warm
from remixd.control import checkup
from remixd.control.checkup import Finding, examine
from remixd.track.library import Library, cache_folder


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders of its own, so that what it says is about nothing but the test."""
    (tmp_path / "runtime").mkdir(mode=0o700)
    monkeypatch.setenv("REMIXD_RUNTIME", str(tmp_path / "runtime"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REMIXD_LIBRARY", str(tmp_path / "library"))
    monkeypatch.setattr(checkup, "list_devices", list)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """One track, with its cache."""
    with Library(tmp_path / "library") as opened:
        incoming = opened.incoming()
        write_package(incoming)
        track, _ = opened.add(incoming)
        warm(track, opened.path, 10**12, lambda _share, _doing: None)
    return tmp_path / "library"


def found(name: str, library: Path, *, max_bytes: int = 10**12, verify: bool = False) -> Finding:
    return next(each for each in examine(library, max_bytes, verify=verify) if each.name == name)


def test_a_machine_that_can_play_has_no_problem(library: Path) -> None:
    findings = list(examine(library, 10**12, verify=True))
    assert [each.name for each in findings] == [
        "versions", "kernel", "FFTW", "real time", "locked memory", "shared memory", "devices", "plug-ins",
        "library", "cache",
    ]  # fmt: skip
    assert {each.state for each in findings} <= {"ok", "note"}
    for each in findings:
        assert len(each.told.splitlines()) == 1
    assert found("library", library).told.startswith("1 tracks")
    assert "all as it was built" in found("cache", library, verify=True).told


def test_a_library_that_is_not_there_yet_is_no_problem_and_is_not_made(tmp_path: Path) -> None:
    assert found("library", tmp_path / "none").state == found("cache", tmp_path / "none").state == "ok"
    assert not (tmp_path / "none").exists()


def test_a_package_that_is_missing_is_named(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "PACKAGES", ("numpy", "no-such-package"))
    told = found("versions", library)
    assert (told.state, told.mend) == ("problem", "pip install no-such-package")


def test_a_kernel_that_this_cpu_cannot_run_is_a_problem(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.import_module

    def refuse(name: str) -> object:
        if name == "remixd._kernel.simd":
            raise ImportError("this build of remixd needs a CPU with AVX2")
        return real(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    told = found("kernel", library)
    assert (told.state, told.told) == ("problem", "this build of remixd needs a CPU with AVX2")
    assert "REMIXD_SIMD=baseline" in told.mend


def test_rights_that_are_refused_are_told_with_what_gives_them(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    told = found("real time", library)
    assert told.state == "note"
    assert "Operation not permitted" in told.told
    assert "rtprio" in told.mend


def test_plans_that_cannot_be_read_are_told(library: Path, tmp_path: Path) -> None:
    assert "measured at the first start" in found("FFTW", library).told
    wisdom = tmp_path / "home" / "remixd" / "fftwf.wisdom"
    wisdom.parent.mkdir(parents=True)
    wisdom.write_text("nonsense")
    told = found("FFTW", library)
    assert (told.state, told.mend) == ("note", f"rm {wisdom}")


def test_shared_memory_that_is_too_small_or_not_ours_is_told(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = tmp_path / "runtime"
    runtime.chmod(0o777)
    assert "not a folder of this user alone" in found("shared memory", library).told
    runtime.chmod(0o700)
    assert found("shared memory", library).state == "ok"
    for size, state in ((16_384, "problem"), (2_000_000, "note")):
        with small_disk(tmp_path / f"shm-{size}", size) as disk:
            monkeypatch.setenv("REMIXD_RUNTIME", str(disk / "runtime"))
            told = found("shared memory", library)
            assert (told.state, "remount" in told.mend) == (state, True)


def test_a_library_that_is_damaged_broken_or_read_only_is_told(library: Path) -> None:
    with read_only(library):
        assert "read-only" in found("library", library).told
    [track] = (library / "tracks").iterdir()
    (track / "stems" / "bass.flac").unlink()
    told = found("library", library)
    assert (told.state, told.mend) == ("note", "import them again")
    assert "bass.flac" in told.told
    (library / "library.db").write_bytes(b"nonsense" * 1000)
    told = found("library", library)
    assert told.state == "problem"
    assert "library.db is damaged" in told.told


def test_a_cache_that_is_damaged_or_too_large_is_told(library: Path) -> None:
    assert "more than it may be" in found("cache", library, max_bytes=10).told
    [track] = (library / "tracks").iterdir()
    path = cache_folder(library, track.name) / "bass.pcm"
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert found("cache", library).state == "ok"  # only a full reading finds that
    told = found("cache", library, verify=True)
    assert told.state == "note"
    assert "1 damaged" in told.told
    assert "bass.pcm" in told.told


def test_a_look_that_fails_hides_no_other(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("out\nof order")

    monkeypatch.setattr(checkup, "list_devices", fail)
    told = found("devices", library)
    assert (told.state, told.told) == ("problem", "RuntimeError: out\\nof order")
    assert found("cache", library).state == "ok"


def test_the_command_tells_all_and_its_exit_code_whether_one_can_play(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REMIXD_LISTEN", "127.0.0.1:1")
    assert cli.run(["doctor", "--verify"]) == 0
    printed = capsys.readouterr().out
    assert "none answers at 127.0.0.1:1" in printed
    assert f"1 tracks in {library}" in printed
    (tmp_path / "runtime").chmod(0o777)
    assert cli.run(["doctor"]) == 1
    assert "PROBLEM  shared memory" in capsys.readouterr().out
    assert cli.run(["doctor", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["can_play"] is False
    assert {"name", "state", "told", "mend"} == set(answer["findings"][0])
