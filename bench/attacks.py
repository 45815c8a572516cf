"""What becomes of attacks: how steep they are, what is heard before them, and when they come.

Only onsets that are sharp and stand alone in the truth count; where fewer than five are left, nothing is
told.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd.units import RATE_HZ

from .metrics import to_db
from .songs import Audio

Curve = NDArray[np.floating[Any]]

LEAST: Final = 5
SHARP_DB: Final = 10.0
FLOOR_DB: Final = 60.0
"""What is further below the attack than this counts as silence before it: dry music has true silence."""

_MS: Final = RATE_HZ // 1000
_SLOPE_STEP: Final = 12
_SLOPE_AROUND: Final = 25 * _MS


def attack_errors(sound: Audio, truth: Audio, onsets: Iterable[int]) -> dict[str, float]:
    """Compare the attacks of a sound with the truth's.

    Args:
        sound: float32 (frames, 2).
        truth: the same shape.
        onsets: frames of the truth at which notes begin.

    Returns:
        attack: energy of 5 ms after over 5 ms before, dB over the truth's; negative is smeared, or shifted.
        pre_echo: energy 20 to 2 ms before, dB over the truth's.
        timing, timing_p95: median and 95th percentile of the distance in ms, after taking the median off.
        onsets: how many counted.
    """
    heard, true = _Energy(sound), _Energy(truth)
    found: list[tuple[float, float, float]] = []
    for onset in onsets:
        if not 60 * _MS <= onset <= len(truth) - 80 * _MS:
            continue
        at = true.rise_after(onset)
        steep_db = true.steepness_db(at)
        if steep_db < SHARP_DB:
            continue
        quiet_db = true.level_db(at, at + 5 * _MS) - FLOOR_DB
        before_db = [max(each.level_db(at - 20 * _MS, at - 2 * _MS), quiet_db) for each in (heard, true)]
        found.append(
            (heard.steepness_db(at) - steep_db, before_db[0] - before_db[1], _lateness_ms(heard, true, at))
        )
    if len(found) < LEAST:
        return {}
    attack, pre_echo, late_ms = np.array(found).T
    distance_ms = np.abs(late_ms - np.median(late_ms))
    return {
        "attack": float(attack.mean()),
        "pre_echo": float(pre_echo.mean()),
        "timing": float(np.median(distance_ms)),
        "timing_p95": float(np.percentile(distance_ms, 95)),
        "onsets": float(len(found)),
    }


class _Energy:
    """The energy of a sound over time, and of any stretch of it."""

    def __init__(self, sound: Audio) -> None:
        energy: Curve = (sound.astype(np.float64) ** 2).sum(axis=1)
        self._sum = np.concatenate([[0.0], energy.cumsum()])
        self._smooth: Curve = np.convolve(energy, np.full(_MS, 1.0 / _MS), "same")

    def level_db(self, start: int, stop: int) -> float:
        last = len(self._sum) - 1
        return float(to_db(self._sum[min(stop, last)] - self._sum[max(start, 0)] + 1e-9))

    def steepness_db(self, at: int) -> float:
        after_db = self.level_db(at, at + 5 * _MS)
        return min(after_db - self.level_db(at - 6 * _MS, at - _MS), FLOOR_DB)

    def rise_after(self, onset: int) -> int:
        """Where the energy first passes a tenth of the way from before the onset to its peak."""
        start = onset - 2 * _MS
        before = float(self._smooth[onset - 5 * _MS : onset].mean())
        near = self._smooth[start : onset + 40 * _MS]
        return start + int(np.argmax(near > before + 0.1 * (float(near.max()) - before)))

    def slope(self, at: int) -> Curve:
        """How the logarithm of the energy rises round a frame, in steps of a quarter of a millisecond."""
        near = self._smooth[at - _SLOPE_AROUND : at + 3 * _SLOPE_AROUND : _SLOPE_STEP]
        rise: Curve = np.maximum(np.diff(np.log(near + 1e-7)), 0.0)
        return rise


def _lateness_ms(heard: _Energy, true: _Energy, at: int) -> float:
    """By how much the rise round an attack is late, by correlation, at most 25 ms."""
    pattern = true.slope(at)
    most = _SLOPE_AROUND // _SLOPE_STEP
    around = np.pad(heard.slope(at), most)
    lag = int(np.correlate(around, pattern, "valid").argmax()) - most
    return lag * _SLOPE_STEP / RATE_HZ * 1e3
