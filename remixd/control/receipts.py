"""Commands on their way to the engine, and what their senders are told when it reports. Thread: [control]."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from remixd._kernel.mailbox import APPLIED, Mailbox, ReportEntry
from remixd.control.action import DECK_NAMES
from remixd.control.command import Applied, AppliedMove, Refused
from remixd.control.journal import Journal
from remixd.control.ledger import Ledger
from remixd.control.marks import Marks
from remixd.control.order import Order, reason_of
from remixd.errors import Exhausted

WAITING_MAX: Final = 232
"""Commands of one session on their way. The engine itself lets 256 wait for their sample."""

PANIC_ROOM: Final = 72
"""Commands that wishes and hands leave free, so that panic always gets through."""

_command_ids = count(time.time_ns())
"""Not those of a daemon that was killed, whose engines this one may have adopted."""


@dataclass(slots=True, eq=False)
class Receipt:
    """What is owed to the sender of one signal: the answer, once all of its commands are applied."""

    signal_id: str
    open: set[int] = field(default_factory=set)
    moves: list[AppliedMove] = field(default_factory=list)
    because: list[str] = field(default_factory=list)
    place: tuple[int, int] = (0, 0)
    late_frames: int = 0


@dataclass(slots=True)
class _Sent:
    """A command on its way."""

    order: Order
    receipts: Sequence[Receipt]
    replaced: Sequence[tuple[Receipt, float]]
    because: str
    told: tuple[str, float] | None


class Receipts:
    """The commands of one session that the engine has not reported on.

    Args:
        commands: the session's mailbox.
        key: of the session, for the engine.
        place: says bar and beat of a source frame of the music on a deck (or EVERY_DECK).
        tell: called with every answer.
        journal: where what is sent is written down first.
        given: what the engine is told where an order says what is wished.
        before: the orders that are to be sent before another, mostly none.
        marks: where it is noted when each was sent.

    Attributes:
        journal: as given.
        version: rises with every order, and with every one that is done.
        ledger: what the engine must be told again, should it die.
    """

    def __init__(
        self,
        commands: Mailbox,
        key: int,
        place: Callable[[int, int], str],
        tell: Callable[[Applied | Refused], None],
        journal: Journal | None = None,
        given: Callable[[Order], Order] = lambda order: order,
        before: Callable[[Order], Sequence[Order]] = lambda _: (),
        marks: Marks | None = None,
    ) -> None:
        self._commands = commands
        self._key = key
        self._place = place
        self._tell = tell
        self._given = given
        self._before = before
        self.journal = journal or Journal()
        self._marks = marks or Marks()
        self._sent: dict[int, _Sent] = {}
        self.version = 0
        self.ledger = Ledger()

    @property
    def free(self) -> int:
        """How many more commands can be sent now."""
        return min(self._commands.free, WAITING_MAX - len(self._sent))

    @property
    def room(self) -> int:
        """How many of them wishes and hands may send: not those that panic needs."""
        return max(self.free - PANIC_ROOM, 0)

    def send(
        self,
        order: Order,
        receipts: Sequence[Receipt] = (),
        *,
        replaced: Sequence[tuple[Receipt, float]] = (),
        because: str = "",
        told: tuple[str, float] | None = None,
    ) -> int:
        """Post one command, written down before; each receipt waits for it too. Its id.

        Raises Exhausted if the mailbox is full.
        `told` is the dimension and value that it stands for, where that is not its own.
        `replaced` are those whose own value this one took the place of before it was sent; they are told so.
        """
        if self._commands.free <= len(DECK_NAMES):
            raise Exhausted("the engine's mailbox is full")
        order = self._given(order)
        for first in self._before(order):
            self._post(first)
        return self._post(order, receipts, replaced, because, told)

    def _post(
        self,
        order: Order,
        receipts: Sequence[Receipt] = (),
        replaced: Sequence[tuple[Receipt, float]] = (),
        because: str = "",
        told: tuple[str, float] | None = None,
    ) -> int:
        decided_ns = time.monotonic_ns()
        self.version += 1
        command = next(_command_ids)
        waiting = (*receipts, *(receipt for receipt, _ in replaced))
        signals = [receipt.signal_id for receipt in waiting]
        self.journal.accept(command, order, signals, because)
        order.post(self._commands, command, self._key)
        self._marks.send(decided_ns, command, signals, order.sample)
        self.ledger.send(command, order)
        self._sent[command] = _Sent(
            order=order, receipts=receipts, replaced=replaced, because=because, told=told
        )
        for receipt in waiting:
            receipt.open.add(command)
        return command

    def take(self, report: ReportEntry) -> None:
        """Note what the engine did with one command; answer the receipts that are complete."""
        sent = self._sent.pop(report.id, None)
        if sent is None:
            return
        self.version += 1
        replaced = ((receipt, value, True) for receipt, value in sent.replaced)
        theirs = ((receipt, report.value, report.superseded) for receipt in sent.receipts)
        for receipt, value, superseded in (*replaced, *theirs):
            receipt.open.discard(report.id)
            if report.kind != APPLIED:
                reason = reason_of(report.kind, report.reason, sent.order)
                self._tell(Refused(id=receipt.signal_id, reason=reason))
            else:
                self._note(receipt, report._replace(value=value, superseded=superseded), sent)
            if not receipt.open and receipt.moves:
                self._tell(self._applied(receipt))

    def _note(self, receipt: Receipt, report: ReportEntry, sent: _Sent) -> None:
        if all(report.sample >= move.sample for move in receipt.moves):
            receipt.place = report.deck, report.position
        name, value = sent.told or (sent.order.name, report.value)
        receipt.moves.append(
            AppliedMove(
                dimension=name,
                value=value,
                sample=report.sample,
                settled_sample=report.settled_sample,
                superseded=report.superseded,
            )
        )
        receipt.late_frames = max(receipt.late_frames, report.late_frames)
        if sent.because:
            receipt.because.append(sent.because)

    def _applied(self, receipt: Receipt) -> Applied:
        return Applied(
            id=receipt.signal_id,
            sample=max(move.sample for move in receipt.moves),
            settled_sample=max(move.settled_sample for move in receipt.moves),
            bar_beat=self._place(*receipt.place),
            late_frames=receipt.late_frames,
            moves=tuple(receipt.moves),
            because="; ".join(receipt.because),
        )

    def awaits(self, signal_id: str) -> bool:
        """Whether anything that was sent for a signal is not reported on yet."""
        return any(
            receipt.signal_id == signal_id for sent in self._sent.values() for receipt in sent.receipts
        )

    @property
    def orders(self) -> list[Order]:
        """What is not reported on yet."""
        return [sent.order for sent in self._sent.values()]

    def order_of(self, command_id: int) -> Order | None:
        """A command that is not reported on yet."""
        sent = self._sent.get(command_id)
        return sent.order if sent else None

    def told_of(self, command_id: int) -> tuple[str, tuple[str, ...]]:
        """Why a command that is not reported on yet was sent, and for which signals."""
        sent = self._sent.get(command_id)
        if sent is None:
            return "", ()
        signals = dict.fromkeys(receipt.signal_id for receipt in sent.receipts if receipt.signal_id)
        return sent.because, tuple(signals)

    def take_back(self, kinds: Collection[int]) -> tuple[list[Order], list[str]]:
        """Answer nothing more for the commands of some kinds that still wait for their sample or mark.

        Returns each, and the ids of the signals that waited for them.
        """
        waiting = [
            sent
            for sent in self._sent.values()
            if sent.order.kind in kinds and (sent.order.sample >= 0 or sent.order.when)
        ]
        signals = dict.fromkeys(receipt.signal_id for sent in waiting for receipt in sent.receipts)
        for sent in waiting:
            sent.receipts = sent.replaced = ()
        return [sent.order for sent in waiting], list(signals)

    def adopt(self, orders: Mapping[int, Order]) -> None:
        """Expect reports of orders that another daemon sent; nobody is owed an answer."""
        for command, order in orders.items():
            self._sent[command] = _Sent(order=order, receipts=(), replaced=(), because="", told=None)
            self.ledger.send(command, order)

    def move(self, commands: Mailbox, told: Collection[int]) -> None:
        """Go on through the mailbox of another engine, which has been `told` of these already."""
        self._commands = commands
        for command, order in self.ledger.open.items():
            if command not in told:
                self.journal.accept(command, order, (), "")
                order.post(commands, command, self._key)

    def clear(self) -> None:
        """Expect no more reports."""
        self._sent.clear()
