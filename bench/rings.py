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

from .native import APART_NS, Lateness

Counts = NDArray[np.integer[Any]]

PERIOD_NS: Final = PACKET_FRAMES * 10**9 // RATE_HZ


class _Reader:
    """One session's ring, from its first packet on."""

    def __init__(self, path: Path) -> None:
        self._ring: PacketRing = SessionMemory(path).ring
        self._seen = 0
        self.due_ns = 0
        self.gaps = self.overwritten = 0

    def read(self) -> list[tuple[int, int]]:
        """Of each packet since the last call when it was ready, and how long before it was due, in ns."""
        found = []
        newest = self._ring.newest
        for sequence in range(self._seen + 1, newest + 1):
            packet = self._ring.read(sequence)
            if packet is None:
                self.overwritten += 1
                continue
            self.gaps += packet.sample != (sequence - 1) * PACKET_FRAMES
            self.due_ns = packet.due_ns
            found.append((packet.rendered_ns, packet.due_ns - packet.rendered_ns))
        self._seen = newest
        return found


class Rings:
    """The rings of all sessions of a daemon that has one engine and none that dies.

    Args:
        runtime: the daemon's folder in shared memory.
        lead_ns: how long before it is due a packet is begun.
        steps_ns: see `Lateness`.

    Attributes:
        gaps: packets whose sample is not what their number says: something before them is missing.
        overwritten: packets that were gone when this reader came, which says nothing of the engine.
    """

    def __init__(self, runtime: Path, lead_ns: int, steps_ns: Sequence[int]) -> None:
        self._runtime = runtime
        self._lead_ns = lead_ns
        self._steps_ns = np.array(steps_ns)
        self._readers: dict[Path, _Reader] = {}
        self.gaps = self.overwritten = 0
        self._packets = 0
        self._longer: Counts = np.zeros(len(steps_ns), np.int64)
        self._stalls: Counts = np.zeros(len(steps_ns), np.int64)
        self._late_ns: Counts = np.zeros(len(steps_ns), np.int64)

    @property
    def lateness(self) -> Lateness:
        """So far, of all packets, from when they were to begin to when they were ready."""
        return Lateness(self._packets, tuple(self._longer.tolist()), tuple(self._stalls.tolist()))

    @property
    def phases_ns(self) -> list[int]:
        """When within a packet's time those are begun that play now."""
        return [(each.due_ns - self._lead_ns) % PERIOD_NS for each in self._readers.values() if each.due_ns]

    def read(self) -> None:
        """Read what is new; at least twice a second, or packets are overwritten before."""
        there = set(self._runtime.glob("*/engine-*/session-*[0-9]"))
        self._count(sorted(each for reader in self._readers.values() for each in reader.read()))
        self.gaps += sum(reader.gaps for reader in self._readers.values())
        self.overwritten += sum(reader.overwritten for reader in self._readers.values())
        for reader in self._readers.values():
            reader.gaps = reader.overwritten = 0
        for path in self._readers.keys() - there:
            del self._readers[path]
        for path in there - self._readers.keys():
            try:
                self._readers[path] = _Reader(path)
            except (OSError, ValueError):  # it comes, or goes, at this moment
                continue

    def _count(self, packets: list[tuple[int, int]]) -> None:
        """Take what was read at one time, in the order in which it was ready."""
        ready_ns, ahead_ns = np.array(packets, np.int64).reshape(-1, 2).T
        self._packets += len(packets)
        for step, step_ns in enumerate(self._steps_ns):
            late_ns = ready_ns[self._lead_ns - ahead_ns > step_ns]
            if len(late_ns):
                self._longer[step] += len(late_ns)
                self._stalls[step] += (np.diff(late_ns, prepend=self._late_ns[step]) > APART_NS).sum()
                self._late_ns[step] = late_ns[-1]
