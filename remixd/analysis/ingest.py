"""Import: from material to a track in the library, or to an error with nothing left behind.

Every source is read twice: once to see that it is whole and how loud and long it is, once to keep it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from remixd.analysis.align import align
from remixd.analysis.analyse import analyse, complete, remarks
from remixd.analysis.decode import Source, Survey, decode, survey
from remixd.analysis.material import Material, gather
from remixd.analysis.splitter import Splitter, write_split
from remixd.analysis.streams import of_length
from remixd.errors import BadAudio, InvalidInput
from remixd.track.flac import Block, gain_for, write_flac
from remixd.track.import_options import ImportOptions
from remixd.track.library import Library
from remixd.track.lock import sync_folder
from remixd.track.package import Analysis, Stem, Track, write_track

PADDED_S: Final = 0.05
"""Stems may differ in length by this much; the shorter ones are padded with silence."""
LATE_S: Final = 0.1
"""By so much more beside a master, where a stem that is late with its encoder's delay can be moved."""

Progress = Callable[[float, str], None]
"""Called with a share of the work that is done, 0 to 1, and what is being done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """The outcome of an import: the track, and whether it is new or was there before."""

    track: Track
    new: bool


def ingest(path: Path, library: Library, options: ImportOptions, progress: Progress) -> Ingested:
    """Import a folder of stems, a `.stem.mp4` or a full mix, which is split as `options` say.

    Raises BadAudio, InvalidInput or NotFound, naming the file, and Unavailable where the splitter cannot be
    had; nothing is left in the library then. Thread: [ingest].
    """
    material = gather(path, options)
    content = material.content()
    there = library.with_content(content)
    if there is not None and not options.again:
        return Ingested(track=there, new=False)
    track_id = there.id if there else material.track_id(content)
    surveys = _survey_all(material, progress)
    material = _without_odd_master(material, surveys)
    frames, notes = _common_length(material, surveys)
    folder = library.incoming()
    try:
        track = _keep(material, surveys, folder, frames, progress)
        track = replace(
            track, id=track_id, content=content, notes=(*track.notes, *notes, *remarks(track.analysis))
        )
        write_track(folder, track)
        sync_folder(folder / "stems")
        sync_folder(folder)
        added, new = library.add(folder, again=options.again)
    finally:
        library.discard(folder)
    return Ingested(track=added, new=new)


def _sources(material: Material) -> list[Source]:
    """Every source of a song, its stems first, in their order."""
    return [part.source for part in material.parts] + ([material.master] if material.master else [])


def _survey_all(material: Material, progress: Progress) -> dict[Source, Survey]:
    """Read everything once. Raises where something cannot be kept, or the stems' rates differ."""
    sources = _sources(material)
    surveys = {}
    for index, source in enumerate(sources):
        progress(0.25 * index / len(sources), f"checking {source.name}")
        surveys[source] = survey(source)
    first = material.parts[0].source
    for part in material.parts:
        if surveys[part.source].rate_hz != surveys[first].rate_hz:
            raise BadAudio(
                f"{first.name} is at {surveys[first].rate_hz} Hz and {part.source.name} at "
                f"{surveys[part.source].rate_hz} Hz; export the stems at one rate"
            )
    return surveys


def _without_odd_master(material: Material, surveys: Mapping[Source, Survey]) -> Material:
    """Leave a master out that is not of the stems' rate and length: it is kept, never played."""
    if material.master is None:
        return material
    master, stem = surveys[material.master], surveys[material.parts[0].source]
    longest = max(surveys[part.source].frames for part in material.parts)
    apart_s = abs(master.frames - longest) / stem.rate_hz
    if master.rate_hz == stem.rate_hz and apart_s <= PADDED_S + LATE_S:
        return material
    note = f"{material.master.name} left out: its rate or length is not that of the stems"
    return replace(material, master=None, notes=(*material.notes, note))


