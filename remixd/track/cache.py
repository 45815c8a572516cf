"""The cache: stems at the engine's rate, as the kernel maps them into memory (`<name>.pcm`).

A file is 4096 bytes of header, then interleaved stereo float32, little-endian, with `PAD_FRAMES` of
silence before and after it, so that a whole window can be read anywhere.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import struct
import uuid
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from remixd.errors import InvalidInput, NotFound
from remixd.track.fields import printable
from remixd.track.lock import sync_folder
from remixd.track.package import Stem, Track
from remixd.units import PAD_FRAMES, RATE_HZ

MAGIC: Final = b"RMXDPCM1"
VERSION: Final = 1
HEADER_BYTES: Final = 4096
FRAME_BYTES: Final = 8
_HEADER: Final = struct.Struct("<8sIIqq32sI")
_READ_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a cache file says of itself.

    Attributes:
        frames: of audio, without the padding.
        pad_frames: of silence on each side.
        content: sha256 of the stem's FLAC.
        crc32: zlib's, of everything after the header.
    """

    rate_hz: int
    frames: int
    pad_frames: int
    content: bytes
    crc32: int

    @property
    def file_bytes(self) -> int:
        """The size of the whole file."""
        return HEADER_BYTES + (self.frames + 2 * self.pad_frames) * FRAME_BYTES

    def pack(self) -> bytes:
        """The header as it stands in the file."""
        packed = _HEADER.pack(
            MAGIC, VERSION, self.rate_hz, self.frames, self.pad_frames, self.content, self.crc32
        )
        return packed.ljust(HEADER_BYTES, b"\0")


def cache_path(cache_folder: Path, stem: Stem) -> Path:
    """Where a stem's engine-rate audio is."""
    return cache_folder / f"{stem.name}.pcm"


def cache_frames(track: Track) -> int:
    """The frames of every stem of a track at the engine's rate, at least one."""
    return max(1, round(track.frames * RATE_HZ / track.rate_hz))


def stem_content(track: Track, stem: Stem) -> bytes:
    """Sha256 of a stem's FLAC. Raises NotFound, naming the file, where there is none."""
    try:
        with track.file_of(stem).open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except FileNotFoundError:
        raise NotFound(f"{track.id}: {stem.file} is missing; import the song again") from None


def read_header(path: Path) -> Header:
    """Read and check a header. Raises NotFound, or InvalidInput for what is no cache file of this version."""
    try:
        with path.open("rb") as file:
            start = file.read(HEADER_BYTES)
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise NotFound(f"{printable(path)} is missing") from None
    if len(start) < HEADER_BYTES or not start.startswith(MAGIC):
        raise InvalidInput(f"{printable(path)} is not a cached stem")
    _, version, rate_hz, frames, pad_frames, content, crc32 = _HEADER.unpack_from(start)
    header = Header(rate_hz=rate_hz, frames=frames, pad_frames=pad_frames, content=content, crc32=crc32)
    if version != VERSION or rate_hz != RATE_HZ or pad_frames != PAD_FRAMES or frames < 1:
        raise InvalidInput(f"{printable(path)} was made by another version of remixd")
    if size != header.file_bytes:
        raise InvalidInput(f"{printable(path)} holds {size} of {header.file_bytes} bytes")
    return header


def verify(path: Path) -> Header:
    """Read a whole cache file against its checksum. Raises as `read_header`, and InvalidInput for damage."""
    header = read_header(path)
    crc32 = 0
    with path.open("rb") as file:
        file.seek(HEADER_BYTES)
        while part := file.read(_READ_BYTES):
            crc32 = zlib.crc32(part, crc32)
    if crc32 != header.crc32:
        raise InvalidInput(f"{printable(path)} is damaged: its checksum differs")
    return header


