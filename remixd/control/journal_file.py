"""The file of a journal: records with a length and checksums, only ever appended to.

It begins with 16 bytes: `RMXJRNL`, a zero, the version of the format, the CRC-32 of those 12. Each record is
its length, the CRC-32 of its payload, the CRC-32 of these 8 bytes, and the payload, a `JournalRecord`.
Numbers are 32 bits, little-endian. A tail that was not written whole is left out; damage before it is an
error.

Thread: [control], in a worker thread, or the command line's.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from google.protobuf.message import DecodeError

from remixd.errors import InvalidInput, NotFound, Unsupported
from remixd.track.fields import printable
from remixd.v1.journal_pb2 import JournalRecord

SUFFIX: Final = ".rxj"
VERSION: Final = 1
RECORD_BYTES_MAX: Final = 16 << 20
_MAGIC: Final = b"RMXJRNL\0"
_START: Final = struct.Struct("<8sI")
_FRAME: Final = struct.Struct("<II")
_SUM: Final = struct.Struct("<I")
_FRAME_BYTES: Final = _FRAME.size + _SUM.size
_START_BYTES: Final = _START.size + _SUM.size


def _summed(fixed: bytes) -> bytes:
    return fixed + _SUM.pack(zlib.crc32(fixed))


def file_start(version: int = VERSION) -> bytes:
    """What every journal begins with."""
    return _summed(_START.pack(_MAGIC, version))


def framed(record: JournalRecord) -> bytes:
    """A record as it stands in the file."""
    payload = record.SerializeToString()
    return _summed(_FRAME.pack(len(payload), zlib.crc32(payload))) + payload


class JournalReader:
    """The records of a journal, in order; iterate once.

    Attributes:
        end_byte: of the last record that was read.
        torn: after the last record, what was left out at the end of the file, as a sentence; else empty.

    Raises NotFound for no file, InvalidInput for what is no journal, and, naming the byte, for one that is
    damaged, Unsupported for a version that is newer than this one.
    """

    def __init__(self, path: Path) -> None:
        self.end_byte = 0
        self.torn = ""
        self._path = path

    def __iter__(self) -> Iterator[JournalRecord]:
        try:
            with self._path.open("rb") as file:
                yield from self._records(file, os.fstat(file.fileno()).st_size)
        except FileNotFoundError:
            raise NotFound(f"{printable(self._path)} is missing") from None
        except OSError as error:
            raise InvalidInput(f"{printable(self._path)} cannot be read: {error.strerror}") from None

    def _records(self, file: BinaryIO, size: int) -> Iterator[JournalRecord]:
        self._check_start(file.read(_START_BYTES))
        at = _START_BYTES
        while at < size:
            head = file.read(_FRAME_BYTES)
            if len(head) < _FRAME_BYTES:
                self._tear(at, size)
                return
            fixed, total = head[: _FRAME.size], head[_FRAME.size :]
            length, crc32 = _FRAME.unpack(fixed)
            if _SUM.pack(zlib.crc32(fixed)) != total or length > RECORD_BYTES_MAX:
                if _is_zero(head, file):  # room that a file system made before it wrote
                    self._tear(at, size)
                    return
                raise self._damage(at)
            payload = file.read(length)
            end = at + _FRAME_BYTES + length
            if len(payload) < length or (end == size and zlib.crc32(payload) != crc32):
                self._tear(at, size)
                return
            if zlib.crc32(payload) != crc32:
                raise self._damage(at)
            self.end_byte = end
            yield self._record(payload, at)
            at = end

    def _check_start(self, start: bytes) -> None:
        fixed = start[: _START.size]
        if len(start) < _START_BYTES or not start.startswith(_MAGIC) or _summed(fixed) != start:
            raise InvalidInput(f"{printable(self._path)} is not a journal")
        _, version = _START.unpack(fixed)
        if version > VERSION:
            raise Unsupported(
                f"{printable(self._path)} was written by a newer remixd: its format is version {version}, "
                f"this one reads version {VERSION}"
            )
        if version < 1:
            raise InvalidInput(f"{printable(self._path)} is not a journal")

    def _record(self, payload: bytes, at: int) -> JournalRecord:
        record = JournalRecord()
        try:
            record.ParseFromString(payload)
        except DecodeError:
            raise self._damage(at) from None
        if record.WhichOneof("what") is None:
            raise self._damage(at)
        return record

    def _damage(self, at: int) -> InvalidInput:
        return InvalidInput(f"{printable(self._path)} is damaged at byte {at}")

    def _tear(self, at: int, size: int) -> None:
        self.torn = f"the last {size - at} bytes of {printable(self._path)} were not written whole: left out"


def _is_zero(head: bytes, file: BinaryIO) -> bool:
    """Whether there is nothing but zeros from here on."""
    part = head
    while part:
        if part.strip(b"\0"):
            return False
        part = file.read(1 << 20)
    return True
