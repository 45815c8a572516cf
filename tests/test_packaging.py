"""The sdist builds elsewhere, and the wheel that comes of it works there, with nothing of the checkout."""

from __future__ import annotations

import importlib.machinery
import os
import subprocess
import sys
import tarfile
import venv
import wave
import zipfile
from pathlib import Path

import pytest

import remixd

ROOT = Path(__file__).resolve().parents[1]
KERNEL = sorted(path.stem for path in (ROOT / "ext").glob("*.pyx"))

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(900)]


def called(*words: object, **options: object) -> str:
    """Run a program that must succeed, away from the checkout; its stdout. Real-time tests go before it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        ["nice", "-n", "19", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        **options,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    code = f"from setuptools.build_meta import build_sdist; build_sdist({str(folder)!r})"
    called(sys.executable, "-c", code, cwd=ROOT)
    return next(folder.iterdir())


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "-q")
    called(*pip, "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, sdist, cwd=folder)
    return next(folder.iterdir())


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the wheel; what the wheel needs it borrows from the one of the tests."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    packages = Path(called(python, "-c", "import site; print(site.getsitepackages()[0])").strip())
    borrowed = [path for path in sys.path if Path(path).name.endswith("-packages")]
    (packages / "borrowed.pth").write_text("\n".join(borrowed) + "\n")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python, "install", "-q")
    called(*pip, "--no-deps", "--no-index", "--ignore-installed", wheel, cwd=folder)
    return folder


def test_the_sdist_holds_all_that_it_takes_to_build_and_nothing_that_was_built(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    sources = called("git", "ls-files", cwd=ROOT).splitlines() if (ROOT / ".git").exists() else []
    assert set(sources) <= names
    assert {f"ext/{noun}.pyx" for noun in KERNEL} | {"MANIFEST.in", "proto/remixd/v1/tracks.proto"} <= names
    for name in names:
        is_page = name.startswith("remixd/web/static/")
        assert is_page or not name.endswith((".so", ".c", ".pyc", ".html")), name
        assert not name.startswith(("remixd/v1/", "build/", ".venv/")), name


def test_the_wheel_holds_what_runs_and_what_others_compile_against(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    assert {f"remixd/_kernel/{noun}{suffix}" for noun in KERNEL} <= names
    assert "remixd/py.typed" in names
    faces = {str(path.relative_to(ROOT)) for path in (ROOT / "remixd" / "_kernel").glob("*.p[xy][di]")}
    beside = {f"remixd/{path.relative_to(ROOT)}" for path in ROOT.glob("bench/**/*.py")}
    beside |= {f"remixd/{path.relative_to(ROOT)}" for path in ROOT.glob("bench/**/*.cpp")}
    beside |= {f"remixd/{path.relative_to(ROOT)}" for path in ROOT.glob("presets/*.*")}
    assert faces | beside <= names
    assert {"remixd/_kernel/stem.pxd", "remixd/_kernel/stem.pyi", "remixd/presets/original.toml"} <= names
    for proto in (ROOT / "proto" / "remixd" / "v1").iterdir():
        for made in ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py"):
            assert f"remixd/v1/{proto.stem}{made}" in names
    assert {name.partition("/")[0] for name in names} == {"remixd", f"remixd-{remixd.__version__}.dist-info"}


def test_the_wheel_works_elsewhere(elsewhere: Path, tmp_path: Path) -> None:
    program = elsewhere / "bin" / "remixd"
    assert called(program, "--version", cwd=tmp_path).strip() == f"remixd, version {remixd.__version__}"
    code = (
        "import importlib.resources as resources, remixd.bench, remixd._kernel.session as kernel\n"
        "print(remixd.__file__, remixd.bench.__file__, kernel.__file__, sep='\\n')\n"
        "print(sorted(entry.name for entry in resources.files('remixd.presets').iterdir()))"
    )
    *homes, presets = called(elsewhere / "bin" / "python", "-c", code, cwd=tmp_path).splitlines()
    assert all(home.startswith(str(elsewhere)) for home in homes), homes
    assert "original.toml" in presets
    called(program, "demo", tmp_path / "demo", cwd=tmp_path)
    called(program, "import", "--library", tmp_path / "library", tmp_path / "demo", cwd=tmp_path)
    out = tmp_path / "out.wav"
    called(
        program, "render", "your-way", "--library", tmp_path / "library", "--mix", "tempo=1.1,pitch=1",
        "--seconds", 2, "-o", out, cwd=tmp_path,
    )  # fmt: skip
    with wave.open(str(out)) as rendered:
        assert rendered.getnframes() == 2 * 48_000
        assert any(rendered.readframes(48_000))


def test_the_packages_that_lie_beside_are_found_from_anywhere(tmp_path: Path) -> None:
    code = "import remixd.bench, remixd.presets; print(remixd.bench.__file__, remixd.presets.__file__)"
    for place in (tmp_path, ROOT):
        found = called(sys.executable, "-c", code, cwd=place).split()
        assert found == [str(ROOT / "bench" / "__init__.py"), str(ROOT / "presets" / "__init__.py")]
