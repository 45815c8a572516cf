"""Edits by hand: what a person knows better than the analysis, kept beside it in `edits.toml`.

    format = "remixd-edits-1"
    bpm = 128.0
    first_downbeat_s = 0.52
    metre = "3/4"
    key = "A minor"
    title = "Moon"
    [[sections]]
    start_s = 32.0
    label = "chorus"
    [alternative]
    bpm = 64.0
    metre = "4/4"
    first_beat_s = 0.52
    first_downbeat_s = 0.52

They are laid over whatever the analysis says when a track is read, so a new analysis does not undo them.
Version 1 had no alternative.
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import tomli_w

from remixd.errors import InvalidInput, nearest
from remixd.track.analysis import BPM as BPM_THERE_IS
from remixd.track.analysis import LONGEST_S, METRE, Alternative, read_alternative
from remixd.track.camelot import key_of
from remixd.track.fields import LINE_LENGTH_MAX, Fields, check_format, one_line, printable

FILE: Final = "edits.toml"
BROKEN_FILE: Final = f"{FILE}.broken"
"""Where edits are kept that could not be read when the song was imported again."""
FORMAT: Final = "remixd-edits"
VERSION: Final = 2
OLDEST: Final = 1
LARGEST_BYTES: Final = 2**20
BPM: Final = (20.0, 400.0)
"""The slowest and fastest beat that somebody may give."""
BEATS_PER_BAR_MAX: Final = 32
SHORTEST_SECTION_S: Final = 1.0
SECTIONS_MAX: Final = 500
LABEL_LENGTH_MAX: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionEdit:
    """A section begins at `start_s` and is called `label`."""

    start_s: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """What was edited by hand; None or empty is what was not. False where nothing was.

    Attributes:
        bpm: 20 to 400 beats a minute, the same throughout.
        first_downbeat_s: where the first bar begins, in seconds from the start of the audio.
        metre: such as "3/4".
        key: a name, whatever way it was given.
        sections: in order, at least a second apart.
        alternative: another way to count the song, of those that the analysis offers, say. What lies between
            its beats, or leaves some out, is laid over the beats of whatever analysis there is.

    Raises InvalidInput, naming the field.
    """

    title: str | None = None
    artist: str | None = None
    bpm: float | None = None
    first_downbeat_s: float | None = None
    metre: str | None = None
    key: str | None = None
    sections: tuple[SectionEdit, ...] = ()
    alternative: Alternative | None = None

    def __post_init__(self) -> None:
        if self.title == "":
            raise _refusal("title", "is empty: a line of text is needed")
        for name, line in (("title", self.title), ("artist", self.artist)):
            if line is not None:
                _check_line(name, line)
        if self.bpm is not None and not BPM[0] <= self.bpm <= BPM[1]:
            raise _refusal("bpm", f"is {self.bpm:g}: not within {BPM[0]:g} to {BPM[1]:g}")
        if self.first_downbeat_s is not None and not 0.0 <= self.first_downbeat_s < float("inf"):
            raise _refusal("first_downbeat_s", f"is {self.first_downbeat_s:g}: before the song begins")
        if self.metre is not None and not _is_metre(self.metre):
            raise _refusal("metre", f"is {printable(self.metre)[:40]!r}, not such as 3/4")
        if self.key is not None:
            try:
                object.__setattr__(self, "key", key_of(self.key))
            except InvalidInput as error:
                raise _refusal("key", f"is not one: {error}") from None
        self._check_sections()
        self._check_alternative()

    def _check_alternative(self) -> None:
        if self.alternative is None:
            return
        chosen = self.alternative
        if not BPM_THERE_IS[0] <= chosen.bpm <= BPM_THERE_IS[1]:
            raise _refusal(
                "alternative.bpm",
                f"is {chosen.bpm:g}: not within {BPM_THERE_IS[0]:g} to {BPM_THERE_IS[1]:g}",
            )
        if not _is_metre(chosen.metre):
            raise _refusal("alternative.metre", f"is {printable(chosen.metre)[:40]!r}, not such as 3/4")
        for name in ("first_beat_s", "first_downbeat_s"):
            if not 0.0 <= getattr(chosen, name) < float("inf"):
                problem = f"is {getattr(chosen, name):g}: before the song begins"
                raise _refusal(f"alternative.{name}", problem)

    def _check_sections(self) -> None:
        if len(self.sections) > SECTIONS_MAX:
            raise _refusal("sections", f"are {len(self.sections)}: at most {SECTIONS_MAX} are kept")
        for index, section in enumerate(self.sections):
            name = f"sections[{index}]"
            if not 0.0 <= section.start_s < float("inf"):
                raise _refusal(f"{name}.start_s", f"is {section.start_s:g}: before the song begins")
            if not _clean(section.label) or len(section.label) > LABEL_LENGTH_MAX:
                raise _refusal(
                    f"{name}.label",
                    f"is {printable(section.label)[:60]!r}: 1 to {LABEL_LENGTH_MAX} characters are needed",
                )
        for one, two in itertools.pairwise(self.sections):
            if two.start_s - one.start_s < SHORTEST_SECTION_S:
                raise _refusal(
                    "sections", f"begin at {one.start_s:g} and {two.start_s:g} s: less than a second apart"
                )

    def __bool__(self) -> bool:
        return bool(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that were edited."""
        return tuple(name for name in FIELDS if getattr(self, name) not in (None, ()))

    def with_changes(self, changes: Edits, reset: Collection[str] = ()) -> Edits:
        """These edits, first without the fields of `reset`, then with `changes`.

        Sections are added to those that are there; one that begins where another does takes its place.
        Another way to count takes the place of an earlier tempo, metre and first downbeat, too.
        Raises InvalidInput, with the nearest, for a name in `reset` that is no field.
        """
        for name in reset:
            if name not in FIELDS:
                hint = nearest(name[:40], FIELDS)
                raise InvalidInput(f"reset: {printable(name)[:40]!r} is no field: {hint}", field="reset")
        undone = {*reset, *(_COUNTED if changes.alternative is not None else ())}
        values = {name: getattr(self, name) for name in self.names if name not in undone}
        parts = (*values.get("sections", ()), *changes.sections)
        sections = {round(part.start_s, 3): part for part in parts}
        values |= {name: getattr(changes, name) for name in changes.names}
        return Edits(**values | {"sections": tuple(sections[at] for at in sorted(sections))})

    def check_within(self, duration_s: float) -> None:
        """Raise InvalidInput, naming the field, where an edit lies beyond the end of the song."""
        times = [("first_downbeat_s", self.first_downbeat_s)]
        if self.alternative is not None:
            times += [
                (f"alternative.{name}", getattr(self.alternative, name))
                for name in ("first_beat_s", "first_downbeat_s")
            ]
        times += [(f"sections[{index}].start_s", part.start_s) for index, part in enumerate(self.sections)]
        for name, time_s in times:
            if time_s is not None and time_s >= duration_s:
                raise _refusal(name, f"is {time_s:g}: the song lasts {duration_s:.3f} s")

    def to_toml(self) -> str:
        """The document that `read_edits` reads."""
        table: dict[str, Any] = {"format": f"{FORMAT}-{VERSION}"}
        table |= {name: value for name, value in asdict(self).items() if name in self.names}
        if self.sections:
            table["sections"] = list(table["sections"])
        if self.alternative is not None:
            del table["alternative"]["chance"]
        return tomli_w.dumps(table)


