"""What was heard when: the mixes that events are credited to. Pure; Thread: [control]."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from remixd.audience.space import D, Floats, check_points
from remixd.errors import InvalidInput

CREDIT_S: Final = 2.0
"""A fan judges what was heard this long ago: between 1 and 3 s."""

COMPARED_S: Final = 8.0
"""What `better than before` compares with was heard this much earlier."""

KEPT_S: Final = 60.0


class HeardLog:
    """A table of mixes, as points of taste space, by row. A row stays what it is until it is freed."""

    def __init__(self) -> None:
        self._points: Floats = np.zeros((64, D))
        self._count = 0
        self._free: list[int] = []

    @property
    def points(self) -> Floats:
        """Every row, float64 (rows, D); those that were freed hold anything inside taste space."""
        return self._points[: self._count]

    def add(self, points: ArrayLike) -> NDArray[np.int32]:
        """Take mixes (n, D) in; their rows. Raises InvalidInput if one is outside taste space."""
        taken = check_points(np.atleast_2d(np.asarray(points, np.float64)))
        rows = [self._free.pop() for _ in range(min(len(self._free), len(taken)))]
        more = len(taken) - len(rows)
        while self._count + more > len(self._points):
            self._points = np.concatenate([self._points, np.zeros_like(self._points)])
        rows += range(self._count, self._count + more)
        self._count += more
        self._points[rows] = taken
        return np.array(rows, np.int32)

    def free_all_but(self, used: NDArray[np.bool_]) -> int:
        """Free the rows whose flag, of (rows,), is not set, for others to take; how many are free now."""
        self._free = np.flatnonzero(~used)[::-1].tolist()
        return len(self._free)

    def load(self, rows: NDArray[np.int32], points: Floats) -> None:
        """Hold these rows and no others. Raises InvalidInput for rows that are none."""
        points = check_points(points)
        if rows.shape != (len(points),) or (rows < 0).any() or len(np.unique(rows)) != len(rows):
            raise InvalidInput("the mixes heard have other rows")
        self._count = int(rows.max(initial=-1)) + 1
        self._points = np.zeros((max(64, self._count), D))
        self._points[rows] = points
        used = np.zeros(self._count, np.bool_)
        used[rows] = True
        self.free_all_but(used)


class Hearing:
    """What a session sounded like over the last minute.

    Args:
        log: where its mixes are kept.
    """

    def __init__(self, log: HeardLog) -> None:
        self._log = log
        self._past: deque[tuple[float, int]] = deque()

    def note(self, at_s: float, point: Floats) -> int:
        """From a time on this mix (D,) is heard; its row. A time that ran back begins a new past.

        Raises InvalidInput for a point outside taste space or a time that is not finite.
        """
        if not np.isfinite(at_s):
            raise InvalidInput("the time of what is heard is not finite")
        if self._past and at_s < self._past[-1][0]:
            self._past.clear()
        if self._past and np.array_equal(self._log.points[self._past[-1][1]], point):
            return self._past[-1][1]
        row = int(self._log.add(point)[0])
        self._past.append((at_s, row))
        while len(self._past) > 1 and self._past[1][0] < at_s - KEPT_S:
            self._past.popleft()
        return row

    def at(self, at_s: float) -> int:
        """The row of what was heard at a time; the first there is, of a time before. -1 if there is none."""
        found = -1
        for since_s, row in reversed(self._past):
            found = row
            if since_s <= at_s:
                break
        return found

    def credited(self, at_s: float) -> tuple[int, int]:
        """The rows of what an event at a time judges, and of what was heard before that."""
        return self.at(at_s - CREDIT_S), self.at(at_s - CREDIT_S - COMPARED_S)

    def rows(self) -> Iterable[int]:
        """The rows that it refers to: not to be freed."""
        return (row for _, row in self._past)
