from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

DELAY_MOST: Final[int]

class Rack:
    call: Callable[[NDArray[np.float32], float, float], NDArray[np.float32]]
    def __init__(
        self,
        call: Callable[[NDArray[np.float32], float, float], NDArray[np.float32]],
        key: int,
        *,
        delay_frames: int = 0,
        owed_frames: int = 0,
    ) -> None: ...
    @property
    def key(self) -> int: ...
    @property
    def delay_frames(self) -> int: ...
    @property
    def fault(self) -> int: ...
