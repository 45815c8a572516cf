"""Packet rings: readers get whole packets or none."""

from __future__ import annotations

import numpy as np
import pytest
from sounds import noise

from remixd._kernel.host import Host
from remixd._kernel.mailbox import Mailbox, size_bytes
from remixd._kernel.ring import PacketRing
from remixd._kernel.ring import size_bytes as ring_size_bytes


def test_an_empty_ring_has_nothing_to_read() -> None:
    ring = PacketRing(bytearray(ring_size_bytes(8, 480)), 8, 480)
    assert ring.newest == 0
    assert ring.read(0) is None
    assert ring.read(1) is None


def test_a_second_opening_sees_the_same_ring() -> None:
    memory = bytearray(ring_size_bytes(8, 480))
    PacketRing(memory, 8, 480)
    assert PacketRing(memory).frames == 480


@pytest.mark.parametrize("memory", [bytearray(64), bytearray(4096), bytearray(b"\xff" * 4096)])
def test_a_buffer_that_holds_no_ring_is_refused(memory: bytearray) -> None:
    with pytest.raises(ValueError, match=r"buffer|ring holds"):
        PacketRing(memory)


@pytest.mark.parametrize(("slots", "frames"), [(1, 480), (5000, 480), (8, 0), (8, 9000)])
def test_impossible_sizes_are_refused(slots: int, frames: int) -> None:
    with pytest.raises(ValueError, match="ring holds"):
        ring_size_bytes(slots, frames)


def test_an_overwritten_packet_is_gone_not_garbled(play) -> None:
    host, ring, pcm = play(noise(48_000), slots=4, packets=12)
    assert isinstance(host, Host)
    assert ring.read(ring.newest - 4) is None
    for sequence in range(ring.oldest, ring.newest + 1):
        packet = ring.read(sequence)
        assert packet is not None
        assert packet.sample == (sequence - 1) * 480
        heard = np.frombuffer(packet.pcm, dtype=np.float32).reshape(-1, 2)
        np.testing.assert_array_equal(heard, pcm[packet.sample : packet.sample + 480])


def test_a_mailbox_is_not_taken_for_a_ring() -> None:
    memory = bytearray(size_bytes(64))
    Mailbox(memory, 64)
    with pytest.raises(ValueError, match="does not hold"):
        PacketRing(memory)
