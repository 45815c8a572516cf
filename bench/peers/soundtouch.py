"""SoundTouch, by a small C face that is compiled when it is first needed, against the system's library."""

from __future__ import annotations

import ctypes
import ctypes.util
import hashlib
import os
import subprocess
import weakref
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from remixd.config import user_cache_path
from remixd.units import RATE_HZ

from ..songs import Audio
from .peer import BLOCK_FRAMES, Peer, Setting, Stream, Unavailable

INSTALL: Final = "apt install g++ libsoundtouch-dev"
SOURCE: Final = Path(__file__).with_suffix(".cpp")
FENV_BYTES: Final = 256
"""At least what C's fenv_t takes anywhere."""

ROOM_FRAMES: Final = 16_384
"""More than it ever has ready at once: whole sequences of some tens of milliseconds."""


@cache
def _library() -> ctypes.CDLL:
    library = _loaded(_built())
    pointer, size, real = ctypes.c_void_p, ctypes.c_uint, ctypes.c_double
    library.stretcher_new.restype, library.stretcher_new.argtypes = pointer, (size, real, real)
    library.stretcher_delete.restype, library.stretcher_delete.argtypes = None, (pointer,)
    library.stretcher_process.restype = size
    library.stretcher_process.argtypes = (pointer, pointer, size, pointer, size)
    return library


def _loaded(path: Path) -> ctypes.CDLL:
    """Load it, and leave floating-point numbers as they were.

    Debian builds SoundTouch with -ffast-math, so loading it makes this whole thread flush denormals to zero:
    what else is measured would be measured otherwise after it.
    """
    mathematics = ctypes.CDLL(ctypes.util.find_library("m"))
    environment = ctypes.create_string_buffer(FENV_BYTES)
    mathematics.fegetenv(environment)
    try:
        return ctypes.CDLL(str(path))
    finally:
        mathematics.fesetenv(environment)


def _built() -> Path:
    """The compiled face, in the user's cache; made if this very source was not compiled before."""
    key = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    built = user_cache_path() / "bench" / f"soundtouch-{key}.so"
    if built.exists():
        return built
    partial = built.with_name(f".{built.name}.{os.getpid()}")
    words = ("g++", "-O2", "-fPIC", "-shared", SOURCE, "-lSoundTouch", "-o", partial)
    try:
        built.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Unavailable(f"SoundTouch's headers are not installed: {INSTALL}")
        partial.replace(built)
    except OSError as error:
        raise Unavailable(f"cannot compile for SoundTouch ({error}): {INSTALL}") from None
    finally:
        partial.unlink(missing_ok=True)
    return built


class SoundTouch(Peer):
    """Time-domain stretching; pitch by stretching and resampling, so formants move."""

    name = "SoundTouch"
    how = f"default settings; blocks of {BLOCK_FRAMES} frames"
    planar = False

    def load(self) -> None:
        """Compile and load the C face."""
        _library()

    def open(self, setting: Setting) -> Stream:
        """Begin to stretch."""
        return _Stream(setting)


class _Stream(Stream):
    def __init__(self, setting: Setting) -> None:
        self._library = _library()
        self._state = self._library.stretcher_new(RATE_HZ, setting.tempo, setting.pitch)
        weakref.finalize(self, self._library.stretcher_delete, self._state)
        self._out = np.empty((ROOM_FRAMES, 2), dtype=np.float32)
        self._out_data = self._out.ctypes.data

    def process(self, block: Audio) -> Audio:
        got = self._library.stretcher_process(
            self._state, block.ctypes.data, len(block), self._out_data, ROOM_FRAMES
        )
        return self._out[:got]
