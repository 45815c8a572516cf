"""Onsets of a stem for people and apps: when its notes or strokes begin, from what rhythm was found from.

Peaks of the flux of log spectra at 100 Hz (Boeck and Widmer, "Maximum filter vibrato suppression for onset
detection", DAFx 2013), moved to where the sound's energy, kept every 1.45 ms, rises most nearby. The
stretcher has its own, exact to the sample (`onsets`): they take half as long as all other analysis together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.rhythm_features import FRAME_HZ, StemFeatures
from remixd.units import StemRole

Floats = NDArray[np.float64]

MOST: Final = 160_000
"""Onsets kept of all stems of a song together; of more, the strongest of each stem."""
_LAG: Final = 2
_QUIETEST: Final = 1e-3
_FLOOR: Final = 3e-5
_MEDIAN_FRAMES: Final = 20
_MEDIANS: Final = 4000  # taken at a time
_STRONG: Final = 0.5
_ABOVE_MEDIAN: Final[Mapping[StemRole, float]] = {"drums": 0.08, "bass": 0.06, "vocals": 0.1, "other": 0.06}
_APART_S: Final[Mapping[StemRole, float]] = {"drums": 0.03, "bass": 0.05, "vocals": 0.1, "other": 0.05}
_RISE_NEPERS: Final[Mapping[StemRole, float]] = {"drums": 0.7, "bass": 0.2, "vocals": 0.6, "other": 0.2}
"""What rises less at its steepest is a swell."""
_EARLY_S, _LATE_S = 0.03, 0.03
_BEFORE, _AFTER = 6, 4  # steps of energy that a rise is measured between
_FAINT: Final = 1e-4  # of the loudest energy nearby: a rise out of silence is not endless


@dataclass(frozen=True, slots=True, kw_only=True)
class StemOnsets:
    """Rising `times_s` and, 0 to 1, the `strengths` of each: how much of the spectrum rises there."""

    times_s: Floats
    strengths: Floats


class OnsetFinder:
    """Finds the onsets of a stem that is heard piece by piece. Thread: [ingest]."""

    def __init__(self) -> None:
        self._times: list[Floats] = [np.zeros(0)]
        self._strengths: list[Floats] = [np.zeros(0)]

    def hear(self, stem: StemFeatures, step_s: float, first_s: float, start_s: float, end_s: float) -> None:
        """Take the features of the next piece, as `long_rhythm.HearPiece` has them."""
        found = find_stem_onsets(stem, step_s)
        times_s = found.times_s + first_s
        counts = (times_s >= start_s) & (times_s < end_s)
        self._times.append(times_s[counts])
        self._strengths.append(found.strengths[counts])

    def finish(self, most: int = MOST) -> StemOnsets:
        """All onsets; of more than `most`, the strongest."""
        times_s, strengths = np.concatenate(self._times), np.concatenate(self._strengths)
        if times_s.shape[0] > most:
            kept = np.sort(np.argsort(strengths, kind="stable")[-most:])
            times_s, strengths = times_s[kept], strengths[kept]
        return StemOnsets(times_s=times_s, strengths=strengths)


def find_stem_onsets(stem: StemFeatures, step_s: float) -> StemOnsets:
    """Find where notes or strokes begin, to a few milliseconds.

    Args:
        stem: its features.
        step_s: between two values of its energy.

    Thread: [ingest]; takes about .1 ms a second of the stem, and holds 4 kB a second.
    """
    flux = _flux(stem.levels)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(flux, _MEDIAN_FRAMES), 2 * _MEDIAN_FRAMES + 1)
    median = np.concatenate(
        [np.median(around[at : at + _MEDIANS], axis=1) for at in range(0, flux.shape[0], _MEDIANS)]
    )
    apart = max(1, round(0.03 * FRAME_HZ))
    nearby = np.lib.stride_tricks.sliding_window_view(np.pad(flux, apart), 2 * apart + 1)
    highest = (flux >= nearby.max(axis=1)) & (flux > nearby[:, :apart].max(axis=1))
    peaks = np.flatnonzero(highest & (flux > median + _ABOVE_MEDIAN[stem.role]))
    times_s, rises = _refined(stem.energy.astype(np.float64), step_s, (peaks - 1) / FRAME_HZ)
    rising = rises >= _RISE_NEPERS[stem.role]
    times_s, peaks = times_s[rising], peaks[rising]
    strengths = np.minimum(flux[peaks] / max(float(flux[peaks].max(initial=0.0)), _STRONG), 1.0)
    kept = _apart(times_s, strengths, _APART_S[stem.role])
    return StemOnsets(times_s=times_s[kept], strengths=strengths[kept])


def _flux(levels: NDArray[np.float16]) -> Floats:
    """How much the log spectrum rises over two frames, as the mean of its bands, (frames,)."""
    amplitudes = np.exp(levels.astype(np.float32))
    totals = amplitudes.sum(axis=1)
    sounding = amplitudes[totals > _QUIETEST * totals.max(initial=0.0)]
    reference = max(float(np.percentile(sounding, 90)) if sounding.size else 0.0, _FLOOR)
    logs = np.log1p(amplitudes * np.float32(100.0 / reference))
    before = np.zeros_like(logs)
    before[_LAG:] = logs[:-_LAG]
    widest = before.copy()
    np.maximum(widest[:, 1:], before[:, :-1], out=widest[:, 1:])
    np.maximum(widest[:, :-1], before[:, 1:], out=widest[:, :-1])
    return np.asarray(np.maximum(logs - widest, 0.0).mean(axis=1), np.float64)


def _refined(energy: Floats, step_s: float, coarse_s: Floats) -> tuple[Floats, Floats]:
    """Each time moved to the steepest rise of energy near it, and that rise in nepers."""
    count = energy.shape[0]
    sums = np.concatenate([np.zeros(_BEFORE + 1), np.cumsum(energy), np.full(_AFTER, energy.sum())])
    early, late = round(_EARLY_S / step_s), round(_LATE_S / step_s)
    steps = np.rint(coarse_s / step_s).astype(np.int64)[:, None] + np.arange(-early, late + 1)
    inside = (steps >= 0) & (steps < count)
    at = np.clip(steps, 0, count - 1) + _BEFORE
    after = (sums[at + _AFTER] - sums[at]) / _AFTER
    before = (sums[at] - sums[at - _BEFORE]) / _BEFORE
    least = _FAINT * after.max(axis=1, keepdims=True, initial=0.0) + 1e-30
    rise = np.where(inside, np.log((after + least) / (before + least)), -np.inf)
    best = rise.argmax(axis=1) if rise.size else np.zeros(0, np.int64)
    rows = np.arange(steps.shape[0])
    return np.clip(steps[rows, best], 0, count - 1) * step_s, rise[rows, best]


def _apart(times_s: Floats, strengths: Floats, apart_s: float) -> NDArray[np.int64]:
    """The indices of onsets that lie apart, in order of time; of two too near, the earlier goes if weaker."""
    kept: list[int] = []
    for index in np.argsort(times_s, kind="stable").tolist():
        if kept and times_s[index] - times_s[kept[-1]] < apart_s:
            if strengths[index] <= strengths[kept[-1]]:
                continue
            kept.pop()
            if kept and times_s[index] - times_s[kept[-1]] < apart_s:
                continue
        kept.append(index)
    return np.array(kept, np.int64)
