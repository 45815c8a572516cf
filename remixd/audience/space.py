"""Taste space: a mix as a point of [-1, 1]^D, its dimensions in the order of the table.

Pure; Thread: [control].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from remixd.errors import InvalidInput
from remixd.mix import DIMENSIONS, dimension

Floats: TypeAlias = NDArray[np.float64]

NAMES: Final = tuple(DIMENSIONS)
D: Final = len(NAMES)
INDEX: Final[Mapping[str, int]] = {name: index for index, name in enumerate(NAMES)}

_ROWS: Final = tuple(DIMENSIONS.values())
LOW: Final[Floats] = np.array([max(row.to_unit(row.minimum), -1.0) for row in _ROWS])
"""The least of every dimension, float64 (D,): 0 where there is nothing below neutral."""
HIGH: Final[Floats] = np.array([min(row.to_unit(row.maximum), 1.0) for row in _ROWS])
"""The greatest, likewise."""


def unit_of(name: str, value: float) -> float:
    """Where a value of a dimension, in its unit, lies in taste space; the ends of its range if beyond them.

    Raises NotFound for an unknown dimension, InvalidInput if the value is not a number.
    """
    row = dimension(name)
    return min(max(row.to_unit(row.clamp(value)), -1.0), 1.0)


def value_of(name: str, unit: float) -> float:
    """The value of a dimension, in its unit, at a place of taste space. Raises as `unit_of` does."""
    row = dimension(name)
    return row.clamp(row.from_unit(min(max(unit, -1.0), 1.0)))


def units_of(mix: Mapping[str, float]) -> Floats:
    """A mix in taste space, float64 (D,); what it does not name is neutral. Raises as `unit_of` does."""
    for name in mix:
        dimension(name)
    return np.array([unit_of(row.name, mix.get(row.name, row.neutral)) for row in _ROWS])


def values_of(units: Floats) -> dict[str, float]:
    """Every dimension's value, in its unit, at a point (D,) of taste space. Raises InvalidInput for NaN."""
    return {name: value_of(name, float(unit)) for name, unit in zip(NAMES, units, strict=True)}


def check_points(points: Floats) -> Floats:
    """Return points (n, D) as C-contiguous float64. Raises InvalidInput if one is outside taste space."""
    points = np.ascontiguousarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != D:
        raise InvalidInput(f"points of taste space have {D} dimensions")
    if not np.all(np.abs(points) <= 1.0):
        raise InvalidInput("a point lies outside taste space")
    return points
