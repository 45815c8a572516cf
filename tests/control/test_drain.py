"""What is heard fades out over a bar; nobody waits for what nobody hears."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import pytest

from remixd.control import drain
from remixd.control.drain import fade_out
from remixd.control.notify import notify


class FakeSession:
    def __init__(self, *, heard: bool, bar_s: float) -> None:
        self.playing, self.is_listened_to, self.bar_s = True, heard, bar_s
        self.faded_s: float | None = None


@pytest.fixture(autouse=True)
def fades(monkeypatch):
    def fade(session: FakeSession, most_s: float) -> float:
        session.faded_s = min(session.bar_s, most_s)
        return session.faded_s

    monkeypatch.setattr(drain, "_fade", fade)


async def test_it_lasts_as_long_as_the_longest_bar_of_what_is_heard():
    heard = [FakeSession(heard=True, bar_s=each) for each in (0.05, 0.1)]
    silent = FakeSession(heard=False, bar_s=5.0)
    began = time.monotonic()
    await fade_out([*heard, silent], 4.0, asyncio.Event())
    assert 0.1 <= time.monotonic() - began < 2.0
    assert [each.faded_s for each in heard] == [0.05, 0.1]
    assert silent.faded_s is None


async def test_no_bar_lasts_longer_than_was_asked_for():
    slow = FakeSession(heard=True, bar_s=60.0)
    await fade_out([slow], 0.02, asyncio.Event())
    assert slow.faded_s == 0.02
    untouched = FakeSession(heard=True, bar_s=60.0)
    await fade_out([untouched], 0.0, asyncio.Event())
    assert untouched.faded_s is None


async def test_a_second_signal_ends_the_wait():
    at_once = asyncio.Event()
    asyncio.get_running_loop().call_later(0.02, at_once.set)
    async with asyncio.timeout(5):
        await fade_out([FakeSession(heard=True, bar_s=60.0)], 600.0, at_once)


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told_where_it_listens(monkeypatch, tmp_path: Path, abstract):
    address = f"\0remixd-test-{tmp_path.name}-{time.monotonic_ns()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        monkeypatch.setenv("NOTIFY_SOCKET", address.replace("\0", "@"))
        notify("READY=1")
        assert listening.recv(64) == b"READY=1"
    notify("STOPPING=1")  # nobody listens any more
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify("STOPPING=1")
