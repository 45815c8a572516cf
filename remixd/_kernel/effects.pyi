import numpy as np
from numpy.typing import NDArray

class Delay:
    def __init__(
        self,
        *,
        beats: float = 0.0,
        delay_seconds: float = 0.5,
        feedback: float = 0.4,
        mix: float = 0.3,
        damping_hz: float = 6000.0,
    ) -> None: ...
    def __call__(
        self, block: NDArray[np.float32], beat: float, beats_a_frame: float
    ) -> NDArray[np.float32]: ...

class Tremolo:
    def __init__(self, *, beats: float = 0.25, depth: float = 0.5) -> None: ...
    def __call__(
        self, block: NDArray[np.float32], beat: float, beats_a_frame: float
    ) -> NDArray[np.float32]: ...
