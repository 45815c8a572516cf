"""A journal that was read: what a session began with, what it was told and when, and how it ended.

Thread: any but [render].
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from remixd.control.journal_file import JournalReader
from remixd.errors import InvalidInput
from remixd.track.fields import printable
from remixd.v1.journal_pb2 import JournalAccepted, JournalHeader, JournalOrder, JournalRecord, JournalReport

QUANTUM: Final = 64
SAMPLES_MAX: Final = 1 << 40
"""Nine months: what is later is no sample of a session."""


@dataclass(slots=True, kw_only=True)
class Segment:
    """What one engine played.

    Attributes:
        checkpoint: how the session stood when the engine took it over; empty if it began there.
        players: those that it took over then.
        racks: likewise.
        again: the commands that were posted to it before it was heard.
        start: its first sample; `end`: one past its last.
        accepted: the commands that were posted to it, in order.
        reports: what it told last of each, by its id.
        told: everything it told, in order.
    """

    checkpoint: bytes = b""
    players: list[int] = field(default_factory=list)
    racks: list[int] = field(default_factory=list)
    again: list[JournalOrder] = field(default_factory=list)
    start: int = 0
    end: int = 0
    accepted: list[JournalAccepted] = field(default_factory=list)
    reports: dict[int, JournalReport] = field(default_factory=dict)
    told: list[JournalReport] = field(default_factory=list)

    def unknown(self) -> int:
        """How many commands were told of that are not here."""
        known = {accepted.order.id for accepted in self.accepted} | {order.id for order in self.again}
        return len(self.reports.keys() - known)

    def posts(self) -> Iterator[tuple[int, JournalOrder]]:
        """Each command, in order, and the quantum before which the engine took it.

        Where nothing was told of one the engine never took it, or it waited for a sample that did not come.
        """
        for accepted in self.accepted:
            if report := self.reports.get(accepted.order.id):
                yield report.taken, accepted.order


@dataclass(slots=True, kw_only=True)
class Recording:
    """A session, as its journal tells it.

    Attributes:
        score: what it began with.
        loads: the scores of what was made ready later, by their players' keys.
        racks: those of the racks, by their keys.
        fans: the handle of who sent a signal, by its id.
        fade_frames: over how many frames it fades out at its end.
        how: how it ended; empty if it was still playing.
        notes: what a person should know of the journal, a sentence each.
        doubts: why a replay is not what was heard, likewise.
    """

    header: JournalHeader
    score: dict[str, Any]
    loads: dict[int, dict[str, Any]] = field(default_factory=dict)
    racks: dict[int, dict[str, Any]] = field(default_factory=dict)
    fans: dict[str, str] = field(default_factory=dict)
    segments: list[Segment] = field(default_factory=lambda: [Segment()])
    fade_frames: int = 0
    how: str = ""
    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    @property
    def end(self) -> int:
        """One past the last sample that is known."""
        return self.segments[-1].end

    @property
    def players(self) -> dict[int, dict[str, Any]]:
        """The scores of all players, by their keys."""
        first = self.score.get("player")
        return self.loads if first is None else {int(first["key"]): first, **self.loads}


def read_recording(path: Path) -> Recording:
    """Read a journal. Raises as `JournalReader`, and InvalidInput where a record makes no sense."""
    reader = JournalReader(path)
    records = iter(reader)
    first = next(records, None)
    if first is None or first.WhichOneof("what") != "header":
        raise InvalidInput(f"{printable(path)} holds no session: its first record is missing")
    try:
        found = Recording(header=first.header, score=_score(first.header.score, "mix", "player", "start"))
        for record in records:
            _take(found, record)
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{printable(path)} makes no sense: {error}") from None
    if reader.torn:
        found.notes.append(reader.torn)
    if unknown := sum(segment.unknown() for segment in found.segments):
        found.doubts.append(f"the journal lacks {unknown} commands that the engine has done")
    if not found.how:
        found.notes.append("the session was still playing, or was lost, where its journal ends")
    return found


def _score(text: str, *names: str) -> dict[str, Any]:
    score = json.loads(text)
    if not isinstance(score, dict):
        raise ValueError("a score is a JSON object")
    for name in names:
        score[name]
    player = score.get("player") if "player" in names else score
    if player is not None:
        _check_player(player)
    return score


def _rack_score(text: str) -> dict[str, Any]:
    score = json.loads(text)
    if not isinstance(score, dict) or not isinstance(score["chain"], list):
        raise ValueError("a rack has a chain of effects")
    return {**score, "key": int(score["key"])}


def _check_player(player: dict[str, Any]) -> None:
    int(player["key"])
    for stem in player["stems"]:
        if not all(isinstance(stem[name], str) for name in ("track", "stem", "content")):
            raise ValueError("a stem has a track, a name and a content")
        int(stem["crc32"])


def _sample(value: int) -> int:
    if not 0 <= value <= SAMPLES_MAX:
        raise ValueError(f"{value} is no sample of a session")
    return value


def _take(found: Recording, record: JournalRecord) -> None:
    segment = found.segments[-1]
    match record.WhichOneof("what"):
        case "signal":
            found.fans[record.signal.id] = record.signal.fan
        case "accepted":
            segment.accepted.append(record.accepted)
        case "report":
            _take_report(segment, record.report)
        case "load":
            found.loads[record.load.player] = _score(record.load.score)
        case "rack":
            found.racks[record.rack.rack] = _rack_score(record.rack.score)
        case "step":
            step = record.step  # what changes the sound is a command too, and so in the replay
            found.notes.append(f"from sample {step.sample} on: {step.step}, as {step.because}")
        case "restore":
            restore = record.restore
            start = _sample(restore.sample)
            found.segments.append(
                Segment(
                    checkpoint=restore.checkpoint, players=list(restore.players), racks=list(restore.racks),
                    again=list(restore.orders), start=start, end=start,
                )
            )  # fmt: skip
        case "clock":
            segment.end = max(segment.end, _sample(record.clock.sample))
        case "cut":
            segment.end = max(segment.end, _sample(record.cut.sample))
            found.notes.append(f"the journal was cut at sample {record.cut.sample}: {record.cut.because}")
        case "end":
            segment.end = max(segment.start, _sample(record.end.sample))
            found.fade_frames = record.end.fade_frames
            found.how = record.end.how
        case kind:
            raise ValueError(f"{kind} where it cannot be")


def _take_report(segment: Segment, report: JournalReport) -> None:
    _sample(max(report.sample, 0))
    segment.told.append(report)
    if report.id:
        _sample(report.taken * QUANTUM)
        segment.reports[report.id] = report
        segment.end = max(segment.end, (report.taken - 1) * QUANTUM)
