"""Rubber Band in its real-time mode, by the C interface of the system's library.

Option bits: rubberband-c.h of Rubber Band 3. The channels are handled apart and pitch is consistent while it
moves, as a host that lets people play with both would have it.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import weakref
from functools import cache
from typing import Final, Literal

import numpy as np

from remixd.units import RATE_HZ

from ..songs import Audio
from .peer import BLOCK_FRAMES, Peer, Setting, Stream, Unavailable

INSTALL: Final = "apt install librubberband2"
REAL_TIME: Final = 0x00000001
NO_THREADS: Final = 0x00010000
KEEP_FORMANTS: Final = 0x01000000
PITCH_CONSISTENT: Final = 0x04000000
FINER: Final = 0x20000000

_Pointer = ctypes.c_void_p
_Size = ctypes.c_uint
_SIGNATURES: Final = {
    "new": (_Pointer, (_Size, _Size, ctypes.c_int, ctypes.c_double, ctypes.c_double)),
    "delete": (None, (_Pointer,)),
    "process": (None, (_Pointer, _Pointer, _Size, ctypes.c_int)),
    "available": (ctypes.c_int, (_Pointer,)),
    "retrieve": (_Size, (_Pointer, _Pointer, _Size)),
    "set_max_process_size": (None, (_Pointer, _Size)),
    "get_preferred_start_pad": (_Size, (_Pointer,)),
    "get_start_delay": (_Size, (_Pointer,)),
}


@cache
def _library() -> ctypes.CDLL:
    name = ctypes.util.find_library("rubberband")
    if name is None:
        raise Unavailable(f"librubberband is not installed: {INSTALL}")
    library = ctypes.CDLL(name)
    try:
        for function, (result, arguments) in _SIGNATURES.items():
            found = getattr(library, f"rubberband_{function}")
            found.restype, found.argtypes = result, arguments
    except AttributeError:
        raise Unavailable(f"{name} is older than Rubber Band 3: {INSTALL}") from None
    return library


class RubberBand(Peer):
    """One of its two engines: R3 "finer", or R2 "faster"."""

    keeps_formants = True

    def __init__(self, *, engine: Literal[2, 3]) -> None:
        self.name = f"Rubber Band R{engine}"
        self.how = f"real-time mode, pitch kept consistent; blocks of {BLOCK_FRAMES} frames"
        self._option = FINER if engine == 3 else 0

    def load(self) -> None:
        """Find the system's library."""
        _library()

    def open(self, setting: Setting) -> Stream:
        """Begin to stretch; what it asks for ahead of the sound has been fed."""
        option = REAL_TIME | NO_THREADS | PITCH_CONSISTENT | self._option
        return _Stream(option | (KEEP_FORMANTS if setting.formants else 0), setting)


class _Stream(Stream):
    def __init__(self, options: int, setting: Setting) -> None:
        self._library = library = _library()
        self._state = library.rubberband_new(RATE_HZ, 2, options, 1.0 / setting.tempo, setting.pitch)
        weakref.finalize(self, library.rubberband_delete, self._state)
        library.rubberband_set_max_process_size(self._state, BLOCK_FRAMES)
        self._grow(BLOCK_FRAMES)
        self.delay_frames = library.rubberband_get_start_delay(self._state)
        pad_frames = library.rubberband_get_preferred_start_pad(self._state)
        silence = np.zeros((2, BLOCK_FRAMES), dtype=np.float32)
        while pad_frames > 0:
            block_frames = min(pad_frames, BLOCK_FRAMES)
            library.rubberband_process(self._state, _rows(silence), block_frames, 0)
            pad_frames -= block_frames

    def process(self, block: Audio) -> Audio:
        self._library.rubberband_process(self._state, _rows(block), block.shape[1], 0)
        ready = self._library.rubberband_available(self._state)
        if ready > self._out.shape[1]:
            self._grow(ready)
        got = self._library.rubberband_retrieve(self._state, self._out_rows, max(ready, 0))
        return self._out[:, :got]

    def _grow(self, frames: int) -> None:
        self._out = np.empty((2, frames), dtype=np.float32)
        self._out_rows = _rows(self._out)


def _rows(planar: Audio) -> ctypes.Array[ctypes.c_void_p]:
    """`float**` of a contiguous (2, frames) array."""
    first = planar.ctypes.data
    return (ctypes.c_void_p * 2)(first, first + planar.strides[0])
