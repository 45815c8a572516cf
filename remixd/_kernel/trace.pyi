from collections.abc import Mapping
from typing import Final, NamedTuple

from typing_extensions import Buffer

PARTS: Final[tuple[str, ...]]
TAKEN: Final[int]
APPLIED: Final[int]
TRANSITION: Final[int]
CHECKPOINT: Final[int]
FLAGS: Final[Mapping[str, int]]

class Block(NamedTuple):
    begin_ns: int
    end_ns: int
    sample: int
    frames: int
    late_ns: int | None
    behind_ns: int
    parts_ns: tuple[int, int, int, int]
    cpu_ns: int | None
    taken: int
    minor_faults: int
    major_faults: int
    preemptions: int
    flags: int

class Moment(NamedTuple):
    at_ns: int
    kind: int
    what: int
    sample: int
    command: int
    deck: int

def size_bytes(blocks: int, moments: int) -> int: ...
def cycles_are_even() -> bool: ...

class TraceRing:
    def __init__(
        self, memory: Buffer, blocks: int = 0, moments: int = 0, cycles: bool | None = None
    ) -> None: ...
    def lock_memory(self) -> bool: ...
    @property
    def is_of_cycles(self) -> bool: ...
    @property
    def counts(self) -> tuple[int, int]: ...
    @property
    def slots(self) -> tuple[int, int]: ...
    def read(self, since_ns: int = 0) -> tuple[list[Block], list[Moment]]: ...
