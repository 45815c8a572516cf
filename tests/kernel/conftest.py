"""The kernel's plans, made once a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from sounds import Audio

from remixd._kernel import fft, mailbox
from remixd._kernel.host import Host
from remixd._kernel.mailbox import Mailbox
from remixd._kernel.ring import PacketRing
from remixd._kernel.ring import size_bytes as ring_size_bytes
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem
from remixd.config import user_cache_path


@pytest.fixture(scope="session", autouse=True)
def plans() -> None:
    fft.prepare(user_cache_path() / "fftwf.wisdom")


@pytest.fixture
def play() -> Iterator[Callable[..., tuple[Host, PacketRing, Audio]]]:
    """Play one stem on a real host in real time until `packets` are rendered; host, ring and stem."""
    running: list[tuple[Host, threading.Thread]] = []

    def start(pcm: Audio, *, slots: int = 64, packets: int = 10) -> tuple[Host, PacketRing, Audio]:
        host = Host()
        commands = Mailbox(bytearray(mailbox.size_bytes(64)), 64)
        ring = PacketRing(bytearray(ring_size_bytes(slots, 480)), slots, 480)
        host.add(Session([Stem.of(pcm)], [3], key=256), commands, ring, 20_000_000)
        thread = threading.Thread(target=host.run)
        thread.start()
        running.append((host, thread))
        deadline = time.monotonic() + 5
        while ring.newest < packets and time.monotonic() < deadline:
            time.sleep(0.005)
        host.stop()
        thread.join()
        assert ring.newest >= packets
        return host, ring, pcm

    yield start
    for host, thread in running:
        host.stop()
        thread.join()
