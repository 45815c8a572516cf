"""Journals as files: what is torn is told, what is damaged is told with its place, and nothing crashes."""

from __future__ import annotations

import random
import struct
import zlib
from pathlib import Path

import pytest

from remixd.control.journal_file import JournalReader, file_start, framed
from remixd.control.recording import read_recording
from remixd.errors import InvalidInput, NotFound, RemixdError, Unsupported
from remixd.v1.journal_pb2 import (
    JournalAccepted,
    JournalClock,
    JournalEnd,
    JournalHeader,
    JournalOrder,
    JournalRecord,
    JournalReport,
)

SCORE = '{"mix": [1.0, 0.0, 0.0, 0.0, 0.0, 0.0], "start": 0, "player": null}'
RECORDS = [
    JournalRecord(header=JournalHeader(session="s-1", key=3, score=SCORE)),
    JournalRecord(accepted=JournalAccepted(order=JournalOrder(id=1, kind=3, value=0.5), signals=["a"])),
    JournalRecord(report=JournalReport(id=1, kind=1, sample=640, taken=8)),
    JournalRecord(clock=JournalClock(sample=4800)),
    JournalRecord(end=JournalEnd(sample=9600, fade_frames=480, how="it was ended")),
]
FRAMES = [framed(record) for record in RECORDS]
WHOLE = file_start() + b"".join(FRAMES)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s-1.rxj"


def test_what_was_written_is_read(path: Path) -> None:
    path.write_bytes(WHOLE)
    reader = JournalReader(path)
    assert list(reader) == RECORDS
    assert reader.torn == ""
    recording = read_recording(path)
    assert (recording.end, recording.fade_frames, recording.notes) == (9600, 480, [])
    assert list(recording.segments[0].posts()) == [(8, RECORDS[1].accepted.order)]


def test_a_tail_that_was_not_written_whole_is_left_out_and_told(path: Path) -> None:
    for end in range(len(file_start()) + len(FRAMES[0]), len(WHOLE)):
        path.write_bytes(WHOLE[:end])
        reader = JournalReader(path)
        records = list(reader)
        assert records == RECORDS[: len(records)]
        written = len(file_start()) + sum(len(frame) for frame in FRAMES[: len(records)])
        assert bool(reader.torn) == (written != end)
        if reader.torn:
            assert f"the last {end - written} bytes" in reader.torn
            assert reader.torn in read_recording(path).notes


def test_room_that_the_file_system_made_and_nobody_wrote_to_is_a_tail(path: Path) -> None:
    path.write_bytes(WHOLE + bytes(100_000))
    reader = JournalReader(path)
    assert list(reader) == RECORDS
    assert "the last 100000 bytes" in reader.torn


def test_damage_in_the_middle_is_told_with_its_byte(path: Path) -> None:
    at = len(file_start()) + len(FRAMES[0])
    for offset in range(len(FRAMES[1])):
        raw = bytearray(WHOLE)
        raw[at + offset] ^= 0x10
        path.write_bytes(raw)
        with pytest.raises(InvalidInput, match=rf"s-1\.rxj is damaged at byte {at}$"):
            list(JournalReader(path))


def test_a_newer_version_is_refused_with_a_sentence(path: Path) -> None:
    path.write_bytes(file_start(7) + b"".join(FRAMES))
    with pytest.raises(Unsupported, match="by a newer remixd: its format is version 7"):
        list(JournalReader(path))


@pytest.mark.parametrize("raw", [b"", b"RMXJRNL\0", b"not a journal at all, but some text", bytes(64)])
def test_what_is_no_journal_is_said_to_be_none(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    with pytest.raises(InvalidInput, match="is not a journal"):
        list(JournalReader(path))


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(NotFound, match=r"s-1.rxj is missing"):
        list(JournalReader(path))


def test_a_record_of_another_kind_is_damage(path: Path) -> None:
    for payload in (b"", b"\x7a\x02ab", b"\xff\xff"):
        head = struct.pack("<II", len(payload), zlib.crc32(payload))
        frame = head + struct.pack("<I", zlib.crc32(head)) + payload
        path.write_bytes(file_start() + FRAMES[0] + frame + FRAMES[1])
        with pytest.raises(InvalidInput, match="is damaged at byte"):
            list(JournalReader(path))


def mutated(chance: random.Random) -> bytes:
    """A journal with something wrong: in its bytes, or, behind sums that are right, in its records."""
    if chance.random() < 0.5:
        raw = bytearray(WHOLE)
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(raw))
            match chance.randrange(4):
                case 0:
                    raw[at] = chance.randrange(256)
                case 1:
                    del raw[at : at + chance.randrange(1, 40)]
                case 2:
                    raw[at:at] = chance.randbytes(chance.randrange(1, 40))
                case 3:
                    raw[at : at + 4] = struct.pack("<I", chance.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF]))
        return bytes(raw)
    frames = [file_start()]
    for record in chance.choices(RECORDS, k=chance.randrange(1, 8)) if chance.random() < 0.3 else RECORDS:
        payload = bytearray(record.SerializeToString())
        if payload and chance.random() < 0.5:
            payload[chance.randrange(len(payload))] = chance.randrange(256)
        head = struct.pack("<II", len(payload), zlib.crc32(payload))
        frames += [head, struct.pack("<I", zlib.crc32(head)), bytes(payload)]
    return b"".join(frames)


def test_whatever_is_wrong_with_a_journal_is_told_in_a_sentence(path: Path) -> None:
    chance = random.Random(11)
    told = []
    for _ in range(2000):
        path.write_bytes(mutated(chance))
        try:
            read_recording(path)
        except RemixdError as error:
            told.append(str(error))
    assert len(told) > 1000
    assert all("s-1.rxj" in text for text in told)
