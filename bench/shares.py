"""Who may take how long when every bench runs quickly, and what ends one that takes longer."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SHARES_S: Final[dict[str, float]] = {
    "kernel": 17.0, "quality": 23.0, "audience": 13.0, "load": 24.0, "analysis": 20.0, "rack": 3.0,
    "chaos": 27.0, "latency": 28.0, "decks": 24.0, "session": 14.0, "ballots": 4.0, "signals": 15.0,
    "crowd": 13.0, "ingest": 9.0, "form": 7.0, "presets": 8.0, "plugins": 8.0, "page": 9.0,
    "console": 12.0,
    "phones": 15.0, "trace": 6.0,
}  # fmt: skip
"""Seconds of each quick form, in the order in which they run: 299 in all, under five minutes."""
SHARE_OTHER_S: Final = 5.0
"""Of a bench that is not in the table."""


class OverTime(KeyboardInterrupt):
    """The time of a bench is over. As an interrupt it passes through event loops and broad handlers."""


class Clock:
    """The time that quick benches have: what one leaves over, those after it may take.

    Args:
        now_s: when the first begins, in monotonic time.
    """

    def __init__(self, now_s: float) -> None:
        self._ends_s = now_s

    def begin(self, name: str, now_s: float) -> float:
        """How many seconds a bench that begins now has: at least its share."""
        share_s = SHARES_S.get(name, SHARE_OTHER_S)
        self._ends_s += share_s
        return max(self._ends_s - now_s, share_s)


def in_order(names: list[str]) -> list[str]:
    """Benches in the order of the table, those that are not in it last."""
    places = {name: place for place, name in enumerate(SHARES_S)}
    return sorted(names, key=lambda name: (places.get(name, len(places)), name))


@contextmanager
def stopped_after(seconds: float | None) -> Iterator[None]:
    """Raise OverTime in this thread if the block takes longer; None never does.

    Only the main thread can be stopped: in another the block takes as long as it takes.
    """
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise OverTime

    handler = signal.signal(signal.SIGALRM, stop)
    left_s, every_s = signal.setitimer(signal.ITIMER_REAL, seconds)
    began = time.monotonic()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, handler)
        if left_s:  # somebody else's alarm goes on
            signal.setitimer(signal.ITIMER_REAL, max(left_s - (time.monotonic() - began), 0.001), every_s)


@contextmanager
def termination_interrupts() -> Iterator[None]:
    """Have SIGTERM do what Ctrl-C does, so that a run that is asked to end keeps what it found."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    handler = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)


@contextmanager
def held_back() -> Iterator[None]:
    """Let what ends a run wait until the block is over: in a callback from C its exception would be lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {
        each: signal.signal(each, lambda number, _frame: came.append(number))
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    }
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        for number in came:
            signal.raise_signal(number)
