"""What somebody wants to import: a folder of stems, a `.stem.mp4` or a full mix, before it is decoded."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from remixd.analysis import stem_mp4
from remixd.analysis.decode import Source, describe
from remixd.analysis.grids import GridFile, SongNames, read_grid
from remixd.analysis.splitter import Splitter, choose_splitter
from remixd.errors import BadAudio, InvalidInput
from remixd.track import roles
from remixd.track.fields import Fields, one_line, printable
from remixd.track.flac import reason
from remixd.track.import_options import ImportOptions, SplitterName
from remixd.track.package import Analysis, SourceKind
from remixd.track.song_files import AUDIO_SUFFIXES
from remixd.units import STEMS_MAX, StemRole

SONG_BYTES: Final = 2**20
ID_CHARACTERS: Final = 40
MIX: Final = "mix"
"""The name of the one stem of a full mix that is not split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One stem to be: where its sound is, and what it will be in the package."""

    source: Source
    name: str
    role: StemRole
    language: str = ""
    plays: bool = True
    colour: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything that an import starts from.

    Attributes:
        analysis: one that came along; None is still to be made.
        grid: beats that go before those of any analysis.
        splitter: what makes stems of the one part there is; None: parts are stems.
    """

    kind: SourceKind
    name: str
    title: str
    artist: str = ""
    isrc: str = ""
    language: str = ""
    parts: tuple[Part, ...]
    master: Source | None = None
    analysis: Analysis | None = None
    grid: GridFile | None = None
    splitter: Splitter | None = None
    notes: tuple[str, ...] = ()

    def content(self) -> str:
        """Sha256, in hex, of the files' bytes with the stems' names, roles and languages.

        So are the beats of a grid file, and what splits a mix: with others it is another track.

        Raises BadAudio where a file cannot be read.
        """
        sums: dict[Path, str] = {}
        rows = [[p.name, p.role, p.language, _sum(p.source, sums)] for p in self.parts]
        if self.master:
            rows.append(["master", "master", "", _sum(self.master, sums)])
        if self.grid:
            rows.append(["grid", "", "", self.grid.digest()])
        if self.splitter:
            rows.append(["splitter", "", "", self.splitter.version])
        return hashlib.sha256(json.dumps(sorted(rows)).encode()).hexdigest()

    def track_id(self, content: str) -> str:
        """The id of the track: from its title, and unique by its content."""
        return f"{slug(self.title) or 'track'}-{content[:8]}"


def gather(path: Path, options: ImportOptions) -> Material:
    """Find out what a path holds; only names, tags and a grid file are read.

    Args:
        path: a folder of stems, a `.stem.mp4`, or any other audio file, which is a full mix.
        options: what somebody said of the import.

    Raises BadAudio or InvalidInput, naming the file, NotFound for a name of `options.roles` that is no stem,
    and Unavailable where the splitter of a mix cannot be had.
    """
    path, mapping = path.absolute(), options.roles
    if path.is_dir():
        material, is_mix = _gather_folder(path, mapping)
    elif path.name.lower().endswith(stem_mp4.SUFFIX):
        material, is_mix = _gather_stem_mp4(path, mapping), False
    else:
        material, is_mix = _gather_mix(path, mapping), True
    if is_mix and not mapping:  # who says what a mix is, bass alone perhaps, wants it whole
        material = _to_be_split(material, options.splitter)
    if options.grid:
        grid = read_grid(options.grid, SongNames(path=path, title=material.title))
        material = replace(material, grid=grid, notes=(*material.notes, grid.note()))
    count = sum(part.plays for part in material.parts)
    if count > STEMS_MAX:
        raise InvalidInput(f"{material.name} has {count} stems that play at once; at most {STEMS_MAX} can")
    sung = [part.language for part in material.parts if part.plays and part.language]
    return replace(material, language=material.language or (sung[0] if sung else ""))


