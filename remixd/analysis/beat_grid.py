"""From tracked beats to a tempo map: a straight grid where the music is machine-made, else a smooth line.

A map gives the time of every beat of the tracker's level; what a beat is to a listener is decided later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.rhythm_attacks import Attacks
from remixd.analysis.rhythm_features import FRAME_HZ

Times = NDArray[np.float64]
Curve = NDArray[np.float32]

_REACH: Final = 0.02
"""How far the period of a grid may lie from the tracker's, as a share."""
_HARMONICS: Final = ((1, 1.0), (2, 1.0), (4, 0.7))
_WINDOWS_S: Final = (0.036, 0.025, 0.016, 0.011, 0.008)
_MAP_WINDOWS_S: Final = (0.08, 0.06, 0.04, 0.03, 0.03)
_ORDER: Final = 3
_BEND: Final = (-1.0, 3.0, -3.0, 1.0)
_STIFFNESS: Final = 50.0
"""Third differences against attacks: wobbles of less than about 12 beats are smoothed away."""
_SOFT: Final = 1.0
"""The same of the first line, through what was tracked."""
_BEND_S: Final = 0.003
"""A third difference that is no longer wobble but a change of tempo."""
_ANCHOR: Final = 0.02
"""Weight of a tracked beat beside an attack's."""
_PIECE_S: Final = 8.0
_EXPLAINED_S: Final = 0.02
_ALL: Final = 0.85
_PIECE: Final = 0.6
"""Shares of what the line explains that a grid must explain: of the whole song, and of every piece."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TempoMap:
    """Times of consecutive beats in seconds, float64 (beats,), rising; `constant` if evenly spaced."""

    times_s: Times
    constant: bool

    def at(self, beats: Times) -> Times:
        """Seconds of positions in beats from the first; beyond the ends the last period goes on."""
        count = self.times_s.shape[0]
        inside = np.interp(beats, np.arange(count), self.times_s)
        before = np.minimum(beats, 0.0) * (self.times_s[1] - self.times_s[0])
        after = np.maximum(beats - (count - 1), 0.0) * (self.times_s[-1] - self.times_s[-2])
        return np.asarray(inside + before + after, np.float64)

    def beats_at(self, times_s: Times) -> Times:
        """Positions in beats of times; the inverse of `at`."""
        count = self.times_s.shape[0]
        inside = np.interp(times_s, self.times_s, np.arange(count))
        before = np.minimum(times_s - self.times_s[0], 0.0) / (self.times_s[1] - self.times_s[0])
        after = np.maximum(times_s - self.times_s[-1], 0.0) / (self.times_s[-1] - self.times_s[-2])
        return np.asarray(inside + before + after, np.float64)


def fit_map(tracked_s: Times, activation: Curve, attacks: Attacks) -> TempoMap:
    """Fit a map to tracked beats and to the attacks near them.

    A straight grid is taken if it explains as many attacks as the smooth line does, in the whole and in
    every eight seconds: a ritardando at the end is not a grid.

    Args:
        tracked_s: at least four rising times.
        activation: float32 (frames,) at 100 Hz.
        attacks: of the song.
    """
    line = TempoMap(times_s=_smooth_line(tracked_s, attacks), constant=False)
    grid = _straight_grid(tracked_s, activation, attacks)
    if grid is not None and _as_good(grid, line, attacks):
        return grid
    return line


def _straight_grid(tracked_s: Times, activation: Curve, attacks: Attacks) -> TempoMap | None:
    """The grid nearest to the tracked beats' tempo, or None if its fit does not hold together."""
    period_s = _spectral_period(float(np.median(np.diff(tracked_s))), activation)
    phase_s = _comb_phase(period_s, activation)
    fitted = _least_squares(period_s, phase_s, attacks)
    if fitted is None:
        return None
    period_s, phase_s = fitted
    first = np.floor((tracked_s[0] - phase_s) / period_s + 0.5)
    last = np.floor((tracked_s[-1] - phase_s) / period_s + 0.5)
    return TempoMap(times_s=phase_s + period_s * np.arange(first, last + 1), constant=True)


def _spectral_period(period_s: float, activation: Curve) -> float:
    """The period near another whose harmonics are strongest in the activation's spectrum."""
    size = 1 << (8 * activation.shape[0]).bit_length()
    power = np.square(np.abs(np.fft.rfft(activation - activation.mean(), size)))
    step_hz = FRAME_HZ / size
    low, high = (1.0 - _REACH) / period_s, (1.0 + _REACH) / period_s
    candidates_hz = np.arange(low, high, 0.5 * step_hz)
    strength = np.zeros(candidates_hz.shape[0])
    for harmonic, weight in _HARMONICS:
        strength += weight * np.interp(candidates_hz * harmonic / step_hz, np.arange(power.shape[0]), power)
    return 1.0 / float(candidates_hz[int(strength.argmax())])


def _comb_phase(period_s: float, activation: Curve) -> float:
    """The offset, 0 to a period, at which the folded activation is strongest."""
    bins = max(8, round(period_s * FRAME_HZ))
    at = (np.arange(activation.shape[0]) / FRAME_HZ / period_s) % 1.0
    folded = np.bincount((at * bins).astype(np.int64) % bins, activation, bins)
    wide = folded + 0.5 * (np.roll(folded, 1) + np.roll(folded, -1))
    return float((wide.argmax() + 0.5) / bins * period_s)


