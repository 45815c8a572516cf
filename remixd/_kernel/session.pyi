from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from remixd._kernel.checkpoint import CheckpointMemory
from remixd._kernel.mailbox import Mailbox, ReportEntry
from remixd._kernel.player import Player
from remixd._kernel.racks import SessionRacks
from remixd._kernel.ring import DeckEntry, PacketRing
from remixd._kernel.stem import Stem
from remixd._kernel.trace import TraceRing

class Session:
    racks: SessionRacks
    def __init__(
        self,
        stems: list[Stem] | None = None,
        roles: list[int] | None = None,
        *,
        start: int = 0,
        mix: Sequence[float] = ...,
        reports: Mailbox | None = None,
        checkpoints: CheckpointMemory | None = None,
        apart: PacketRing | None = None,
        trace: TraceRing | None = None,
        key: int = 0,
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
    def checkpoint(self) -> bytes: ...
    def restore(self, checkpoint: bytes) -> None: ...
    def pass_to(self, clock: int) -> None: ...
    def skip_to(self, clock: int) -> None: ...
    def shelve(self, player: Player) -> None: ...
    def collect(self) -> list[int]: ...
    def withdraw(self, key: int) -> bool: ...
    def lock_memory(self) -> bool: ...
    def touch_ahead(
        self, frames: int, after_jump: int = 0, places: Iterable[tuple[int, int]] = ()
    ) -> None: ...
    @property
    def stems(self) -> list[Stem]: ...
    @property
    def key(self) -> int: ...
    @property
    def clock(self) -> int: ...
    @property
    def position(self) -> float: ...
    @property
    def nonfinite(self) -> int: ...
    def post(
        self,
        command_id: int,
        dimension: int,
        value: float,
        sample: int = -1,
        ramp_frames: int = 480,
        kind: int = ...,
        deck: int = 255,
        when: int = 0,
        expires: int = 0,
        extra: float = 0.0,
        shape: int = 0,
    ) -> bool: ...
    def take_reports(self) -> list[ReportEntry]: ...
    def decks(self) -> list[DeckEntry]: ...
    def render(self, frames: int) -> NDArray[np.float32]: ...
