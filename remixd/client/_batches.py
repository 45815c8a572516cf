"""Signals on their way: what waits to be sent, what was sent and is not answered, what is sent again."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from remixd.v1 import audience_pb2 as pb

F = TypeVar("F")

BATCH_SIGNALS: Final = 64
BATCH_WAIT_S: Final = 0.02
"""A batch is sent when so many signals wait, or so long after the first of them came."""

KEPT_SIGNALS: Final = 1024
"""Signals that may be on their way at a time."""


@dataclass(frozen=True, slots=True)
class OnItsWay(Generic[F]):
    """A signal, and who waits for its answer; `due_s` is when it is to be sent at last, by the clock."""

    signal: pb.Signal
    future: F
    due_s: float


class Batches(Generic[F]):
    """Every signal that has no answer yet, in the order it came. Its owner sees to locks.

    >>> batches: Batches[str] = Batches()
    >>> for name in ("a", "b"):
    ...     batches.add(pb.Signal(id=name), f"who waits for {name}")
    >>> batches.hurry()
    >>> [signal.id for signal in batches.next_batch()]
    ['a', 'b']
    >>> batches.cut()  # the daemon went before it answered
    >>> [signal.id for signal in batches.next_batch()]
    ['a', 'b']
    >>> batches.answered()
    >>> len(batches)
    0
    """

    def __init__(self) -> None:
        self._waiting: deque[OnItsWay[F]] = deque()
        self._again: deque[list[OnItsWay[F]]] = deque()
        self._sent: deque[list[OnItsWay[F]]] = deque()
        self._hurried = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def has_room(self) -> bool:
        """Whether one more may come."""
        return self._count < KEPT_SIGNALS

    def add(self, signal: pb.Signal, future: F) -> None:
        """Take one more signal."""
        self._waiting.append(OnItsWay(signal, future, time.monotonic() + BATCH_WAIT_S))
        self._count += 1

    def hurry(self) -> None:
        """Have all that waits sent at once."""
        self._hurried = len(self._waiting)

    def due_in_s(self) -> float | None:
        """How long until a batch is due, 0 or less for now; None while nothing waits."""
        if self._again:
            return 0.0
        if not self._waiting:
            return None
        if self._hurried or len(self._waiting) >= BATCH_SIGNALS:
            return 0.0
        return self._waiting[0].due_s - time.monotonic()

    def next_batch(self) -> Iterable[pb.Signal]:
        """The batch that is due, which counts as sent from here on."""
        if self._again:
            batch = self._again.popleft()
        else:
            batch = [self._waiting.popleft() for _ in range(min(BATCH_SIGNALS, len(self._waiting)))]
            self._hurried = max(0, self._hurried - len(batch))
        self._sent.append(batch)
        return [each.signal for each in batch]

    def cut(self) -> None:
        """What was sent and is not answered is sent again, the same batches with the same ids."""
        self._again.extendleft(reversed(self._sent))
        self._sent.clear()

    def oldest(self) -> list[OnItsWay[F]]:
        """The batch that is answered next: the one that was sent first. None sent: no signals."""
        return self._sent[0] if self._sent else []

    def answered(self) -> None:
        """Be done with that batch."""
        if self._sent:
            self._count -= len(self._sent.popleft())

    def drop(self) -> list[F]:
        """Give all of it up; who waits for the answers."""
        batches = (*self._sent, *self._again, self._waiting)
        futures = [each.future for batch in batches for each in batch]
        for kept in (self._sent, self._again, self._waiting):
            kept.clear()
        self._count = self._hurried = 0
        return futures
