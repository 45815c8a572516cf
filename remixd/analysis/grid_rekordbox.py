"""The beat grid of a song in a rekordbox collection, as `File > Export Collection in xml format` writes it.

A `TRACK` of the `COLLECTION` holds `TEMPO` elements: `Inizio` (s), `Bpm`, `Metro` (such as 4/4) and `Battito`
(the beat's number in its bar); each counts up to the next. The collection is read as a stream: it may be of
any length. Document types are refused, and with them every entity of one's own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit
from xml.parsers import expat

from remixd.analysis.grids import BPM, COUNTS, SongNames, Span, broken, check_range
from remixd.track.analysis import LONGEST_S
from remixd.track.fields import printable

LARGEST_BYTES: Final = 2**30
_CHUNK: Final = 2**16
_METRE: Final = re.compile(r"([1-9][0-9]?)/(1|2|4|8|16|32)")
_DEEPEST: Final = 64
_TEMPOS_MOST: Final = 100_000


@dataclass(slots=True)
class _Found:
    """A track of the collection, and how well it fits: 3 the very file, 2 its name, 1 its title, 0 not."""

    line: int
    fit: int
    shown: str
    tempos: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)


def read_rekordbox(path: Path, song: SongNames) -> list[Span]:
    """The spans of a song's grid; of the only track there is, whatever its name.

    Raises InvalidInput, naming the line, where the collection is broken, or does not hold the song, holds it
    more than once, or without a grid. Thread: [ingest]; holds no more than the tracks that fit.
    """
    name = printable(path.name)
    if path.stat().st_size > LARGEST_BYTES:
        raise broken(name, "", f"is larger than {LARGEST_BYTES >> 30} GB")
    collection = _Collection(name, song)
    collection.read(path)
    found = collection.best()
    if not found.tempos:
        raise broken(name, f"line {found.line}", f"{found.shown} has no beat grid there")
    return sorted(
        (_span(name, line, attributes) for line, attributes in found.tempos), key=lambda span: span.start_s
    )


def _span(name: str, line: int, attributes: Mapping[str, str]) -> Span:
    where = f"line {line}"
    metre = attributes.get("Metro", "4/4")
    match = _METRE.fullmatch(metre)
    if not match or int(match[1]) > COUNTS[1]:
        raise broken(name, where, f"Metro {printable(metre)[:20]!r} is not such as 4/4")
    number = check_range(name, where, "Battito", attributes.get("Battito", "1"), 1, int(match[1]))
    bpm = check_range(name, where, "Bpm", attributes.get("Bpm", ""), *BPM)
    start_s = check_range(name, where, "Inizio", attributes.get("Inizio", ""), 0.0, LONGEST_S)
    return Span(where=where, start_s=start_s, period_s=60.0 / bpm, metre=metre, number=int(number))


class _Collection:
    """Walks through the XML and keeps the tracks that may be the song. Thread: [ingest]."""

    def __init__(self, name: str, song: SongNames) -> None:
        self._name, self._song = name, song
        self._open: list[str] = []
        self._track: _Found | None = None
        self._fitting: list[_Found] = []
        self._first: _Found | None = None
        self._count = 0
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._refuse

    def read(self, path: Path) -> None:
        """Read a whole file. Raises InvalidInput, naming the line."""
        try:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    self._parser.Parse(chunk, False)
                self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            problem = f"is not XML: {expat.errors.messages.get(error.code, 'broken')}"
            raise broken(self._name, f"line {error.lineno}", problem) from None
        except (ValueError, LookupError) as error:  # an encoding that Python has not, say
            raise broken(self._name, "", f"cannot be read: {printable(error)}") from None

    def best(self) -> _Found:
        """The track that fits best. Raises InvalidInput where there is none, or more than one."""
        most = max((found.fit for found in self._fitting), default=0)
        found = [track for track in self._fitting if track.fit == most]
        if not found and self._count == 1 and self._first:
            return self._first
        if not found:
            held = f"it holds {self._count} others" if self._count else "it holds no tracks"
            raise broken(
                self._name, "", f"{printable(self._song.path.name)} is not in this collection: {held}"
            )
        if len(found) > 1:
            lines = ", ".join(str(track.line) for track in found[:5])
            raise broken(self._name, f"lines {lines}", f"{found[0].shown} is there {len(found)} times")
        return found[0]

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= _DEEPEST:
            raise broken(self._name, self._where(), "elements are nested too deeply")
        if tag == "TRACK" and self._open[-1:] == ["COLLECTION"]:
            self._begin_track(attributes)
        elif tag == "TEMPO" and self._track and self._open[-1:] == ["TRACK"]:
            if len(self._track.tempos) >= _TEMPOS_MOST:
                raise broken(self._name, self._where(), f"{self._track.shown} has too many tempos")
            self._track.tempos.append((self._parser.CurrentLineNumber, attributes))
        self._open.append(tag)

    def _begin_track(self, attributes: dict[str, str]) -> None:
        self._count += 1
        fit = _fit(attributes, self._song)
        if not fit and self._count > 1:
            return
        shown = printable(attributes.get("Name", "") or "a track")[:80]
        self._track = _Found(line=self._parser.CurrentLineNumber, fit=fit, shown=shown)
        self._first = self._first or self._track
        if fit:
            self._fitting.append(self._track)

    def _end(self, _tag: str) -> None:
        if self._open.pop() == "TRACK":
            self._track = None

    def _refuse(self, *_declared: object) -> None:
        raise broken(self._name, self._where(), "declares a document type, which no collection does: refused")

    def _where(self) -> str:
        return f"line {self._parser.CurrentLineNumber}"


def _fit(attributes: Mapping[str, str], song: SongNames) -> int:
    try:
        location = Path(unquote(urlsplit(attributes.get("Location", "")).path) or "-")
    except ValueError:  # no URL
        location = Path("-")
    if location == song.path:
        return 3
    if _same(location.name, song.path.name):
        return 2
    return int(_same(location.stem, song.path.stem) or _same(attributes.get("Name", ""), song.title))


def _same(one: str, other: str) -> bool:
    """Whether two names are one, whatever their capitals and their way of composing letters."""
    return unicodedata.normalize("NFC", one).casefold() == unicodedata.normalize("NFC", other).casefold()
