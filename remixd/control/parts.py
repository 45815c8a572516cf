"""Stems one by one, on their way from a session's ring to those who listen to them. Thread: [control]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from remixd._kernel.ring import PacketEntry, PacketRing
from remixd.control.decks import Decks
from remixd.control.fanout import Listeners
from remixd.control.streams import PAIRS, Listener, Packet
from remixd.errors import InvalidInput
from remixd.units import PACKET_FRAMES, RATE_HZ, STEM_ROLES

POSITION_ONE: Final = 1 << 24

ORDER: Final = tuple([*STEM_ROLES, "generated"].index(name) for name in PAIRS)
"""Of what the engine hands out, which pair comes where."""


def interleaved(pcm: bytes) -> bytes:
    """Pairs that follow each other, (pairs, frames, 2), as frames of all channels, in the order of PAIRS."""
    pairs = np.frombuffer(pcm, dtype="<f4").reshape(len(ORDER), -1, 2)
    return np.ascontiguousarray(pairs[list(ORDER)].transpose(1, 0, 2)).tobytes()


def packet_of(entry: PacketEntry, pcm: bytes, before: int, bar_beat: Callable[[float], str | None]) -> Packet:
    """What listeners get of an entry of a ring.

    Args:
        entry: as the engine wrote it.
        pcm: its samples, as they are handed out.
        before: packets of rings before this one.
        bar_beat: of a place in the song, in seconds.
    """
    position_s = entry.position / POSITION_ONE / RATE_HZ
    return Packet(
        sequence=before + entry.sequence, sample=entry.sample, frames=PACKET_FRAMES, pcm=pcm,
        position_s=position_s, bar_beat=bar_beat(position_s),
    )  # fmt: skip


class Parts:
    """The stems of one session, taken from its ring only while somebody listens to them.

    Args:
        session_id, decks: of the session.
        is_apart: whether its stems are handed out.

    Attributes:
        is_apart: as given.
        listeners: who listen to them.
    """

    def __init__(self, session_id: str, decks: Decks, *, is_apart: bool) -> None:
        self._id, self._decks, self.is_apart = session_id, decks, is_apart
        self.listeners = Listeners()
        self._lost = ""
        self._read = 0
        self._before = 0

    @property
    def told(self) -> str:
        """How they are handed out, in words; empty if they are not."""
        if not self.is_apart:
            return ""
        loaded = [(deck.name, deck.loaded.track) for deck in self._decks.all if deck.loaded]
        silent = [f"deck {name} is silent" for name, track in loaded if not track.is_separable]
        return "; ".join([*silent, "by its rights"]) if silent else "one by one"

    def join(self) -> Listener:
        """Let one more listen to them: packets from now on. Close it when done.

        Raises InvalidInput if they are not handed out, or rights do not let any of what is loaded be.
        """
        if not self.is_apart:
            raise InvalidInput(
                f"session {self._id} does not hand its stems out: create one with stems", field="stems"
            )
        loaded = [deck.loaded.track for deck in self._decks.all if deck.loaded]
        if loaded and not any(track.is_separable for track in loaded):
            loaded[0].check_separable()
        listener = self.listeners.join()
        if self._lost:
            listener.lose(self._lost)
        return listener

    def lose(self, reason: str) -> None:
        """The engine has died: tell whoever listens, now or later."""
        self._lost = reason
        self.listeners.lose(reason)

    def take(self, ring: PacketRing | None, bar_beat: Callable[[float], str | None]) -> None:
        """Hand out what was rendered since the last call.

        Args:
            ring: None where there is none.
            bar_beat: of a place in the song, in seconds.
        """
        if ring is None:
            return
        newest = ring.newest
        first = max(self._read + 1, ring.oldest) if self.listeners else newest + 1
        self._read = newest
        for sequence in range(first, newest + 1):
            entry = ring.read(sequence)
            if entry is None:
                continue
            self.listeners.put(packet_of(entry, interleaved(entry.pcm), self._before, bar_beat))

    def restart(self) -> None:
        """Begin with the ring of another engine."""
        self._before += self._read
        self._read = 0
