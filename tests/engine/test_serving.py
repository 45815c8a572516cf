"""Who an engine answers, and how long it plays on when nobody asks."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remixd._kernel import presence
from remixd.engine import serving


class Served:
    """An engine that plays something, or nothing."""

    def __init__(self) -> None:
        self.is_idle = False
        self.hurries = False
        self.ticks = 0

    def tick(self) -> None:
        self.ticks += 1

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"asked": request["op"]}


class Running:
    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="remixd-test-", dir="/dev/shm"))
        self.engine = Served()
        self.thread = threading.Thread(target=serving.serve, args=(self.engine, self.folder))
        self.thread.start()
        while not (self.folder / "socket").exists():
            pass

    def ask(self, *ops: str) -> list[str]:
        """Connect, ask, and hang up."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.folder / "socket"))
            control.sendall(b"".join(json.dumps({"op": op}).encode() + b"\n" for op in ops))
            with control.makefile("rb") as lines:
                return [json.loads(lines.readline())["asked"] for _ in ops]


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(serving, "ALONE_S", 0.6)
    monkeypatch.setattr(serving, "TICK_S", 0.05)
    it = Running()
    yield it
    it.thread.join(5)
    shutil.rmtree(it.folder)
    assert not it.thread.is_alive()


def test_what_plays_goes_on_for_the_next_control_and_is_looked_after_meanwhile(running: Running) -> None:
    assert running.ask("one", "two") == ["one", "two"]
    before = running.engine.ticks
    running.thread.join(0.3)
    assert running.thread.is_alive()
    assert running.engine.ticks > before
    assert running.ask("three") == ["three"]


def test_nobody_waits_for_ever(running: Running) -> None:
    assert running.ask("one") == ["one"]
    running.thread.join(3)
    assert not running.thread.is_alive()


def test_what_plays_nothing_ends_with_its_control(running: Running) -> None:
    running.engine.is_idle = True
    assert running.ask("one") == ["one"]
    running.thread.join(0.4)
    assert not running.thread.is_alive()


def test_an_engine_is_found_by_its_lock_and_by_nothing_else(tmp_path: Path) -> None:
    assert presence.find(tmp_path) is None
    kept = presence.announce(tmp_path)
    found = presence.find(tmp_path)
    assert found is not None
    assert found.version == presence.VERSION
    assert presence.started_ticks(found.pid) == found.started > 0
    os.close(kept)
    assert presence.find(tmp_path) is None, "its process has ended"
    (tmp_path / presence.FILE).write_text("nonsense")
    assert presence.find(tmp_path) is None
