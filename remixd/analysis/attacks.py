"""Where an attack begins, to a fraction of a millisecond."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rise:
    """How a rise in energy is measured, in frames: `after` a moment, against `before` it."""

    before: int
    after: int


def attack_frame(pcm: Audio, start: int, stop: int, rise: Rise) -> tuple[int, float]:
    """The frame in `start <= f < stop` at which an attack begins, and by how many nepers energy rises there.

    The energies are those of the first and second difference of the sound, which lift the broad spectrum of
    an attack out of the tones that ring on below it; their logarithms are added.
    """
    low, high = start - rise.before, stop + rise.after
    piece = np.zeros((high - low + 2, 2), np.float64)
    inside_low, inside_high = max(low - 2, 0), min(high, pcm.shape[0])
    piece[inside_low - low + 2 : inside_high - low + 2] = pcm[inside_low:inside_high]
    score = np.zeros(stop - start)
    first = np.diff(piece, axis=0)
    for feature in (first[1:], np.diff(first, axis=0)):
        sums = np.concatenate([[0.0], np.cumsum(np.einsum("ij,ij->i", feature, feature))])
        mid = sums[rise.before : rise.before + stop - start]
        before = (mid - sums[: stop - start]) / rise.before
        after = (sums[rise.before + rise.after :][: stop - start] - mid) / rise.after
        least = 1e-4 * after.max() + 1e-14
        score += np.log((after + least) / (before + least))
    best = int(np.flatnonzero(score >= score.max() - 0.02)[-1])
    return start + best, 0.5 * float(score[best])
