"""A session goes over from one render thread to another, and back, while it plays: nothing of it is lost."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from racks import put, scaled
from sounds import music

from remixd._kernel import fft, mailbox
from remixd._kernel.host import Host
from remixd._kernel.mailbox import Mailbox
from remixd._kernel.ring import PacketEntry, PacketRing, size_bytes
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem
from remixd.config import user_cache_path
from remixd.engine.hosts import Hosts

KEY = 256
SLOTS = 256


@pytest.fixture(scope="module", autouse=True)
def plans() -> None:
    fft.prepare(user_cache_path() / "fftwf.wisdom")


def a_session(frames: int) -> tuple[Session, Mailbox, PacketRing]:
    commands = Mailbox(bytearray(mailbox.size_bytes(64)), 64)
    ring = PacketRing(bytearray(size_bytes(SLOTS, 480)), SLOTS, 480)
    return Session([Stem.of(music(frames))], [3], key=KEY), commands, ring


def packets(ring: PacketRing) -> list[PacketEntry]:
    return [packet for number in range(1, ring.newest + 1) if (packet := ring.read(number))]


def test_between_two_hosts_no_packet_is_lost_and_the_clock_goes_on() -> None:
    one, other = Host(), Host()
    threads = [threading.Thread(target=host.run) for host in (one, other)]
    session, commands, ring = a_session(96_000)
    one.add(session, commands, ring, 50_000_000)
    for thread in threads:
        thread.start()
    here, there = one, other
    for _ in range(10):
        time.sleep(0.03)
        assert here.move(KEY, there)
        assert not here.move(KEY, there), "it is no longer here"
        here, there = there, here
    time.sleep(0.03)
    for host in (one, other):
        host.stop()
    for thread in threads:
        thread.join()
    heard = packets(ring)
    assert len(heard) > 25
    assert [packet.sample for packet in heard] == [480 * number for number in range(len(heard))]
    assert {packet.due_ns - packet.sample * 1_000_000_000 // 48_000 for packet in heard} == {heard[0].due_ns}
    pcm = np.concatenate([np.frombuffer(packet.pcm, np.float32).reshape(-1, 2) for packet in heard])
    alone, *_ = a_session(96_000)
    np.testing.assert_array_equal(pcm, alone.render(len(pcm)))


def test_a_session_is_on_the_thread_of_racks_as_long_as_it_has_any() -> None:
    hosts = Hosts()
    hosts.start()
    before = threading.active_count()
    session, commands, ring = a_session(96_000)
    hosts.add(session, commands, ring, 50_000_000)
    threads: set[int] = set()

    def call(block: np.ndarray, _beat: float, _rate: float) -> np.ndarray:
        threads.add(threading.get_native_id())
        return block

    put(session, 1, call)
    hosts.settle(session)
    assert threading.active_count() == before + 1
    commands.post_command(1, KEY, 0xFFFF, 1.0, kind=mailbox.RACK, extra=1.0, ramp_frames=960)
    deadline = time.monotonic() + 5
    while not threads and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(threads) == 1
    commands.post_command(2, KEY, 0xFFFF, 0.0, kind=mailbox.RACK, extra=1.0, ramp_frames=960)
    while session.racks.keys and time.monotonic() < deadline:
        session.racks.collect()
        time.sleep(0.01)
    hosts.settle(session)
    reached = ring.newest
    while ring.newest < reached + 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert hosts.leave(KEY)
    assert hosts.wait_until_free(KEY)
    hosts.stop()
    heard = packets(ring)
    assert [packet.sample for packet in heard] == [480 * number for number in range(len(heard))]
    assert len(heard) >= reached + 5
    assert len(threads) == 1


def test_a_session_that_begins_with_racks_begins_where_they_belong() -> None:
    hosts = Hosts()
    hosts.start()
    before = threading.active_count()
    session, commands, ring = a_session(48_000)
    put(session, 1, scaled(1.0))
    hosts.add(session, commands, ring, 20_000_000)
    assert threading.active_count() == before + 1
    assert hosts.set_lead(KEY, 30_000_000)
    assert set(hosts.costs()) == {KEY}
    assert hosts.release(KEY)
    assert hosts.wait_until_free(KEY)
    hosts.stop()
