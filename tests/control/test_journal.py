"""Journals of a daemon: written beside the music, within a quota, and never in its way."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from takes import session_score

from remixd._kernel.mailbox import APPLIED, MIX, ReportEntry
from remixd.audience.signal import Signal
from remixd.control import journal as journal_module
from remixd.control import journals as journals_module
from remixd.control.journal import Journal
from remixd.control.journal_file import JournalReader, framed
from remixd.control.journals import Journals
from remixd.control.order import Order, mix_order
from remixd.control.recording import read_recording
from remixd.v1.journal_pb2 import JournalClock, JournalRecord

SCORE: dict[str, Any] = session_score(None)


def kinds(path: Path) -> list[str | None]:
    return [record.WhichOneof("what") for record in JournalReader(path)]


def reported(command_id: int, sample: int, taken: int) -> ReportEntry:
    return ReportEntry(
        id=command_id, session=1, kind=APPLIED, dimension=0, sample=sample, settled_sample=sample + 480,
        position=sample, value=1.1, late_frames=0, superseded=False, deck=255, command=MIX, reason=0,
        serial=1, taken=taken,
    )  # fmt: skip


@pytest.fixture
async def journals(tmp_path: Path) -> AsyncIterator[Journals]:
    async with Journals(tmp_path / "journals", tmp_path, 100_000) as opened:
        yield opened


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(200):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it does not come to that")


async def ended(path: Path) -> None:
    await until(lambda: "end" in kinds(path))


async def test_what_happens_is_in_the_file_soon_in_order(journals: Journals) -> None:
    journal = await journals.begin("s-1", 7, SCORE)
    journal.hear([Signal(id="a", fan="Mina Kim", wishes={"tempo": 1.1})])
    journal.accept(41, mix_order("tempo", 1.1), ["a"], "because")
    journal.take(reported(41, 64_000, 998))
    journal.tick(64_800)
    path = journal.path
    assert path
    await until(lambda: "report" in kinds(path))
    assert kinds(journal.path)[:4] == ["header", "signal", "accepted", "report"]
    recording = read_recording(journal.path)
    [(taken, order)] = recording.segments[0].posts()
    assert (taken, order.id, order.value, order.sample) == (998, 41, pytest.approx(1.1), -1)
    journal.end("it was ended")
    await ended(journal.path)
    assert read_recording(journal.path).end == 64_800


async def test_fans_are_in_a_file_of_their_own_that_can_go(journals: Journals) -> None:
    one, two = await journals.begin("s-1", 7, SCORE), await journals.begin("s-2", 8, SCORE)
    for journal in (one, two):
        fans = ["Mina Kim", "", "Jo", "Mina Kim"]
        journal.hear([Signal(id=f"{i}", fan=fan, wishes={"bass": 0.0}) for i, fan in enumerate(fans)])
        journal.end("it was ended")
    assert one.path
    assert two.path
    await ended(one.path)
    await ended(two.path)
    handles = read_recording(one.path).fans
    assert b"Mina" not in one.path.read_bytes()
    assert b"Jo" not in one.path.read_bytes()
    table = dict(json.loads(line) for line in one.path.with_suffix(".fans").read_text().splitlines())
    assert [table.get(handles[f"{i}"], "") for i in range(4)] == ["Mina Kim", "", "Jo", "Mina Kim"]
    assert handles["0"] != read_recording(two.path).fans["0"], "nobody is followed from session to session"
    one.path.with_suffix(".fans").unlink()
    assert read_recording(one.path).fans == handles


async def test_the_oldest_that_are_over_go_and_never_one_that_is_open(
    journals: Journals, tmp_path: Path
) -> None:
    first = await journals.begin("s-open", 1, SCORE)
    for number in range(6):
        journal = await journals.begin(f"s-{number}", 2 + number, SCORE)
        for command in range(300):
            journal.accept(command, Order(kind=MIX, value=command / 7), [f"a signal of a name {command}"], "")
        journal.end("it was ended")
        assert journal.path
        await ended(journal.path)
        os.utime(journal.path, (number, number))
    await asyncio.sleep(0.1)
    last = await journals.begin("s-last", 99, SCORE)
    left = sorted(path.stem for path in (tmp_path / "journals").glob("*.rxj"))
    assert {"s-open", "s-last", "s-5"} <= set(left)
    assert "s-0" not in left
    assert sum(path.stat().st_size for path in (tmp_path / "journals").glob("*.rxj")) <= 100_000
    assert first.is_open
    assert last.is_open


async def test_a_full_disk_is_told_and_the_session_plays_on(
    journals: Journals, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    journal = await journals.begin("s-1", 7, SCORE)
    assert journal.path
    before = journal.path.read_bytes()
    write = os.write

    def full(descriptor: int, data: Any) -> int:
        if len(data) > 10 and bytes(data[:1]) != b"\0":
            return write(descriptor, data[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(journals_module.os, "write", full)
    for command in range(50):
        journal.accept(command, mix_order("bass", -3.0), [], "")
    await until(lambda: not journal.is_open)
    monkeypatch.undo()
    for command in range(50):
        journal.accept(command, mix_order("bass", -3.0), [], "")
    assert "No space left on device; the session plays on without it" in caplog.text
    await asyncio.sleep(0.15)
    assert journal.path.read_bytes() == before, "nothing is torn"


async def test_a_folder_that_cannot_be_is_told_and_the_session_plays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    async with Journals(tmp_path / "file" / "journals", tmp_path) as journals:
        journal = await journals.begin("s-1", 7, SCORE)
        journal.accept(1, mix_order("bass", -3.0), [], "")
        assert not journal.is_open
    assert "the session plays on without it" in caplog.text


async def test_one_that_grows_too_large_is_cut_and_says_so(
    journals: Journals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "FILE_BYTES_MAX", 5000)
    journal = await journals.begin("s-1", 7, SCORE)
    journal.tick(9600)
    for command in range(1000):
        journal.accept(command, mix_order("bass", -3.0), ["a"], "")
    assert not journal.is_open
    path = journal.path
    assert path
    await until(lambda: "cut" in kinds(path))
    recording = read_recording(path)
    assert path.stat().st_size < 5300
    assert recording.notes[0] == "the journal was cut at sample 9600: it would be larger than 5 kB"


async def test_what_waits_when_the_daemon_stops_is_written(tmp_path: Path) -> None:
    async with Journals(tmp_path / "journals", tmp_path) as journals:
        opened = [await journals.begin(f"s-{number}", number, SCORE) for number in range(3)]
        for journal in opened:
            journal.accept(1, mix_order("bass", -3.0), [], "")
            journal.tick(480)
    for journal in opened:
        assert journal.path
        assert [kind for kind in kinds(journal.path) if kind != "clock"] == ["header", "accepted", "end"]
        assert read_recording(journal.path).how == "the daemon was stopped"


@pytest.mark.parametrize("quantum", [5, (1 << 32) - 3, (1 << 32) + 9, 3 * (1 << 32) + 1])
def test_the_quantum_is_whole_again_after_months(quantum: int) -> None:
    journal = Journal(Path("unused"))
    journal.take(reported(1, quantum * 64 + 100, quantum % (1 << 32)))
    raw, _ = journal.take_waiting(clock=False)
    record = JournalRecord()
    record.ParseFromString(raw[12:])
    assert record.report.taken == quantum


def test_without_a_path_nothing_is_kept() -> None:
    journal = Journal()
    journal.accept(1, mix_order("bass", -3.0), ["a"], "")
    journal.end("it was ended")
    assert journal.take_waiting(clock=True) == (b"", b"")


async def test_a_daemon_goes_on_with_the_journal_of_one_that_was_killed(tmp_path: Path) -> None:
    killed = Journals(tmp_path / "journals", tmp_path)
    journal = await killed.begin("s-1", 7, SCORE)
    journal.hear([Signal(id="a", fan="Mina Kim", wishes={"tempo": 1.1})])
    journal.accept(41, mix_order("tempo", 1.1), ["a"], "")
    path = journal.path
    assert path
    await until(lambda: "accepted" in kinds(path))
    with path.open("ab") as file:
        file.write(framed(JournalRecord(clock=JournalClock(sample=480)))[:-3])
    async with Journals(tmp_path / "journals", tmp_path) as journals:
        again = await journals.go_on("s-1")
        again.take(reported(41, 64_000, 998))
        again.take(reported(42, 64_100, 998))
        again.hear([Signal(id="b", fan="Mina Kim", wishes={"tempo": 1.0})])
        again.end("it was ended")
        await ended(path)
        assert not (await journals.go_on("s-1")).is_open, "it has ended"
        assert not (await journals.go_on("s-2")).is_open, "there is none"
    recording = read_recording(path)
    assert [order.id for _, order in recording.segments[0].posts()] == [41]
    assert recording.doubts == ["the journal lacks 1 commands that the engine has done"]
    assert recording.fans["a"] == recording.fans["b"]
    await killed.close()


async def test_steps_of_an_engine_with_too_much_to_do_are_told(tmp_path: Path) -> None:
    async with Journals(tmp_path / "journals", tmp_path) as journals:
        journal = await journals.begin("s-1", 7, SCORE)
        journal.step(4800, "stems summed", "the core is full")
        journal.end("it was ended")
    assert journal.path
    recording = read_recording(journal.path)
    assert recording.notes == ["from sample 4800 on: stems summed, as the core is full"]
    assert recording.doubts == []
