"""A 24-bit stereo WAV file that is whole at every moment, and that another process can go on with.

Thread: one at a time.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

import numpy as np

from remixd.units import RATE_HZ

HEADER_BYTES: Final = 44
FRAME_BYTES: Final = 6
SIZE_MAX: Final = 0xFFFF_FFFF
"""What a header can say; players take a file that is longer for that long."""


class WaveFile:
    """A file that samples of a session's clock are written into, from its sample 0 on.

    Args:
        path: a new file.
        again: go on with one that is there, if it is.

    Attributes:
        frames: written so far, which is where the next ones go.

    Raises OSError: FileExistsError for a file that is there.
    """

    def __init__(self, path: Path, *, again: bool = False) -> None:
        goes_on = again and path.exists()
        self._file = path.open("r+b" if goes_on else "xb")
        self.frames = 0
        if goes_on:
            self.frames = max(path.stat().st_size - HEADER_BYTES, 0) // FRAME_BYTES
            self._file.truncate(HEADER_BYTES + self.frames * FRAME_BYTES)
        self.flush()

    def write(self, sample: int, pcm: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
        """Write interleaved samples that are not written yet; silence stands where some are missing."""
        known = max(self.frames - sample, 0)
        missing = max(sample - self.frames, 0)
        whole = np.concatenate([np.zeros(2 * missing, dtype=np.float32), pcm[2 * known :]])
        steps = np.clip(np.rint(whole.astype(np.float64) * 2**23), -(2**23), 2**23 - 1).astype("<i4")
        self._file.write(steps.reshape(-1, 1).view(np.uint8)[:, :3].tobytes())
        self.frames += len(whole) // 2

    def flush(self) -> None:
        """Bring everything into the file, and its length into the header."""
        size = self.frames * FRAME_BYTES
        self._file.seek(0)
        self._file.write(
            struct.pack(
                "<4sI8sIHHIIHH4sI",
                *(b"RIFF", min(size + HEADER_BYTES - 8, SIZE_MAX), b"WAVEfmt ", 16),
                *(1, 2, RATE_HZ, RATE_HZ * FRAME_BYTES, FRAME_BYTES, 24),
                *(b"data", min(size, SIZE_MAX)),
            )
        )
        self._file.seek(0, 2)
        self._file.flush()

    def close(self) -> None:
        """Bring everything into the file, and close it."""
        self.flush()
        self._file.close()
