"""The host renders in time, in order, and answers for commands nobody can take."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from sounds import noise

from remixd._kernel import mailbox
from remixd._kernel.host import Host
from remixd._kernel.mailbox import Mailbox
from remixd._kernel.ring import PacketRing, size_bytes
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem

LEAD_NS = 20_000_000


class Running:
    def __init__(self) -> None:
        self.commands = Mailbox(bytearray(mailbox.size_bytes(64)), 64)
        self.reports = Mailbox(bytearray(mailbox.size_bytes(1024)), 1024)
        self.host = Host(self.commands, self.reports)
        self.thread = threading.Thread(target=self.host.run)
        self.thread.start()

    def add(self, key: int, pcm: np.ndarray) -> PacketRing:
        ring = PacketRing(bytearray(size_bytes(64, 480)), 64, 480)
        self.host.add(Session([Stem.of(pcm)], [3], key=key), ring, LEAD_NS)
        return ring

    def stop(self) -> None:
        self.host.stop()
        self.thread.join()


@pytest.fixture
def running() -> Iterator[Running]:
    it = Running()
    yield it
    it.stop()


def wait_for(condition, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.002)


def test_packets_come_at_the_rate_of_the_clock(running: Running) -> None:
    ring = running.add(256, noise(48_000))
    wait_for(lambda: ring.newest >= 1)
    first = ring.read(1)
    time.sleep(0.5)
    newest = ring.read(ring.newest)
    assert first is not None
    assert newest is not None
    assert newest.due_ns - first.due_ns == (newest.sample - first.sample) * 1_000_000_000 // 48_000
    behind_s = (time.monotonic_ns() + LEAD_NS - newest.due_ns) / 1e9
    assert -0.001 < behind_s < 0.25, "the render thread keeps its lead, give or take a busy machine"


def test_a_command_is_applied_and_reported_under_its_id(running: Running) -> None:
    ring = running.add(256, noise(48_000))
    running.commands.post_command(42, 256, 5, -60.0, ramp_frames=480)
    reports: list = []
    wait_for(lambda: reports.extend(running.reports.take_reports()) or reports)
    report = next(report for report in reports if report.kind == mailbox.APPLIED)
    assert (report.id, report.session) == (42, 256)
    wait_for(lambda: ring.newest * 480 > report.settled_sample + 960)
    packet = ring.read(ring.newest)
    assert packet is not None
    assert not any(packet.pcm)
    assert packet.gains[3] == 0.0


def test_a_command_for_a_session_that_is_not_there_is_refused(running: Running) -> None:
    running.add(256, noise(48_000))
    for key in (257, 512):  # an empty slot; the right slot, another session
        running.commands.post_command(key, key, 5, 0.0)
    reports: list = []
    wait_for(lambda: reports.extend(running.reports.take_reports()) or len(reports) >= 2)
    assert sorted((report.id, report.kind) for report in reports) == [
        (257, mailbox.REFUSED),
        (512, mailbox.REFUSED),
    ]


def test_a_session_that_leaves_fades_out_and_frees_its_slot(running: Running) -> None:
    pcm = np.full((48_000, 2), 0.5, dtype=np.float32)
    ring = running.add(256, pcm)
    wait_for(lambda: ring.newest > 3)
    assert running.host.leave(256)
    gone: list[int] = []
    wait_for(lambda: gone.extend(running.host.collect()) or gone)
    assert gone == [256]
    assert not running.host.leave(256)
    last = ring.read(ring.newest)
    assert last is not None
    heard = np.frombuffer(last.pcm, dtype=np.float32).reshape(-1, 2)[:, 0]
    assert heard[0] > 0.49
    assert heard[-1] == 0.0
    assert (np.diff(heard) < 0).all()
    newest = ring.newest
    time.sleep(0.05)
    assert ring.newest == newest
    running.add(512, pcm)  # the same slot, a later key


def test_a_slot_in_use_is_not_given_away(running: Running) -> None:
    running.add(256, noise(4800))
    with pytest.raises(ValueError, match="slot 0 is taken"):
        running.add(512, noise(4800))


def test_many_sessions_play_side_by_side_each_its_own_song(running: Running) -> None:
    songs = [noise(48_000, seed=seed) for seed in range(12)]
    rings = [running.add(256 + slot, song) for slot, song in enumerate(songs)]
    wait_for(lambda: min(ring.newest for ring in rings) > 20)
    for ring, song in zip(rings, songs, strict=True):
        packet = ring.read(20)
        assert packet is not None
        heard = np.frombuffer(packet.pcm, dtype=np.float32).reshape(-1, 2)
        np.testing.assert_array_equal(heard, song[packet.sample : packet.sample + 480])


def test_a_stalled_machine_is_told_and_the_clock_goes_on(running: Running) -> None:
    ring = running.add(256, noise(48_000))
    wait_for(lambda: ring.newest > 2)
    before = ring.read(ring.newest)
    assert before is not None
    stalled = running.host.busy_ns
    assert stalled > 0
    newest = ring.read(ring.newest)
    assert newest is not None
    assert newest.underruns >= before.underruns
