"""Reads every packet that engines lay down in shared memory: what is missing there, and what is late.

Thread: one at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd._kernel.ring import PacketRing
from remixd._kernel.shared import SessionMemory
from remixd.units import PACKET_FRAMES, RATE_HZ

PERIOD_NS: Final = PACKET_FRAMES * 10**9 // RATE_HZ


class _Reader:
    """One session's ring, from its first packet on."""

    def __init__(self, path: Path) -> None:
        self._ring: PacketRing = SessionMemory(path).ring
        self._seen = 0
        self.due_ns = 0
        self.gaps = 0

    def read(self) -> list[int]:
        """Of each packet since the last call, how long before it was due it was ready, in ns."""
        ahead_ns = []
        newest = self._ring.newest
        for sequence in range(self._seen + 1, newest + 1):
            packet = self._ring.read(sequence)
            if packet is None or packet.sample != (sequence - 1) * PACKET_FRAMES:
                self.gaps += 1
            else:
                self.due_ns = packet.due_ns
                ahead_ns.append(packet.due_ns - packet.rendered_ns)
        self._seen = newest
        return ahead_ns


class Rings:
    """The rings of all sessions of a daemon that has one engine and none that dies.

    Args:
        runtime: the daemon's folder in shared memory.
        lead_ns: how long before it is due a packet is begun.
        steps_ns: see `longer`.

    Attributes:
        packets: how many were read.
        gaps: packets that were missing, or did not go on where the one before ended.
        longer: packets that took longer than each step, from when they were to begin to when they were ready.
    """

    def __init__(self, runtime: Path, lead_ns: int, steps_ns: Sequence[int]) -> None:
        self._runtime = runtime
        self._lead_ns = lead_ns
        self._steps_ns = np.array(steps_ns)
        self._readers: dict[Path, _Reader] = {}
        self._gaps_before = 0
        self.packets = 0
        self.longer: NDArray[np.integer[Any]] = np.zeros(len(steps_ns), np.int64)

    @property
    def gaps(self) -> int:
        """See the class."""
        return self._gaps_before + sum(reader.gaps for reader in self._readers.values())

    @property
    def phases_ns(self) -> list[int]:
        """When within a packet's time those are begun that play now."""
        return [(each.due_ns - self._lead_ns) % PERIOD_NS for each in self._readers.values() if each.due_ns]

    def read(self) -> None:
        """Read what is new; at least twice a second, or packets are overwritten before."""
        there = set(self._runtime.glob("*/engine-*/session-*[0-9]"))
        ahead_ns = [ahead for reader in self._readers.values() for ahead in reader.read()]
        for path in self._readers.keys() - there:
            self._gaps_before += self._readers.pop(path).gaps
        for path in there - self._readers.keys():
            try:
                self._readers[path] = _Reader(path)
            except (OSError, ValueError):  # it comes, or goes, at this moment
                continue
        took_ns = self._lead_ns - np.array(ahead_ns, np.int64)
        self.packets += len(took_ns)
        self.longer += (took_ns[:, None] > self._steps_ns).sum(axis=0)
