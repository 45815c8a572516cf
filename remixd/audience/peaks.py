"""Crowds of two minds: found in a histogram, and served in turns. Pure; Thread: [control].

The split is the one of greatest variance between its sides: Otsu, "A threshold selection method from
gray-level histograms", IEEE Trans. SMC 9 (1979), 62-66. Of a flat histogram such a split explains .75 of the
variance, of a normal one .64; two peaks are more than that, with little between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd.audience.histogram import BINS, Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What two peaks are.

    Attributes:
        share: each has this of the weight, at least.
        apart: in taste space, the means of the sides, at least.
        explained: share of the variance that lies between the sides, at least.
        valley: share of the weight in the middle third between the means, at most.
        unseen: fans who might be in the valley, beside those who are: few fans leave any valley empty.
    """

    share: float
    apart: float
    explained: float
    valley: float
    unseen: float


ARISE: Final = Criteria(share=0.25, apart=0.5, explained=0.8, valley=0.08, unseen=2.0)
REMAIN: Final = Criteria(share=0.2, apart=0.4, explained=0.75, valley=0.12, unseen=0.0)
"""Two peaks that stand remain while they fulfil less: they do not come and go."""


@dataclass(frozen=True, slots=True)
class Split:
    """Where a crowd parts.

    Attributes:
        edge: the number of bins, of BINS, below it.
        low_share: of the weight below it.
    """

    edge: int
    low_share: float


def find_split(weights: Weights, fans: int, criteria: Criteria) -> Split | None:
    """Where a crowd of two minds parts; None if it is of one mind, or of many.

    Args:
        weights: (BINS,), of one dimension.
        fans: how many opinions those are.
        criteria: what it has to fulfil.
    """
    total = int(weights.sum())
    if not total or criteria.unseen > criteria.valley * (fans + 2 * criteria.unseen):
        return None
    middles = (np.arange(BINS) + 0.5) * (2.0 / BINS) - 1.0
    sums, moments = np.cumsum(weights) / total, np.cumsum(weights * middles) / total
    low, mean = sums[:-1], moments[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.where((low > 0) & (low < 1), (moments[:-1] - low * mean) ** 2 / (low * (1 - low)), 0.0)
    at = int(np.argmax(between))
    variance = float(weights @ (middles - mean) ** 2) / total
    share = float(low[at])
    if min(share, 1.0 - share) < criteria.share or between[at] < criteria.explained * variance:
        return None
    low_mean, high_mean = moments[at] / share, (mean - moments[at]) / (1.0 - share)
    third = (high_mean - low_mean) / 3
    edges = np.linspace(-1.0, 1.0, BINS + 1)
    below = np.interp([low_mean + third, high_mean - third], edges, np.concatenate([[0.0], sums]))
    valley = (float(below[1] - below[0]) * fans + criteria.unseen) / (fans + 2 * criteria.unseen)
    if high_mean - low_mean < criteria.apart or valley > criteria.valley:
        return None
    return Split(at + 1, share)


class Turns:
    """Whose turn it is in each dimension, a section at a time.

    A side waits for its share of the weight a section, and its turn pays for one section: what it had differs
    from what was due to it by one section at most, however the shares move.

    Args:
        dimensions: how many.
        seed: who begins, where all else is equal.

    Attributes:
        splits: by dimension, where the crowd parts.
        high: (D,) whether the turn is the upper side's.
    """

    def __init__(self, dimensions: int, seed: int) -> None:
        self.splits: list[Split | None] = [None] * dimensions
        self.high: NDArray[np.bool_] = np.zeros(dimensions, np.bool_)
        self._waited = [0.0] * dimensions
        self._section: int | None = None
        self._begins_high = [bool(each) for each in np.random.default_rng(seed).integers(0, 2, dimensions)]

    def advance(self, weights: Weights, fans: NDArray[np.int64], section: int) -> None:
        """See to it that every dimension has its split and its turn.

        Args:
            weights: (D, BINS).
            fans: (D,) how many opinions.
            section: any number; turns begin, and go over, when it is another than before.
        """
        is_new, self._section = section != self._section, section
        for row, split in enumerate(self.splits):
            if split is None and not is_new:
                continue
            criteria = ARISE if split is None else REMAIN
            found = self.splits[row] = find_split(weights[row], int(fans[row]), criteria)
            if found is not None and is_new:
                self._take_turn(row, found.low_share)

    def _take_turn(self, row: int, low_share: float) -> None:
        low = self._waited[row] + low_share
        high = 1.0 - low
        self.high[row] = high > low if abs(high - low) > 1e-9 else self._begins_high[row]
        self._waited[row] = low if self.high[row] else low - 1.0

    def to_json(self) -> dict[str, Any]:
        """All but the seed, in JSON's types."""
        return {
            "splits": [split and [split.edge, split.low_share] for split in self.splits],
            "high": self.high.tolist(),
            "waited": list(self._waited),
            "section": self._section,
        }

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Go on from what `to_json` wrote. Raises KeyError, TypeError or ValueError."""
        self.splits = [split and Split(int(split[0]), float(split[1])) for split in plain["splits"]]
        self.high = np.array(plain["high"], np.bool_)
        self._waited = [float(each) for each in plain["waited"]]
        self._section = plain["section"]
