"""Many sessions on one host: made, steered, listened to and let go of, as fast as they can be rendered.

What an engine's housekeeping does, without the processes around it. Time is that of the sound.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import numpy as np

from remixd._kernel import mailbox
from remixd._kernel.host import Host
from remixd._kernel.mailbox import Mailbox
from remixd._kernel.player import Player
from remixd._kernel.ring import PacketRing
from remixd._kernel.ring import size_bytes as ring_size_bytes
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem
from remixd.units import PACKET_FRAMES, RATE_HZ

SESSIONS = 100
BATCH_S = 0.1
BATCH = 2
"""Twenty commands a second."""
TURNS = 10
"""In each a tenth of the sessions is looked after: people do not all move at the same moment."""
LIVES = 50
"""Batches that a session is sent before another takes its place."""
BEAT = RATE_HZ / 2
PERIOD_NS = PACKET_FRAMES * 10**9 // RATE_HZ
SLOTS = 64

_KINDS = (
    (mailbox.MIX, 255), (mailbox.MIX, 255), (mailbox.MIX, 255), (mailbox.STRIP, 0), (mailbox.SEEK, 0),
    (mailbox.LOOP, 0), (mailbox.EXIT, 0), (mailbox.JUMP, 0), (mailbox.LEVEL, 0), (mailbox.ECHO, 255),
)  # fmt: skip


class Steered:
    """One session on a host, and what became of it.

    Attributes:
        owed: commands that are not answered.
        surplus: answers that were not owed.
        gaps: packets that did not go on where the one before ended.
        read, overtaken: packets that were seen, and that were overwritten before.
    """

    def __init__(self, host: Host, key: int, stems: Sequence[Stem], anchor_ns: int) -> None:
        self.key = key
        self.owed: set[int] = set()
        self.surplus = self.gaps = self.read = self.overtaken = self._sent = self._seen = 0
        self._anchor_ns = anchor_ns
        self._commands = Mailbox(bytearray(mailbox.size_bytes(512)), 512)
        self._reports = Mailbox(bytearray(mailbox.size_bytes(1024)), 1024)
        self._ring = PacketRing(bytearray(ring_size_bytes(SLOTS, PACKET_FRAMES)), SLOTS, PACKET_FRAMES)
        session = Session(reports=self._reports, key=key)
        beats = np.arange(0.0, stems[0].frames, BEAT)
        levels = [1 + (at % 4 == 0) for at in range(len(beats))]
        session.shelve(Player(list(stems), list(range(len(stems))), key=1, beats=beats, levels=levels))
        self._send(mailbox.LOAD, 0, 0, 0.0, extra=1.0)
        self._send(mailbox.PLAY, 0, 0, 0.0)
        host.add(session, self._commands, self._ring, PERIOD_NS, paced=False, anchor_ns=anchor_ns)

    @property
    def now_ns(self) -> int:
        """Up to when it is rendered."""
        return self._anchor_ns + self._ring.newest * PERIOD_NS

    def _send(self, kind: int, deck: int, dimension: int, value: float, extra: float = -1.0) -> None:
        self._sent += 1
        if self._commands.post_command(
            self._sent, self.key, dimension, value, -1, 480, kind=kind, deck=deck, extra=extra
        ):
            self.owed.add(self._sent)

    def steer(self, rng: np.random.Generator) -> None:
        """Post one of the commands that hands send."""
        kind, deck = _KINDS[int(rng.integers(len(_KINDS)))]
        dimension, value = int(rng.integers(0, 6)), float(rng.uniform(-12, 0))
        if kind == mailbox.MIX and dimension == 0:
            value = float(rng.choice([1.0, 1.03, 0.97]))
        elif kind == mailbox.MIX and dimension == 1:
            value = float(rng.choice([0.0, 0.0, 2.0]))
        elif kind == mailbox.SEEK:
            value = float(rng.uniform(0, 4 * RATE_HZ))
        elif kind in (mailbox.LOOP, mailbox.JUMP):
            value = float(rng.choice([0.125, 1.0, 4.0]))
        elif kind == mailbox.ECHO:
            dimension, value = 0, float(rng.uniform(4000, 24_000))
        elif kind == mailbox.LEVEL:
            dimension %= 4
        elif kind == mailbox.STRIP and dimension in (1, 5):
            value /= 12.0
        self._send(kind, deck, dimension, value)

    def listen(self) -> None:
        """Read what is new, in the ring and of the answers."""
        for sequence in range(self._seen + 1, self._ring.newest + 1):
            packet = self._ring.read(sequence)
            if packet is None:
                self.overtaken += 1
            else:
                self.read += 1
                self.gaps += packet.sample != (sequence - 1) * PACKET_FRAMES
            self._seen = sequence
        for report in self._reports.take_reports():
            if report.kind in (mailbox.APPLIED, mailbox.REFUSED):
                self.surplus += report.id not in self.owed
                self.owed.discard(report.id)


class Stage:
    """A host with sessions. `close` ends them; what it counts is whole then.

    Attributes:
        thread: the render thread.
        ended: sessions that are over.
    """

    def __init__(self, stems: Sequence[Stem], seed: int = 1) -> None:
        self.gaps = self.owed = self.surplus = self.read = self.overtaken = self.ended = 0
        self._host = Host()
        self._stems = stems
        self._rng = np.random.default_rng(seed)
        self._generation = 1
        self._ticks = 0
        anchor_ns = time.monotonic_ns()
        self._playing = [self._begin(slot, anchor_ns) for slot in range(SESSIONS)]
        self.thread = threading.Thread(target=self._host.run, name="render")
        self.thread.start()

    def _begin(self, slot: int, anchor_ns: int) -> Steered:
        self._generation += 1
        return Steered(self._host, 256 * self._generation + slot, self._stems, anchor_ns)

    @property
    def _now_ns(self) -> int:
        """Sessions are in step; of any two, one at least is not new."""
        return max(each.now_ns for each in self._playing[:2])

    def run(self, seconds: float) -> None:
        """Look after the sessions for so much of their time."""
        began_ns = self._now_ns
        tick_s = BATCH_S / TURNS
        for number in range(round(seconds / tick_s)):
            while self._now_ns < began_ns + number * tick_s * 1e9:
                time.sleep(0.0005)
            self._tick()

    def _tick(self) -> None:
        batch, turn = divmod(self._ticks, TURNS)
        self._ticks += 1
        for slot in range(turn, SESSIONS, TURNS):
            steered = self._playing[slot]
            steered.listen()
            if (batch + slot) % LIVES == 0:
                self._host.leave(steered.key)
                self._end(steered)
                self._playing[slot] = steered = self._begin(slot, self._now_ns)
            if (batch + slot + 1) % LIVES:  # what is sent just before the end is not done
                for _ in range(BATCH):
                    steered.steer(self._rng)

    def _end(self, steered: Steered) -> None:
        if not self._host.wait_until_free(steered.key):
            raise TimeoutError(f"session {steered.key} does not leave")
        steered.listen()
        self.ended += 1
        self.gaps += steered.gaps
        self.owed += len(steered.owed)
        self.surplus += steered.surplus
        self.read += steered.read
        self.overtaken += steered.overtaken

    def close(self) -> None:
        """Let the sessions do what they were told, end them, then the host."""
        ends_ns = self._now_ns + 300_000_000
        while self._now_ns < ends_ns:
            for steered in self._playing:
                steered.listen()
            time.sleep(0.001)
        for steered in self._playing:
            self._host.leave(steered.key)
        for steered in self._playing:
            self._end(steered)
        self._playing.clear()
        self._host.stop()
        self.thread.join()