def _least_squares(period_s: float, phase_s: float, attacks: Attacks) -> tuple[float, float] | None:
    """Period and phase by robust regression on attacks near the grid (Tukey's biweight)."""
    for window_s in _WINDOWS_S:
        beats = np.round((attacks.times_s - phase_s) / period_s)
        error_s = attacks.times_s - phase_s - period_s * beats
        weights = attacks.weights * np.square(np.maximum(1.0 - np.square(error_s / window_s), 0.0))
        total = weights.sum()
        if np.count_nonzero(weights) < 4:
            return None
        centre = (weights * beats).sum() / total
        spread = (weights * np.square(beats - centre)).sum()
        mean = (weights * error_s).sum() / total
        slope = (weights * (beats - centre) * error_s).sum() / max(spread, 1e-9)
        period_s, phase_s = period_s + slope, phase_s + mean - slope * centre
    return float(period_s), float(phase_s)


def _smooth_line(tracked_s: Times, attacks: Attacks) -> Times:
    """Tracked beats drawn to the attacks near beats and half-beats, with little change of acceleration.

    Whittaker's smoother (Eilers, "A perfect smoother", 2003) with third differences, so that a steady ramp
    of tempo costs nothing; reweighted by Tukey's biweight on attacks, and on bends by Cauchy's weight, so
    that a new tempo may begin at once.
    """
    count = tracked_s.shape[0]
    beats = np.arange(count, dtype=np.float64)
    times = _solve(tracked_s, beats, np.ones(count), np.full(count - _ORDER, _SOFT))
    for window_s in _MAP_WINDOWS_S:
        line = TempoMap(times_s=times, constant=False)
        halves = np.round(2.0 * line.beats_at(attacks.times_s)) / 2.0
        error_s = attacks.times_s - line.at(halves)
        near = np.square(np.maximum(1.0 - np.square(error_s / window_s), 0.0))
        used = (near > 0.0) & (halves >= 0.0) & (halves <= count - 1)
        solved = _solve(
            np.concatenate([tracked_s, attacks.times_s[used]]),
            np.concatenate([beats, halves[used]]),
            np.concatenate([np.full(count, _ANCHOR), (attacks.weights * near)[used]]),
            _STIFFNESS / (1.0 + np.square(np.diff(times, n=_ORDER) / _BEND_S)),
        )
        if (np.diff(solved) <= 0.0).any():
            break
        times = solved
    return times


def _solve(observed_s: Times, beats: Times, weights: Times, stiffness: Times) -> Times:
    """Times of all beats that fit weighted observations at positions in beats, and bend little.

    Every beat is observed, so that the normal equations are positive definite.
    """
    count = stiffness.shape[0] + _ORDER
    low = np.minimum(beats.astype(np.int64), count - 2)
    into = beats - low
    band = np.zeros((_ORDER + 1, count))  # band[k, i] is the matrix at (i, i + k)
    for shift, share in ((0, np.square(1.0 - into)), (1, np.square(into))):
        band[0] += np.bincount(low + shift, weights * share, count)
    band[1] += np.bincount(low, weights * into * (1.0 - into), count)
    for row, first in enumerate(_BEND):
        for column in range(row, _ORDER + 1):
            band[column - row, row : row + stiffness.shape[0]] += stiffness * first * _BEND[column]
    right = np.zeros(count)
    right += np.bincount(low, weights * observed_s * (1.0 - into), count)
    right += np.bincount(low + 1, weights * observed_s * into, count)
    return _solve_band(band, right)


def _solve_band(band: Times, right: Times) -> Times:
    """Solve a symmetric positive definite band system by Gaussian elimination; both are overwritten."""
    reach, count = band.shape[0] - 1, band.shape[1]
    for row in range(count):
        for below in range(1, min(reach, count - 1 - row) + 1):
            factor = band[below, row] / band[0, row]
            band[: reach + 1 - below, row + below] -= factor * band[below:, row]
            right[row + below] -= factor * right[row]
    for row in range(count - 1, -1, -1):
        ahead = min(reach, count - 1 - row)
        right[row] = (right[row] - band[1 : ahead + 1, row] @ right[row + 1 : row + ahead + 1]) / band[0, row]
    return right


def _as_good(grid: TempoMap, line: TempoMap, attacks: Attacks) -> bool:
    """Whether a grid explains attacks as well as a line does, everywhere."""
    by_grid, by_line = (_explained(tempo, attacks) for tempo in (grid, line))
    if by_line.sum() <= 0.0 or by_grid.sum() < _ALL * by_line.sum():
        return False
    told = by_line >= 0.3 * by_line.mean()
    return bool((by_grid[told] >= _PIECE * by_line[told]).all())


def explained_share(tempo: TempoMap, attacks: Attacks) -> float:
    """Share of the attacks, by weight, that lie on a beat or half-beat: 0 to 1. Thread: [ingest]."""
    return float(_explained(tempo, attacks).sum() / max(float(attacks.weights.sum()), 1e-9))


def _explained(tempo: TempoMap, attacks: Attacks) -> Times:
    """Weight of the attacks that lie on a beat or half-beat, for each piece of the song."""
    halves = np.round(2.0 * tempo.beats_at(attacks.times_s)) / 2.0
    error_s = attacks.times_s - tempo.at(halves)
    near = np.square(np.maximum(1.0 - np.square(error_s / _EXPLAINED_S), 0.0))
    pieces = (attacks.times_s / _PIECE_S).astype(np.int64)
    return np.asarray(np.bincount(pieces, attacks.weights * near), np.float64)
