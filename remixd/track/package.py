"""A track on disk: `track.toml`, `stems/*.flac`, `analysis.json`, perhaps `edits.toml` in one folder."""

from __future__ import annotations

import math
import os
import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, cast

import tomli_w

from remixd.errors import InvalidInput, NotFound
from remixd.track.analysis import Analysis, BarBeat, Chord, Section, plain
from remixd.track.edited import edited
from remixd.track.edits import BROKEN_FILE, FILE, NO_EDITS, Edits, read_edits
from remixd.track.fields import Fields, check_format, printable
from remixd.track.lock import sync_folder
from remixd.track.null_report import NullReport, read_null_report
from remixd.track.rights import DEFAULT_RIGHTS, Rights, read_rights
from remixd.units import STEM_ROLES, STEMS_MAX, StemRole

__all__ = [
    "Analysis", "BarBeat", "Chord", "Section", "SourceKind", "Stem", "Track", "carry_edits", "load_track",
    "with_edits", "write_file", "write_track",
]  # fmt: skip

FORMAT: Final = "remixd-track"
VERSION: Final = 1
LARGEST_BYTES: Final = 2**20
RATES_HZ: Final = (8_000, 384_000)
"""The least and greatest sample rate of a package."""
LONGEST_S: Final = 4 * 3600
"""The longest song, in seconds: a cache of four stems fills the 20 GB that caches may take by default."""

