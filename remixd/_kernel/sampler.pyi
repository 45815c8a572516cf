from collections.abc import Sequence
from typing import Final

from numpy.typing import ArrayLike

PITCHED: Final[int]
FITS: Final[int]
BARE: Final[int]

class Bank:
    def __init__(self, sounds: list[ArrayLike]) -> None: ...
    def __len__(self) -> int: ...
    def lock_memory(self) -> bool: ...

class Pattern:
    def __init__(
        self, bank: Bank, hits: Sequence[Sequence[float]], *, key: int, player: int, start: float, end: float
    ) -> None: ...
    @property
    def key(self) -> int: ...
    def lock_memory(self) -> bool: ...
