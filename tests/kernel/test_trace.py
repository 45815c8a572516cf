"""A trace: what is read of it is whole and in order, however its writer and its readers are interleaved."""

from __future__ import annotations

import itertools
import struct
import threading
import time
from itertools import takewhile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sounds import noise

from remixd._kernel import mailbox, ring
from remixd._kernel.feed import Feed
from remixd._kernel.host import Host
from remixd._kernel.mailbox import Mailbox
from remixd._kernel.ring import PacketRing
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem
from remixd._kernel.trace import APPLIED, CHECKPOINT, FLAGS, TAKEN, TraceRing, size_bytes
from remixd._kernel.worst import WorstBlocks

BLOCKS_AT, MOMENTS_AT, LINE, HEADER = 128, 256, 64, 384
"""Of the layout in memory: the counters of both rings, `writing`, a line further `written`; then entries."""


class Writer:
    """Writes moments as the kernel does, but byte by byte, so that a reader can come at any time.

    Every word of moment n has n in it.
    """

    def __init__(self, slots: int, blocks: int = 2) -> None:
        self.memory = bytearray(size_bytes(blocks, slots))
        self.ring = TraceRing(self.memory, blocks, slots, cycles=False)
        self._slots, self._at = slots, HEADER + 64 * blocks
        self.count = 0

    def steps(self):
        """Write one more moment; what is yielded is a point at which a reader may look."""
        entry = struct.pack("<QqQHHI", *(self.count + 1,) * 3, *(self.count % 65536 + 1,) * 2, self.count + 1)
        struct.pack_into("<Q", self.memory, MOMENTS_AT, self.count + 1)
        place = self._at + self.count % self._slots * 32
        for at in range(0, 32, 4):
            yield
            self.memory[place + at : place + at + 4] = entry[at : at + 4]
        yield
        self.count += 1
        struct.pack_into("<Q", self.memory, MOMENTS_AT + LINE, self.count)


@given(slots=st.sampled_from([2, 4, 8]), whole=st.integers(0, 40), stop=st.integers(0, 8))
def test_a_reader_that_comes_at_any_time_reads_whole_moments_and_all_it_can(slots, whole, stop):
    writer = Writer(slots)
    for _ in range(whole):
        list(writer.steps())
    writing = writer.steps()
    for _ in range(stop + 1):
        next(writing)
    _, moments = writer.ring.read()
    read = [moment.command for moment in moments]
    assert read == list(range(max(whole + 1 - slots, 0) + 1, whole + 1))
    for moment in moments:
        assert moment.sample == moment.deck == moment.at_ns == moment.command
        assert moment.kind == moment.what == moment.command


def traced(*, blocks: int = 1024, moments: int = 1024, key: int = 256, frames: int = 480) -> tuple:
    """A session with a trace, its mailbox and ring of packets."""
    trace = TraceRing(bytearray(size_bytes(blocks, moments)), blocks, moments)
    commands = Mailbox(bytearray(mailbox.size_bytes(64)), 64)
    packets = PacketRing(bytearray(ring.size_bytes(64, frames)), 64, frames)
    session = Session([Stem.of(noise(48_000))], [3], key=key, trace=trace)
    return session, commands, packets, trace


@pytest.mark.parametrize("blocks", [2, 4, 16])
def test_a_reader_beside_a_thread_that_writes_as_fast_as_it_can_reads_nothing_torn(blocks):
    session, commands, packets, trace = traced(blocks=blocks, frames=64)
    host = Host()
    thread = threading.Thread(target=host.run)
    thread.start()
    host.add(session, commands, packets, 0, False)
    seen, newest = 0, -1
    until = time.monotonic() + 0.4
    while time.monotonic() < until:
        found, _ = trace.read()
        samples = [block.sample for block in found]
        assert samples == list(range(samples[0], samples[0] + 64 * len(found), 64)) if found else True
        for block in found:
            assert block.frames == 64
            assert block.begin_ns <= block.end_ns <= time.monotonic_ns()
            assert sum(block.parts_ns) <= block.end_ns - block.begin_ns + 100
        if found:
            assert samples[-1] >= newest
            newest, seen = samples[-1], seen + len(found)
    host.stop()
    thread.join()
    assert seen > 100
    assert trace.counts[0] > blocks


