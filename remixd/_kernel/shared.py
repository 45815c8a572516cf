"""The shared-memory file of one session: commands in, reports out, packets, checkpoints, its trace.

The engine makes it, control opens it. Each mailbox has one producer and one consumer: control posts commands
and takes reports, whoever renders the session does the opposite.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Final

from remixd._kernel import checkpoint, mailbox, ring, trace
from remixd._kernel.apart import PAIRS_COUNT
from remixd._kernel.checkpoint import CheckpointMemory
from remixd._kernel.mailbox import Mailbox
from remixd._kernel.ring import PacketRing
from remixd._kernel.trace import TraceRing
from remixd.units import PACKET_FRAMES, RATE_HZ

COMMANDS: Final = 512
REPORTS: Final = 1024
PACKETS: Final = 64
STEMS_PACKETS: Final = 32
TRACE_S: Final = 12
"""So long a trace goes back, where blocks have the frames that were asked for."""
TRACE_MOMENTS: Final = 16384
"""Commands taken and applied, and the like, that it holds. 2,000 signals a second make 414 commands: 19 s."""


def _pages(size: int) -> int:
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE


_REPORTS_AT: Final = _pages(mailbox.size_bytes(COMMANDS))
_RING_AT: Final = _REPORTS_AT + _pages(mailbox.size_bytes(REPORTS))
_CHECKPOINTS_AT: Final = _RING_AT + _pages(ring.size_bytes(PACKETS, PACKET_FRAMES))
_TRACE_AT: Final = _CHECKPOINTS_AT + _pages(checkpoint.SIZE_BYTES)
STEMS_FRAMES: Final = PACKET_FRAMES * PAIRS_COUNT
STEMS_BYTES: Final = _pages(ring.size_bytes(STEMS_PACKETS, STEMS_FRAMES))
"""What a session takes more whose stems are handed out one by one."""


def trace_blocks(block_frames: int) -> int:
    """How many blocks a trace holds whose blocks have so many frames: a power of two."""
    return 1 << (TRACE_S * RATE_HZ // block_frames - 1).bit_length()


def size_bytes(block_frames: int = PACKET_FRAMES, *, apart: bool = False) -> int:
    """What a session takes whose blocks have so many frames, in bytes."""
    return _stems_at(trace_blocks(block_frames)) + apart * STEMS_BYTES


def _stems_at(blocks: int) -> int:
    return _TRACE_AT + _pages(trace.size_bytes(blocks, TRACE_MOMENTS))


class SessionMemory:
    """One session's shared memory.

    Args:
        path: of the file.
        create: make it, which the engine does; else open it.
        apart: with room for stems one by one; who opens it finds out.
        block_frames: of what is rendered in one go; its trace has room accordingly.

    Attributes:
        trace: what is done when.
        stems: the ring of these, each packet five pairs one after the other; None without.

    Raises OSError, naming the file, when there is no room for it, ValueError if it is not such a file.
    Thread: [control], [housekeeping].
    """

    def __init__(
        self, path: Path, *, create: bool = False, apart: bool = False, block_frames: int = PACKET_FRAMES
    ) -> None:
        size = size_bytes(block_frames, apart=apart)
        memory = memoryview(_make(path, size) if create else _open(path))
        commands, reports = memory[:_REPORTS_AT], memory[_REPORTS_AT:_RING_AT]
        self.commands = Mailbox(commands, COMMANDS if create else 0)
        self.reports = Mailbox(reports, REPORTS if create else 0)
        ring_memory = memory[_RING_AT:_CHECKPOINTS_AT]
        self.ring = PacketRing(ring_memory, *((PACKETS, PACKET_FRAMES) if create else ()))
        self.checkpoints = CheckpointMemory(memory[_CHECKPOINTS_AT:_TRACE_AT], create)
        if create:
            slots = trace_blocks(block_frames), TRACE_MOMENTS
            self.trace = TraceRing(memory[_TRACE_AT : _stems_at(slots[0])], *slots)
        else:
            self.trace = TraceRing(memory[_TRACE_AT:])
        self.stems: PacketRing | None = None
        stems_at = _stems_at(self.trace.slots[0])
        if len(memory) > stems_at:
            made = (STEMS_PACKETS, STEMS_FRAMES) if create else ()
            self.stems = PacketRing(memory[stems_at:], *made)


def _make(path: Path, size_bytes: int) -> mmap.mmap:
    """Create the file with all its pages: writing to it cannot fail later."""
    with path.open("xb+") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size_bytes)
        except OSError as error:
            path.unlink()
            raise OSError(
                error.errno, f"no room for {size_bytes} bytes of shared memory", str(path)
            ) from None
        return mmap.mmap(file.fileno(), size_bytes)


def _open(path: Path) -> mmap.mmap:
    with path.open("rb+") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        if size_bytes <= _TRACE_AT:
            raise ValueError(f"{path} is not a session's shared memory of this version")
        return mmap.mmap(file.fileno(), size_bytes)
