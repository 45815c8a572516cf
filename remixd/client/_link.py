"""What both faces know of their line to a daemon: whether it is up, and when to try again."""

from __future__ import annotations

import random
import time
from collections import deque
from typing import Any, Final, Generic, TypeVar

from remixd.client._steps import Ask, Follow
from remixd.config import Address
from remixd.errors import Disconnected, RemixdError

T = TypeVar("T")

RECONNECT_S: Final = 60.0
"""How long a daemon may be away: so long engines play on without one."""

FIRST_WAIT_S: Final = 0.05
LAST_WAIT_S: Final = 2.0


class Backoff:
    """How long to wait before one more attempt: longer each time, and never all clients at once.

    Waits are random between 0 and a bound that doubles ("full jitter": M. Brooker, Exponential Backoff And
    Jitter, AWS Architecture Blog, 2015), from 50 ms to 2 s.

    Args:
        patience_s: for how long, from the first wait on.

    >>> backoff = Backoff(patience_s=60.0)
    >>> waits_s = [backoff.wait_s() for _ in range(9)]
    >>> all(0.0 <= wait_s <= min(2.0, 0.05 * 2**n) for n, wait_s in enumerate(waits_s))
    True
    >>> print(Backoff(patience_s=0.0).wait_s())
    None
    """

    def __init__(self, patience_s: float = RECONNECT_S) -> None:
        self._patience_s = patience_s
        self.reset()

    def reset(self) -> None:
        """Begin anew: what was tried has worked."""
        self._bound_s = FIRST_WAIT_S
        self._since_s: float | None = None

    @property
    def away_s(self) -> float:
        """How long nothing has worked."""
        return 0.0 if self._since_s is None else time.monotonic() - self._since_s

    def wait_s(self) -> float | None:
        """How long to wait now; None if patience is at its end."""
        if self._since_s is None:
            self._since_s = time.monotonic()
        left_s = self._patience_s - self.away_s
        if left_s <= 0.0:
            return None
        bound_s, self._bound_s = self._bound_s, min(2.0 * self._bound_s, LAST_WAIT_S)
        return min(random.uniform(0.0, bound_s), left_s)  # noqa: S311  # no secret


class Link:
    """The line of one client.

    Args:
        address: of the daemon.
        reconnect: whether what was cut is taken up again.

    `reached` is whether the daemon ever answered: one that never did is told at once. `closed` is for good.
    """

    def __init__(self, address: Address, reconnect: bool) -> None:
        self.address: Final = address
        self.reconnect: Final = reconnect
        self.reached = False
        self.closed = False

    def may_return(self, error: RemixdError) -> bool:
        """Whether it is worth trying again after `error`."""
        return self.reconnect and self.reached and not self.closed and isinstance(error, Disconnected)


class Asking:
    """The attempts at one call, within its timeout."""

    def __init__(self, ask: Ask, link: Link) -> None:
        self._ask = ask
        self._link = link
        self._backoff = Backoff(min(ask.timeout_s, RECONNECT_S))
        self._until_s = time.monotonic() + ask.timeout_s

    @property
    def left_s(self) -> float:
        """How long the next attempt may take."""
        return max(0.001, self._until_s - time.monotonic())

    def wait_s(self, error: Disconnected) -> float | None:
        """How long to wait before another attempt; None for `error` to be told."""
        harmless = self._ask.is_repeatable or not error.sent
        return self._backoff.wait_s() if harmless and self._link.may_return(error) else None


class Following(Generic[T]):
    """A stream through all its cuts: what is to be read from it, and how long it lasts."""

    def __init__(self, follow: Follow[T], link: Link) -> None:
        self._follow = follow
        self._link = link
        self._backoff = Backoff()
        self._until_s = None if follow.timeout_s is None else time.monotonic() + follow.timeout_s
        self._last: T | None = None
        self.to_read: deque[T] = deque()
        self.ends_in_time: Final = follow.ends_in_time

    @property
    def left_s(self) -> float | None:
        """How long it may last still; None for ever."""
        return None if self._until_s is None else max(0.001, self._until_s - time.monotonic())

    def wait_s(self, error: RemixdError) -> float | None:
        """How long to wait before it is opened again; None for `error` to be told."""
        if self._follow.again is None or not self._link.may_return(error):
            return None
        wait_s = self._backoff.wait_s()
        return wait_s if wait_s is None or self.left_s is None else min(wait_s, self.left_s)

    def take(self, message: Any) -> None:
        """Read a message: what it says is in `to_read`, after what there is to tell of a cut."""
        value = self._follow.read(message)
        if value is None:
            return
        again, away_s = self._follow.again, self._backoff.away_s
        if again is not None:
            if away_s and (told := again.told(away_s)) is not None:
                self.to_read.append(told)
            if away_s and self._last is not None:
                value = again.joined(self._last, value)
            self._last = value
        self._backoff.reset()
        self._link.reached = True
        self.to_read.append(value)
