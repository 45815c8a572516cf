"""What sounds are made of. Thread: any but [render]."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]
"""Stereo `(frames, 2)`, or mono `(frames,)` where said."""

Curve = NDArray[np.float64]
"""A value for each of a row of times."""


def single(curve: NDArray[np.floating[Any]]) -> Audio:
    """A curve in single precision, as sound is kept."""
    return curve.astype(np.float32, copy=False)
