"""Brigades: many who come at once and want the same, which the crowd that was there does not.

A crowd that only comes at once is none: its opinions are its own, and spread as opinions do. So what counts
is the excess of newcomers in a narrow window, or beyond a quartile of the settled crowd, over what one would
expect from all other newcomers if they were like the settled. Opinions between its quartiles agree with it,
and are never in excess; nor are those of the artist's own value, where knobs come back to, unless that is an
end. Where nobody has settled yet, nothing can be said. Pure; Thread: [control].
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd.audience.ballots import NO_BIN, Ballots, Mask
from remixd.audience.histogram import BINS, FINE_BINS, Units, Weights, bins_of

NEW_S: Final = 30.0
"""A fan is a newcomer for so long after its first ballot; then it has settled."""

DAMPED_S: Final = 180.0
"""A damped fan counts in full again when its first ballot is so old, if it does not agree before."""

FANS_MIN: Final = 30
"""Of fewer newcomers, or fewer settled, nothing can be said."""

WINDOW_BINS: Final = 3
WINDOW_EXCESS: Final = 0.35
"""Share of the newcomers who are in excess in the window, at least."""

SIDE_EXCESS: Final = 0.75
"""Likewise beyond a quartile."""

CROWD_EXCESS: Final = 0.05
"""Likewise of the crowd: fewer do not move a median by much."""

SIGMAS: Final = 5.0
"""The excess in standard deviations of what is expected, at least: many windows are looked at."""

SAMPLE: Final = 8_192
"""Of twice as many fans or more, only every second, third and so on is counted to find a brigade."""

_STARTS: Final = np.array([*range(BINS - WINDOW_BINS + 1)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A brigade that is being damped, for the DJ.

    Attributes:
        name: of the dimension.
        fans: whose opinions are damped now.
        towards: what they want on the average, in taste space.
        since_s: when the first was damped.
    """

    name: str
    fans: int
    towards: float
    since_s: float


