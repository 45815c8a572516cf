from typing import Final, NamedTuple

from typing_extensions import Buffer

MIX: Final[int]
APPLIED: Final[int]
REFUSED: Final[int]
UNDERRUN: Final[int]
EXPIRED: Final[int]
ENDED: Final[int]
WAITS: Final[int]
BYPASSED: Final[int]
LEVEL: Final[int]
PLAY: Final[int]
PAUSE: Final[int]
SEEK: Final[int]
JUMP: Final[int]
LOOP: Final[int]
SCALE: Final[int]
EXIT: Final[int]
SLIP: Final[int]
REVERSE: Final[int]
KEYLOCK: Final[int]
LOAD: Final[int]
SWAP: Final[int]
EJECT: Final[int]
ALIGN: Final[int]
SYNC: Final[int]
LEAD: Final[int]
PACE: Final[int]
STRIP: Final[int]
ECHO: Final[int]
RACK: Final[int]
NONE: Final[int]
FULL: Final[int]
UNKNOWN: Final[int]
EMPTY: Final[int]
MISSING: Final[int]
OUTSIDE: Final[int]
SHORT: Final[int]
NO_BEAT: Final[int]
SUMMED: Final[int]
DELAY: Final[int]
RAISED: Final[int]
NONFINITE: Final[int]
SHAPE: Final[int]

class CommandEntry(NamedTuple):
    id: int
    session: int
    kind: int
    dimension: int
    sample: int
    value: float
    ramp_frames: int
    deck: int
    when: int
    shape: int
    expires: int
    extra: float

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
    deck: int
    command: int
    reason: int
    serial: int
    taken: int

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
        deck: int = 255,
        when: int = 0,
        shape: int = 0,
        expires: int = 0,
        extra: float = 0.0,
    ) -> bool: ...
    def take_command(self) -> CommandEntry | None: ...
    def take_reports(self, limit: int = 1024) -> list[ReportEntry]: ...
