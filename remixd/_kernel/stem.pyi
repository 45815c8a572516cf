from os import PathLike

import numpy as np
from numpy.typing import ArrayLike, NDArray

class Stem:
    path: str | PathLike[str] | None
    @staticmethod
    def open(path: str | PathLike[str]) -> Stem: ...
    @staticmethod
    def of(pcm: ArrayLike) -> Stem: ...
    @property
    def frames(self) -> int: ...
    def read(self, start: int, frames: int, loop: bool = False) -> NDArray[np.float32]: ...