class Guard:
    """Damps the opinions of brigades until they age, or agree with the crowd.

    Args:
        names: of the dimensions.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._since_s: list[float | None] = [None] * len(names)

    def watch(self, ballots: Ballots, artist: Units, now_s: float) -> tuple[Alarm, ...]:
        """Damp newcomers who are a brigade, and let go of those who were one; who is damped now."""
        known = int(np.count_nonzero(np.isfinite(ballots.first_s)))
        if known < 2 * FANS_MIN and not ballots.damped.any():
            return ()
        settled, newcomers = _counted(ballots, max(1, known // SAMPLE), now_s)
        marks = bins_of(artist) // (FINE_BINS // BINS)
        alarms = []
        for row, name in enumerate(self._names):
            self._damp(ballots, row, excess(newcomers[row], settled[row], marks[row]), now_s)
            if self._since_s[row] is not None:
                self._release(ballots, row, agreeing(settled[row]), now_s)
            alarm = self._alarm(ballots, row, name, now_s)
            if alarm is not None:
                alarms.append(alarm)
        return tuple(alarms)

    def _damp(self, ballots: Ballots, row: int, bins: Mask, now_s: float) -> None:
        if bins.any():
            among = _among(ballots.bins[row], bins) & ~ballots.damped[row]
            ballots.damp(row, np.flatnonzero(among & (ballots.first_s > now_s - NEW_S)), True)

    def _release(self, ballots: Ballots, row: int, agree: Mask, now_s: float) -> None:
        done = (ballots.first_s <= now_s - DAMPED_S) | _among(ballots.bins[row], agree)
        ballots.damp(row, np.flatnonzero(done & ballots.damped[row]), False)

    def _alarm(self, ballots: Ballots, row: int, name: str, now_s: float) -> Alarm | None:
        slots = np.flatnonzero(ballots.damped[row])
        if not len(slots):
            self._since_s[row] = None
            return None
        since_s = self._since_s[row]
        since_s = self._since_s[row] = now_s if since_s is None else min(since_s, now_s)
        towards = math.fsum(ballots.values[row, slots]) / len(slots)
        return Alarm(name=name, fans=len(slots), towards=towards, since_s=since_s)

    def to_json(self) -> dict[str, Any]:
        """What it remembers, in JSON's types."""
        return {"since_s": list(self._since_s)}

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Go on from what `to_json` wrote. Raises KeyError, TypeError or ValueError."""
        self._since_s = [None if each is None else float(each) for each in plain["since_s"]]


def agreeing(settled: Weights) -> Mask:
    """(BINS,) which bins lie between the quartiles of the settled; of too few none."""
    total = int(settled.sum())
    if total < FANS_MIN:
        return np.zeros(BINS, np.bool_)
    sums = np.cumsum(settled)
    at = np.arange(BINS)
    inside: Mask = (at >= np.searchsorted(sums, total / 4)) & (at <= np.searchsorted(sums, 3 * total / 4))
    return inside


def excess(newcomers: Weights, settled: Weights, mark: int) -> Mask:
    """(BINS,) in which bins newcomers are a brigade; none if there is none.

    Args:
        newcomers: (BINS,) how many want what.
        settled: (BINS,) likewise of those who were there before.
        mark: the bin of the artist's own value.
    """
    found: Mask = np.zeros(BINS, np.bool_)
    new, old = int(newcomers.sum()), int(settled.sum())
    if new < FANS_MIN or old < FANS_MIN:
        return found
    beyond = ~agreeing(settled)
    lowest, highest = int(np.argmin(beyond)), BINS - int(np.argmin(beyond[::-1]))
    beyond[mark] &= mark in (0, BINS - 1)
    starts = np.append(_STARTS, [0, highest])
    ends = np.append(_STARTS + WINDOW_BINS, [lowest, BINS])
    shares = np.repeat([WINDOW_EXCESS, SIDE_EXCESS], [len(_STARTS), 2])
    come, were = _sums(newcomers * beyond, starts, ends), _sums(settled * beyond, starts, ends)
    scales = (new - come) / np.maximum(old - were, 1)
    over = come - scales * were
    enough = (over >= shares * new) & (over >= CROWD_EXCESS * (new + old))
    enough &= over >= SIGMAS * np.sqrt(np.maximum(scales * were, 1.0))
    if enough.any():
        most = int(np.argmax(np.where(enough, over, 0.0)))
        place = slice(starts[most], ends[most])
        found[place] = (beyond & (newcomers > 2.0 * scales[most] * settled))[place]
    return found


def _sums(counts: Weights, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Weights:
    sums = np.concatenate([[0], np.cumsum(counts)])
    found: Weights = sums[ends] - sums[starts]
    return found


def _counted(ballots: Ballots, every: int, now_s: float) -> tuple[Weights, Weights]:
    """(D, BINS) opinions of the settled, and of newcomers; the settled who are damped are neither."""
    bins = np.minimum(ballots.bins[:, ::every] // (FINE_BINS // BINS), BINS)
    is_new = ballots.first_s[::every] > now_s - NEW_S
    kinds = np.where(is_new, 1, 2 * ballots.damped[:, ::every])
    rows = np.arange(len(bins))[:, None]
    counts = np.bincount(
        ((rows * 3 + kinds) * (BINS + 1) + bins).ravel(), minlength=len(bins) * 3 * (BINS + 1)
    )
    counts = counts.reshape(len(bins), 3, BINS + 1)[:, :, :BINS]
    return counts[:, 0], counts[:, 1]


def _among(fine: NDArray[np.uint16], bins: Mask) -> Mask:
    """Which of fine bins belong to any of the bins (BINS,)."""
    table = np.zeros(NO_BIN + 1, np.bool_)
    table[:FINE_BINS] = np.repeat(bins, FINE_BINS // BINS)
    among: Mask = table[fine]
    return among
