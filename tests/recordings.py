"""Audio files to import, made here: WAV by hand, whatever else by PyAV."""

from __future__ import annotations

import json
import struct
import wave
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]
"""Float audio (frames, channels)."""

MUSIC = Path(__file__).resolve().parents[2] / "shared" / "data" / "music"


def hits(seconds: float, bpm: float, rate_hz: int = 44_100, *, level: float = 0.4, seed: int = 3) -> Samples:
    """A drum hit on every beat and a softer one between, from the first frame on; stereo."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * rate_hz)
    out = np.zeros((frames, 2))
    length = round(0.08 * rate_hz)
    fall = np.exp(-np.arange(length) / (0.02 * rate_hz))[:, None]
    for half in range(int(seconds * bpm / 30) + 1):
        at = round(half * 30 / bpm * rate_hz)
        hit = rng.standard_normal((length, 2)) * fall * level * (1.0 if half % 2 == 0 else 0.3)
        out[at : at + length] += hit[: max(0, frames - at)]
    return np.clip(out, -0.99, 0.99)


def sine(seconds: float, frequency_hz: float, rate_hz: int = 44_100, *, level: float = 0.3) -> Samples:
    """A sine, the right channel at half the level; stereo."""
    left = level * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate_hz)) / rate_hz)
    return np.stack([left, left / 2], axis=1)


def write_wav(path: Path, samples: Samples, rate_hz: int = 44_100, bits: int = 16) -> Path:
    """Integer PCM of 16 or 24 bits; what those hold comes back exactly."""
    scaled = np.clip(np.rint(samples * 2.0 ** (bits - 1)), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    raw = scaled.astype("<i4").reshape(-1, 1).view(np.uint8)[:, : bits // 8].tobytes()
    with wave.open(str(path), "wb") as out:
        out.setnchannels(samples.shape[1])
        out.setsampwidth(bits // 8)
        out.setframerate(rate_hz)
        out.writeframes(raw)
    return path


def write_float_wav(path: Path, samples: Samples, rate_hz: int = 44_100) -> Path:
    """32-bit float WAV, any values."""
    channels = samples.shape[1]
    raw = samples.astype("<f4").tobytes()
    form = struct.pack("<HHIIHH", 3, channels, rate_hz, rate_hz * channels * 4, channels * 4, 32)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(raw)) + raw
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def write_coded(path: Path, samples: Samples, rate_hz: int = 44_100, **tags: str) -> Path:
    """FLAC, MP3, Opus in Ogg or AAC in MP4, by the suffix."""
    codec, container, kind = {
        ".flac": ("flac", "flac", "s16"),
        ".mp3": ("libmp3lame", "mp3", "fltp"),
        ".ogg": ("libopus", "ogg", "flt"),
        ".m4a": ("aac", "mp4", "fltp"),
    }[path.suffix]
    with av.open(str(path), "w", format=container) as out:
        out.metadata.update(tags)
        stream: Any = out.add_stream(codec, rate=rate_hz, layout="stereo")
        stream.codec_context.format = kind
        _encode(out, stream, samples, rate_hz, kind)
    return path


def write_stem_mp4(
    path: Path, streams: Sequence[Samples], names: Sequence[str] | None, rate_hz: int = 44_100
) -> Path:
    """An MP4 of AAC streams, with a `stem` atom that names all but the first, unless `names` is None."""
    with av.open(str(path), "w", format="mp4") as out:
        made: list[Any] = [out.add_stream("aac", rate=rate_hz, layout="stereo") for _ in streams]
        for stream in made:
            stream.codec_context.format = "fltp"
        for stream, samples in zip(made, streams, strict=True):
            _encode(out, stream, samples, rate_hz, "fltp")
    if names is not None:
        stems = [{"name": name, "color": "#009E73"} for name in names]
        add_stem_atom(path, json.dumps({"version": 1, "stems": stems}).encode())
    return path


def add_stem_atom(path: Path, content: bytes) -> None:
    """Put a `stem` atom into `moov/udta`, both of which PyAV writes last."""
    data = bytearray(path.read_bytes())
    atom = struct.pack(">I", 8 + len(content)) + b"stem" + content
    for box in (b"moov", b"udta"):
        at = data.rfind(box) - 4
        size = struct.unpack(">I", data[at : at + 4])[0]
        assert at + size == len(data)
        data[at : at + 4] = struct.pack(">I", size + len(atom))
    path.write_bytes(bytes(data) + atom)


def add_sound(out: Any, stream: Any, samples: Samples) -> None:
    """Encode planar float samples into an open container's stream."""
    _encode(out, stream, samples, stream.codec_context.sample_rate, "fltp")


def _encode(out: Any, stream: Any, samples: Samples, rate_hz: int, kind: str) -> None:
    for at in range(0, len(samples), 4096):
        block = samples[at : at + 4096]
        if kind == "s16":
            packed = np.rint(block * 2**15).astype(np.int16).reshape(1, -1)
        elif kind == "flt":
            packed = block.astype(np.float32).reshape(1, -1)
        else:
            packed = np.ascontiguousarray(block.T.astype(np.float32))
        frame = av.AudioFrame.from_ndarray(packed, format=kind, layout="stereo")
        frame.sample_rate, frame.time_base, frame.pts = rate_hz, Fraction(1, rate_hz), at
        out.mux(stream.encode(frame))  # from its time a container knows the encoder's delay
    out.mux(stream.encode(None))