def _common_length(material: Material, surveys: Mapping[Source, Survey]) -> tuple[int, list[str]]:
    """The frames that all stems will have, and what is to be told.

    Raises BadAudio, naming two files, where padding would be too long; InvalidInput for a foreign analysis.
    """
    stems = [part.source for part in material.parts]
    rate_hz = surveys[stems[0]].rate_hz
    shortest = min(stems, key=lambda source: surveys[source].frames)
    longest = max(stems, key=lambda source: surveys[source].frames)
    frames = surveys[longest].frames
    apart = frames - surveys[shortest].frames
    most_s = PADDED_S + (LATE_S if material.master else 0.0)
    if apart > most_s * rate_hz:
        raise BadAudio(
            f"{shortest.name} is {apart / rate_hz:.3f} s shorter than {longest.name}; "
            f"at most {most_s * 1000:.0f} ms can be padded"
        )
    notes = list(material.notes)
    for source in _sources(material):
        notes += surveys[source].notes
        missing = frames - surveys[source].frames
        if missing > 0:
            notes.append(f"{source.name} was {1000 * missing / rate_hz:.1f} ms shorter: padded with silence")
        elif missing < 0:
            notes.append(f"{source.name} was {-1000 * missing / rate_hz:.1f} ms longer: cut")
    if material.analysis and abs(material.analysis.duration_s - frames / rate_hz) > PADDED_S:
        raise InvalidInput(
            f"analysis.json: duration_s is {material.analysis.duration_s:g}, "
            f"but the stems last {frames / rate_hz:.3f} s"
        )
    return frames, notes


def _keep(
    material: Material, surveys: Mapping[Source, Survey], folder: Path, frames: int, progress: Progress
) -> Track:
    """Write every source as FLAC and analyse the stems; returns the track without its id."""
    rate_hz = surveys[material.parts[0].source].rate_hz
    (folder / "stems").mkdir()
    count = len(_sources(material))
    stems: list[Stem] = []
    if material.splitter:
        stems += _split(material.splitter, material.parts[0].source, surveys, folder, progress)
    for index, part in enumerate(material.parts if not material.splitter else ()):
        progress(0.25 + 0.45 * index / count, f"keeping {part.source.name}")
        file = f"stems/{part.name}.flac"
        blocks = of_length(_read(part.source, surveys[part.source]), frames)
        gain = _write(folder / file, blocks, surveys[part.source])
        stems.append(
            Stem(
                name=part.name,
                role=part.role,
                language=part.language,
                file=file,
                gain=gain,
                plays=part.plays,
                colour=part.colour,
            )
        )
    master = None
    if material.master:
        progress(0.25 + 0.45 * (count - 1) / count, f"keeping {material.master.name}")
        blocks = of_length(_read(material.master, surveys[material.master]), frames)
        gain = _write(folder / "master.flac", blocks, surveys[material.master])
        master = Stem(name="master", role="other", file="master.flac", gain=gain, plays=False)
    track = Track(
        id="track-00000000", title=material.title, artist=material.artist, isrc=material.isrc,
        language=material.language, source_kind=material.kind, source_name=material.name, content="",
        rate_hz=rate_hz, frames=frames, stems=tuple(stems), master=master, folder=folder,
        analysis=Analysis(source="computed", duration_s=frames / rate_hz),
    )  # fmt: skip
    if master:
        progress(0.65, "comparing the stems with the master")
        track = align(track, master)
    progress(0.7, "listening for beats, bars, key and sections")
    if material.analysis is None:
        return replace(track, analysis=analyse(track, material.grid))
    given = complete(material.analysis, track)
    return replace(track, analysis=material.grid.apply(given) if material.grid else given)


def _split(
    splitter: Splitter,
    source: Source,
    surveys: Mapping[Source, Survey],
    folder: Path,
    progress: Progress,
) -> tuple[Stem, ...]:
    """Write a full mix as estimated stems."""
    found = surveys[source]

    def told() -> Iterator[Block]:
        done = 0
        for block in _read(source, found):
            progress(0.25 + 0.45 * done / found.frames, f"splitting {source.name}")
            yield block
            done += block.shape[0]

    return write_split(splitter, told(), folder, found.rate_hz, gain_for(found.high, found.low))


def _read(source: Source, expected: Survey) -> Iterator[Block]:
    """Decode a source again. Raises BadAudio if it is not what it was when it was surveyed."""
    frames = 0
    for block, rate_hz, channels in decode(source):
        frames += block.shape[0]
        peak = float(np.abs(block).max())
        if (rate_hz, channels) != (expected.rate_hz, expected.channels) or peak > expected.peak:
            break
        yield block
    else:
        if frames == expected.frames:
            return
    raise BadAudio(f"{source.name} changed while it was read")


def _write(path: Path, blocks: Iterable[Block], found: Survey) -> float:
    """Write one FLAC, on disk before it returns; returns its gain."""
    gain = gain_for(found.high, found.low)
    write_flac(path, blocks, found.rate_hz, gain)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return gain
