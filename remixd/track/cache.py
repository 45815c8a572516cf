"""The cache: stems at the engine's rate and their phase trees, as the kernel maps them (`<name>.pcm`).

A file is 4096 bytes of header, then interleaved stereo float32 with `PAD_FRAMES` of silence before and after
it, so that a whole window can be read anywhere, then the sections of the phase tree that have any elements
(`TreeSize.sections`), each at the next multiple of 64 bytes. Everything is little-endian.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import struct
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from remixd.errors import InvalidInput, NotFound
from remixd.track.fields import printable
from remixd.track.lock import sync_folder
from remixd.track.mapped import let_go
from remixd.track.package import Stem, Track
from remixd.track.phase_tree import HOP_FRAMES, PhaseTree, TreeSize, grid_frames
from remixd.units import PAD_FRAMES, RATE_HZ

MAGIC: Final = b"RMXDPCM1"
VERSION: Final = 2
HEADER_BYTES: Final = 4096
FRAME_BYTES: Final = 8
_HEADER: Final = struct.Struct("<8sIIqq32sIIIIIII")
_READ_BYTES: Final = 2**20
_WRITE_BYTES: Final = 2**24
_TONAL_BYTES_A_S: Final = 500_000
"""What the phase tree of white noise takes, which is more than that of any music."""
_DRUMS_BYTES_A_S: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a cache file says of itself.

    Attributes:
        frames: of audio, without the padding.
        pad_frames: of silence on each side.
        content: sha256 of the stem's FLAC.
        crc32: zlib's, of everything after the header.
        tree: what the phase tree holds.
    """

    rate_hz: int
    frames: int
    pad_frames: int
    content: bytes
    crc32: int
    tree: TreeSize

    @property
    def pcm_end_byte(self) -> int:
        """One past the last byte of the sound and its padding."""
        return HEADER_BYTES + (self.frames + 2 * self.pad_frames) * FRAME_BYTES

    @property
    def file_bytes(self) -> int:
        """The size of the whole file."""
        return self.tree.end_byte(self.pcm_end_byte)

    def pack(self) -> bytes:
        """The header as it stands in the file."""
        tree = self.tree
        packed = _HEADER.pack(
            *(MAGIC, VERSION, self.rate_hz, self.frames, self.pad_frames, self.content, self.crc32),
            *(HOP_FRAMES, tree.grid_frames, tree.regions, tree.onsets, tree.envelope_points, 0),
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
    header = _unpack(path, start)
    if size != header.file_bytes:
        raise InvalidInput(f"{printable(path)} holds {size} of {header.file_bytes} bytes")
    return header


def _unpack(path: Path, start: bytes) -> Header:
    _, version, rate_hz, frames, pad_frames, content, crc32, *rest = _HEADER.unpack_from(start)
    hop_frames, grid, regions, onsets, points, _ = rest
    if (version, rate_hz, pad_frames, hop_frames) != (VERSION, RATE_HZ, PAD_FRAMES, HOP_FRAMES) or frames < 1:
        raise InvalidInput(f"{printable(path)} was made by another version of remixd")
    if grid not in (0, grid_frames(frames)):
        raise InvalidInput(f"{printable(path)} has a phase tree of another length than its sound")
    try:
        tree = TreeSize(grid_frames=grid, regions=regions, onsets=onsets, envelope_points=points)
    except InvalidInput as error:
        raise InvalidInput(f"{printable(path)}: {error}") from None
    return Header(
        rate_hz=rate_hz, frames=frames, pad_frames=pad_frames, content=content, crc32=crc32, tree=tree
    )


def read_tree(path: Path) -> PhaseTree:
    """Read a stem's phase tree, for tests and tools. Raises as `read_header`, and for what is no tree."""
    header = read_header(path)
    arrays: dict[str, Any] = {}
    for section in header.tree.sections(header.pcm_end_byte):
        flat = np.fromfile(path, section.dtype, section.elements, offset=section.first_byte)
        arrays[section.name] = flat.reshape(section.shape)
    try:
        return PhaseTree(**arrays)
    except InvalidInput as error:
        raise InvalidInput(f"{printable(path)}: {error}") from None


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
        """As `stem_content`, about 1 ms a MB the first time. Of a sum: what tells one from another."""
        if stem.parts:
            contents = b"".join(self.content(track, part) for part in track.parts_of(stem))
            return hashlib.sha256(contents).digest()
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


def estimate_bytes(track: Track, stems: Iterable[Stem]) -> int:
    """What the caches of some of a track's stems will hardly exceed: exact but for their phase trees."""
    frames = cache_frames(track) + 2 * PAD_FRAMES
    total = 0
    for stem in stems:
        tree_bytes_a_s = _DRUMS_BYTES_A_S if stem.role == "drums" else _TONAL_BYTES_A_S
        total += HEADER_BYTES + frames * FRAME_BYTES + frames * tree_bytes_a_s // RATE_HZ
    return total


def write_stem(
    path: Path,
    blocks: Iterable[NDArray[np.float32]],
    content: bytes,
    grow: Callable[[NDArray[np.float32]], PhaseTree],
) -> int:
    """Write a cache file, the sound block by block, then its phase tree.

    The file appears under its name only when it is complete, on disk, and read back against its checksum;
    nothing is left behind by a failure short of a kill.

    Args:
        path: of the file.
        blocks: the sound, each float32 (n, 2); at least one frame in all.
        content: sha256 of the stem's FLAC.
        grow: given the whole sound, float32 (frames, 2), mapped and read-only, makes its phase tree.

    Returns the frames. Raises InvalidInput for no sound, or a tree that does not fit it. Thread: [ingest].
    """
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("wb") as file:
            file.seek(HEADER_BYTES)
            frames, crc32 = _write_pcm(file, blocks)
            if frames < 1:
                raise InvalidInput(f"{printable(path)}: a stem has at least one frame")
            file.flush()
            tree = grow(_map_pcm(part, frames))
            for raw in _tree_bytes(tree, file.tell()):
                crc32 = zlib.crc32(raw, crc32)
                file.write(raw)
            header = Header(
                rate_hz=RATE_HZ, frames=frames, pad_frames=PAD_FRAMES, content=content, crc32=crc32,
                tree=tree.size,
            )  # fmt: skip
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


def _write_pcm(file: BinaryIO, blocks: Iterable[NDArray[np.float32]]) -> tuple[int, int]:
    """Write the sound between its padding; returns its frames, and the checksum of all that was written."""
    silence = np.zeros((PAD_FRAMES, 2), np.float32)
    frames, crc32 = -2 * PAD_FRAMES, 0
    for block in itertools.chain([silence], blocks, [silence]):
        raw = np.ascontiguousarray(block, np.dtype("<f4")).data
        crc32 = zlib.crc32(raw, crc32)
        file.write(raw)
        frames += block.shape[0]
    return frames, crc32


def _map_pcm(path: Path, frames: int) -> NDArray[np.float32]:
    """The sound in a file, without its padding."""
    first_byte = HEADER_BYTES + PAD_FRAMES * FRAME_BYTES
    return np.asarray(np.memmap(path, np.dtype("<f4"), "r", first_byte, (frames, 2)))


def _tree_bytes(tree: PhaseTree, end_byte: int) -> Iterator[bytes | memoryview]:
    """What follows the sound, which ends at `end_byte`."""
    for section in tree.size.sections(end_byte):
        yield bytes(section.first_byte - end_byte)
        flat = np.ascontiguousarray(tree.array(section)).reshape(-1).view(np.uint8)
        for at in range(0, flat.size, _WRITE_BYTES):
            yield flat[at : at + _WRITE_BYTES].data
            let_go(flat)
        end_byte = section.end_byte
