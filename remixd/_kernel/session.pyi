from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from remixd._kernel.mailbox import Mailbox, ReportEntry
from remixd._kernel.stem import Stem

class Session:
    stems: list[Stem]
    def __init__(
        self,
        stems: list[Stem],
        roles: list[int],
        *,
        start: int = 0,
        loop: bool = True,
        mix: Sequence[float] = ...,
        low: Sequence[float] = ...,
        high: Sequence[float] = ...,
        vocals_limit_db: float | None = None,
        summed: bool = False,
        reports: Mailbox | None = None,
        key: int = 0,
    ) -> None: ...
    def lock_memory(self) -> bool: ...
    def touch_ahead(self, frames: int) -> None: ...
    @property
    def key(self) -> int: ...
    @property
    def clock(self) -> int: ...
    @property
    def position(self) -> float: ...
    @property
    def nonfinite(self) -> int: ...
    def post(
        self, command_id: int, dimension: int, value: float, sample: int = -1, ramp_frames: int = 480
    ) -> bool: ...
    def take_reports(self) -> list[ReportEntry]: ...
    def render(self, frames: int) -> NDArray[np.float32]: ...