SourceKind = Literal["folder", "stem_mp4", "mix"]
SOURCE_KINDS: Final = ("folder", "stem_mp4", "mix")
_STEM_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_TRACK_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stem:
    """One stem of a track.

    Attributes:
        name: unique in the track, of a-z, 0-9 and single hyphens.
        language: such as `ko` or `pt-BR`; empty where none is known.
        file: its FLAC, relative to the track's folder, in 24 bits and at the track's rate.
        gain: what the FLAC's samples are multiplied by: a power of two, at least 1.
        plays: false for an alternate that is kept but not part of the mix.
        colour: as `#rrggbb` in small letters, where the source named one; else empty.
        estimated: whether a splitter guessed it from the full mix: fit for control, not to be heard alone.
        parts: the names of the stems that it is the sum of, in the cache only; empty for one with a FLAC.
    """

    name: str
    role: StemRole
    language: str = ""
    file: str
    gain: float = 1.0
    plays: bool = True
    colour: str = ""
    estimated: bool = False
    parts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _STEM_NAME.fullmatch(self.name) or len(self.name) > 80:
            raise InvalidInput(f"{printable(self.name)!r} is not a stem's name: a-z, 0-9 and hyphens")
        if self.gain < 1.0 or math.frexp(self.gain)[0] != 0.5:
            raise InvalidInput(f"{self.name}: gain {self.gain:g} is not a power of two of at least 1")
        if self.colour and not _COLOUR.fullmatch(self.colour):
            raise InvalidInput(f"{self.name}: colour {printable(self.colour)!r} is not such as #009e73")

    def to_json(self) -> dict[str, Any]:
        """What people are told of it, in JSON's types."""
        return {
            "name": self.name,
            "role": self.role,
            "language": self.language,
            "plays": self.plays,
            "colour": self.colour,
            "estimated": self.estimated,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A song that the engine can play. Thread: any.

    Attributes:
        source_kind, source_name: what it was imported from: `folder`, `stem_mp4` or `mix`, and its name.
        content: sha256, in hex, of what was imported (audio, roles and languages; not the titles).
        rate_hz, frames: of every stem's FLAC; the cache is at the engine's rate.
        notes: what the import changed or noticed, a sentence each.
        master: the artist's own mix, kept but not played; its `name` is `master`.
        null_test: how far the playing stems are from it; None without one.
        edits: what was edited by hand; `title`, `artist` and `analysis` are what they are with it.
        folder: where the package is.
    """

    id: str
    title: str
    artist: str = ""
    isrc: str = ""
    language: str = ""
    source_kind: SourceKind
    source_name: str
    content: str
    rate_hz: int
    frames: int
    notes: tuple[str, ...] = ()
    stems: tuple[Stem, ...]
    master: Stem | None = None
    null_test: NullReport | None = None
    rights: Rights = DEFAULT_RIGHTS
    analysis: Analysis
    edits: Edits = NO_EDITS
    folder: Path

    def __post_init__(self) -> None:
        if not _TRACK_ID.fullmatch(self.id) or len(self.id) > 60:
            raise InvalidInput(f"{printable(self.id)!r} is not a track's id")
        names = [stem.name for stem in self.stems]
        if len(set(names)) != len(names):
            raise InvalidInput(f"{self.id}: two stems have one name")
        if not 1 <= len(self.playing_stems) <= STEMS_MAX:
            raise InvalidInput(
                f"{self.id}: {len(self.playing_stems)} stems play; it must be 1 to {STEMS_MAX}"
            )
        if problem := self.rights.problem(self.roles):
            raise InvalidInput(f"{self.id}: track.toml: rights: {problem}")

    @property
    def duration_s(self) -> float:
        """Seconds from the first frame to the end of the last."""
        return self.frames / self.rate_hz

    def check_export(self) -> None:
        """Raise InvalidInput where its rights do not let what is made of it leave the machine."""
        if self.rights.export == "no":
            raise InvalidInput(
                f"the rights of {self.title} do not let it leave this machine: it plays, but is not rendered "
                "to a file"
            )

    @property
    def is_separable(self) -> bool:
        """Whether its rights let its stems be handed out one by one: vocals among them are then isolated."""
        return self.rights.export != "no" and (self.rights.vocals_solo or "vocals" not in self.roles)

    def check_separable(self) -> None:
        """Raise InvalidInput, naming the right, where its stems may not be handed out."""
        self.check_export()
        if not self.is_separable:
            raise InvalidInput(
                f"the rights of {self.title} do not let its vocals be heard alone (vocals_solo): stems are "
                "not handed out one by one", field="stems",
            )  # fmt: skip

    @property
    def playing_stems(self) -> tuple[Stem, ...]:
        """The stems that are part of the mix, in the package's order; alternates left out."""
        return tuple(stem for stem in self.stems if stem.plays)

    @property
    def roles(self) -> tuple[StemRole, ...]:
        """The roles of the playing stems, each once, in the order of STEM_ROLES."""
        playing = {stem.role for stem in self.playing_stems}
        return tuple(role for role in STEM_ROLES if role in playing)

    def parts_of(self, stem: Stem) -> tuple[Stem, ...]:
        """The stems that one is the sum of; itself, where it has a FLAC of its own."""
        return tuple(each for each in self.stems if each.name in stem.parts) if stem.parts else (stem,)

    def file_of(self, stem: Stem) -> Path:
        """Where a stem's FLAC is."""
        return self.folder / stem.file

    def to_json(self) -> dict[str, Any]:
        """The package in JSON's types: what it is, its stems, and the analysis, flat."""
        music = self.analysis.to_dict()
        del music["source"]
        return {
            "id": self.id,
            "title": self.title,
            "artist": self.artist,
            "isrc": self.isrc,
            "language": self.language,
            "source": {"kind": self.source_kind, "name": self.source_name, "content": self.content},
            "rate_hz": self.rate_hz,
            "frames": self.frames,
            **music,
            "duration_s": self.duration_s,
            "stems": [s.to_json() for s in self.stems],
            "rights": self.rights.to_json(),
            "notes": list(self.notes),
            "edited": list(self.edits.names),
            "null_test": None if self.null_test is None else plain(self.null_test),
        }


def load_track(folder: Path, edits: Edits | None = None) -> Track:
    """Read a package with its edits, or with other `edits`.

    Raises NotFound where a file is missing, InvalidInput naming what is wrong.
    """
    track = _read_toml(folder)
    track = replace(track, analysis=Analysis.load(folder / "analysis.json"))
    if abs(track.analysis.duration_s - track.duration_s) > 0.1:
        raise InvalidInput(
            f"{track.id}: analysis.json: duration_s is {track.analysis.duration_s:g}, "
            f"but the audio lasts {track.duration_s:.3f} s"
        )
    for stem in (*track.stems, *([track.master] if track.master else [])):
        if not track.file_of(stem).is_file():
            raise NotFound(f"{track.id}: {stem.file} is missing; import the song again")
    return with_edits(track, read_edits(folder) if edits is None else edits)


def with_edits(track: Track, edits: Edits) -> Track:
    """A track that is not edited yet, with edits. Raises InvalidInput, naming the field, for absurd ones."""
    edits.check_within(track.duration_s)
    return replace(
        track,
        title=track.title if edits.title is None else edits.title,
        artist=track.artist if edits.artist is None else edits.artist,
        analysis=edited(track.analysis, edits),
        edits=edits,
    )


def carry_edits(package: Path, successor: Path) -> None:
    """Copy a package's edits into the one that takes its place, on disk before it returns.

    A file that cannot be read, by this version perhaps, goes along as `edits.toml.broken` and counts no more:
    somebody may have written it by hand.
    """
    try:
        read_edits(package)
        names = {BROKEN_FILE: BROKEN_FILE, FILE: FILE}
    except InvalidInput:
        names = {FILE: BROKEN_FILE}
    for name, carried in names.items():
        if (package / name).is_file():
            write_file(successor / carried, (package / name).read_bytes())
    sync_folder(successor)


def write_track(folder: Path, track: Track) -> None:
    """Write `track.toml` and `analysis.json`, both on disk before it returns. The audio is not touched."""
    write_file(folder / "analysis.json", track.analysis.to_json().encode())
    write_file(folder / "track.toml", tomli_w.dumps(_to_toml(track)).encode())


def write_file(path: Path, content: bytes) -> None:
    """Write a small file and wait until it is on disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _to_toml(track: Track) -> dict[str, Any]:
    document: dict[str, Any] = {
        "format": f"{FORMAT}-{VERSION}",
        "id": track.id,
        "title": track.title,
        "artist": track.artist,
        "isrc": track.isrc,
        "language": track.language,
        "rate_hz": track.rate_hz,
        "frames": track.frames,
        "notes": list(track.notes),
        "source": {"kind": track.source_kind, "name": track.source_name, "content": track.content},
    }
    if track.master:
        document["master"] = {"file": track.master.file, "gain": track.master.gain}
    document["stems"] = [
        {
            "name": s.name,
            "role": s.role,
            "language": s.language,
            "file": s.file,
            "gain": s.gain,
            "plays": s.plays,
            **({"colour": s.colour} if s.colour else {}),
            **({"estimated": True} if s.estimated else {}),
        }
        for s in track.stems
    ]
    if track.null_test:
        document["null_test"] = track.null_test.to_toml()
    if rights := track.rights.to_toml():
        document["rights"] = rights
    return document


def _read_toml(folder: Path) -> Track:
    """Everything but the analysis, which is a placeholder of the right length."""
    path = folder / "track.toml"
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise InvalidInput(f"{folder.name}: track.toml is larger than {LARGEST_BYTES >> 20} MB")
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise NotFound(f"{printable(folder.name)} is no track: it has no track.toml") from None
    except OSError as error:
        raise InvalidInput(f"{printable(folder.name)}: track.toml: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{printable(folder.name)}: track.toml is not TOML: {printable(error)}") from None
    fields = Fields(f"{printable(folder.name)}: track.toml", document)
    check_format(fields, FORMAT, VERSION)
    source = fields.table("source")
    kind = source.text("kind")
    if kind not in SOURCE_KINDS:
        raise source.fail("kind", f"is {printable(kind)!r}, not one of {', '.join(SOURCE_KINDS)}")
    rate_hz = fields.integer("rate_hz", *RATES_HZ)
    frames = fields.integer("frames", 1, LONGEST_S * rate_hz)
    return Track(
        id=fields.text("id"),
        title=fields.text("title"),
        artist=fields.text("artist", ""),
        isrc=fields.text("isrc", ""),
        language=fields.text("language", ""),
        source_kind=cast(SourceKind, kind),
        source_name=source.text("name"),
        content=source.text("content"),
        rate_hz=rate_hz,
        frames=frames,
        notes=fields.texts("notes"),
        stems=tuple(_read_stem(item) for item in fields.tables("stems")),
        master=_read_master(fields.table("master")) if "master" in document else None,
        null_test=read_null_report(fields.table("null_test")) if "null_test" in document else None,
        rights=read_rights(fields.table("rights", {})),
        analysis=Analysis(source="computed", duration_s=frames / rate_hz),
        folder=folder,
    )


def _read_stem(fields: Fields) -> Stem:
    role = fields.text("role")
    if role not in STEM_ROLES:
        raise fields.fail("role", f"is {printable(role)!r}, not one of {', '.join(STEM_ROLES)}")
    stem = Stem(
        name=fields.text("name"),
        role=role,
        language=fields.text("language", ""),
        file=fields.text("file"),
        gain=fields.number("gain", 1.0, 2.0**16),
        plays=fields.flag("plays"),
        colour=fields.text("colour", ""),
        estimated=fields.flag("estimated", False),
    )
    if stem.file != f"stems/{stem.name}.flac":  # never a path out of the package
        raise fields.fail("file", f"is {printable(stem.file)!r}, not stems/{stem.name}.flac")
    return stem


def _read_master(fields: Fields) -> Stem:
    if fields.text("file") != "master.flac":
        raise fields.fail("file", f"is {printable(fields.text('file'))!r}, not master.flac")
    return Stem(
        name="master", role="other", file="master.flac", gain=fields.number("gain", 1.0, 2.0**16), plays=False
    )
