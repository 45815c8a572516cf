"""The engine process by itself: its socket answers everything, and it ends when control hangs up."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from remixd.config import user_cache_path


class Child:
    """An engine in a process of its own, and a connection to it."""

    def __init__(self, wisdom: Path) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="remixd-test-", dir="/dev/shm"))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "remixd.engine", str(self.directory), str(wisdom)],
            stdin=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while not (self.directory / "socket").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(self.directory / "socket"))
        self.lines = self.socket.makefile("rb")

    def send(self, line: bytes) -> dict:
        self.socket.sendall(line + b"\n")
        return json.loads(self.lines.readline())

    def close(self) -> None:
        self.lines.close()
        self.socket.close()


@pytest.fixture
def child() -> Iterator[Child]:
    it = Child(user_cache_path() / "fftwf.wisdom")
    yield it
    it.close()
    it.process.kill()
    it.process.wait()
    shutil.rmtree(it.directory, ignore_errors=True)


def test_it_says_who_it_is(child: Child) -> None:
    answer = child.send(b'{"op": "hello"}')
    assert answer["pid"] == child.process.pid
    assert isinstance(answer["notes"], list)


@pytest.mark.parametrize(
    "line",
    [
        b"", b"null", b"[]", b"{", b"\xff\xfe",
        b'{"op": "dance"}',
        b'{"op": "play"}',
        b'{"op": "play", "stems": [{"path": "/nowhere.pcm", "role": 0}]}',
        b'{"op": "load"}',
        b'{"op": "load", "key": 7, "player": {}}',
        b'{"op": "leave"}',
        b'{"op": "leave", "key": {}}',
    ],
)  # fmt: skip
def test_nonsense_is_answered_with_an_error_and_it_lives_on(child: Child, line: bytes) -> None:
    assert "error" in child.send(line)
    assert child.send(b'{"op": "hello"}')["pid"] == child.process.pid


@pytest.mark.parametrize("key", [7, -1, 99_999_999_999_999])
def test_a_session_that_is_not_there_cannot_leave(child: Child, key: int) -> None:
    assert child.send(json.dumps({"op": "leave", "key": key}).encode()) == {"faded": [0, 0]}


def test_it_ends_when_control_hangs_up(child: Child) -> None:
    child.close()
    assert child.process.wait(timeout=3) == 0
    assert not child.directory.exists()


def test_it_ends_in_order_when_told_to(child: Child) -> None:
    child.process.send_signal(signal.SIGTERM)
    assert child.process.wait(timeout=3) == 0


def test_ctrl_c_in_the_terminal_is_left_to_control(child: Child) -> None:
    child.process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    assert child.send(b'{"op": "hello"}')["pid"] == child.process.pid


@pytest.mark.parametrize("kind", ["a file is in the way", "a folder has its name"])
def test_without_a_place_for_its_plans_it_plays_all_the_same_and_says_so(tmp_path: Path, kind: str) -> None:
    wisdom = tmp_path / "cache" / "fftwf.wisdom"
    if kind == "a file is in the way":
        wisdom.parent.write_text("")
    else:
        wisdom.mkdir(parents=True)
    child = Child(wisdom)
    try:
        assert any("FFT plans cannot be kept" in note for note in child.send(b'{"op": "hello"}')["notes"])
        assert sorted(tmp_path.rglob("*")) == sorted({wisdom.parent, *tmp_path.glob("cache/fftwf.wisdom")})
    finally:
        child.close()
        assert child.process.wait(timeout=5) == 0


def test_nothing_heavy_is_imported_into_the_engine() -> None:
    heavy = ["grpc", "essentia", "scipy", "av", "soxr", "sqlite3"]
    code = f"import sys, remixd.engine.process; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
