"""What is known of a track's music: beats, bars, key, chords, sections, onsets, loudness (`analysis.json`).

Version 2 of the file; version 1 had neither alternatives, singing, the curve of energy, strengths of onsets,
the loudness range and true peak, nor how sections came by their labels.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from remixd.errors import InvalidInput
from remixd.track.fields import Fields, check_format, printable

FORMAT: Final = "remixd-analysis"
VERSION: Final = 2
OLDEST: Final = 1
LONGEST_S: Final = 4 * 3600.0
LARGEST_BYTES: Final = 32 * 2**20
SLACK_S: Final = 0.001
"""How far a time may lie past the end: writers round."""

LEAST_BEAT_S: Final = 0.05
"""Beats nearer to each other than this are no measure of what comes before or after them."""

STEADY_S: Final = 0.02
"""Beats that are nowhere further than this from an even row are one."""

BPM: Final = (1.0, 1000.0)
"""The slowest and fastest beat that there can be."""

_DECIBELS: Final = (-200.0, 100.0)

METRE: Final = re.compile(r"[1-9][0-9]?/(1|2|4|8|16|32)", re.ASCII)
"""How a metre is written."""

AnalysisSource = Literal["demo", "computed", "grid"]
"""`demo` came with the song, `computed` was measured, `grid`: so too, but its beats are from a grid file."""

LabelSource = Literal["hand", "given", "guessed", "letter"]
"""Who calls a section what it is called: somebody by hand; who made the song's own analysis; a guess from
form, energy and singing; nobody: the letter only tells what is alike."""

_LETTER: Final = re.compile(r"[A-Z][0-9]*", re.ASCII)


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
    """A part of the form, such as a chorus; half-open, in seconds.

    `how` its label was found, and `because` of what, in words; empty where nobody says.
    """

    start_s: float
    end_s: float
    label: str
    how: LabelSource = "given"
    because: str = ""

    @property
    def estimated(self) -> bool:
        """Whether nobody but the analysis says so."""
        return self.how in ("guessed", "letter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of time; half-open, in seconds."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Another way to count the song, for somebody to choose (`remixd.track.edits`).

    Attributes:
        bpm, metre: as in `Analysis`.
        first_beat_s, first_downbeat_s: one of its beats, and one that begins a bar; the first of each.
        chance: 0 to 1, that it is the right one; the same count is the same whatever its chance.
    """

    bpm: float
    metre: str
    first_beat_s: float
    first_downbeat_s: float
    chance: float = field(default=0.0, compare=False)


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
    `bpm`, `metre` and `key` are None where there is none or nobody knows.

    Attributes:
        alternatives: other ways to count the song, as computed, the likeliest first.
        energy: of the whole song, 1 to 10; None for silence, or where nobody knows, as the next three.
        loudness_lufs: integrated, of all that plays together (ITU-R BS.1770-4).
        loudness_range_lu: EBU Tech 3342.
        true_peak_dbtp: BS.1770-4 annex 2.
        energy_curve: 0 to 1 for each second: 1 is as loud as the song's loud parts, 0 is 15 LU below.
        singing: where somebody sings; None without a vocals stem, or where nobody knows.
        onsets_s: where notes or strokes begin, by stem.
        onset_strengths: 0 to 1 for each of `onsets_s`; stems may lack.

    Thread: any.
    """

    source: AnalysisSource
    duration_s: float
    bpm: float | None = None
    metre: str | None = None
    beats_s: tuple[float, ...] = ()
    downbeats_s: tuple[float, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    key: str | None = None
    energy: float | None = None
    energy_curve: tuple[float, ...] = ()
    loudness_lufs: float | None = None
    loudness_range_lu: float | None = None
    true_peak_dbtp: float | None = None
    chords: tuple[Chord, ...] = ()
    sections: tuple[Section, ...] = ()
    phrases_s: tuple[float, ...] = ()
    singing: tuple[Span, ...] | None = None
    onsets_s: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    onset_strengths: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
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
        check_format(fields, FORMAT, VERSION, OLDEST)
        source = fields.text("source")
        if source not in get_args(AnalysisSource):
            raise fields.fail("source", f"is {printable(source)!r}, not demo, computed or grid")
        duration_s = fields.number("duration_s", 0.0, LONGEST_S)
        end_s = duration_s + SLACK_S
        names, onsets = fields.named_tables("onsets_s")
        onsets_s = {name: onsets.times(name, end_s) for name in names}
        measured, confidence = fields.named_tables("confidence")
        estimated = fields.texts("estimated")
        return cls(
            source=cast(AnalysisSource, source),
            duration_s=duration_s,
            bpm=fields.optional_number("bpm", *BPM),
            metre=_metre(fields) if fields.holds("metre") else None,
            beats_s=fields.times("beats_s", end_s),
            downbeats_s=fields.times("downbeats_s", end_s),
            alternatives=tuple(read_alternative(item, end_s) for item in fields.tables("alternatives")),
            key=fields.optional_text("key"),
            energy=fields.optional_number("energy", 1.0, 10.0),
            energy_curve=fields.numbers("energy_curve", 0.0, 1.0),
            loudness_lufs=fields.optional_number("loudness_lufs", *_DECIBELS),
            loudness_range_lu=fields.optional_number("loudness_range_lu", 0.0, _DECIBELS[1]),
            true_peak_dbtp=fields.optional_number("true_peak_dbtp", *_DECIBELS),
            chords=tuple(
                Chord(start_s=span.start_s, end_s=span.end_s, name=item.text("name"))
                for item, span in _spans(fields, "chords", end_s)
            ),
            sections=_sections(fields, end_s, estimated="sections" in estimated),
            phrases_s=fields.times("phrases_s", end_s),
            singing=_singing(fields, end_s),
            onsets_s=onsets_s,
            onset_strengths=_strengths(fields, onsets_s),
            estimated=estimated,
            confidence={name: confidence.number(name, 0.0, 1.0) for name in measured},
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
        return json.dumps(body, ensure_ascii=False, allow_nan=False, indent=1) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Every field in JSON's types, and what follows from them."""
        fields: dict[str, Any] = {name: plain(getattr(self, name)) for name in self.__slots__}
        sections = [{**plain(section), "estimated": section.estimated} for section in self.sections]
        return {**fields, "sections": sections, "constant_tempo": self.constant_tempo}

    @property
    def constant_tempo(self) -> bool:
        """Whether the beats lie on one even grid, as a machine plays; false without beats."""
        return even_period_s(self.beats_s) is not None

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


