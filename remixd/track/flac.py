"""FLAC in 24 bits: how a package keeps its stems. Samples beyond full scale are kept by a gain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self, cast

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext

from remixd.errors import BadAudio
from remixd.track.fields import printable

Block = npt.NDArray[np.float32]
"""Audio, interleaved stereo float32 (frames, 2)."""

FULL_SCALE: Final = 2.0**23
"""The integer that stands for 1.0 in 24 bits."""

STRICT: Final = {"err_detect": "crccheck+bitstream+buffer+explode"}
"""FFmpeg's decoder options that make damage an error instead of a gap."""

_COMPRESSION: Final = "5"


def gain_for(high: float, low: float) -> float:
    """The least power of two, at least 1, that samples of `low` to `high` do not exceed.

    A positive sample of exactly the gain is then one step above the greatest integer and is clipped by
    that step; twice the gain would cost all others a bit.
    """
    gain = 1.0
    while max(high, -low) > gain:
        gain *= 2.0
    return gain


def quantised(block: Block, gain: float = 1.0) -> npt.NDArray[np.int32]:
    """Round `block / gain` to 24-bit integers, clipped at full scale. Shape as given."""
    scaled = np.rint(block * np.float32(FULL_SCALE / gain))  # a power of two: exact until rint
    clipped: Block = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1)
    return clipped.astype(np.int32)


class FlacWriter:
    """Writes one 24-bit FLAC, block by block; close it with `with`. Thread: [ingest] or [control]."""

    def __init__(self, path: Path, rate_hz: int, gain: float = 1.0) -> None:
        self._gain, self._rate_hz = gain, rate_hz
        self._container = av.open(str(path), "w", format="flac")
        self._stream = self._container.add_stream(
            "flac", rate=rate_hz, options={"compression_level": _COMPRESSION}, layout="stereo"
        )
        self._stream.codec_context.format = "s32"  # of which FFmpeg's encoder keeps the upper 24 bits

    def write(self, block: Block) -> None:
        """Add stereo frames, divided by the gain."""
        packed = (quantised(block, self._gain) << 8).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="s32", layout="stereo")
        frame.sample_rate = self._rate_hz
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()


def write_flac(path: Path, blocks: Iterable[Block], rate_hz: int, gain: float = 1.0) -> int:
    """Write stereo blocks, divided by `gain`, as 24-bit FLAC; returns the frames written.

    Thread: [ingest] or [control]; holds one block at a time.
    """
    frames = 0
    with FlacWriter(path, rate_hz, gain) as writer:
        for block in blocks:
            writer.write(block)
            frames += block.shape[0]
    return frames


def read_flac(path: Path, gain: float = 1.0) -> Iterator[Block]:
    """Read a stem's blocks, multiplied by `gain`: exactly what was written, rounded to 24 bits.

    Raises BadAudio, naming the file, where it is missing or damaged. Thread: [ingest].
    """
    step = np.float32(gain / FULL_SCALE)
    frames = 0
    try:
        with path.open("rb") as file, av.open(file, "r", format="flac", options=STRICT) as container:
            stream = container.streams.audio[0]
            strict(stream.codec_context)
            declared = stream.duration
            for frame in container.decode(stream):
                packed = cast(npt.NDArray[np.int32], frame.to_ndarray()).reshape(-1, 2)
                frames += packed.shape[0]
                yield (packed >> 8).astype(np.float32) * step
    except FileNotFoundError:
        raise BadAudio(f"{printable(path)} is missing") from None
    except (av.error.FFmpegError, OSError, ValueError, IndexError) as error:
        raise BadAudio(f"{printable(path)} is damaged: {reason(error)}") from None
    if declared is not None and declared != frames:
        raise BadAudio(f"{printable(path)} is damaged: it holds {frames} of {declared} frames")


def strict(context: AudioCodecContext) -> None:
    """Have a decoder report damage."""
    with suppress(ValueError, RuntimeError):  # already open: then the container's own options hold
        context.options = dict(STRICT)


def reason(error: BaseException) -> str:
    """What FFmpeg or the system says is wrong, as a few words."""
    text: Any = getattr(error, "strerror", None)
    return printable(text or error or type(error).__name__)