class Trust:
    """What this process has read in full already, so that it is not read again while it stays as it is.

    A file is known by its inode, size and times; one that was replaced or written to is another.
    Thread: [control], in a worker thread, or [ingest].
    """

    def __init__(self) -> None:
        self._sums: dict[Path, tuple[_Fingerprint, bytes]] = {}
        self._sound: dict[Path, _Fingerprint] = {}

    def content(self, track: Track, stem: Stem) -> bytes:
        """As `stem_content`, about 1 ms a MB the first time."""
        path = track.file_of(stem)
        before = _fingerprint(path)
        known = self._sums.get(path)
        if before is None or known is None or known[0] != before:
            content = stem_content(track, stem)
            if before is not None:
                self._sums[path] = before, content
            return content
        return known[1]

    def verify(self, path: Path) -> Header:
        """As the function `verify`, about .3 ms a MB the first time; later only the header is read."""
        before = _fingerprint(path)
        if before is not None and self._sound.get(path) == before:
            return read_header(path)
        header = verify(path)
        self.accept(path, before)
        return header

    def accept(self, path: Path, seen: _Fingerprint | None = None) -> None:
        """Take a file as sound as it is now: it was verified by the one who wrote it."""
        found = seen or _fingerprint(path)
        if found is not None:
            self._sound[path] = found


_Fingerprint: TypeAlias = tuple[int, int, int, int]


def _fingerprint(path: Path) -> _Fingerprint | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def check(track: Track, cache_folder: Path, trust: Trust) -> dict[Stem, str]:
    """The playing stems whose cache must be built, and why: empty where there is none yet.

    Stale is what was not made of the FLAC that is there now, damaged what is cut short or fails its
    checksum. Raises NotFound for a FLAC that is missing. Thread: [control], in a worker thread, or [ingest].
    """
    found = {stem: _fault(track, stem, cache_folder, trust) for stem in track.playing_stems}
    return {stem: fault for stem, fault in found.items() if fault is not None}


def _fault(track: Track, stem: Stem, cache_folder: Path, trust: Trust) -> str | None:
    content = trust.content(track, stem)
    try:
        header = trust.verify(cache_path(cache_folder, stem))
    except NotFound:
        return ""
    except InvalidInput as error:
        return str(error)
    if header.content != content or header.frames != cache_frames(track):
        return f"{printable(cache_path(cache_folder, stem))} is stale: {stem.file} has changed"
    return None


def cache_bytes(track: Track, stems: int = 1) -> int:
    """The bytes that so many cached stems of a track take."""
    return stems * (HEADER_BYTES + (cache_frames(track) + 2 * PAD_FRAMES) * FRAME_BYTES)


def write_pcm(path: Path, pcm: npt.NDArray[np.float32], content: bytes) -> None:
    """Write a cache file of `pcm`, float32 (frames, 2); `content` is the sha256 of the stem's FLAC."""
    write_pcm_blocks(path, [pcm], content)


def write_pcm_blocks(path: Path, blocks: Iterable[npt.NDArray[np.float32]], content: bytes) -> int:
    """Write a cache file block by block, each float32 (n, 2); returns the frames.

    The file appears under its name only when it is complete, on disk, and read back against its checksum;
    nothing is left behind by a failure short of a kill. Thread: [ingest].
    """
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    silence = np.zeros((PAD_FRAMES, 2), np.float32)
    frames, crc32 = -2 * PAD_FRAMES, 0
    try:
        with part.open("wb") as file:
            file.seek(HEADER_BYTES)
            for block in itertools.chain([silence], blocks, [silence]):
                raw = np.ascontiguousarray(block, np.dtype("<f4")).data
                crc32 = zlib.crc32(raw, crc32)
                file.write(raw)
                frames += block.shape[0]
            header = Header(
                rate_hz=RATE_HZ, frames=frames, pad_frames=PAD_FRAMES, content=content, crc32=crc32
            )
            file.seek(0)
            file.write(header.pack())
            file.flush()
            os.fsync(file.fileno())
        verify(part)
        part.rename(path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)
    return frames
