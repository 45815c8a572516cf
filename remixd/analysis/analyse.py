"""The music of a whole song, found from its stems: one reading of them all, then rhythm, harmony and form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from remixd.analysis.activity import Sung, find_energy, find_singing, rate_energy
from remixd.analysis.chords import find_chords
from remixd.analysis.grids import GridFile
from remixd.analysis.key import find_key
from remixd.analysis.long_rhythm import RhythmFinder
from remixd.analysis.rhythm import Rhythm, find_rhythm
from remixd.analysis.rhythm_features import RhythmFeatures
from remixd.analysis.section_names import name_sections
from remixd.analysis.sections import Form, find_form
from remixd.analysis.song_features import SongFeatures, StemSource, listen
from remixd.analysis.stem_onsets import MOST, OnsetFinder, StemOnsets
from remixd.track.analysis import Alternative, Analysis, Chord, Section, Span
from remixd.track.flac import read_flac
from remixd.track.overview import OutlineMeter, write_overview
from remixd.track.package import Track

NO_CHORD: Final = "N"


def analyse(track: Track, grid: GridFile | None = None) -> Analysis:
    """Analyse the stems of a package. What does not play, such as other languages, is not listened to.

    Beats, bars and key are None or empty where there are none to be heard, and `confidence` says how sure
    they are. A `grid` that came with the song wins over what is heard. Raises BadAudio where a FLAC is
    damaged, InvalidInput for a grid that does not fit. Thread: [ingest]; takes about 10 s of CPU for three
    minutes of four stems, and holds about 70 kB a second of up to half an hour, then 20.
    """
    finder = _finder(track)
    heard = _listen(track, finder)
    timed = _time(finder.find(), track.frames / track.rate_hz)
    if grid:  # which leaves nothing to choose from
        timed = replace(grid.apply(timed), alternatives=())
    return _describe(timed, heard)


def complete(given: Analysis, track: Track) -> Analysis:
    """An analysis that came with a song, with what it does not tell of energy, loudness, singing and onsets.

    Raises BadAudio where a FLAC is damaged. Thread: [ingest].
    """
    lacking = [stem.name for stem in track.playing_stems if stem.name not in given.onsets_s]
    finder = _finder(track, lambda _: Rhythm()) if lacking else None
    heard = _listen(track, finder)
    found = _measure(heard, given.duration_s)
    kept = {name: value for name in found if (value := getattr(given, name)) not in (None, ())}
    onsets = {name: heard.onsets[name] for name in lacking}
    strengths = {  # two stems of nearly one name, of which one had strengths, leave some for none
        name: of for name, of in given.onset_strengths.items() if len(of) == len(given.onsets_s.get(name, ()))
    }
    return replace(
        given,
        **(found | kept),
        onsets_s={**given.onsets_s, **_times(onsets)},
        onset_strengths={**strengths, **_strengths(onsets)},
    )


def remarks(analysis: Analysis) -> Iterator[str]:
    """What a person should know of an analysis that was made at import."""
    if not analysis.beats_s:
        yield "no beat was found: bars are 2 s until somebody gives a tempo (`remixd track edit --bpm`)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """What one reading of a song gave; `onsets` are by stem, and there are none without a `RhythmFinder`."""

    song: SongFeatures
    onsets: Mapping[str, StemOnsets]


def _finder(track: Track, find: Callable[[RhythmFeatures], Rhythm] = find_rhythm) -> RhythmFinder:
    return RhythmFinder(track.rate_hz, track.frames, len(track.playing_stems), find)


def _listen(track: Track, finder: RhythmFinder | None) -> _Heard:
    """Read what plays once, for everybody, and keep its overview in the package."""
    stems = track.playing_stems
    onsets = {stem.name: OnsetFinder() for stem in stems}
    outlines = {stem.name: OutlineMeter(track.frames, track.rate_hz) for stem in stems}
    sources = {}
    for stem in stems:
        blocks = outlines[stem.name].tap(read_flac(track.file_of(stem), stem.gain))
        if finder:
            blocks = finder.tap(blocks, stem.role, onsets[stem.name].hear)
        sources[stem.name] = StemSource(role=stem.role, blocks=blocks)
    song = listen(sources, track.rate_hz)
    write_overview(track, {name: meter.finish() for name, meter in outlines.items()})
    most = MOST // len(stems)
    return _Heard(song=song, onsets={name: found.finish(most) for name, found in onsets.items()})


def _measure(heard: _Heard, duration_s: float) -> dict[str, Any]:
    """Energy, loudness and singing, by the names of an analysis' fields; silence has no energy."""
    mix = heard.song.mix
    edges_s = np.append(np.arange(0.0, duration_s), duration_s)
    sung = find_singing(heard.song.vocals)
    return {
        "energy": _rounded(rate_energy(heard.song.bands, mix), 1),
        "energy_curve": tuple(find_energy(mix, edges_s).round(3).tolist()),
        "loudness_lufs": _rounded(mix.integrated_lufs, 2),
        "loudness_range_lu": _rounded(mix.range_lu, 2),
        "true_peak_dbtp": _rounded(mix.true_peak_dbtp, 2),
        "singing": None if sung is None else tuple(_spans(sung, duration_s)),
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _spans(sung: Iterable[Sung], duration_s: float) -> Iterator[Span]:
    """Where somebody sings, inside the song."""
    for span in sung:
        start_s, end_s = round(span.start_s, 3), round(min(span.end_s, duration_s), 3)
        if end_s > start_s:
            yield Span(start_s=start_s, end_s=end_s)


def _times(onsets: Mapping[str, StemOnsets]) -> dict[str, tuple[float, ...]]:
    return {name: tuple(found.times_s.round(4).tolist()) for name, found in onsets.items()}


def _strengths(onsets: Mapping[str, StemOnsets]) -> dict[str, tuple[float, ...]]:
    return {name: tuple(found.strengths.round(2).tolist()) for name, found in onsets.items()}


def _time(rhythm: Rhythm, duration_s: float) -> Analysis:
    """Beats and bars alone."""
    return Analysis(
        source="computed",
        duration_s=duration_s,
        bpm=_rounded(rhythm.bpm, 4),
        metre=rhythm.metre,
        beats_s=_inside(rhythm.beats_s, duration_s),
        downbeats_s=_inside(rhythm.downbeats_s, duration_s),
        alternatives=tuple(
            Alternative(
                bpm=round(way.bpm, 6),
                metre=way.metre,
                first_beat_s=round(max(way.first_beat_s, 0.0), 6),
                first_downbeat_s=round(max(way.first_downbeat_s, 0.0), 6),
                chance=way.chance,
            )
            for way in rhythm.alternatives
            if max(way.first_beat_s, way.first_downbeat_s) < duration_s
        ),
        confidence=dict(rhythm.confidence),
    )


def _inside(times_s: Iterable[float], duration_s: float) -> tuple[float, ...]:
    return tuple(round(time, 6) for time in times_s if 0.0 <= time <= duration_s)


def _describe(timed: Analysis, heard: _Heard) -> Analysis:
    """Harmony, form, onsets, energy and loudness, on beats that are known."""
    end_s, song = timed.duration_s, heard.song
    key = find_key(song.tones)
    chords = find_chords(song.tones, timed.beats_s, timed.downbeats_s, key.name if key else None)
    form = find_form(song.bands, song.tones, timed.downbeats_s, end_s)
    confidence = dict(timed.confidence)
    if key:
        confidence["key"] = key.confidence
    if chords:
        weights = [chord.end_s - chord.start_s for chord in chords]
        sure = sum(chord.confidence * weight for chord, weight in zip(chords, weights, strict=True))
        confidence["chords"] = sure / sum(weights)
    if form.sections:
        confidence["sections"] = sum(section.strength for section in form.sections) / len(form.sections)
    return replace(
        timed,
        **_measure(heard, end_s),
        key=key.name if key else None,
        chords=tuple(
            Chord(start_s=chord.start_s, end_s=min(chord.end_s, end_s), name=chord.name)
            for chord in chords
            if chord.name != NO_CHORD and chord.start_s < end_s
        ),
        sections=tuple(_sections(form, song, end_s)),
        phrases_s=_inside(form.phrases_s, end_s),
        onsets_s=_times(heard.onsets),
        onset_strengths=_strengths(heard.onsets),
        estimated=(*timed.estimated, *(("sections",) if form.sections else ())),
        confidence={name: round(min(max(value, 0.0), 1.0), 3) for name, value in confidence.items()},
    )


def _sections(form: Form, song: SongFeatures, end_s: float) -> Iterator[Section]:
    names = name_sections(form.sections, song.mix, find_singing(song.vocals))
    for section, name in zip(form.sections, names, strict=True):
        yield Section(
            start_s=section.start_s,
            end_s=min(section.end_s, end_s),
            label=name.label,
            how="guessed" if name.guessed else "letter",
            because=name.how,
        )
