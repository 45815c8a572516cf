"""What a deck may jump to lies in memory, before it does."""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path

import numpy as np
import pytest
from sounds import noise

from remixd._kernel import mailbox
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem
from remixd.analysis.phase_tree import write_cached
from remixd.track.cache import HEADER_BYTES
from remixd.units import PAD_FRAMES

SECOND = 48_000


def resident(path: Path, frame: int, frames: int) -> float:
    """The share of the pages of a piece of sound that lie in memory."""
    libc = ctypes.CDLL(None, use_errno=True)
    first = (HEADER_BYTES + (PAD_FRAMES + frame) * 8) // mmap.PAGESIZE * mmap.PAGESIZE
    length = frames * 8
    with path.open("r+b") as file, mmap.mmap(file.fileno(), length, offset=first) as mapped:
        pages = (ctypes.c_ubyte * -(-length // mmap.PAGESIZE))()
        held = ctypes.c_char.from_buffer(mapped)
        assert libc.mincore(ctypes.c_void_p(ctypes.addressof(held)), ctypes.c_size_t(length), pages) == 0
        del held
    return float(np.mean(np.frombuffer(pages, np.uint8) & 1))


def test_cues_and_the_start_of_a_loop_are_kept_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "drums.pcm"
    write_cached(path, np.tile(noise(SECOND), (60, 1)), "drums")
    session = Session([Stem.open(path)], [0], loop=False, key=1)
    session.post(1, 0, 2.0, kind=mailbox.LOOP, deck=0, extra=40.0 * SECOND)
    session.render(480)
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)
    places = {"loop": 40, "cue": 20}
    if any(resident(path, at * SECOND, SECOND) > 0.5 for at in places.values()):
        pytest.skip("this file system keeps all of it")
    session.touch_ahead(SECOND, SECOND, [(1, 20 * SECOND), (7, 30 * SECOND)])
    assert {name: resident(path, at * SECOND, SECOND) for name, at in places.items()} == {
        "loop": 1.0,
        "cue": 1.0,
    }
    assert resident(path, 50 * SECOND, SECOND) < 1.0, "not all of it"
