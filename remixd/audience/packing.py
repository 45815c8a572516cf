"""Arrays in JSON: their bytes, little-endian, in base 64. Pure; Thread: [control]."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def pack(array: NDArray[Any]) -> str:
    """The bytes of an array; neither its shape nor its type."""
    plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return base64.b64encode(plain.tobytes()).decode("ascii")


def unpack(text: str, dtype: DTypeLike, *shape: int) -> NDArray[Any]:
    """The array again, one's own. Raises ValueError if the bytes are no such array."""
    kind = np.dtype(dtype)
    plain = np.frombuffer(base64.b64decode(text, validate=True), kind.newbyteorder("<"))
    return plain.reshape(shape).astype(kind)
