"""Histograms of what a crowd wants: integer weights by value, so that sums are exact and machines' add up.

Weights are thousandths. A phantom ballot of the artist, `ARTIST_SHARE` of the crowd's weight, makes the
weighted median of all ballots the artist's own value, clipped to what the ballots from 45 % to 55 % of the
crowd's weight want. Such a median cannot be pulled nearer to anybody's wish by exaggerating it: Moulin, "On
strategy-proofness and single peakedness", Public Choice 35 (1980), 437-455. Pure; Thread: [control].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd.errors import InvalidInput

Weights = NDArray[np.int64]
Units = NDArray[np.float64]

BINS: Final = 32
"""Of a dimension, over taste space, [-1, 1]; the last one is closed."""

FINE_BINS: Final = 1024
"""What is kept of a crowd on this machine: each of the bins in 32."""

ARTIST_SHARE: Final = 0.1
"""The weight of the artist's ballot, as a share of all others together."""

_TWENTIETHS: Final = round(20 * (0.5 - ARTIST_SHARE / 2))


def bins_of(values: Units) -> NDArray[np.uint16]:
    """The fine bin of each value in [-1, 1]; it rises with the value."""
    return np.minimum((values + 1.0) * (FINE_BINS / 2), FINE_BINS - 1).astype(np.uint16)


def coarse(fine: Weights) -> Weights:
    """Histograms of `BINS` of fine ones; the last axis is the bins."""
    summed: Weights = fine.reshape(*fine.shape[:-1], BINS, -1).sum(axis=-1)
    return summed


def middle_ranks(total: int) -> tuple[int, int]:
    """Between which ranks, 1 to `total`, of the ballots' weight the artist's value is clipped.

    The artist's ballot weighs a trifle more than its share, so that there is one median and not a range.
    """
    return -(-_TWENTIETHS * total // 20), (20 - _TWENTIETHS) * total // 20 + 1


def merge(histograms: Sequence[Weights] | Weights) -> Weights:
    """The histogram (D, BINS) of several crowds together; of none, an InvalidInput."""
    merged = [check_histogram(each) for each in histograms]
    if not merged or any(each.shape != merged[0].shape for each in merged):
        raise InvalidInput("histograms that are merged are one at least, and of one shape")
    summed: Weights = np.stack(merged).sum(axis=0)
    return summed


def goal_of(histogram: Weights, artist: Units) -> Units:
    """The medians (D,) of a histogram's ballots and the artist's, each within half a bin of the exact one.

    Args:
        histogram: (D, bins) thousandths, of ballots without the artist's.
        artist: (D,) in [-1, 1].
    """
    histogram = check_histogram(histogram)
    goal = np.array(artist, np.float64)
    for row, weights in enumerate(histogram):
        total = int(weights.sum())
        if total:
            low, high = values_at(weights, middle_ranks(total))
            goal[row] = min(max(goal[row], low), high)
    return goal


def values_at(weights: Weights, ranks: Sequence[int]) -> tuple[float, ...]:
    """The middles of the bins (bins,) in which ranks of the weight, 1 to its sum, are."""
    found = np.searchsorted(np.cumsum(weights), np.asarray(ranks, np.int64))
    return tuple(((found + 0.5) * (2.0 / len(weights)) - 1.0).tolist())


def quantile_ranks(total: int, *shares: float) -> tuple[int, ...]:
    """The ranks, 1 to `total`, that shares of the weight reach."""
    return tuple(min(max(round(share * total), 1), total) for share in shares)


def check_histogram(histogram: Any) -> Weights:
    """The histogram as it is. Raises InvalidInput if it is not (D, bins) integers of 0 or more."""
    array = np.asarray(histogram)
    if array.ndim != 2 or not array.size or not np.issubdtype(array.dtype, np.integer) or array.min() < 0:
        raise InvalidInput("a histogram has dimensions by bins of whole weights, none below 0")
    return array.astype(np.int64)
