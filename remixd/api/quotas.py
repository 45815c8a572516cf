"""How much each caller may have: token buckets, and counts of what is open. Thread: [control]."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from remixd.errors import Exhausted
from remixd.settings import Limits

BUCKETS_MAX: Final = 65_536
"""Callers whose rate is remembered; beyond it those that are full again are forgotten."""


class Bucket:
    """So many at once, and so many a second from then on."""

    __slots__ = ("_at_s", "_left")

    def __init__(self, burst: float, now_s: float) -> None:
        self._left = burst
        self._at_s = now_s

    def take(self, count: float, rate: float, burst: float, now_s: float) -> float:
        """Take `count`, and return 0; or take nothing, and return in how many seconds there are so many."""
        self.fill(rate, burst, now_s)
        if count > self._left:
            return (min(count, burst) - self._left) / rate or 1.0 / rate
        self._left -= count
        return 0.0

    def fill(self, rate: float, burst: float, now_s: float) -> bool:
        """Add what time has brought; whether it is full."""
        self._left = min(burst, self._left + max(now_s - self._at_s, 0.0) * rate)
        self._at_s = now_s
        return self._left >= burst


class Quotas:
    """What callers use, by their `sub`.

    Args:
        limits: how much they may.
        now_s: a clock that only rises, in seconds.
    """

    def __init__(self, limits: Limits, now_s: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._now_s = now_s
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._open: Counter[str] = Counter()
        self._open_in_all = 0

    def take(self, quota: str, sub: str, count: int = 1) -> None:
        """Count calls or signals of a caller. Raises Exhausted if those are too many."""
        rate, burst = (
            (self.limits.calls_per_s, self.limits.calls_burst)
            if quota == "calls"
            else (self.limits.signals_per_s, self.limits.signals_burst)
        )
        now_s = self._now_s()
        bucket = self._buckets.get((quota, sub))
        if bucket is None:
            self._make_room(now_s)
            bucket = self._buckets[quota, sub] = Bucket(burst, now_s)
        if wait_s := bucket.take(count, rate, burst, now_s):
            raise Exhausted(
                f"this token has used up its {quota}: {rate:g} a second, and {burst} at once; "
                f"wait {wait_s:.3g} s",
                quota=quota, retry_after_s=wait_s,
            )  # fmt: skip

    def _make_room(self, now_s: float) -> None:
        if len(self._buckets) < BUCKETS_MAX:
            return
        limits = self.limits
        rates = {
            "calls": (limits.calls_per_s, limits.calls_burst),
            "signals": (limits.signals_per_s, limits.signals_burst),
        }
        kept = {key: it for key, it in self._buckets.items() if not it.fill(*rates[key[0]], now_s)}
        if len(kept) >= BUCKETS_MAX:  # the oldest have waited longest
            kept = dict(list(kept.items())[BUCKETS_MAX // 2 :])
        self._buckets = kept

    @contextmanager
    def stream(self, sub: str | None) -> Iterator[None]:
        """Hold a stream open; of a caller without a token, None, only all together are counted.

        Raises Exhausted if there are too many.
        """
        limits = self.limits
        if self._open_in_all >= limits.streams_max:
            raise Exhausted(
                "the daemon has as many streams open as it may", quota="streams", retry_after_s=1.0
            )
        if sub is not None and self._open[sub] >= limits.streams_per_token:
            raise Exhausted(
                f"this token has {limits.streams_per_token} streams open, and may have no more",
                quota="streams",
            )
        self._open_in_all += 1
        if sub is not None:
            self._open[sub] += 1
        try:
            yield
        finally:
            self._open_in_all -= 1
            if sub is not None:
                self._open[sub] -= 1
                if not self._open[sub]:
                    del self._open[sub]