_COUNTED: Final = ("bpm", "first_downbeat_s", "metre")

FIELDS: Final = tuple(field.name for field in fields(Edits))
"""What can be edited."""

NO_EDITS: Final = Edits()


def read_edits(folder: Path) -> Edits:
    """The edits of a package, none where it has no `edits.toml`. Raises InvalidInput, naming the field."""
    path = folder / FILE
    where = f"{printable(folder.name)}: {FILE}"
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise InvalidInput(f"{where} is larger than {LARGEST_BYTES >> 20} MB")
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return NO_EDITS
    except OSError as error:
        raise InvalidInput(f"{where}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{where} is not TOML: {printable(error)}") from None
    table = Fields(where, document)
    check_format(table, FORMAT, VERSION, OLDEST)
    for name in table.names():
        if name not in (*FIELDS, "format"):
            raise table.fail(name, f"is no field: {nearest(name, FIELDS)}")
    try:
        return Edits(
            title=table.optional_text("title"),
            artist=table.optional_text("artist"),
            bpm=table.optional_number("bpm", *BPM),
            first_downbeat_s=table.optional_number("first_downbeat_s", 0.0, 1e6),
            metre=table.optional_text("metre"),
            key=table.optional_text("key"),
            sections=tuple(
                SectionEdit(start_s=part.number("start_s", 0.0, 1e6), label=part.text("label"))
                for part in table.tables("sections")
            ),
            alternative=read_alternative(table.table("alternative"), LONGEST_S)
            if table.holds("alternative")
            else None,
        )
    except InvalidInput as error:
        told = str(error)
        raise InvalidInput(told if told.startswith(where) else f"{where}: {told}") from None


def _clean(text: str) -> bool:
    return bool(text) and text == one_line(text)


def _check_line(name: str, text: str) -> None:
    """Refuse what is no line of text, or too long."""
    if len(text) > LINE_LENGTH_MAX:
        raise _refusal(name, f"has {len(text)} characters: at most {LINE_LENGTH_MAX} are kept")
    if text != one_line(text):
        problem = "control characters, or spaces at its ends or several together, are in it"
        raise _refusal(name, f"is {printable(text)[:40]!r}, no line of text: {problem}")


def _is_metre(text: str) -> bool:
    return bool(METRE.fullmatch(text)) and int(text.partition("/")[0]) <= BEATS_PER_BAR_MAX


def _refusal(name: str, problem: str) -> InvalidInput:
    return InvalidInput(f"{name} {problem}", field=name)
