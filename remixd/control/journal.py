"""A journal: everything that shapes a session's sound, written down while it plays, for replay and receipts.

Commands are written before they are posted, reports as they come; fans are known by random handles. What is
to be written only joins a buffer, which `remixd.control.journals` writes. Thread: [control].
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from remixd._kernel.mailbox import CommandEntry, ReportEntry
from remixd.audience.signal import Signal
from remixd.config import size_text
from remixd.control.journal_file import file_start, framed
from remixd.control.order import Order
from remixd.control.provenance import with_contents
from remixd.v1.journal_pb2 import (
    JournalAccepted,
    JournalClock,
    JournalCut,
    JournalEnd,
    JournalHeader,
    JournalLoad,
    JournalOrder,
    JournalPattern,
    JournalRack,
    JournalRecord,
    JournalReport,
    JournalRestore,
    JournalSignal,
    JournalStep,
)

log = logging.getLogger(__name__)

FILE_BYTES_MAX: Final = 64_000_000
"""A journal that would be larger is cut, and says so: hours of twenty commands a second."""
WAITING_BYTES_MAX: Final = 16_000_000
"""What may wait for a disk that is too slow."""
QUANTUM: Final = 64


def _flat(command_id: int, order: Order | CommandEntry) -> JournalOrder:
    return JournalOrder(
        id=command_id, kind=order.kind, dimension=order.dimension, deck=order.deck, value=order.value,
        extra=order.extra, sample=order.sample, ramp_frames=order.ramp_frames, when=order.when,
        shape=order.shape, expires=order.expires,
    )  # fmt: skip


def _report(report: ReportEntry) -> JournalReport:
    near = report.sample // QUANTUM
    taken = near + (report.taken - near + (1 << 31)) % (1 << 32) - (1 << 31)  # the engine tells 32 bits of it
    return JournalReport(
        id=report.id, kind=report.kind, sample=report.sample, settled_sample=report.settled_sample,
        position=report.position, value=report.value, late_frames=report.late_frames,
        superseded=report.superseded, deck=report.deck, reason=report.reason, taken=taken if report.id else 0,
    )  # fmt: skip


class Journal:
    """What happened in one session. Without a `path` nothing is kept.

    Args:
        path: of its file.
        size_bytes: of what stands there already.
        handles: of fans, who are known from before.
    """

    def __init__(
        self, path: Path | None = None, size_bytes: int = 0, handles: Mapping[str, str] | None = None
    ) -> None:
        self.path = path
        self._is_open = path is not None
        self._waiting = bytearray()
        self._fans_waiting = bytearray()
        self._bytes = size_bytes
        self._clock = 0
        self._clock_written = 0
        self._fade_frames = 0
        self._fade_end = 0
        self._handles = dict(handles or {})

    def begin(self, header: JournalHeader) -> None:
        """Write what the session begins with."""
        self._waiting += file_start()
        self._put(JournalRecord(header=header))

    def _put(self, record: JournalRecord) -> None:
        if not self._is_open:
            return
        self._append(record)
        if self._bytes > FILE_BYTES_MAX:
            self._cut(f"it would be larger than {size_text(FILE_BYTES_MAX)}")
        elif len(self._waiting) > WAITING_BYTES_MAX:
            self._cut("the disk is too slow")

    def _append(self, record: JournalRecord) -> None:
        raw = framed(record)
        self._waiting += raw
        self._bytes += len(raw)

    def _cut(self, because: str) -> None:
        self._append(JournalRecord(cut=JournalCut(sample=self._clock, because=because)))
        self._is_open = False
        log.warning("%s ends here, though its session plays on: %s", self.path, because)

    def hear(self, signals: Sequence[Signal]) -> None:
        """Write down who sent what: by handles, whose names stand in a file of their own."""
        if not self._is_open:
            return
        for signal in signals:
            self._put(JournalRecord(signal=JournalSignal(id=signal.id, fan=self._handle(signal.fan))))

    def _handle(self, fan: str) -> str:
        if not fan:
            return ""
        handle = self._handles.get(fan)
        if handle is None:
            handle = secrets.token_hex(8)
            self._name(handle, fan)
        return handle

    def rename(self, fan: str, name: str) -> None:
        """Let a fan of another name keep the handle; the line of the name before stays in the table."""
        if (handle := self._handles.pop(fan, None)) is not None and name not in self._handles:
            self._name(handle, name)

    def _name(self, handle: str, fan: str) -> None:
        self._handles[fan] = handle
        self._fans_waiting += json.dumps([handle, fan], ensure_ascii=False).encode() + b"\n"

    def forget(self, fan: str) -> None:
        """Let nobody tell any more whose a handle was; what is written already is `Journals.forget`'s."""
        self._handles.pop(fan, None)
        kept = [line for line in self._fans_waiting.splitlines(keepends=True) if json.loads(line)[1] != fan]
        self._fans_waiting[:] = b"".join(kept)

    def accept(self, command_id: int, order: Order, signals: Sequence[str], because: str) -> None:
        """Write down a command that is about to be posted."""
        if self._is_open:
            accepted = JournalAccepted(order=_flat(command_id, order), signals=signals, because=because)
            self._put(JournalRecord(accepted=accepted))

    def take(self, report: ReportEntry) -> None:
        """Write down what the engine told."""
        if self._is_open:
            self._put(JournalRecord(report=_report(report)))

    def load(self, player: int, score: Mapping[str, Any]) -> None:
        """Write down that a player was made ready."""
        if self._is_open:
            text = json.dumps(with_contents(score), separators=(",", ":"))
            self._put(JournalRecord(load=JournalLoad(player=player, score=text)))

    def pattern(self, key: int, score: Mapping[str, Any], bank: int) -> None:
        """Write down that a pattern of hits was made ready, and of which bank of sounds."""
        if self._is_open:
            text = json.dumps(with_contents(score), separators=(",", ":"))
            self._put(JournalRecord(pattern=JournalPattern(pattern=key, score=text, bank=bank)))

    def rack(self, rack: int, score: Mapping[str, Any]) -> None:
        """Write down that a rack was made ready."""
        self._put(JournalRecord(rack=JournalRack(rack=rack, score=json.dumps(score, separators=(",", ":")))))

    def step(self, sample: int, step: str, because: str) -> None:
        """Write down a step on the ladder of an engine that is overloaded."""
        self._put(JournalRecord(step=JournalStep(sample=sample, step=step, because=because)))

    def resume(self, request: Mapping[str, Any], clock: int, checkpoint: bytes | None) -> None:
        """Write down that the session goes on in another engine.

        Args:
            request: what that engine was asked: to resume it, or, where it had not begun, to play it.
            clock: the sample from which it is heard again.
            checkpoint: how it stood when that engine took it over; None if it had not begun.
        """
        self.tick(max(int(request.get("clock", 0)), self._clock))  # the end of what was heard before
        self._put_clock()
        resumed = JournalRestore(
            checkpoint=checkpoint or b"",
            players=[int(player["key"]) for player in request.get("players", ())],
            racks=[int(rack["key"]) for rack in request.get("racks", ())],
            orders=[_flat(each.id, each) for each in request.get("commands", ())],
            sample=clock,
        )
        self._put(JournalRecord(restore=resumed))

    def tick(self, sample: int) -> None:
        """Note how far the session has got; it is written once a second."""
        self._clock = sample

    def fade(self, frames: int, end: int = 0) -> None:
        """Note that the session was faded out over its last frames.

        Args:
            frames: how many.
            end: one past the last of them, where silence followed; 0 where the session ends there.
        """
        self._fade_frames, self._fade_end = frames, end

    def end(self, how: str) -> None:
        """Write that the session is over. Nothing more is taken."""
        if self._is_open:
            end = self._fade_end or self._clock
            ended = JournalEnd(sample=end, fade_frames=self._fade_frames, how=how)
            self._put(JournalRecord(end=ended))
            self._is_open = False

    def _put_clock(self) -> None:
        if self._clock != self._clock_written:
            self._clock_written = self._clock
            self._put(JournalRecord(clock=JournalClock(sample=self._clock)))

    @property
    def is_open(self) -> bool:
        """Whether anything more is taken."""
        return self._is_open

    def take_waiting(self, *, clock: bool) -> tuple[bytes, bytes]:
        """What is to be written, of the journal and the table of fans; with `clock`, how far it has got."""
        if clock and self._is_open:
            self._put_clock()
        taken = bytes(self._waiting), bytes(self._fans_waiting)
        self._waiting.clear()
        self._fans_waiting.clear()
        return taken

    def fail(self, error: OSError) -> None:
        """Take nothing more: it cannot be written."""
        if self._is_open:
            log.error("%s: %s; the session plays on without it", self.path, error.strerror or error)
        self._is_open = False
