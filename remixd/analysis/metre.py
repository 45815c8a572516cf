"""What a beat is, how many make a bar, and which of them is the first.

A tracker's beats may lie at any metrical level. Every reading of them (a level, an offset, a metre, a first
beat) is scored by what kick, snare, bass and harmony do where it says beats and bars are; scores are in
nepers of likelihood, so that their softmax tells how sure a reading is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from remixd.analysis.metre_evidence import Metre, gather_evidence
from remixd.analysis.metre_lattice import Floats, Lattice
from remixd.analysis.metre_weights import weights_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to hear a song.

    Attributes:
        every, offset: subdivisions a beat lasts, and where the first beat lies.
        metre: of the bars.
        first: the beat, from 0, with which the first whole bar begins.
        score: nepers.
    """

    every: int
    offset: int
    metre: Metre
    first: int
    score: float


def read_metre(lattice: Lattice) -> list[Reading]:
    """Score every reading, best first; empty where there are fewer than two bars. Thread: [ingest]."""
    weights = weights_of(lattice.drums)
    readings = [
        Reading(every=every, offset=offset, metre=metre, first=first, score=float(weights @ evidence))
        for every, offset, metre, first, evidence in gather_evidence(lattice)
    ]
    return sorted(readings, key=lambda reading: -reading.score)


def probabilities(readings: Sequence[Reading]) -> Floats:
    """Softmax of the readings' scores, (readings,)."""
    scores = np.array([reading.score for reading in readings])
    odds = np.exp(scores - scores.max())
    return np.asarray(odds / odds.sum(), np.float64)