def test_blocks_follow_each_other_and_their_parts_fit_into_them():
    session, commands, packets, trace = traced()
    feed = Feed(session, commands, packets)
    for frames in (32, 64, 100, 480, 1):
        feed.fill(frames, 0.01)
    blocks, _ = trace.read()
    assert [block.frames for block in blocks] == [32, 64, 100, 480, 1]
    assert [block.sample for block in blocks] == [0, 32, 96, 196, 676]
    for block, after in itertools.pairwise(blocks):
        assert block.end_ns <= after.begin_ns
    for block in blocks:
        assert block.flags & FLAGS["device"]
        assert sum(block.parts_ns) <= block.end_ns - block.begin_ns
    off_ns = [b.late_ns - (b.end_ns - b.begin_ns - b.frames * 10**9 // 48_000) for b in blocks]
    assert abs(sorted(off_ns)[2]) < 20_000, "both clocks are read at the begin and at the end"
    assert blocks[3].parts_ns[1] > 0
    assert blocks[3].parts_ns[3] > 0


@pytest.mark.parametrize("cycles", [True, False])
def test_both_clocks_tell_the_same_time(cycles):
    trace = TraceRing(bytearray(size_bytes(64, 64)), 64, 64, cycles=cycles)
    commands = Mailbox(bytearray(mailbox.size_bytes(64)), 64)
    packets = PacketRing(bytearray(ring.size_bytes(64, 480)), 64, 480)
    feed = Feed(Session(key=1, trace=trace), commands, packets)
    around = []
    for _ in range(20):
        before_ns = time.monotonic_ns()
        feed.fill(480, 0.01)
        around.append((before_ns, time.monotonic_ns()))
        time.sleep(0.005)
    blocks, _ = trace.read()
    assert trace.is_of_cycles is cycles
    for (before_ns, after_ns), block in zip(around, blocks, strict=True):
        assert before_ns - 2000 <= block.begin_ns <= block.end_ns <= after_ns + 2000


def test_a_command_is_written_down_when_it_is_taken_and_when_it_is_applied():
    session, commands, packets, trace = traced()
    feed = Feed(session, commands, packets)
    commands.post_command(7, 256, 5, -6.0, ramp_frames=480)
    commands.post_command(8, 256, 5, -9.0, sample=1000, ramp_frames=480)
    for _ in range(4):
        feed.fill(480, 0.01)
    blocks, moments = trace.read()
    assert [block.taken for block in blocks] == [2, 0, 0, 0]
    assert [moment.command for moment in moments if moment.kind == TAKEN] == [7, 8]
    applied = {moment.command: moment for moment in moments if moment.kind == APPLIED}
    assert applied[8].sample == 1000
    rendering = next(block for block in blocks if block.begin_ns <= applied[8].at_ns <= block.end_ns)
    assert rendering.sample in (480, 960), "it is applied in the block that has its sample, or one before"


def test_a_trace_changes_no_bit_of_what_is_rendered():
    def rendered(*, is_traced: bool) -> bytes:
        session, commands, packets, _ = traced()
        if not is_traced:
            session = Session([Stem.of(noise(48_000))], [3], key=256)
        feed = Feed(session, commands, packets)
        sound = []
        for number in range(30):
            commands.post_command(number + 1, 256, number % 6, 1.0 + number / 100, ramp_frames=100)
            sound.append(feed.fill(100 + number, 0.01))
        return b"".join(sound)

    assert rendered(is_traced=True) == rendered(is_traced=False)


def test_a_host_tells_why_a_packet_began_late():
    session, commands, packets, trace = traced()
    host = Host()
    host.add(session, commands, packets, 20_000_000, anchor_ns=time.monotonic_ns() - 50_000_000)
    thread = threading.Thread(target=host.run)
    thread.start()
    time.sleep(0.2)
    host.stop()
    thread.join()
    blocks, _ = trace.read()
    late = list(takewhile(lambda block: block.late_ns > 0, blocks))
    assert late, "it had to catch up 50 ms"
    assert late[0].flags & FLAGS["taken over"]
    assert not late[0].flags & FLAGS["woken"]
    assert all(block.flags & FLAGS["backlog"] for block in late[1:])
    assert all(block.cpu_ns is not None for block in late)
    assert not any(block.flags & FLAGS["backlog"] for block in blocks if block.behind_ns == 0)


def entry(begin: int, took: int, late: int, sample: int = 0) -> bytes:
    """A block as it lies in memory: 64 bytes."""
    flags = FLAGS["paced"]
    return struct.pack("<QQqq4IIIHHBBBB", begin, begin + took, sample, late, *[0] * 6, 480, flags, *[0] * 4)


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(-(10**7), 10**7)), min_size=1, max_size=100),
    st.integers(1, 40),
)
def test_the_worst_are_those_that_sorting_finds_however_often_one_looks(blocks, every):
    memory = bytearray(size_bytes(128, 2))
    trace = TraceRing(memory, 128, 2, cycles=False)
    worst = WorstBlocks(trace)
    now = time.monotonic_ns()
    for number, (took, late) in enumerate(blocks):
        place = HEADER + number % 128 * 64
        memory[place : place + 64] = entry(now - 10**6, took, late, number)
        struct.pack_into("<Q", memory, BLOCKS_AT, number + 1)
        struct.pack_into("<Q", memory, BLOCKS_AT + LINE, number + 1)
        if number % every == 0:
            worst.look()
    worst.look()
    lates = sorted((late for _, late in blocks), reverse=True)[:32]
    costs = sorted((took for took, _ in blocks), reverse=True)[:32]
    for tables in (worst.ever, lambda **how: worst.minute(time.monotonic_ns(), **how)):
        assert [block.late_ns for block in tables()] == lates
        assert [block.end_ns - block.begin_ns for block in tables(by_cost=True)] == costs
    assert worst.missed == 0
    assert worst.minute(now + 120 * 10**9) == []
    assert len(worst.ever(most=3)) == min(3, len(blocks))


