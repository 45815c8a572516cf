"""The render thread never asks for memory, whatever its sessions are told: counted by a shim under malloc."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from decks import band
from shim import Shim, run_under_shim

from remixd._kernel import fft, mailbox
from remixd._kernel.effects import Delay, Tremolo
from remixd._kernel.host import Host
from remixd._kernel.mailbox import Mailbox
from remixd._kernel.player import Player
from remixd._kernel.rack import Rack
from remixd._kernel.ring import PacketRing, size_bytes
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem
from remixd.config import user_cache_path

WARM_UP_S, WATCHED_S = 1.0, 4.0
FRAMES, BEAT = 240_000, 20_000
ROLES = [0, 1, 2, 3]
KEYS = (256, 257, 258)
CALLS = (Delay(beats=0.25), Tremolo(), lambda block, _beat, _rate: block)
"""For racks; they give back what they are given, so that what is counted is ours."""


def test_the_render_thread_allocates_nothing(tmp_path: Path) -> None:
    run_under_shim(tmp_path, __file__)


Stage = tuple[Session, Mailbox, Mailbox]


def stage(host: Host, stems: list[Stem], grid: dict[str, Any], key: int) -> Stage:
    """A session of three decks on a host, and the mailboxes it is steered and answers by."""
    commands = Mailbox(bytearray(mailbox.size_bytes(512)), 512)
    reports = Mailbox(bytearray(mailbox.size_bytes(4096)), 4096)
    session = Session(reports=reports, key=key)
    for deck in range(3):
        session.shelve(Player(stems, ROLES, key=deck + 1, summed=deck == 1, **grid))
        commands.post_command(1, key, 0, 0.0, kind=mailbox.LOAD, deck=deck, extra=deck + 1.0)
        commands.post_command(2, key, 0, 0.0, kind=mailbox.PLAY, deck=deck)
    ring = PacketRing(bytearray(size_bytes(64, 480)), 64, 480)
    host.add(session, commands, ring, 20_000_000)
    return session, commands, reports


class Hands:
    """Tell sessions anything at all, again and again."""

    def __init__(self, stems: list[Stem], grid: dict[str, Any]) -> None:
        self.stems, self.grid = stems, grid
        self.rng = np.random.default_rng(3)
        self.told: set[int] = set()
        self.number = self.laid = 100

    def play(self, stages: list[Stage], seconds: float) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            for each in stages:
                self.tell(*each)
            time.sleep(0.002)

    def tell(self, session: Session, commands: Mailbox, reports: Mailbox) -> None:
        self.number += 1
        kind = int(self.rng.integers(mailbox.MIX, mailbox.RACK + 1))
        extra, value = -1.0, float(self.rng.choice([0, 0.125, 1, 2, 30_000]))
        if kind in (mailbox.LOAD, mailbox.SWAP):
            self.laid += 1
            extra, value = float(self.laid), 0.0
            with contextlib.suppress(ValueError):  # no room
                player = Player(self.stems, ROLES, key=self.laid, summed=self.laid % 2 == 0, **self.grid)
                session.shelve(player)
        if kind == mailbox.RACK:
            self.laid += 1
            extra, value = float(self.laid - int(self.rng.integers(0, 8))), float(self.rng.choice([0, 0.5]))
            with contextlib.suppress(ValueError):  # no room
                late = 640 * (self.laid % 2)
                session.racks.put(Rack(CALLS[self.laid % 3], self.laid, delay_frames=late, owed_frames=late))
        deck, when = int(self.rng.integers(0, 3)), int(self.rng.choice([0, 0, 1]))
        commands.post_command(
            self.number, session.key, int(self.rng.integers(0, 3)), value, -1, 480,
            kind=kind, deck=deck, when=when, extra=extra,
        )  # fmt: skip
        self.told |= {report.command for report in reports.take_reports() if report.kind == mailbox.APPLIED}
        session.collect()
        session.racks.collect()


def main() -> None:
    """In a process under the shim: three sessions, three decks each, told everything for some seconds."""
    fft.prepare(user_cache_path() / "fftwf.wisdom")
    shim = Shim()
    beats = np.arange(0.0, FRAMES, BEAT)
    grid: dict[str, Any] = {"beats": beats, "levels": [1 + (i % 4 == 0) for i in range(len(beats))]}
    stems = band(FRAMES, every=BEAT)
    host = Host()
    stages = [stage(host, stems, grid, key) for key in KEYS]
    hands = Hands(stems, grid)
    thread = threading.Thread(target=host.run)
    thread.start()
    hands.play(stages, WARM_UP_S)
    shim.watch(thread.native_id)
    hands.play(stages, WATCHED_S)
    counted = shim.counted
    shim.watch(0)
    host.stop()
    thread.join()
    missing = set(range(mailbox.MIX, mailbox.RACK + 1)) - hands.told
    assert not missing, f"never done: {missing}"
    assert counted == 0, f"{counted} calls for memory on the render thread"


if __name__ == "__main__":
    main()
