from collections.abc import Sequence

from numpy.typing import ArrayLike

from remixd._kernel.stem import Stem

LOW: tuple[float, ...]
HIGH: tuple[float, ...]

class Player:
    stems: list[Stem]
    def __init__(
        self,
        stems: list[Stem],
        roles: list[int],
        *,
        key: int = 1,
        loop: bool = True,
        low: Sequence[float] = ...,
        high: Sequence[float] = ...,
        vocals_limit_db: float | None = None,
        mashable: bool = False,
        generated: bool = True,
        separable: bool = True,
        summed: bool = False,
        beats: ArrayLike = (),
        levels: ArrayLike = (),
        heard: bool = True,
    ) -> None: ...
    @property
    def key(self) -> int: ...
    @property
    def frames_count(self) -> int: ...
    def lock_memory(self) -> bool: ...
    def touch(self, start: int, frames: int) -> None: ...
