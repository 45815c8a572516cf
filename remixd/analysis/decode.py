"""Decode whatever FFmpeg takes to stereo float32, and refuse what is damaged, cut short or no audio.

Nobody can tell what a file from elsewhere holds, so every limit is checked while it is read, and a file
can make FFmpeg open nothing but itself (a playlist named `song.mp3` is an error).
"""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, cast

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from remixd.analysis.length import check_ending, declared_frames, delay_untold
from remixd.errors import BadAudio
from remixd.track.fields import one_line, printable
from remixd.track.flac import STRICT, Block, reason, strict
from remixd.track.package import LONGEST_S, RATES_HZ

BLOCK_FRAMES: Final = 65_536
LOUDEST: Final = 1000.0
"""Samples beyond this (60 dB above full scale) are not audio of the usual scale."""
SILENCE: Final = 1e-4
"""A stem whose peak is below this (-80 dB) is called silent."""
OFFSET: Final = 0.01
"""A mean of all samples beyond this (-40 dB) is told: a gain that moves makes it audible."""

_OPTIONS: Final = {**STRICT, "protocol_whitelist": "none"}
_FAULTS: Final = (av.error.FFmpegError, OSError, ValueError, LookupError, ArithmeticError, MemoryError)
"""What PyAV raises for files that FFmpeg cannot read."""
_ENDLESS: Final = ("mp3", "aac")
_SCALES: Final = {"u8": 2.0**-7, "s16": 2.0**-15, "s32": 2.0**-31, "flt": 1.0, "dbl": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One audio stream of a file. `stream` counts the file's audio streams from 0; `name` is for people."""

    path: Path
    name: str
    stream: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a file says of itself before it is decoded; texts are one line and empty where absent."""

    streams: int
    title: str
    artist: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What one reading of a whole source found. `high` and `low` are the extreme samples."""

    rate_hz: int
    channels: int
    frames: int
    high: float
    low: float
    notes: tuple[str, ...]

    @property
    def peak(self) -> float:
        """The greatest magnitude of a sample."""
        return max(self.high, -self.low)


class Decoded(NamedTuple):
    """A run of frames: `block` is stereo, `channels` what the file had."""

    block: Block
    rate_hz: int
    channels: int


def describe(path: Path) -> Description:
    """Open a file and read its tags. Raises BadAudio, naming it, where FFmpeg finds no audio in it."""
    with _opened(Source(path=path, name=printable(path.name))) as (container, stream):
        tags = {key.lower(): value for key, value in {**stream.metadata, **container.metadata}.items()}
        return Description(
            streams=len(container.streams.audio),
            title=one_line(tags.get("title", "")),
            artist=one_line(tags.get("artist", "")),
        )


def survey(source: Source) -> Survey:
    """Read a whole source once. Raises BadAudio, naming it, for whatever cannot be kept.

    Thread: [ingest]; holds one block at a time.
    """
    frames, high, low = 0, 0.0, 0.0
    total = np.zeros(2)
    rate_hz = channels = 0
    for part in decode(source):
        rate_hz, channels = part.rate_hz, part.channels
        frames += part.block.shape[0]
        high, low = max(high, float(part.block.max())), min(low, float(part.block.min()))
        total += part.block.sum(axis=0, dtype=np.float64)
    notes = []
    if channels == 1:
        notes.append(f"{source.name} is mono: made stereo")
    elif channels > 2:
        notes.append(f"{source.name} has {channels} channels: folded to stereo")
    if max(high, -low) > LOUDEST:
        raise BadAudio(
            f"{source.name} peaks {max(high, -low):.3g} times above full scale: not audio as it should be"
        )
    if max(high, -low) < SILENCE:
        notes.append(f"{source.name} is silent")
    elif (offset := float(np.abs(total / frames).max())) > OFFSET:
        notes.append(
            f"{source.name} has a constant offset (DC) of {100 * offset:.0f} %: it is kept, and may thump"
        )
    if ending := check_ending(source.path, source.name):
        notes.append(ending)
    with _opened(source) as (container, _):
        if delay_untold(source.path, container.format.name):
            notes.append(f"{source.name} does not tell its encoder's delay: it may come 10 to 50 ms late")
    return Survey(rate_hz=rate_hz, channels=channels, frames=frames, high=high, low=low, notes=tuple(notes))


def decode(source: Source) -> Iterator[Decoded]:
    """Decode a source in blocks of about BLOCK_FRAMES, at its own rate.

    Mono becomes stereo with no change of gain; more than two channels are folded by FFmpeg's matrix.
    Integers become floats exactly (32-bit ones rounded to float32). Raises BadAudio, naming the source,
    at the first thing that is wrong. Thread: [ingest].
    """
    with _opened(source) as (container, stream):
        check_ending(source.path, source.name)
        declared = declared_frames(source.path, container.format.name, stream)
        frames, waiting, held = 0, list[Block](), 0
        rate_hz = channels = 0
        for frame in _frames(source, container, stream):
            if not rate_hz:
                rate_hz, channels = frame.sample_rate, frame.layout.nb_channels
                _check_rate(source, rate_hz)
            if (frame.sample_rate, frame.layout.nb_channels) != (rate_hz, channels):
                raise BadAudio(f"{source.name} changes its rate or channels at {frames / rate_hz:.3f} s")
            block = _stereo(source, frame)
            _check_finite(source, block, frames, rate_hz)
            frames += block.shape[0]
            if frames > LONGEST_S * rate_hz:
                raise BadAudio(f"{source.name} is longer than {LONGEST_S // 3600} hours")
            waiting.append(block)
            held += block.shape[0]
            if held >= BLOCK_FRAMES:
                yield Decoded(np.concatenate(waiting), rate_hz, channels)
                waiting, held = [], 0
        if held:
            yield Decoded(np.concatenate(waiting), rate_hz, channels)
        if not frames:
            raise BadAudio(f"{source.name} holds no audio")
        if declared and not declared.agrees(frames):
            raise BadAudio(
                f"{source.name} is cut short or damaged: {frames / rate_hz:.3f} of "
                f"{declared.frames / rate_hz:.3f} s can be decoded"
            )


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[tuple[InputContainer, AudioStream]]:
    """Open one audio stream of a regular file, and nothing that the file may point to."""
    name = source.name
    try:
        if not stat.S_ISREG(source.path.stat().st_mode):
            raise BadAudio(f"{name} is not a file")
        file = source.path.open("rb")
    except FileNotFoundError:
        raise BadAudio(f"{name} is missing") from None
    except (OSError, ValueError) as error:
        raise BadAudio(f"{name} cannot be read: {reason(error)}") from None
    with file, contextlib.ExitStack() as stack:
        try:
            container = stack.enter_context(
                av.open(file, "r", options=dict(_OPTIONS), metadata_errors="replace")
            )
            streams = container.streams.audio
        except _FAULTS as error:
            raise BadAudio(f"{name} is not audio that can be read: {reason(error)}") from None
        if len(streams) <= source.stream:
            raise BadAudio(f"{name} holds no audio")
        stream = streams[source.stream]
        if not stream.codec_context:  # PyAV's word for a codec that FFmpeg cannot decode
            raise BadAudio(f"{name} is in a codec that cannot be decoded here")
        strict(stream.codec_context)
        yield container, stream


def _frames(source: Source, container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """The decoded frames, with FFmpeg's errors told as ours.

    MP3 and bare AAC have no end: padding or tags after their last frame are left out.
    """
    time_s = 0.0
    junk: BaseException | None = None
    packets = container.demux(stream)
    while True:
        frames: list[AudioFrame] = []
        try:
            packet = next(packets, None)
        except _FAULTS as error:
            raise _damaged(source, time_s, error) from None
        if packet is None:
            return
        try:
            frames = packet.decode()
        except _FAULTS as error:
            junk = junk or error
            if container.format.name not in _ENDLESS:
                raise _damaged(source, time_s, junk) from None
        for frame in frames:
            if junk:  # it was in the middle, then
                raise _damaged(source, time_s, junk)
            if frame.samples:
                yield frame
                time_s += frame.samples / max(frame.sample_rate, 1)


def _damaged(source: Source, time_s: float, error: BaseException) -> BadAudio:
    return BadAudio(f"{source.name} is damaged at {time_s:.3f} s: {reason(error)}")


def _stereo(source: Source, frame: AudioFrame) -> Block:
    """One frame as float32 (samples, 2)."""
    kind = frame.format.name.removesuffix("p")
    if frame.layout.nb_channels > 2 or kind not in _SCALES:
        layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
        try:
            folded = av.AudioResampler(format="fltp", layout=layout).resample(frame)
        except _FAULTS:
            raise BadAudio(
                f"{source.name} has {frame.layout.name}, which cannot be folded to stereo"
            ) from None
        planes = np.concatenate([part.to_ndarray() for part in folded], axis=1)
        kind = "flt"
    else:
        planes = frame.to_ndarray()
        if not frame.format.is_planar:
            planes = planes.reshape(-1, frame.layout.nb_channels).T
    with np.errstate(over="ignore"):  # a double too great becomes infinite, which is then refused
        samples = cast(npt.NDArray[np.float32], planes.astype(np.float32))
    if kind == "u8":
        samples -= 128.0
    if _SCALES[kind] != 1.0:
        samples *= np.float32(_SCALES[kind])
    return np.ascontiguousarray(np.broadcast_to(samples.T, (samples.shape[1], 2)))


def _check_rate(source: Source, rate_hz: int) -> None:
    low, high = RATES_HZ
    if not low <= rate_hz <= high:
        raise BadAudio(f"{source.name} has a sample rate of {rate_hz} Hz; it must be {low} to {high}")


def _check_finite(source: Source, block: Block, start: int, rate_hz: int) -> None:
    finite = np.isfinite(block).all(axis=1)
    if not finite.all():
        at = start + int(np.argmin(finite))
        what = "not a number" if np.isnan(block[at - start]).any() else "infinite"
        raise BadAudio(f"{source.name} has a sample that is {what} at {at / rate_hz:.3f} s (frame {at})")
