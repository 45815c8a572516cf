"""What the engine has rendered of a session, packet by packet. Thread: [control]."""

from __future__ import annotations

from collections.abc import Iterator

from remixd._kernel.ring import PacketEntry, PacketRing


class Rendered:
    """Reads a session's packet ring, and goes on in another engine's.

    Attributes:
        before: packets in the rings before this one.
    """

    def __init__(self, ring: PacketRing) -> None:
        self._ring = ring
        self._read = 0
        self._heard = -1
        self._reports_lost = 0
        self.before = 0

    def has_grown(self) -> bool:
        """Whether the engine has rendered any since this was last asked."""
        before, self._heard = self._heard, self._ring.newest
        return self._heard != before

    def take(self, *, each: bool) -> Iterator[PacketEntry]:
        """Packets that were not taken yet: each that is still there, or the newest only."""
        newest = self._ring.newest
        if newest == self._read:
            return
        first = max(self._read + 1, self._ring.oldest) if each else newest
        for sequence in range(first, newest + 1):
            if (entry := self._ring.read(sequence)) is not None:
                yield entry
        self._read = newest

    def missed(self, entry: PacketEntry) -> int:
        """Reports that the engine could not hand over since the last packet, as nobody took them."""
        missed = entry.reports_lost - self._reports_lost
        self._reports_lost = entry.reports_lost
        return max(missed, 0)

    def catch_up(self) -> None:
        """Begin with the newest packet: who adopts a session has not heard those before."""
        self._read = max(self._ring.newest - 1, 0)

    def move(self, ring: PacketRing) -> None:
        """Go on with another engine's ring."""
        self.before += self._ring.newest
        self._ring = ring
        self._read, self._heard, self._reports_lost = 0, -1, 0
