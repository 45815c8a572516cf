from typing import Final, NamedTuple

from typing_extensions import Buffer

MIX: Final[int]
APPLIED: Final[int]
REFUSED: Final[int]
UNDERRUN: Final[int]

class CommandEntry(NamedTuple):
    id: int
    session: int
    kind: int
    dimension: int
    sample: int
    value: float
    ramp_frames: int

class ReportEntry(NamedTuple):
    id: int
    session: int
    kind: int
    dimension: int
    sample: int
    settled_sample: int
    position: int
    value: float
    late_frames: int
    superseded: bool

def size_bytes(capacity: int) -> int: ...

class Mailbox:
    def __init__(self, memory: Buffer, capacity: int = 0) -> None: ...
    def __len__(self) -> int: ...
    @property
    def free(self) -> int: ...
    def post_command(
        self,
        command_id: int,
        session: int,
        dimension: int,
        value: float,
        sample: int = -1,
        ramp_frames: int = 0,
        kind: int = ...,
    ) -> bool: ...
    def take_command(self) -> CommandEntry | None: ...
    def take_reports(self, limit: int = 1024) -> list[ReportEntry]: ...
