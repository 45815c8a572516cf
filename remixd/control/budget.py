"""Work that anybody may ask for, and that takes long: so much of it, and no more. Thread: [control]."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from remixd.errors import Exhausted


class Budget:
    """A share of this process's time, through which everybody's sound passes.

    Args:
        what: the work, in the plural.
        share: of the time that it may take in the long run.
        burst_s: how much it may take at once.
        now_s: a clock that only rises, in seconds.
    """

    def __init__(
        self, what: str, share: float, burst_s: float, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._what, self._share, self._burst_s, self._now_s = what, share, burst_s, now_s
        self._taken_s = 0.0
        self._at_s = now_s()

    @contextmanager
    def spend(self) -> Iterator[None]:
        """Work within this. Raises Exhausted, with when to come again, if too much was taken."""
        began_s = self._now_s()
        self._taken_s = max(self._taken_s - (began_s - self._at_s) * self._share, 0.0)
        self._at_s = began_s
        if self._taken_s > self._burst_s:
            wait_s = (self._taken_s - self._burst_s) / self._share
            raise Exhausted(
                f"too many {self._what} are asked for: wait {wait_s:.3g} s", quota=self._what,
                retry_after_s=wait_s,
            )  # fmt: skip
        try:
            yield
        finally:
            self._taken_s += self._now_s() - began_s
