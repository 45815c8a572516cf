from typing import NamedTuple

from typing_extensions import Buffer

class DeckEntry(NamedTuple):
    player: int
    playing: bool
    ended: bool
    looping: bool
    slipping: bool
    backwards: bool
    varispeed: bool
    following: bool
    leading: bool
    position: float
    tempo: float
    loop_start: int
    loop_end: int

class PacketEntry(NamedTuple):
    sequence: int
    sample: int
    position: int
    due_ns: int
    rendered_ns: int
    tempo: float
    pitch: float
    gains: tuple[float, float, float, float]
    peaks: tuple[float, float]
    true_peak: float
    momentary_lufs: float
    short_term_lufs: float
    limiter_gain: float
    underruns: int
    nonfinite: int
    major_faults: int
    reports_lost: int
    clips: int
    decks: tuple[DeckEntry, ...]
    pcm: bytes
    racks_delay_frames: int
    bypassed: int

def size_bytes(slots: int, frames: int) -> int: ...

class PacketRing:
    def __init__(self, memory: Buffer, slots: int = 0, frames: int = 0) -> None: ...
    def lock_memory(self) -> bool: ...
    @property
    def newest(self) -> int: ...
    @property
    def oldest(self) -> int: ...
    @property
    def frames(self) -> int: ...
    def read(self, sequence: int) -> PacketEntry | None: ...
