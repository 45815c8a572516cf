from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

GRID_HOP: int
BINS: int
RESET_BYTES: int

class Regions(NamedTuple):
    starts: NDArray[np.uint32]
    lows: NDArray[np.uint16]
    seeds: NDArray[np.uint16]
    offsets: NDArray[np.int16]
    resets: NDArray[np.uint8]

def find_regions(pcm: NDArray[np.float32], onsets: NDArray[np.int64]) -> Regions: ...
