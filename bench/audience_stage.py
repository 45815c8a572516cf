"""The stage of the simulated fans: mixes that follow goals within the director's limits and the rights.

What is broken is counted by looking at the mixes alone.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from remixd.mix import DIMENSIONS
from remixd.track.rights import DEFAULT_RANGES, VOCALS_ABOVE_DB

from .audience_fans import Floats

BARS_A_PHRASE: Final = 2
BARS_A_SECTION: Final = 16
LEVELS: Final = ("vocals", "drums", "bass", "other")
TASTE_DB: Final = -24.0
"""Where taste space ends: softer is not told apart."""

_ROWS: Final = tuple(DIMENSIONS.values())
_EVERY: Final = {"bar": 1, "phrase": BARS_A_PHRASE, "section": BARS_A_SECTION}
_IS_LEVEL: Final = np.array([row.name in LEVELS for row in _ROWS])
_PITCH_HALF: Final = 12.0
_VOCALS: Final = [row.name for row in _ROWS].index("vocals")
_BAND: Final = [[row.name for row in _ROWS].index(name) for name in LEVELS[1:]]


def _range(name: str) -> tuple[float, float]:
    row = DIMENSIONS[name]
    low, high = DEFAULT_RANGES.get(name, (row.minimum, row.maximum))
    return (max(low, TASTE_DB) if name in LEVELS else low), high


LEAST: Final = np.array([_range(row.name)[0] for row in _ROWS])
MOST: Final = np.array([_range(row.name)[1] for row in _ROWS])


def values_of(units: Floats) -> Floats:
    """Points of taste space (n, D) in the dimensions' units."""
    values = units.copy()
    for at, row in enumerate(_ROWS):
        if row.name == "tempo":
            values[:, at] = np.exp2(units[:, at])
        elif row.name in LEVELS:
            values[:, at] = np.where(units[:, at] <= 0.0, units[:, at] * 24.0, units[:, at] * 6.0)
        elif row.name in ("pitch", "brightness"):
            values[:, at] = units[:, at] * _PITCH_HALF
    return values


def units_of(values: Floats) -> Floats:
    """The inverse of `values_of`."""
    units = values.copy()
    for at, row in enumerate(_ROWS):
        if row.name == "tempo":
            units[:, at] = np.log2(values[:, at])
        elif row.name in LEVELS:
            units[:, at] = np.where(values[:, at] <= 0.0, values[:, at] / 24.0, values[:, at] / 6.0)
        elif row.name in ("pitch", "brightness"):
            units[:, at] = values[:, at] / _PITCH_HALF
    return units


class Stage:
    """Mixes (n, D), each with a director of its own. They begin with the artist's."""

    def __init__(self, count: int) -> None:
        self._values = np.tile([row.neutral for row in _ROWS], (count, 1))
        self._bar = 0
        self.violations = 0

    @property
    def mixes(self) -> Floats:
        """What is heard, (n, D) in taste space."""
        return units_of(self._values)

    def play(self, goals: Floats) -> None:
        """One phrase, towards goals (n, D) in taste space."""
        wanted = np.clip(values_of(goals), LEAST, MOST)
        for _ in range(BARS_A_PHRASE):
            before = self._values.copy()
            for at, row in enumerate(_ROWS):
                if self._bar % _EVERY[row.slew.every]:
                    continue
                goals = wanted[:, at]
                if row.slew.total is not None:
                    goals = np.clip(goals, *row.slew.reach(row.neutral, row.slew.total))
                step = row.slew.step * (before[:, at] if row.slew.is_ratio else 1.0)
                self._values[:, at] = np.clip(goals, before[:, at] - step, before[:, at] + step)
            loudest = self._values[:, _BAND].max(axis=1)
            self._values[:, _VOCALS] = np.minimum(self._values[:, _VOCALS], loudest + VOCALS_ABOVE_DB)
            self._look(before)
            self._bar += 1

    def _look(self, before: Floats) -> None:
        """Count the steps that are too large, and the mixes that rights forbid."""
        slack = 1e-9
        for at, row in enumerate(_ROWS):
            now, was = self._values[:, at], before[:, at]
            step = np.abs(now / was - 1.0) if row.slew.is_ratio else np.abs(now - was)
            allowed = row.slew.step if self._bar % _EVERY[row.slew.every] == 0 else 0.0
            self.violations += int((step > allowed + slack).sum())
            self.violations += int(((now < LEAST[at] - slack) | (now > MOST[at] + slack)).sum())
        above = self._values[:, _VOCALS] - self._values[:, _BAND].max(axis=1)
        self.violations += int((above > VOCALS_ABOVE_DB + slack).sum())


def movements(mixes: Floats, least: float = 0.02) -> tuple[Floats, Floats]:
    """Moves of a dimension, of half a decibel at least, and those that go back on the last: (n,) each.

    Of mixes (phrases, n, D).
    """
    steps = np.diff(mixes, axis=0)
    signs = np.where(np.abs(steps) > least, np.sign(steps), 0.0)
    reversals, last = np.zeros(mixes.shape[1]), np.zeros(mixes.shape[1:])
    for sign in signs:
        reversals += ((sign * last) < 0).sum(axis=1)
        last = np.where(sign != 0, sign, last)
    return np.abs(signs).sum(axis=(0, 2)), reversals
