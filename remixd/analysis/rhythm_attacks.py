"""When things are struck, to a fraction of a millisecond: what grids are fitted to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.rhythm_features import RhythmFeatures, StemFeatures
from remixd.units import StemRole

Times = NDArray[np.float64]

_ROLE_WEIGHTS: Final[Mapping[StemRole, float]] = {"drums": 1.0, "bass": 0.4, "other": 0.4, "vocals": 0.0}
_REST_S: Final = 2.0
"""How far the nearest stroke of the drums must be for another stem to count."""
_LEAST_NEPERS: Final = 1.0
_QUIET: Final = 1e-3
"""Of the loudest: a rise below it is none."""
_SOUNDING: Final = 1e-6
_SILENT: Final = 1e-9
_APART_S: Final = 0.02
_AFTER: Final = 4  # steps in which an attack reaches its height
_EARLY_STEPS: Final = 0.4
"""How much before its time an attack crosses half its height: 0 (a step) to .75 (a click)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacks:
    """Attacks of all stems in order: `times_s` and `weights`, 0 to 1, both float64 (attacks,)."""

    times_s: Times
    weights: Times


def find_attacks(features: RhythmFeatures) -> Attacks:
    """Find attacks in the stems that keep time best: drums, and all but voices where these are silent.

    Thread: [ingest].
    """
    found = [(stem.role, *_stem_attacks(stem, features.step_s)) for stem in features.stems]
    strokes = np.sort(np.concatenate([np.zeros(0), *(one[1] for one in found if one[0] == "drums")]))
    kept = []
    for role, times, weights in found:
        alone = np.full(times.shape[0], True)
        if role != "drums" and strokes.size:
            at = np.searchsorted(strokes, times)
            before = times - strokes[np.maximum(at - 1, 0)]
            after = strokes[np.minimum(at, strokes.size - 1)] - times
            alone = (np.abs(before) > _REST_S) & (np.abs(after) > _REST_S)
        kept.append((times[alone], weights[alone] * _ROLE_WEIGHTS[role]))
    times = np.concatenate([np.zeros(0), *(one[0] for one in kept)])
    weights = np.concatenate([np.zeros(0), *(one[1] for one in kept)])
    order = np.argsort(times)
    return Attacks(times_s=times[order], weights=weights[order])


def _stem_attacks(stem: StemFeatures, step_s: float) -> tuple[Times, Times]:
    """Times and weights of the peaks of the rise in log energy."""
    energy = stem.energy.astype(np.float64)
    count = energy.shape[0]
    loudest = float(energy.max(initial=0.0))
    if count < 16 or loudest < _SILENT:
        return np.zeros(0), np.zeros(0)
    quiet = _QUIET * float(np.percentile(energy[energy > _SOUNDING * loudest], 99.0))
    sums = np.concatenate([np.zeros(5), np.cumsum(energy), np.full(4, energy.sum())])
    at = np.arange(count) + 4
    after = (sums[at + 4] - sums[at + 1]) / 3.0
    before = (sums[at] - sums[at - 4]) / 4.0
    rise = np.log((after + quiet) / (before + quiet))
    apart = max(1, round(_APART_S / step_s))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(rise, apart), 2 * apart + 1).max(axis=1)
    peaks = np.flatnonzero((rise >= around) & (rise > _LEAST_NEPERS))
    padded = np.concatenate([np.zeros(_AFTER), energy, np.zeros(_AFTER + 1)])
    window = padded[peaks[:, None] + np.arange(2 * _AFTER)]  # from _AFTER steps before the peak
    height = window[:, _AFTER - 1 :].max(axis=1)
    passed = (window >= 0.5 * height[:, None]) & (np.arange(2 * _AFTER) >= _AFTER - 2)
    first = np.maximum(passed.argmax(axis=1), 1)
    rows = np.arange(peaks.shape[0])
    low, high = window[rows, first - 1], window[rows, first]
    into = np.clip((0.5 * height - low) / np.maximum(high - low, 1e-30), 0.0, 1.0)
    steps = peaks - _AFTER + first - 1 + into + _EARLY_STEPS
    return steps * step_s, np.tanh(0.5 * rise[peaks])
