"""Randomness that belongs to a note: the same note gets the same numbers in every render.

A counter-based generator (SplitMix64, Steele et al., "Fast splittable pseudorandom number generators",
OOPSLA 2014) of our own, because the streams of `numpy.random` may change between numpy versions.
"""

from __future__ import annotations

import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)


def seed_of(*parts: object) -> int:
    """A seed from what names a thing, such as ("drums", "chorus", 2, 17)."""
    text = "/".join(str(part) for part in parts).encode()
    return zlib.crc32(text) | zlib.adler32(text) << 32


def uniform(seed: int, count: int) -> NDArray[np.float64]:
    """`count` numbers in [-1, 1), the first of the stream that belongs to `seed`."""
    z = (np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN) + np.uint64(seed)
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1.0


def one(seed: int, name: str) -> float:
    """One number in [-1, 1) that belongs to `seed` and `name`."""
    return float(uniform(seed ^ seed_of(name), 1)[0])