def even_period_s(beats_s: Sequence[float]) -> float | None:
    """The period of beats that form an even row, by least squares; None for others, and for one or two."""
    count = len(beats_s)
    if count < 3:
        return None
    middle, mean_s = (count - 1) / 2.0, math.fsum(beats_s) / count
    slope = math.fsum((i - middle) * (time - mean_s) for i, time in enumerate(beats_s))
    period_s = slope / (count * (count * count - 1) / 12.0)
    off_s = max(abs(time - mean_s - (i - middle) * period_s) for i, time in enumerate(beats_s))
    return period_s if off_s <= STEADY_S and period_s >= LEAST_BEAT_S else None


def plain(value: Any) -> Any:
    """A value in JSON's types: dataclasses as tables, tuples as lists."""
    if is_dataclass(value) and not isinstance(value, type):
        return {part.name: plain(getattr(value, part.name)) for part in dataclass_fields(value)}
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    return value


def read_alternative(fields: Fields, end_s: float) -> Alternative:
    """Another way to count a song. Raises InvalidInput, naming the field."""
    return Alternative(
        bpm=fields.number("bpm", *BPM),
        metre=_metre(fields),
        first_beat_s=fields.number("first_beat_s", 0.0, end_s),
        first_downbeat_s=fields.number("first_downbeat_s", 0.0, end_s),
        chance=fields.optional_number("chance", 0.0, 1.0) or 0.0,
    )


def _metre(fields: Fields) -> str:
    metre = fields.text("metre")
    if not METRE.fullmatch(metre):
        raise fields.fail("metre", f"is {printable(metre)!r}, not such as 4/4")
    return metre


def _sections(fields: Fields, end_s: float, *, estimated: bool) -> tuple[Section, ...]:
    """The sections. Documents of version 1 tell only whether all of them are `estimated`."""
    found = []
    for item, span in _spans(fields, "sections", end_s):
        label, how = item.text("label"), item.optional_text("how")
        if how is None:
            guess = "letter" if _LETTER.fullmatch(label) else "guessed"
            how = guess if estimated else "given"
        elif how not in get_args(LabelSource):
            raise item.fail("how", f"is {printable(how)!r}, not hand, given, guessed or letter")
        found.append(
            Section(
                start_s=span.start_s,
                end_s=span.end_s,
                label=label,
                how=cast(LabelSource, how),
                because=item.text("because", ""),
            )
        )
    return tuple(found)


def _singing(fields: Fields, end_s: float) -> tuple[Span, ...] | None:
    return tuple(span for _, span in _spans(fields, "singing", end_s)) if fields.holds("singing") else None


def _strengths(fields: Fields, onsets_s: Mapping[str, tuple[float, ...]]) -> Mapping[str, tuple[float, ...]]:
    """One for each onset of a stem, where the document has any of it."""
    names, table = fields.named_tables("onset_strengths")
    found = {name: table.numbers(name, 0.0, 1.0) for name in names}
    for name, strengths in found.items():
        if len(strengths) != len(onsets_s.get(name, ())):
            raise table.fail(name, f"has {len(strengths)}: not one for each of onsets_s")
    return found


def _spans(fields: Fields, name: str, end_s: float) -> Iterator[tuple[Fields, Span]]:
    """The tables of a list, each with its span; none begins before the one before it has ended."""
    before_s = 0.0
    for item in fields.tables(name):
        start_s = item.number("start_s", 0.0, end_s)
        stop_s = item.number("end_s", 0.0, end_s)
        if stop_s <= start_s:
            raise item.fail("end_s", f"is {stop_s:g}: not after start_s, {start_s:g}")
        if start_s < before_s - SLACK_S:
            raise item.fail("start_s", f"is {start_s:g}: before the end of the one before it, {before_s:g}")
        before_s = stop_s
        yield item, Span(start_s=start_s, end_s=stop_s)
