"""What a session's engine was told to do and has not in its newest checkpoint: its heir must be told again.

Thread: [control].
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from remixd._kernel.mailbox import APPLIED, WAITS, CommandEntry, ReportEntry
from remixd.control.order import Order


class Ledger:
    """The orders of one session, from when they are sent until a checkpoint holds them."""

    def __init__(self) -> None:
        self._open: dict[int, Order] = {}
        self._done: deque[tuple[int, int, Order]] = deque()

    def __len__(self) -> int:
        return len(self._done)

    @property
    def open(self) -> dict[int, Order]:
        """What is not done yet, by its id."""
        return self._open

    def send(self, command_id: int, order: Order) -> None:
        """Note an order that was sent."""
        self._open[command_id] = order

    def take(self, report: ReportEntry) -> None:
        """Note what the engine has told of one."""
        order = self._open.get(report.id)
        if order is None:
            return
        if report.kind == WAITS:  # for a mark, from when it came
            self._open[report.id] = replace(order, sample=max(order.sample, report.sample))
            return
        del self._open[report.id]
        if report.kind == APPLIED:
            self._done.append((report.serial, report.id, replace(order, sample=report.sample, when=0)))

    def trim(self, told: int) -> None:
        """Forget what was told up to this serial: it is in a checkpoint."""
        while self._done and self._done[0][0] <= told:
            self._done.popleft()

    def since(self, told: int, end: int) -> dict[int, Order]:
        """What another engine must be told, in order; from here on it is not done yet.

        Args:
            told: the serial of the last report before the checkpoint.
            end: the sample from which on nothing was rendered: whatever had no sample acts there.
        """
        orders = self.missing(told, end)
        self._open = dict(orders)
        self._done.clear()
        return orders

    def missing(self, told: int, end: int) -> dict[int, Order]:
        """The same, for who only looks ahead: what is done stays so."""
        self.trim(told)
        orders = {command_id: order for _, command_id, order in self._done}
        for command_id, order in self._open.items():
            orders[command_id] = order if order.sample >= 0 else replace(order, sample=end)
        return orders


def entry_of(command_id: int, key: int, order: Order) -> CommandEntry:
    """An order as the kernel resumes it."""
    return CommandEntry(
        id=command_id,
        session=key,
        kind=order.kind,
        dimension=order.dimension,
        sample=order.sample,
        value=order.value,
        ramp_frames=order.ramp_frames,
        deck=order.deck,
        when=order.when,
        shape=order.shape,
        expires=order.expires,
        extra=order.extra,
    )