def test_what_was_overwritten_before_anybody_looked_is_counted():
    session, commands, packets, trace = traced(blocks=8)
    worst = WorstBlocks(trace)
    feed = Feed(session, commands, packets)
    for _ in range(20):
        feed.fill(64, 0.01)
    worst.look()
    assert worst.missed == 12


def test_a_minute_forgets_what_is_older_and_the_start_does_not():
    memory = bytearray(size_bytes(8, 2))
    trace = TraceRing(memory, 8, 2, cycles=False)
    worst = WorstBlocks(trace)
    now = time.monotonic_ns()
    for number, ago_s in enumerate((200, 100, 61, 59, 1)):
        memory[HEADER + number * 64 : HEADER + number * 64 + 64] = entry(now - ago_s * 10**9, 10, ago_s)
        struct.pack_into("<QQ", memory, BLOCKS_AT, number + 1, 0)
        struct.pack_into("<Q", memory, BLOCKS_AT + LINE, number + 1)
    worst.look()
    assert [block.late_ns for block in worst.ever()] == [200, 100, 61, 59, 1]
    assert [block.late_ns for block in worst.minute(now)] == [59, 1]


@pytest.mark.parametrize("slots", [0, 1, 3, 1 << 21])
def test_sizes_are_powers_of_two(slots):
    with pytest.raises(ValueError, match="power of two"):
        size_bytes(slots, 2)


def test_what_is_no_trace_is_not_opened():
    with pytest.raises(ValueError, match="does not hold a trace"):
        TraceRing(bytearray(size_bytes(2, 2)))
    with pytest.raises(ValueError, match="too small"):
        TraceRing(bytearray(8), 2, 2)


def test_checkpoints_are_written_down():
    from remixd._kernel.checkpoint import SIZE_BYTES, CheckpointMemory

    trace = TraceRing(bytearray(size_bytes(64, 64)), 64, 64)
    kept = CheckpointMemory(bytearray(SIZE_BYTES), True)
    session = Session([Stem.of(noise(48_000))], [3], key=256, checkpoints=kept, trace=trace)
    commands = Mailbox(bytearray(mailbox.size_bytes(64)), 64)
    packets = PacketRing(bytearray(ring.size_bytes(64, 480)), 64, 480)
    feed = Feed(session, commands, packets)
    for _ in range(60):
        feed.fill(480, 0.01)
    blocks, moments = trace.read()
    written = [moment for moment in moments if moment.kind == CHECKPOINT]
    assert len(written) == sum(bool(block.flags & FLAGS["checkpoint"]) for block in blocks) >= 2
    assert np.diff([moment.sample for moment in written]).min() >= 24_000
