"""Places where things go wrong: disks that are too small, or that cannot be written to."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """A disk of so many bytes, in a folder that is made. Skips the test where nothing can be mounted."""
    folder.mkdir()
    options = f"size={size_bytes},mode=700"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "remixd-test", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Have a folder and all that is in it read-only, even for root."""
    done = subprocess.run(["mount", "--bind", str(folder), str(folder)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("a folder can be made read-only for everybody by root only")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
