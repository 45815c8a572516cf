"""What is known of a track's music: beats, bars, key, chords, sections, onsets (`analysis.json`)."""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from remixd.errors import InvalidInput
from remixd.track.fields import Fields, check_format, printable

FORMAT: Final = "remixd-analysis"
VERSION: Final = 1
LONGEST_S: Final = 3 * 3600.0
LARGEST_BYTES: Final = 32 * 2**20
SLACK_S: Final = 0.001
"""How far a time may lie past the end: writers round."""

LEAST_BEAT_S: Final = 0.05
"""Beats nearer to each other than this are no measure of what comes before or after them."""

METRE: Final = re.compile(r"[1-9][0-9]?/(1|2|4|8|16|32)", re.ASCII)
"""How a metre is written."""

AnalysisSource = Literal["demo", "computed", "grid"]
"""`demo` came with the song, `computed` was measured, `grid`: so too, but its beats are from a grid file."""


@dataclass(frozen=True, slots=True, order=True)
class BarBeat:
    """A musical position: bars count from 1 (0 is the pickup before it), beats from 1.0."""

    bar: int
    beat: float

    def __str__(self) -> str:
        # Cut, not rounded: the end of beat 4 is 4.99, never 5.00. The small term undoes float noise.
        return f"{self.bar}:{math.floor(self.beat * 100 + 1e-6) / 100:.2f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the form, such as a chorus; half-open, in seconds."""

    start_s: float
    end_s: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chord:
    """One chord, such as `Am7`; half-open, in seconds."""

    start_s: float
    end_s: float
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The music of one track. Times are in seconds from the start of the audio, rising.

    `estimated` names the fields that are guesses rather than measured; `confidence` is 0 to 1 a field.
    `bpm`, `metre` and `key` are None where there is none or nobody knows, as are `energy`, 1 to 10, and
    `loudness_lufs`, integrated. Thread: any.
    """

    source: AnalysisSource
    duration_s: float
    bpm: float | None = None
    metre: str | None = None
    beats_s: tuple[float, ...] = ()
    downbeats_s: tuple[float, ...] = ()
    key: str | None = None
    energy: float | None = None
    loudness_lufs: float | None = None
    chords: tuple[Chord, ...] = ()
    sections: tuple[Section, ...] = ()
    phrases_s: tuple[float, ...] = ()
    onsets_s: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    estimated: tuple[str, ...] = ()
    confidence: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str, where: str = "analysis.json") -> Analysis:
        """Read and check a whole document. Raises InvalidInput, naming `where` and the field."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"{where} is not JSON: {printable(error)}") from None
        fields = Fields(where, document)
        check_format(fields, FORMAT, VERSION)
        source = fields.text("source")
        if source not in get_args(AnalysisSource):
            raise fields.fail("source", f"is {printable(source)!r}, not demo, computed or grid")
        metre = fields.optional_text("metre")
        if metre is not None and not METRE.fullmatch(metre):
            raise fields.fail("metre", f"is {printable(metre)!r}, not such as 4/4")
        duration_s = fields.number("duration_s", 0.0, LONGEST_S)
        end_s = duration_s + SLACK_S
        names, onsets = fields.named_tables("onsets_s")
        measures, confidence = fields.named_tables("confidence")
        return cls(
            source=cast(AnalysisSource, source),
            duration_s=duration_s,
            bpm=fields.optional_number("bpm", 1.0, 1000.0),
            metre=metre,
            beats_s=fields.times("beats_s", end_s),
            downbeats_s=fields.times("downbeats_s", end_s),
            key=fields.optional_text("key"),
            energy=fields.optional_number("energy", 1.0, 10.0),
            loudness_lufs=fields.optional_number("loudness_lufs", -200.0, 100.0),
            chords=tuple(
                Chord(start_s=a, end_s=b, name=n) for a, b, n in _spans(fields, "chords", "name", end_s)
            ),
            sections=tuple(
                Section(start_s=a, end_s=b, label=n) for a, b, n in _spans(fields, "sections", "label", end_s)
            ),
            phrases_s=fields.times("phrases_s", end_s),
            onsets_s={name: onsets.times(name, end_s) for name in names},
            estimated=fields.texts("estimated"),
            confidence={name: confidence.number(name, 0.0, 1.0) for name in measures},
        )

    @classmethod
    def load(cls, path: Path) -> Analysis:
        """Read `analysis.json`. Raises InvalidInput, naming the file and the field."""
        where = printable(path.name)
        try:
            if path.stat().st_size > LARGEST_BYTES:
                raise InvalidInput(f"{where} is larger than {LARGEST_BYTES >> 20} MB")
            return cls.from_json(path.read_text("utf-8"), where)
        except UnicodeDecodeError:
            raise InvalidInput(f"{where} is not UTF-8") from None
        except OSError as error:
            raise InvalidInput(f"{where} cannot be read: {error.strerror}") from None

    def to_json(self) -> str:
        """The document that `from_json` reads, all fields included."""
        body = {"format": f"{FORMAT}-{VERSION}", **self.to_dict()}
        body["onsets_s"] = {name: list(times) for name, times in self.onsets_s.items()}
        return json.dumps(body, ensure_ascii=False, allow_nan=False, indent=1) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Every field but the onsets, in JSON's types."""
        return {
            "source": self.source,
            "duration_s": self.duration_s,
            "bpm": self.bpm,
            "metre": self.metre,
            "beats_s": list(self.beats_s),
            "downbeats_s": list(self.downbeats_s),
            "key": self.key,
            "energy": self.energy,
            "loudness_lufs": self.loudness_lufs,
            "chords": [{"start_s": c.start_s, "end_s": c.end_s, "name": c.name} for c in self.chords],
            "sections": [{"start_s": s.start_s, "end_s": s.end_s, "label": s.label} for s in self.sections],
            "phrases_s": list(self.phrases_s),
            "estimated": list(self.estimated),
            "confidence": dict(self.confidence),
        }

    @property
    def beats_per_bar(self) -> int:
        """The count of the metre, 4 where it is unknown."""
        return int(self.metre.partition("/")[0]) if self.metre else 4

    def bar_beat(self, position_s: float) -> BarBeat | None:
        """The bar and beat at a time of the song; None where the song has no beats.

        Between beats it is interpolated. Before the first downbeat the bar is 0 and its beats count
        up to the downbeat; beyond the last beat the last period goes on. It never runs backwards.
        """
        if not self.beats_s:
            return None
        downbeats = self.downbeats_s or self.beats_s[:1]
        at = self._beats_at(position_s)
        index = bisect_right(downbeats, position_s) - 1
        if index < 0:
            lead = self._beats_at(downbeats[0]) - at
            return BarBeat(0, max(1.0, self.beats_per_bar + 1.0 - lead))
        into = max(0.0, at - self._beats_at(downbeats[index]))
        if index + 1 < len(downbeats):
            return BarBeat(index + 1, 1.0 + into)
        bars = int(into // self.beats_per_bar)
        return BarBeat(index + 1 + bars, 1.0 + into - bars * self.beats_per_bar)

    def _beats_at(self, position_s: float) -> float:
        """How many beats lie between the first beat and a time; negative before it."""
        beats = self.beats_s
        if len(beats) == 1:
            return (position_s - beats[0]) * (self.bpm or 120.0) / 60.0
        if position_s < beats[0]:
            return (position_s - beats[0]) / max(beats[1] - beats[0], LEAST_BEAT_S)
        if position_s >= beats[-1]:
            return len(beats) - 1 + (position_s - beats[-1]) / max(beats[-1] - beats[-2], LEAST_BEAT_S)
        index = bisect_right(beats, position_s) - 1
        return index + (position_s - beats[index]) / (beats[index + 1] - beats[index])


def _spans(fields: Fields, name: str, label: str, end_s: float) -> Sequence[tuple[float, float, str]]:
    """Half-open spans in order, none before the one before it has ended."""
    spans: list[tuple[float, float, str]] = []
    for item in fields.tables(name):
        start = item.number("start_s", 0.0, end_s)
        end = item.number("end_s", 0.0, end_s)
        if end <= start:
            raise item.fail("end_s", f"is {end:g}: not after start_s, {start:g}")
        if spans and start < spans[-1][1] - SLACK_S:
            raise item.fail("start_s", f"is {start:g}: before the end of the one before it, {spans[-1][1]:g}")
        spans.append((start, end, item.text(label)))
    return spans
