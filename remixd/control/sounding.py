"""How long it takes from a signal's arrival until it is heard. Thread: [control]."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from remixd.audience.signal import Signal
from remixd.control.command import Answer, Applied, Refused
from remixd.control.observing import Observer
from remixd.control.tracing import SpanOf
from remixd.units import RATE_HZ

WAITING_MAX: Final = 1024
"""Signals of one session that are waited for; of more the oldest are not measured."""


class Sounding:
    """Follows the signals of one session into its sound.

    Args:
        tell: called with every second answer, after it was looked at here.

    Attributes:
        observer: is told; nothing is measured while it is None.
    """

    def __init__(self, tell: Callable[[Applied | Refused], None]) -> None:
        self._tell = tell
        self.observer: Observer | None = None
        self._waiting: dict[str, tuple[int, SpanOf | None]] = {}
        self._sample = 0
        self._due_ns = 0
        self._mode = "hands-on"

    def take(self, signals: Sequence[Signal], answers: Sequence[Answer], mode: str) -> None:
        """Note a batch and its first answers. Only what moves something of the mix becomes sound."""
        if self.observer is None:
            return
        now_ns, call, self._mode = time.monotonic_ns(), self.observer.calling(), mode
        for signal, answer in zip(signals, answers, strict=True):
            if answer.accepted and not answer.duplicate and (signal.wishes or signal.directions):
                self._waiting[signal.id] = now_ns, call
        while len(self._waiting) > WAITING_MAX:
            del self._waiting[next(iter(self._waiting))]

    def take_packet(self, sample: int, due_ns: int) -> None:
        """Know when a sample of the session is heard: that of its newest packet, at the sink."""
        self._sample, self._due_ns = sample, due_ns

    def tell(self, answer: Applied | Refused) -> None:
        """Hand on a second answer, and measure it."""
        taken = self._waiting.pop(answer.id, None) if self._waiting else None
        if taken is not None and self.observer is not None and isinstance(answer, Applied) and answer.moves:
            first = min(move.sample for move in answer.moves)
            heard_ns = self._due_ns + (first - self._sample) * 1_000_000_000 // RATE_HZ
            self.observer.sounded(self._mode, taken[0], heard_ns, taken[1])
        self._tell(answer)
