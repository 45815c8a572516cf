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


class Player:
    """One session on a running host."""

    def __init__(self, host: Host, key: int, pcm: np.ndarray, *, paced: bool = True) -> None:
        self.commands = Mailbox(bytearray(mailbox.size_bytes(64)), 64)
        self.reports = Mailbox(bytearray(mailbox.size_bytes(1024)), 1024)
        self.ring = PacketRing(bytearray(size_bytes(64, 480)), 64, 480)
        self.session = Session([Stem.of(pcm)], [3], reports=self.reports, key=key)
        host.add(self.session, self.commands, self.ring, LEAD_NS, paced)


class Running:
    def __init__(self) -> None:
        self.host = Host()
        self.thread = threading.Thread(target=self.host.run)
        self.thread.start()

    def add(self, key: int, pcm: np.ndarray, *, paced: bool = True) -> Player:
        return Player(self.host, key, pcm, paced=paced)

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
    ring = running.add(256, noise(48_000)).ring
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
    player = running.add(256, noise(48_000))
    player.commands.post_command(42, 256, 5, -60.0, ramp_frames=480)
    reports: list = []
    wait_for(lambda: reports.extend(player.reports.take_reports()) or reports)
    report = next(report for report in reports if report.kind == mailbox.APPLIED)
    assert (report.id, report.session) == (42, 256)
    wait_for(lambda: player.ring.newest * 480 > report.settled_sample + 960)
    packet = player.ring.read(player.ring.newest)
    assert packet is not None
    assert not any(packet.pcm)
    assert packet.gains[3] == 0.0


def test_a_session_that_leaves_fades_out_and_frees_its_slot(running: Running) -> None:
    pcm = np.full((48_000, 2), 0.5, dtype=np.float32)
    ring = running.add(256, pcm).ring
    wait_for(lambda: ring.newest > 3)
    assert running.host.leave(256)
    assert running.host.wait_until_free(256)
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


def test_a_session_that_is_released_is_handed_back_as_it_stands(running: Running) -> None:
    pcm = noise(48_000)
    player = running.add(256, pcm)
    wait_for(lambda: player.ring.newest > 3)
    assert running.host.release(256)
    assert running.host.wait_until_free(256)
    clock = player.session.clock
    np.testing.assert_array_equal(player.session.render(1000), pcm[clock : clock + 1000])


def test_a_session_that_was_held_up_catches_up_with_its_clock(running: Running) -> None:
    session = Session([Stem.of(noise(48_000))], [3], key=256)
    ring = PacketRing(bytearray(size_bytes(64, 480)), 64, 480)
    commands = Mailbox(bytearray(mailbox.size_bytes(64)), 64)
    anchor_ns = time.monotonic_ns() - 300_000_000
    running.host.add(session, commands, ring, LEAD_NS, anchor_ns=anchor_ns)
    wait_for(lambda: ring.newest * 480 >= 0.3 * 48_000)
    packet = ring.read(ring.newest)
    assert packet is not None
    assert packet.underruns > 20, "what sounded too late is counted"
    assert packet.due_ns == anchor_ns + packet.sample * 1_000_000_000 // 48_000


def test_what_is_not_paced_runs_ahead_and_disturbs_nobody(running: Running) -> None:
    steady = running.add(256, noise(48_000))
    fast = [running.add(257 + i, noise(48_000), paced=False) for i in range(2)]
    time.sleep(0.5)
    assert min(player.ring.newest for player in fast) > 20 * steady.ring.newest
    newest = steady.ring.read(steady.ring.newest)
    assert newest is not None
    assert abs(time.monotonic_ns() + LEAD_NS - newest.due_ns) < 100_000_000


def test_a_slot_in_use_is_not_given_away(running: Running) -> None:
    running.add(256, noise(4800))
    with pytest.raises(ValueError, match="slot 0 is taken"):
        running.add(512, noise(4800))


def test_many_sessions_play_side_by_side_each_its_own_song(running: Running) -> None:
    songs = [noise(480_000, seed=seed) for seed in range(12)]
    rings = [running.add(256 + slot, song).ring for slot, song in enumerate(songs)]
    wait_for(lambda: min(ring.newest for ring in rings) > 20)
    for ring, song in zip(rings, songs, strict=True):
        packet = ring.read(ring.newest)
        assert packet is not None
        assert packet.sample >= 20 * 480
        heard = np.frombuffer(packet.pcm, dtype=np.float32).reshape(-1, 2)
        np.testing.assert_array_equal(heard, song[packet.sample : packet.sample + 480])


def test_a_load_is_the_share_of_the_time_that_its_sessions_take(running: Running) -> None:
    for slot in range(8):
        running.add(256 + slot, noise(48_000))
    time.sleep(1.5)
    mean, worst, late = running.host.load()
    costs = running.host.costs()
    assert set(costs) == {256 + slot for slot in range(8)}
    assert all(0 < cost < 0.5 for cost in costs.values())
    assert 0 < mean <= worst
    assert mean < 3 * sum(costs.values())
    assert late >= 0
    running.add(300, noise(48_000), paced=False)
    assert 300 not in running.host.costs(), "what is not paced takes only what is left"
    assert running.host.leave(256)
    assert running.host.wait_until_free(256)
    assert 256 not in running.host.costs()


def test_a_longer_lead_renders_further_ahead_without_a_gap(running: Running) -> None:
    ring = running.add(256, noise(48_000)).ring
    wait_for(lambda: ring.newest >= 3)
    assert running.host.set_lead(256, 200_000_000)
    assert not running.host.set_lead(512, 200_000_000)

    def ahead_ns() -> int:
        packet = ring.read(ring.newest)
        return packet.due_ns - packet.rendered_ns if packet else 0

    wait_for(lambda: ahead_ns() > 150_000_000)
    samples = [packet.sample for at in range(ring.oldest, ring.newest + 1) if (packet := ring.read(at))]
    assert np.diff(samples).tolist() == [480] * (len(samples) - 1)


def test_every_packet_of_a_paced_session_is_tallied_by_what_it_took_and_how_late_it_was(
    running: Running,
) -> None:
    player = running.add(256, noise(48_000))
    free = running.add(257, noise(48_000), paced=False)
    wait_for(lambda: player.ring.newest >= 20 and free.ring.newest >= 20)
    running.host.leave(256)
    assert running.host.wait_until_free(256)
    tallies = running.host.tallies()
    for counts, total in tallies.values():
        assert sum(counts) == player.ring.newest
        assert total >= 0
    counts, total = tallies["costs"]
    least = sum(count * (2 ** (k - 1) if k else 0) for k, count in enumerate(counts))
    most = sum(count * 2**k for k, count in enumerate(counts))
    assert least <= total <= most
