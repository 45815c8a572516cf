"""More commands than a session can take: each is refused at the door or answered, and the sound goes on."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from decks import band

from remixd._kernel import mailbox
from remixd._kernel.host import Host
from remixd._kernel.mailbox import Mailbox, ReportEntry
from remixd._kernel.ring import PacketRing
from remixd._kernel.ring import size_bytes as ring_size_bytes
from remixd._kernel.session import Session

FLOOD_C = r"""
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec * 1e-9;
}
uint64_t flood(char *base, const char *entry, uint64_t mask, double seconds) {
    _Atomic uint64_t *head = (_Atomic uint64_t *)(base + 64), *tail = (_Atomic uint64_t *)(base + 128);
    uint64_t posted = 0;
    for (double ends = now() + seconds; now() < ends;)
        for (int i = 0; i < 1000; i++) {
            uint64_t at = atomic_load_explicit(tail, memory_order_relaxed);
            if (at - atomic_load_explicit(head, memory_order_acquire) > mask) continue;
            memcpy(base + 256 + (at & mask) * 64, entry, 64);
            atomic_store_explicit(tail, at + 1, memory_order_release);
            posted++;
        }
    return posted;
}
"""
COMMANDS = 100_000
ENTRIES = 512
REPORTS = 1 << 17
LEAD_NS = 40_000_000
KINDS = [
    (mailbox.MIX, 255, -6.0), (mailbox.MIX, 0, -3.0), (mailbox.LEVEL, 0, 0.0), (mailbox.SEEK, 0, 9000.0),
    (mailbox.LOOP, 0, 1.0), (mailbox.EXIT, 0, 0.0), (mailbox.STRIP, 0, 0.0), (mailbox.JUMP, 1, 1.0),
    (77, 0, 0.0),
]  # fmt: skip


needs_cc = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")


def compiled(folder: Path, source: str) -> ctypes.CDLL:
    """A shared library of C."""
    (folder / "made.c").write_text(source, "utf-8")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", folder / "made.so", folder / "made.c"], check=True)
    return ctypes.CDLL(str(folder / "made.so"))


class Flooded:
    """A session of four stems on a running host, and the mailboxes it is steered and answers by."""

    def __init__(self) -> None:
        self.commands_memory = bytearray(mailbox.size_bytes(ENTRIES))
        self.commands = Mailbox(self.commands_memory, ENTRIES)
        self.reports = Mailbox(bytearray(mailbox.size_bytes(REPORTS)), REPORTS)
        self.ring = PacketRing(bytearray(ring_size_bytes(64, 480)), 64, 480)
        session = Session(band(96_000), [0, 1, 2, 3], reports=self.reports, key=256)
        self.host = Host()
        self.host.add(session, self.commands, self.ring, LEAD_NS)
        self.thread = threading.Thread(target=self.host.run)
        self.thread.start()

    def stop(self) -> None:
        self.host.stop()
        self.thread.join()

    def answers(self) -> list[ReportEntry]:
        """What is answered until nothing more comes."""
        found: list[ReportEntry] = []
        deadline = time.monotonic() + 30
        while len(self.commands) and time.monotonic() < deadline:
            time.sleep(0.01)
        newest = self.ring.newest
        while self.ring.newest < newest + 100 and time.monotonic() < deadline:
            time.sleep(0.01)
        while taken := self.reports.take_reports():
            found += taken
        return [report for report in found if report.kind != mailbox.UNDERRUN]


@pytest.mark.parametrize("pause", [0, 50])
def test_of_a_hundred_thousand_commands_none_is_lost(pause: int) -> None:
    """All at once, or a breath after so many that the host comes to drain between."""
    flooded = Flooded()
    accepted = []
    try:
        for number in range(COMMANDS):
            kind, deck, value = KINDS[number % len(KINDS)]
            if flooded.commands.post_command(
                number, 256, 5, value, -1, 480, kind=kind, deck=deck, extra=-1.0
            ):
                accepted.append(number)
            elif pause:
                time.sleep(pause * 1e-6)
        answers = flooded.answers()
    finally:
        flooded.stop()
    assert len(accepted) >= ENTRIES
    assert Counter(report.id for report in answers) == Counter(accepted)
    assert {report.kind for report in answers} <= {mailbox.APPLIED, mailbox.REFUSED}
    refused = [report for report in answers if report.kind == mailbox.REFUSED]
    assert {report.reason for report in refused} <= {mailbox.FULL, mailbox.UNKNOWN, mailbox.EMPTY}
    packet = flooded.ring.read(flooded.ring.newest)
    assert packet is not None
    assert packet.reports_lost == 0
    assert np.isfinite(np.frombuffer(packet.pcm, np.float32)).all()


@needs_cc
def test_what_is_posted_without_end_does_not_hold_up_the_sound(tmp_path: Path) -> None:
    """A producer that fills the mailbox faster than it is drained: every packet is rendered none the less."""
    flood = compiled(tmp_path, FLOOD_C).flood
    flood.restype = ctypes.c_uint64
    flooded = Flooded()
    try:
        one = bytearray(mailbox.size_bytes(2))
        assert Mailbox(one, 2).post_command(1, 256, 5, -6.0, -1, 480)
        entry, memory = bytes(one[-128:-64]), flooded.commands_memory
        base = (ctypes.c_char * len(memory)).from_buffer(memory)
        accepted = flood(base, entry, ctypes.c_uint64(ENTRIES - 1), ctypes.c_double(1.0))
        answers = flooded.answers()
    finally:
        flooded.stop()
    packet = flooded.ring.read(flooded.ring.newest)
    assert packet is not None
    assert len(answers) + packet.reports_lost == accepted > 20 * ENTRIES
    refused = Counter(report.sample for report in answers if report.kind == mailbox.REFUSED)
    assert max(refused.values()) <= ENTRIES, "taken before one packet"
