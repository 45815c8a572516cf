"""What the stems of a track look like: levels over time, kept beside them so that nobody need decode to draw.

`overview.bin` in the package: a line that names the format, a line of JSON (what it was made of, a table a
stem), then for each stem its peaks and its rms, unsigned 16-bit integers in little-endian order, 65535 the
stem's greatest peak. It is made at import, and made again where it is missing, damaged, or of other audio.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd.track.flac import Block, read_flac
from remixd.track.package import Stem, Track

Levels = NDArray[np.float64]
Progress = Callable[[float, str], None]
"""Called with a share of the work that is done, 0 to 1, and what is being done."""

FILE: Final = "overview.bin"
HEAD: Final = b"remixd-overview-1\n"
POINTS_A_SECOND: Final = 50
POINTS: Final = (4096, 65_536)
"""The fewest points of a stem, for a picture of a short song, and the most: 262 kB, whatever its length."""
_TABLE_BYTES_MOST: Final = 2**16
_STREAM_INFO: Final = slice(8, 42)
"""Of a FLAC: its length, and the MD5 sum of its samples (RFC 9639, 8.2)."""
_STEPS: Final = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """One stem at equal stretches of time.

    Attributes:
        peak: the greatest sample of both channels, without its sign, float64 (columns,).
        rms: of both channels, float64 (columns,).
    """

    peak: Levels
    rms: Levels

    def at(self, columns: int) -> Outline:
        """The same at another number of columns, at least 1; more repeat what there is."""
        count = self.peak.shape[0]
        edges = np.arange(columns) * count // columns
        ends = np.maximum(np.append(edges[1:], count), edges + 1)
        sums = np.concatenate([[0.0], np.cumsum(np.square(self.rms))])
        # reduceat takes what lies up to the next edge, and one point where that is the same
        return Outline(
            peak=np.maximum.reduceat(self.peak, edges),
            rms=np.sqrt(np.maximum(sums[ends] - sums[edges], 0.0) / (ends - edges)),
        )


class OutlineMeter:
    """Takes the outline of a stream while it goes by. Thread: any; holds 16 bytes a point."""

    def __init__(self, frames: int, rate_hz: int) -> None:
        self._step = step_frames(frames, rate_hz)
        self._held: Block = np.zeros((0, 2), np.float32)
        self._peaks: list[Levels] = []
        self._rms: list[Levels] = []

    def tap(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """Pass stereo blocks on unchanged, float32 (frames, 2) each."""
        for block in blocks:
            self._held = np.concatenate([self._held, block])
            self._take(self._held.shape[0] // self._step)
            yield block

    def finish(self) -> Outline:
        """The outline of all that went by; of silence where nothing did."""
        if self._held.shape[0]:
            self._step = self._held.shape[0]
            self._take(1)
        silence = np.zeros(0 if self._peaks else 1)
        return Outline(
            peak=np.concatenate([*self._peaks, silence]), rms=np.concatenate([*self._rms, silence])
        )

    def _take(self, count: int) -> None:
        """Turn what is held into so many points."""
        if not count:
            return
        pieces = self._held[: count * self._step].reshape(count, -1)
        self._held = self._held[count * self._step :]
        self._peaks.append(np.maximum(pieces.max(axis=1), -pieces.min(axis=1)).astype(np.float64))
        power = np.einsum("ij,ij->i", pieces, pieces, dtype=np.float64) / pieces.shape[1]
        self._rms.append(np.sqrt(power))


def step_frames(frames: int, rate_hz: int) -> int:
    """How many frames of a song there are to a point."""
    points = min(max(POINTS_A_SECOND * frames // rate_hz, POINTS[0]), POINTS[1])
    return max(1, -(-frames // points))


def outlines(track: Track, columns: int, on_progress: Progress = lambda *_: None) -> dict[str, Outline]:
    """What the stems of a track that play look like, by name.

    From the package where it has an overview of this very audio, else of the audio, which makes one.
    Raises BadAudio, naming the file, where it is missing or damaged. Thread: [control], not the event loop,
    or the caller's own.
    """
    found = read_overview(track)
    if found is None:
        found = {}
        for number, stem in enumerate(track.playing_stems):
            on_progress(number / len(track.playing_stems), f"reading {stem.name}")
            meter = OutlineMeter(track.frames, track.rate_hz)
            for _ in meter.tap(read_flac(track.file_of(stem), stem.gain)):
                pass
            found[stem.name] = meter.finish()
        with contextlib.suppress(OSError):  # of a read-only library it is made each time
            write_overview(track, found)
    return {name: outline.at(columns) for name, outline in found.items()}


def write_overview(track: Track, found: Mapping[str, Outline]) -> None:
    """Keep outlines of all playing stems in the package. Raises OSError where it cannot be written."""
    tables, arrays = [], []
    for stem in track.playing_stems:
        outline = found[stem.name]
        full = max(float(outline.peak.max()), float(outline.rms.max()), 1e-9)
        tables.append(_table(track, stem) | {"points": outline.peak.shape[0], "full": full})
        arrays += [np.rint(levels * (_STEPS / full)) for levels in (outline.peak, outline.rms)]
    line = json.dumps(tables, ensure_ascii=True).encode() + b"\n"
    raw = np.concatenate(arrays).astype("<u2").tobytes()
    unfinished = track.folder / f".{FILE}.{uuid.uuid4().hex}"
    try:
        unfinished.write_bytes(HEAD + line + raw)
        unfinished.replace(track.folder / FILE)
    finally:
        unfinished.unlink(missing_ok=True)


def read_overview(track: Track) -> dict[str, Outline] | None:
    """The outlines that the package keeps; None where there are none of its audio as it is. Thread: any."""
    try:
        with (track.folder / FILE).open("rb") as file:
            head, line = file.readline(len(HEAD)), file.readline(_TABLE_BYTES_MOST)
            tables: Any = json.loads(line) if head == HEAD else None
            stems = track.playing_stems
            if not isinstance(tables, list) or len(tables) != len(stems):
                return None
            found = {}
            for stem, table in zip(stems, tables, strict=True):
                points, full = table.pop("points"), table.pop("full")
                if table != _table(track, stem) or not 1 <= points <= POINTS[1] or not 0.0 < full < 1e9:
                    return None
                raw = np.frombuffer(file.read(4 * points), "<u2").reshape(2, points) * (full / _STEPS)
                found[stem.name] = Outline(peak=raw[0], rms=raw[1])
            return None if file.read(1) else found
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
    ):  # damaged: as if not there
        return None


def _table(track: Track, stem: Stem) -> dict[str, Any]:
    """What tells a stem's audio from any other. Raises OSError."""
    path = track.file_of(stem)
    with path.open("rb") as file:
        info = file.read(_STREAM_INFO.stop)[_STREAM_INFO]
    return {"stem": stem.name, "gain": stem.gain, "bytes": path.stat().st_size, "info": info.hex()}
