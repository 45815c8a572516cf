"""What was heard, laid on the session's clock."""

from __future__ import annotations

import wave
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from remixd.client._flac import flac_file
from remixd.client._ogg import CONVERGES_FRAMES, ogg_opus
from remixd.client._types import SAMPLES, Packet, StreamFormat
from remixd.errors import InvalidInput
from remixd.units import RATE_HZ

FULL_SCALE_24: Final = 1 << 23
CHUNK_FRAMES: Final = 1 << 16
SUFFIXES: Final = {"f32": (".wav",), "s16": (".wav",), "flac": (".flac",), "opus": (".opus", ".ogg")}
"""What a recording is saved as, by its format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Sound of a session: frame i is sample `first_sample + i` of its clock.

    Attributes:
        frames: how many there are.
        gaps: places where packets were missing. They hold silence; in Opus what a decoder makes of them.
        pcm: float32 (frames, 2), full scale 1.0; empty if it is encoded.
        format: of the stream it was heard in.
        encoded: each codec packet, and the sample of the first frame that it decodes to.
    """

    first_sample: int
    frames: int
    gaps: int
    pcm: NDArray[np.float32] = field(repr=False, compare=False)
    format: StreamFormat = SAMPLES
    encoded: tuple[tuple[int, bytes], ...] = field(default=(), repr=False, compare=False)

    def save(self, path: str | Path) -> None:
        """Write samples as a WAV file (48 kHz, stereo, 24 bits, clipped at full scale), Opus as Ogg, or FLAC.

        The file appears whole or not at all. Raises InvalidInput, naming it, if it cannot be written, or if
        what was encoded is to be something else.
        """
        path = Path(path)
        suffixes = SUFFIXES[self.format.name]
        if self.encoded and path.suffix.lower() not in suffixes:
            raise InvalidInput(f"{path} must end in {' or '.join(suffixes)}, for that is what was heard")
        partial = path.with_name(f".{path.name}.partial")
        try:
            try:
                with partial.open("wb") as raw:
                    if self.encoded:
                        raw.writelines(self._parts())
                    else:
                        self._write_wav(raw)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
        except OSError as error:
            raise InvalidInput(f"cannot write {path}: {error.strerror}") from None

    def _parts(self) -> Iterator[bytes]:
        header, frames = self.format.codec_header, self.format.codec_frames
        if self.format.name == "flac":
            return flac_file(header, self.encoded, frames)
        skip = self.first_sample - self.encoded[0][0]
        return ogg_opus(header, self.encoded, frames, skip, self.frames)

    def _write_wav(self, raw: BinaryIO) -> None:
        with wave.open(raw, "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(3)
            file.setframerate(RATE_HZ)
            for start in range(0, self.frames, CHUNK_FRAMES):
                file.writeframesraw(_to_s24(self.pcm[start : start + CHUNK_FRAMES]))


def _to_s24(pcm: NDArray[np.float32]) -> bytes:
    scaled = np.rint(pcm.astype(np.float64) * FULL_SCALE_24)
    integers = np.clip(scaled, -FULL_SCALE_24, FULL_SCALE_24 - 1).astype("<i4")
    return integers.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


class Recorder:
    """Lays packets of one format on the session's clock until `frames` are covered.

    Frames that never came, because this listener read too slowly, are silence and counted as a gap. Of Opus
    the first 80 ms are left out, for which its decoder is not exact yet; of FLAC the last packet is whole.

    >>> recorder = Recorder(960)
    >>> sound = {"pcm": np.ones((480, 2), dtype=np.float32), "position_s": 0.07, "bar_beat": None}
    >>> recorder.add(Packet(sequence=7, sample=3360, skipped_frames=0, **sound))
    >>> recorder.is_full, recorder.frames, recorder.recording().first_sample
    (False, 480, 3360)
    """

    def __init__(self, frames: int) -> None:
        if frames <= 0:
            raise InvalidInput("a recording lasts at least one frame")
        self._wanted = frames
        self._pcm = np.zeros((0, 2), dtype=np.float32)
        self._format = SAMPLES
        self._has_begun = False
        self._encoded: list[tuple[int, bytes]] = []
        self._first_sample = 0
        self._covered = 0
        self._gaps = 0

    @property
    def is_full(self) -> bool:
        """Whether nothing more is needed."""
        return self._covered >= self._wanted

    @property
    def frames(self) -> int:
        """Frames covered so far."""
        return max(self._covered, 0)

    def add(self, packet: Packet) -> None:
        """Take the next packet of a session; what lies beyond the end is left out."""
        if not self._has_begun:
            self._begin(packet)
        start = packet.sample - self._first_sample
        if start > self._covered and not self.is_full:
            self._gaps += 1
        if packet.encoded:
            self._encoded += _spread(packet)
        else:
            room = self._pcm[start : start + packet.frames]
            room[:] = packet.pcm[: len(room)]
        self._covered = max(self._covered, start + packet.frames)

    def _begin(self, packet: Packet) -> None:
        self._format, self._has_begun = packet.format, True
        if not packet.encoded:
            self._pcm = np.zeros((self._wanted, 2), dtype=np.float32)
        skip = CONVERGES_FRAMES + packet.format.pre_skip_frames if packet.format.name == "opus" else 0
        self._first_sample = packet.sample + skip
        self._covered = -skip

    def recording(self) -> Recording:
        """What was heard so far."""
        frames = self.frames if self._format.name == "flac" else min(self.frames, self._wanted)
        end = self._first_sample + frames
        return Recording(
            first_sample=self._first_sample,
            frames=frames,
            gaps=self._gaps,
            pcm=self._pcm[:frames],
            format=self._format,
            encoded=tuple(piece for piece in self._encoded if piece[0] < end),
        )


def _spread(packet: Packet) -> Iterable[tuple[int, bytes]]:
    return ((packet.sample + at * packet.format.codec_frames, each) for at, each in enumerate(packet.encoded))