def _to_be_split(material: Material, name: SplitterName) -> Material:
    splitter = choose_splitter(name)
    if splitter is None:
        return material
    return replace(material, splitter=splitter, notes=(*material.notes, splitter.note))


def slug(text: str) -> str:
    """A text in a-z, 0-9 and single hyphens, at most ID_CHARACTERS; may be empty."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:ID_CHARACTERS].strip("-")


def _gather_folder(folder: Path, mapping: Mapping[str, StemRole]) -> tuple[Material, bool]:
    """What a folder holds, and whether that is nothing but a mix: then it is the track that its file is."""
    name = printable(folder.resolve().name)
    files, notes = _audio_files(folder, name)
    song = _read_song(folder)
    title = one_line(song.text("title", "")) or one_line(folder.resolve().name) or "untitled"
    given = roles.match_mapping(mapping, [file.stem for file in files])
    masters = [file for file in files if file.stem not in given and roles.is_master(file.stem, title)]
    masters.sort(key=lambda file: "master" not in file.stem.lower())
    stems = [file for file in files if file not in masters]
    is_mix = not stems
    stems = stems or masters[:1]
    if len(masters) > 1:
        notes.append(f"left out: {_listed(masters[1:])}; {printable(masters[0].name)} is the master")
    master = masters[0] if masters and masters[0] not in stems else None
    cast = [roles.cast_name(file.stem, title, given.get(file.stem)) for file in stems]
    sources = [Source(path=file, name=printable(file.name)) for file in stems]
    parts = _parts(sources, [file.stem for file in stems], cast)
    if is_mix:
        parts = (Part(source=sources[0], name=MIX, role="other"),)
    names = {file.stem: part.name for file, part in zip(stems, parts, strict=True)}
    material = Material(
        kind="folder",
        name=name,
        title=title,
        artist=one_line(song.text("artist", "")),
        isrc=one_line(song.text("isrc", "")),
        language=one_line(song.text("language", "")),
        parts=parts,
        master=Source(path=master, name=printable(master.name)) if master else None,
        analysis=_read_analysis(folder, names),
        notes=tuple(notes),
    )
    return material, is_mix


def _read_analysis(folder: Path, names: Mapping[str, str]) -> Analysis | None:
    """The `analysis.json` of a folder, None where there is none; onsets under the stems' new names."""
    path = folder / "analysis.json"
    if not path.is_file():
        return None
    found = Analysis.load(path)

    def renamed(by_name: Mapping[str, tuple[float, ...]]) -> dict[str, tuple[float, ...]]:
        others = {name: values for name, values in by_name.items() if name not in names}
        return others | {names[name]: values for name, values in by_name.items() if name in names}

    return replace(found, onsets_s=renamed(found.onsets_s), onset_strengths=renamed(found.onset_strengths))


def _audio_files(folder: Path, name: str) -> tuple[list[Path], list[str]]:
    """The audio files of a folder in order, and what to tell about the others."""
    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise InvalidInput(f"{name} cannot be read: {reason(error)}") from None
    files = [entry for entry in entries if entry.suffix.lower() in AUDIO_SUFFIXES and not entry.is_dir()]
    if not files:
        whole = [entry for entry in entries if entry.name.lower().endswith(stem_mp4.SUFFIX)]
        hint = f"; import {printable(whole[0].name)} itself" if whole else ""
        raise BadAudio(f"{name} holds no audio files{hint}")
    by_stem: dict[str, Path] = {}
    for file in files:
        twin = by_stem.setdefault(file.stem, file)
        if twin is not file:
            raise InvalidInput(
                f"{printable(twin.name)} and {printable(file.name)} have one name; keep one of them"
            )
    others = [e for e in entries if e not in files and e.name not in ("song.toml", "analysis.json")]
    return files, [f"left out, not audio: {_listed(others)}"] if others else []


def _listed(paths: Sequence[Path]) -> str:
    shown = ", ".join(printable(path.name) for path in paths[:5])
    return shown if len(paths) <= 5 else f"{shown} and {len(paths) - 5} more"


