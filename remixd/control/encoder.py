"""Write rendered audio to a file: WAV and FLAC in 24 bits, Ogg and MP3."""

from __future__ import annotations

import contextlib
import errno
import uuid
import wave
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import av
import av.error
import numpy as np
from av.audio.stream import AudioStream

from remixd.errors import Exhausted, InvalidInput
from remixd.track.fields import printable
from remixd.track.flac import Block, quantised, reason, write_flac
from remixd.units import RATE_HZ

_WAV_BYTES: Final = 2**32 - 4096
_BIT_RATES: Final = {"libvorbis": 256_000, "libopus": 192_000, "libmp3lame": 320_000}
_WAV_SAMPLE_BYTES: Final = 3


def write_audio(path: Path, blocks: Iterable[Block], rate_hz: int) -> int:
    """Encode stereo float32 blocks, each (n, 2) within -1 to 1, by the suffix of `path`; returns the frames.

    `.wav` and `.flac` hold 24 bits, rounded, and exactly the frames given. `.ogg` is Vorbis where PyAV's
    FFmpeg has its encoder, else Opus (48 kHz only); `.mp3` is 320 kbit/s. The file appears under its name
    only when it is complete; a failure leaves whatever was there before.

    Raises InvalidInput for another suffix or a folder that cannot be written to, Exhausted for a full disk.
    Thread: [control] or the command line's.
    """
    path = path.absolute()
    shown = printable(path)
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise InvalidInput(f"{shown}: the suffix must be one of {', '.join(_WRITERS)}")
    if path.is_dir():
        raise InvalidInput(f"{shown} is a folder")
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        frames = write(part, blocks, rate_hz)
        if not frames:
            raise InvalidInput(f"{shown}: there is nothing to write")
        part.replace(path)
    except (OSError, av.error.FFmpegError) as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise Exhausted(f"{shown}: the disk is full") from None
        raise InvalidInput(f"{shown} cannot be written: {reason(error)}") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return frames


def _write_wav(path: Path, blocks: Iterable[Block], rate_hz: int) -> int:
    frames = 0
    with path.open("wb") as file, wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(_WAV_SAMPLE_BYTES)
        out.setframerate(rate_hz)
        for block in blocks:
            frames += block.shape[0]
            if frames * 2 * _WAV_SAMPLE_BYTES > _WAV_BYTES:
                raise OSError(errno.EFBIG, "a WAV file holds at most 4 GB; a .flac holds more")
            integers = quantised(block).astype("<i4").reshape(-1, 1)
            out.writeframesraw(integers.view(np.uint8)[:, :_WAV_SAMPLE_BYTES].tobytes())
    return frames


def _write_flac(path: Path, blocks: Iterable[Block], rate_hz: int) -> int:
    with path.open("wb"):  # FFmpeg's own words for a missing folder are no better than the system's
        return write_flac(path, blocks, rate_hz)


def _write_ogg(path: Path, blocks: Iterable[Block], rate_hz: int) -> int:
    codec = "libvorbis" if "libvorbis" in av.codecs_available else "libopus"
    if codec == "libopus" and rate_hz != RATE_HZ:
        raise OSError(errno.EINVAL, f"Opus is written at {RATE_HZ} Hz, not {rate_hz}")
    return _write_lossy(path, blocks, rate_hz, codec, "ogg", planar=codec == "libvorbis")


def _write_mp3(path: Path, blocks: Iterable[Block], rate_hz: int) -> int:
    return _write_lossy(path, blocks, rate_hz, "libmp3lame", "mp3", planar=True)


def _write_lossy(
    path: Path, blocks: Iterable[Block], rate_hz: int, codec: str, container: str, *, planar: bool
) -> int:
    frames = 0
    kind = "fltp" if planar else "flt"
    with path.open("wb"), av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate_hz, layout="stereo", bit_rate=_BIT_RATES[codec])
        if not isinstance(stream, AudioStream):  # only to tell the type checker
            raise TypeError(f"{codec} is not an audio codec")
        stream.codec_context.format = kind
        for block in blocks:
            samples = np.ascontiguousarray(block.T if planar else block.reshape(1, -1))
            frame = av.AudioFrame.from_ndarray(samples, format=kind, layout="stereo")
            frame.sample_rate = rate_hz
            out.mux(stream.encode(frame))
            frames += block.shape[0]
        out.mux(stream.encode(None))
    return frames


_WRITERS: Final[Mapping[str, Callable[[Path, Iterable[Block], int], int]]] = MappingProxyType(
    {".wav": _write_wav, ".flac": _write_flac, ".ogg": _write_ogg, ".mp3": _write_mp3}
)
