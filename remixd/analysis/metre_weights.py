"""How much each piece of evidence says about what a beat and a bar are, in nepers.

A multinomial logit over the readings of a song, fitted with a ridge towards weights measured before: to 52
synthesised patterns, 7 ramps, and 27 General MIDI songs of OpenTTD, 48 of Freedoom and 20 demos of LMMS that
are played nowhere else here, each as stems, as a mix and cut within a bar. Synthesised ones count less than
half, a twentieth of the bar lines is taken for wrong, and tempi above 185 and eighths of 6/8 below 150 are
held to be rare. Songs that are left out are read a little worse than fitted ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

_WITH_DRUMS: Final[Mapping[str, float]] = {
    "tempo": 1.26, "odd": -2.98, "odd pulse": 5.61, "pulse": 3.03, "half off": -0.01, "elsewhere": -1.67,
    "kick beat": 1.75, "snare beat": 1.46, "hat beat": 0.28, "bass beat": 1.13, "other beat": 1.13,
    "kick one": 0.62, "hat one": -0.27, "bass one": 1.43, "other one": 1.36, "chord one": 2.33,
    "phrase one": 0.70, "root one": 0.00, "backbeat 4/4": 0.62, "backbeat 3/4": -0.15, "backbeat 5/4": 1.19,
    "backbeat 6/4": 0.32, "backbeat 6/8": 1.62, "kick half 4/4": 0.43, "kick half 3/4": 0.43,
    "kick half 5/4": 0.03, "kick half 6/4": 0.32, "kick half 6/8": 0.88, "bar alike": 2.12,
    "bar apart": 2.57, "threes in 4/4": -0.02, "threes in 3/4": 1.44, "threes in 5/4": 0.36,
    "threes in 6/4": 1.11, "threes in 6/8": 2.12, "answer": 0.85, "answer late": -0.21,
    "bass long beat": -0.14, "other long beat": -0.09, "chords alike": -1.03, "bass long one": 0.29,
    "other long one": -0.19, "all one": -0.59, "opening": 0.21, "4/4": 1.23, "3/4": 0.03, "5/4": -1.09,
    "6/4": -2.01, "6/8": -1.85, "third off": -1.31, "quarter off": -2.18, "tracker same": 0.83,
    "estimator same": 0.25, "ticks": -0.26, "kick place": 0.92, "hat place": 0.37, "bass place": 0.51,
    "other place": 0.11, "chord place": 0.07, "root place": 1.14, "snare place": 0.91,
    "two bars alike": 1.37, "four bars alike": 1.35, "sections one": 1.37, "crash one": 0.75,
    "entries one": 1.04, "bass half 6/4": -0.77, "bass half 6/8": -1.10, "all half 6/4": 1.09,
    "all half 6/8": -0.31, "upside down": 1.02, "slow": -2.47, "slow eighths": -4.18, "fast": -0.46,
    "very fast": -14.88,
}  # fmt: skip

_WITHOUT: Final[Mapping[str, float]] = {
    "tempo": 0.73, "odd": -3.20, "odd pulse": 5.43, "pulse": 2.98, "half off": 0.08, "elsewhere": -1.72,
    "kick beat": 1.58, "snare beat": 1.58, "hat beat": 0.40, "bass beat": 0.82, "other beat": 1.14,
    "kick one": 1.46, "hat one": 0.15, "bass one": 0.83, "other one": 0.33, "chord one": 2.45,
    "phrase one": 0.74, "root one": 0.49, "backbeat 4/4": 0.95, "backbeat 3/4": 0.71, "backbeat 5/4": 0.80,
    "backbeat 6/4": 0.56, "backbeat 6/8": 1.74, "kick half 4/4": -0.63, "kick half 3/4": 0.55,
    "kick half 5/4": 0.28, "kick half 6/4": 0.04, "kick half 6/8": -0.58, "bar alike": 2.22,
    "bar apart": 2.71, "threes in 4/4": -0.45, "threes in 3/4": 1.13, "threes in 5/4": 0.17,
    "threes in 6/4": 1.02, "threes in 6/8": 2.02, "answer": 0.95, "answer late": -0.40,
    "bass long beat": 0.04, "other long beat": 0.28, "chords alike": -0.84, "bass long one": 0.38,
    "other long one": 0.55, "all one": 0.25, "opening": 0.27, "4/4": 1.59, "3/4": -0.51, "5/4": -1.11,
    "6/4": -1.91, "6/8": -1.60, "third off": -1.24, "quarter off": -2.25, "tracker same": 0.37,
    "estimator same": 0.09, "ticks": 0.53, "kick place": 0.44, "hat place": 0.76, "bass place": 0.06,
    "other place": 0.08, "chord place": 0.50, "root place": 0.32, "snare place": 0.23,
    "two bars alike": 1.20, "four bars alike": 1.31, "sections one": 0.91, "crash one": 0.67,
    "entries one": 1.94, "bass half 6/4": 0.00, "bass half 6/8": 0.00, "all half 6/4": -0.14,
    "all half 6/8": -0.99, "upside down": 0.98, "slow": -2.57, "slow eighths": -4.10, "fast": -0.01,
    "very fast": -14.66,
}  # fmt: skip

EVIDENCE: Final = tuple(_WITH_DRUMS)
"""Names of the evidence that `metre_evidence.gather_evidence` finds."""


def weights_of(drums: bool) -> NDArray[np.float64]:
    """Weights in the order of EVIDENCE, for songs with a drum stem or without."""
    weights = _WITH_DRUMS if drums else _WITHOUT
    return np.array([weights[name] for name in EVIDENCE])
