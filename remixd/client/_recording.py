"""What was heard, laid on the session's clock."""

from __future__ import annotations

import wave
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.client._types import Packet
from remixd.errors import InvalidInput
from remixd.units import RATE_HZ

FULL_SCALE_24: Final = 1 << 23
CHUNK_FRAMES: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Sound of a session: frame i is sample `first_sample + i` of its clock.

    Attributes:
        frames: how many there are.
        gaps: places where packets were missing. They hold silence.
        pcm: float32 (frames, 2), full scale 1.0.
    """

    first_sample: int
    frames: int
    gaps: int
    pcm: NDArray[np.float32] = field(repr=False, compare=False)

    def save(self, path: str | Path) -> None:
        """Write a WAV file: 48 kHz, stereo, 24 bits, clipped at full scale.

        The file appears whole or not at all. Raises InvalidInput, naming it, if it cannot be written.
        """
        path = Path(path)
        partial = path.with_name(f".{path.name}.partial")
        try:
            try:
                with partial.open("wb") as raw, wave.open(raw, "wb") as file:
                    file.setnchannels(2)
                    file.setsampwidth(3)
                    file.setframerate(RATE_HZ)
                    for start in range(0, self.frames, CHUNK_FRAMES):
                        file.writeframesraw(_to_s24(self.pcm[start : start + CHUNK_FRAMES]))
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
        except OSError as error:
            raise InvalidInput(f"cannot write {path}: {error.strerror}") from None


def _to_s24(pcm: NDArray[np.float32]) -> bytes:
    scaled = np.rint(pcm.astype(np.float64) * FULL_SCALE_24)
    integers = np.clip(scaled, -FULL_SCALE_24, FULL_SCALE_24 - 1).astype("<i4")
    return integers.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


class Recorder:
    """Lays packets on the session's clock until `frames` are covered.

    Frames that never came, because this listener read too slowly, are silence and counted as a gap.

    >>> recorder = Recorder(960)
    >>> sound = {"pcm": np.ones((480, 2), dtype=np.float32), "position_s": 0.07, "bar_beat": None}
    >>> recorder.add(Packet(sequence=7, sample=3360, skipped_frames=0, **sound))
    >>> recorder.is_full, recorder.recording()
    (False, Recording(first_sample=3360, frames=480, gaps=0))
    """

    def __init__(self, frames: int) -> None:
        if frames <= 0:
            raise InvalidInput("a recording lasts at least one frame")
        self._pcm = np.zeros((frames, 2), dtype=np.float32)
        self._first_sample: int | None = None
        self._covered = 0
        self._gaps = 0

    @property
    def is_full(self) -> bool:
        """Whether nothing more is needed."""
        return self._covered == len(self._pcm)

    @property
    def frames(self) -> int:
        """Frames covered so far."""
        return self._covered

    def add(self, packet: Packet) -> None:
        """Take the next packet of a session; what lies beyond the end is left out."""
        if self._first_sample is None:
            self._first_sample = packet.sample
        start = packet.sample - self._first_sample
        if start > self._covered and not self.is_full:
            self._gaps += 1
        room = self._pcm[start : start + len(packet.pcm)]
        room[:] = packet.pcm[: len(room)]
        self._covered = min(max(self._covered, start + len(packet.pcm)), len(self._pcm))

    def recording(self) -> Recording:
        """What was heard so far."""
        return Recording(
            first_sample=self._first_sample or 0,
            frames=self._covered,
            gaps=self._gaps,
            pcm=self._pcm[: self._covered],
        )