def _read_song(folder: Path) -> Fields:
    """The `song.toml` of a folder, without fields where there is none."""
    path = folder / "song.toml"
    try:
        if not path.is_file():
            return Fields("song.toml", {})
        if path.stat().st_size > SONG_BYTES:
            raise InvalidInput(f"song.toml is larger than {SONG_BYTES >> 20} MB")
        return Fields("song.toml", tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise InvalidInput(f"song.toml cannot be read: {reason(error)}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"song.toml is not TOML: {printable(error)}") from None


def _gather_stem_mp4(path: Path, mapping: Mapping[str, StemRole]) -> Material:
    shown = printable(path.name)
    about = describe(path)
    if about.streams != stem_mp4.STREAMS:
        raise BadAudio(f"{shown} has {about.streams} audio streams; a .stem.mp4 has {stem_mp4.STREAMS}")
    entries = stem_mp4.stem_entries(path)
    found = [entry.name for entry in entries] if entries else None
    notes = () if found else (f"{shown} does not name its stems: taken as {', '.join(stem_mp4.CUSTOMARY)}",)
    names = [
        name or customary
        for name, customary in zip(found or [""] * len(stem_mp4.CUSTOMARY), stem_mp4.CUSTOMARY, strict=True)
    ]
    given = roles.match_mapping(mapping, names)
    cast = [
        roles.cast_name(name, role=given.get(name) or (customary if stem_mp4.says_nothing(name) else None))
        for name, customary in zip(names, stem_mp4.CUSTOMARY, strict=True)
    ]
    sources = [
        Source(path=path, name=f"{shown} ({printable(name)})", stream=index)
        for index, name in enumerate(names, start=1)
    ]
    parts = _parts(sources, names, cast)
    if entries:
        parts = tuple(replace(p, colour=e.colour) for p, e in zip(parts, entries, strict=True))
    return Material(
        kind="stem_mp4",
        name=shown,
        title=about.title or one_line(path.name[: -len(stem_mp4.SUFFIX)]) or "untitled",
        artist=about.artist,
        parts=parts,
        master=Source(path=path, name=f"{shown} (master)"),
        notes=notes,
    )


def _gather_mix(path: Path, mapping: Mapping[str, StemRole]) -> Material:
    shown = printable(path.name)
    about = describe(path)
    given = roles.match_mapping(mapping, [MIX, path.stem])
    several = f"{shown} has {about.streams} audio streams: only the first is taken"
    return Material(
        kind="mix",
        name=shown,
        title=about.title or one_line(path.stem) or "untitled",
        artist=about.artist,
        parts=(
            Part(source=Source(path=path, name=shown), name=MIX, role=next(iter(given.values()), "other")),
        ),
        notes=(several,) if about.streams > 1 else (),
    )


def _parts(
    sources: Sequence[Source], names: Sequence[str], cast: Sequence[roles.Casting]
) -> tuple[Part, ...]:
    """Stems with names that are unique and safe as file names."""
    taken: set[str] = set()
    parts = []
    for source, name, casting, plays in zip(sources, names, cast, roles.playing(cast), strict=True):
        stem = slug(name) or slug(f"{casting.role} {casting.language}")
        unique, count = stem, 1
        while unique in taken:
            count += 1
            unique = f"{stem}-{count}"
        taken.add(unique)
        parts.append(
            Part(source=source, name=unique, role=casting.role, language=casting.language, plays=plays)
        )
    return tuple(parts)


def _sum(source: Source, sums: dict[Path, str]) -> str:
    """Sha256, in hex, of a source's file, with the number of its stream where it is not the first."""
    try:
        if source.path not in sums:
            with source.path.open("rb") as file:
                sums[source.path] = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadAudio(f"{source.name} cannot be read: {reason(error)}") from None
    return f"{sums[source.path]}:{source.stream}"
