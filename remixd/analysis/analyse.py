"""The music of a whole song, found from its stems: one reading of them all, then rhythm, harmony and form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

from remixd.analysis.activity import find_singing, rate_energy
from remixd.analysis.chords import find_chords
from remixd.analysis.grids import GridFile
from remixd.analysis.key import find_key
from remixd.analysis.long_rhythm import RhythmFinder
from remixd.analysis.rhythm import Rhythm
from remixd.analysis.section_names import name_sections
from remixd.analysis.sections import find_form
from remixd.analysis.song_features import SongFeatures, StemSource, listen
from remixd.track.analysis import Analysis, Chord, Section
from remixd.track.flac import Block, read_flac
from remixd.track.package import Track
from remixd.units import StemRole

NO_CHORD: Final = "N"


def analyse(track: Track, grid: GridFile | None = None) -> Analysis:
    """Analyse the stems of a package. What does not play, such as other languages, is not listened to.

    Beats, bars and key are None or empty where there are none to be heard, and `confidence` says how sure
    they are. A `grid` that came with the song wins over what is heard. Raises BadAudio where a FLAC is
    damaged, InvalidInput for a grid that does not fit. Thread: [ingest]; takes about 10 s of CPU for three
    minutes of four stems, and holds about 70 kB a second of up to half an hour, then 20.
    """
    finder = RhythmFinder(track.rate_hz, track.frames, len(track.playing_stems))
    heard = _listen(track, finder.tap)
    timed = _time(finder.find(), track.frames / track.rate_hz)
    return _describe(grid.apply(timed) if grid else timed, heard)


def complete(given: Analysis, track: Track) -> Analysis:
    """An analysis that came with a song, with its energy and loudness where it does not tell them.

    Raises BadAudio where a FLAC is damaged. Thread: [ingest].
    """
    if given.energy is not None and given.loudness_lufs is not None:
        return given
    energy, loudness_lufs = _measure(_listen(track, lambda blocks, _role: blocks))
    return replace(
        given,
        energy=energy if given.energy is None else given.energy,
        loudness_lufs=loudness_lufs if given.loudness_lufs is None else given.loudness_lufs,
    )


def _listen(track: Track, tap: Callable[[Iterator[Block], StemRole], Iterator[Block]]) -> SongFeatures:
    """Read what plays once, passing it through `tap`."""
    sources = {
        stem.name: StemSource(
            role=stem.role, blocks=tap(read_flac(track.file_of(stem), stem.gain), stem.role)
        )
        for stem in track.playing_stems
    }
    return listen(sources, track.rate_hz)


def _measure(heard: SongFeatures) -> tuple[float | None, float | None]:
    """Energy, 1 to 10, and loudness in LUFS of the whole song; None for silence."""
    energy, loudness_lufs = rate_energy(heard.bands, heard.mix), heard.mix.integrated_lufs
    return (
        None if energy is None else round(energy, 1),
        None if loudness_lufs is None else round(loudness_lufs, 2),
    )


def _time(rhythm: Rhythm, duration_s: float) -> Analysis:
    """Beats and bars alone."""
    return Analysis(
        source="computed",
        duration_s=duration_s,
        bpm=None if rhythm.bpm is None else round(rhythm.bpm, 4),
        metre=rhythm.metre,
        beats_s=_inside(rhythm.beats_s, duration_s),
        downbeats_s=_inside(rhythm.downbeats_s, duration_s),
        confidence=dict(rhythm.confidence),
    )


def _inside(times_s: Iterable[float], duration_s: float) -> tuple[float, ...]:
    return tuple(round(time, 6) for time in times_s if 0.0 <= time <= duration_s)


def _describe(timed: Analysis, heard: SongFeatures) -> Analysis:
    """Harmony, form, energy and loudness, on beats that are known."""
    end_s = timed.duration_s
    key = find_key(heard.tones)
    chords = find_chords(heard.tones, timed.beats_s, timed.downbeats_s, key.name if key else None)
    form = find_form(heard.bands, heard.tones, timed.downbeats_s, end_s)
    names = name_sections(form.sections, heard.mix, find_singing(heard.vocals))
    confidence = dict(timed.confidence)
    if key:
        confidence["key"] = key.confidence
    if chords:
        weights = [chord.end_s - chord.start_s for chord in chords]
        sure = sum(chord.confidence * weight for chord, weight in zip(chords, weights, strict=True))
        confidence["chords"] = sure / sum(weights)
    if form.sections:
        confidence["sections"] = sum(section.strength for section in form.sections) / len(form.sections)
    energy, loudness_lufs = _measure(heard)
    return replace(
        timed,
        energy=energy,
        loudness_lufs=loudness_lufs,
        key=key.name if key else None,
        chords=tuple(
            Chord(start_s=chord.start_s, end_s=min(chord.end_s, end_s), name=chord.name)
            for chord in chords
            if chord.name != NO_CHORD and chord.start_s < end_s
        ),
        sections=tuple(
            Section(start_s=section.start_s, end_s=min(section.end_s, end_s), label=name.label)
            for section, name in zip(form.sections, names, strict=True)
        ),
        phrases_s=_inside(form.phrases_s, end_s),
        estimated=(*timed.estimated, *(("sections",) if form.sections else ())),
        confidence={name: round(min(max(value, 0.0), 1.0), 3) for name, value in confidence.items()},
    )
