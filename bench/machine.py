"""Where a run took place, and what it ran."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import resource
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import remixd
from remixd._kernel import simd

PACKAGES: Final = ("grpcio", "jack-client", "numpy", "protobuf", "pyaudio", "remixd")
SOURCES: Final = Path(__file__).resolve().parent.parent
"""The checkout, if this is one."""


def describe_machine() -> dict[str, Any]:
    """The processor and what the operating system does with it. What cannot be told is empty."""
    return {
        "cpu": _first(r"^(?:model name|Model)\s*:\s*(.+)$", _read("/proc/cpuinfo")) or platform.machine(),
        "cores": os.cpu_count(),
        "cores_usable": len(os.sched_getaffinity(0)),
        "memory_kb": int(_first(r"^MemTotal:\s*(\d+)", _read("/proc/meminfo")) or 0),
        "kernel": platform.release(),
        "system": platform.platform(),
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "virtual": "hypervisor" in _read("/proc/cpuinfo"),
        "load": list(os.getloadavg()),
        "realtime_priority_max": resource.getrlimit(resource.RLIMIT_RTPRIO)[0],
    }


def describe_versions() -> dict[str, str]:
    """Of Python, of the packages that matter, and of the kernel's instruction set."""
    found = {"python": platform.python_version(), "simd": simd.LEVEL}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found | {"remixd": remixd.__version__}


def describe_commit() -> dict[str, Any] | None:
    """The commit of this checkout, and whether files were changed since; None if this is none."""
    if not (SOURCES / ".git").exists():
        return None
    try:
        head = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return None
    return {"id": head, "changed": bool(changed)}


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", SOURCES, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except OSError:
        return ""


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1).strip() if found else ""
