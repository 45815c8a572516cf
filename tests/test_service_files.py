"""What runs the daemon elsewhere names what it needs: the container, the unit of systemd."""

from __future__ import annotations

import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest
from processes import run

ROOT = Path(__file__).resolve().parents[1]
STAGES = (ROOT / "Dockerfile").read_text("utf-8").split("\nFROM ")[1:]


class Words(RawConfigParser):
    """A unit's keys as they are; some come twice."""

    optionxform = staticmethod(str)  # type: ignore[assignment]


def apt(stage: str) -> set[str]:
    found = re.search(r"apt-get install -y --no-install-recommends ([^\\]+)", stage)
    return set(found.group(1).split())


def test_the_container_is_built_with_what_make_installs():
    packages = re.search(r"SYSTEM_PACKAGES := (.*)", (ROOT / "Makefile").read_text("utf-8")).group(1)
    assert apt(STAGES[0]) == set(packages.split()) - {"python3-dev", "python3-venv"}


def test_the_container_runs_with_the_libraries_that_the_kernel_and_devices_load():
    doctor = (ROOT / "remixd/control/checkup.py").read_text("utf-8")
    assert re.search(r"apt install (libfftw3-\w+)", doctor).group(1) in apt(STAGES[1])
    assert "libportaudio2" in apt(STAGES[1])


def test_the_container_is_sent_all_that_the_build_reads():
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    read = {"pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "ext", "proto", "remixd"}
    mapped = re.findall(r'^"remixd\.\w+" = "(\w+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert read | set(mapped) == sent


def test_the_container_asks_the_daemon_how_it_is_where_it_serves_that():
    from remixd.config import DEFAULT_WEB

    assert f"http://{DEFAULT_WEB}/healthz" in STAGES[1]
    assert "STOPSIGNAL SIGTERM" in STAGES[1]
    assert "USER remixd" in STAGES[1]


def test_whatever_environment_they_set_is_one_that_is_read():
    sources = "\n".join(
        path.read_text("utf-8") for path in [ROOT / "setup.py", *(ROOT / "remixd").rglob("*.py")]
    )
    unit = (ROOT / "remixd/service/remixd.service").read_text("utf-8")
    for name in re.findall(r"\b(?:REMIXD|XDG|OTEL)_[A-Z_]+", "\n".join(STAGES) + unit):
        assert f'"{name}"' in sources or f"`{name}`" in sources, name


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    path = tmp_path / "remixd.service"
    done = run("systemd")
    assert done.returncode == 0
    path.write_text(done.stdout)
    return path


def test_the_unit_starts_this_installation_and_lets_it_drain(unit: Path):
    words = Words(strict=False)
    words.read(unit)
    service = words["Service"]
    assert Path(service["ExecStart"].split()[0]).exists()
    drain_s = float(re.search(r"--drain (\d+)", service["ExecStart"]).group(1))
    assert float(service["TimeoutStopSec"]) > drain_s + 10
    assert service["KillMode"] == "process", "engines are ended by the daemon, or adopted"
    assert service["Type"] == "notify"
    assert int(service["LimitRTPRIO"]) >= 60


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_understands_the_unit(unit: Path):
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False, timeout=60
    )
    complaints = [line for line in done.stderr.splitlines() if unit.name in line]
    assert complaints == []
