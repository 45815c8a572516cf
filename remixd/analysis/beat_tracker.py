"""Follows a beat through a song whose tempo may move: semi-Markov dynamic programming.

The periods of a bar-pointer model (Krebs, Boeck and Widmer, "An efficient state-space model for joint tempo
and meter tracking", ISMIR 2015) with whole beats as states, so that a song is decoded beat by beat.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float32]

SHORTEST: Final = 28
LONGEST: Final = 110
"""Frames of a beat: 214 to 55 beats a minute."""
_STIFFNESS: Final = 100.0
_FREE: Final = 1.0
"""Frames that a period may move for half a neper: positions are whole frames, tempi are not."""
_OFF_BEATS: Final = 15.0
_FLOOR: Final = 0.02
_STEADY: Final = 8
_NEAR: Final = 0.3
_FOLLOW: Final = 0.3


def track_beats(activation: Curve) -> NDArray[np.float64]:
    """Find the most likely beats at any metrical level.

    Args:
        activation: float32 (frames,) at 100 Hz, at least 0, about 1 on average where there are onsets.

    Returns:
        float64 (beats,), rising frames; empty for less than three beats' worth of sound.

    Thread: [ingest]; takes about 0.3 s a minute and holds 0.5 MB.
    """
    frames = activation.shape[0]
    if frames < 3 * LONGEST:
        return np.zeros(0)
    shares = _beat_shares(activation)
    on, off = np.log(shares), np.log((1.0 - shares) / _OFF_BEATS)
    gain = np.convolve(on - off, np.ones(3), "same")
    sums = np.concatenate([[0.0], np.cumsum(off)])
    periods = np.arange(SHORTEST, LONGEST + 1)
    moves = _move_costs(periods)
    best = np.full((frames, periods.shape[0]), -np.inf)
    came = np.zeros((frames, periods.shape[0]), np.uint8)
    opening = np.log(1.0 / periods)
    columns = np.arange(periods.shape[0])
    for frame in range(frames):
        before = frame - periods
        open_ones = before < 0
        arrived = np.empty(periods.shape[0])
        arrived[open_ones] = opening[open_ones] + sums[frame]
        rest = columns[~open_ones]
        if rest.size:
            options = best[before[rest]] - moves[rest]
            chosen = options.argmax(axis=1)
            came[frame, rest] = chosen
            arrived[rest] = options[np.arange(rest.size), chosen] + sums[frame] - sums[before[rest]]
        best[frame] = arrived + gain[frame]
    return _trace_back(best, came, periods, sums)


def keep_level(beats: NDArray[np.float64]) -> NDArray[np.float64]:
    """Beats of one metrical level: where the tracker goes over to another, beats are left out or put in.

    Both ways from where the period is steadiest, the next beat is the one nearest to a period away.

    Args:
        beats: float64 (beats,), at least two rising times or frames.
    """
    periods = np.diff(beats)
    span = min(_STEADY, periods.shape[0])
    away = np.abs(np.log(periods / np.median(periods)))
    start = int(np.convolve(away, np.ones(span), "valid").argmin())
    period = float(np.median(periods[start : start + span]))
    after = _walk(beats[start:], period)
    before = _walk(-beats[start::-1], period)
    return np.concatenate([-before[:0:-1], after])


def _walk(beats: NDArray[np.float64], period: float) -> NDArray[np.float64]:
    """From the first of some beats to the last, one period after another."""
    found = [float(beats[0])]
    while found[-1] + (1.0 - _NEAR) * period < beats[-1]:
        expected = found[-1] + period
        nearest = float(beats[np.abs(beats - expected).argmin()])
        if abs(nearest - expected) < _NEAR * period:
            period += _FOLLOW * (nearest - expected)
            expected = nearest
        found.append(expected)
    return np.asarray(found)


def _beat_shares(activation: Curve) -> NDArray[np.float64]:
    """How likely each frame is to be a beat: peaks stand, what is beside a higher one sinks."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(activation, 3), 7).max(axis=1)
    sharp = activation * np.where(activation >= around, 1.0, 0.5 * activation / np.maximum(around, 1e-9))
    top = max(float(np.percentile(sharp[sharp > 0.2], 90)) if (sharp > 0.2).any() else 1.0, 1e-3)
    return np.asarray(np.clip(0.9 * sharp / top, _FLOOR, 1.0 - _FLOOR), np.float64)


def _move_costs(periods: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cost in nepers of a beat of one period (row) after one of another (column)."""
    away = np.abs(periods[:, None] - periods)
    steep = _STIFFNESS * np.maximum(away - _FREE, 0.0) / periods
    return np.asarray(0.5 * np.minimum(away, _FREE) + steep, np.float64)


def _trace_back(
    best: NDArray[np.float64], came: NDArray[np.uint8], periods: NDArray[np.int64], sums: NDArray[np.float64]
) -> NDArray[np.float64]:
    frames = best.shape[0]
    tail = np.arange(max(frames - LONGEST, 0), frames)
    closing = best[tail] + (sums[frames] - sums[tail + 1])[:, None]
    row, column = np.unravel_index(int(closing.argmax()), closing.shape)
    frame, period = int(tail[row]), int(column)
    beats = []
    while frame >= 0:
        beats.append(frame)
        frame, period = frame - int(periods[period]), int(came[frame, period])
    return np.asarray(beats[::-1], np.float64)
