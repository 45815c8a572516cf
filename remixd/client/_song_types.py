"""What the client answers with about songs: frozen, typed, in the units that the names tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Stem:
    """One stem of a track.

    Attributes:
        plays: false for an alternate, such as vocals in another language.
        colour: as `#rrggbb`, where the source named one; else empty.
        estimated: whether a splitter guessed it from the full mix.
    """

    name: str
    role: str
    language: str
    plays: bool
    colour: str = ""
    estimated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a song, such as a chorus, in seconds from its start.

    Attributes:
        how: its label was found: "hand" (edited), "given" (by who made the song's own analysis), "guessed"
            (from form, energy and singing), "letter" (the same letter is alike).
        because: of what it was found, in words.
        estimated: whether nobody but the analysis says so.
    """

    start_s: float
    end_s: float
    label: str
    how: str = "given"
    because: str = ""
    estimated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of time, in seconds from the start of the song."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Another way to count a song, which `Client.edit_track` chooses.

    Attributes:
        first_beat_s, first_downbeat_s: its first beat, and the first that begins a bar.
        chance: 0 to 1, that it is the right one.
    """

    bpm: float
    metre: str
    first_beat_s: float
    first_downbeat_s: float
    chance: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StemNull:
    """A stem beside the master.

    Attributes:
        late_frames, inverted: how it lies; negative where it comes early.
        gain_db: in the master; None where it is not in it, or silent.
        moved_frames, turned: how the import moved it and whether it turned it over, which gained `gained_db`.
    """

    name: str
    late_frames: int
    inverted: bool
    gain_db: float | None
    moved_frames: int
    turned: bool
    gained_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NullTest:
    """What is left of a master when the stems are taken away, in dB beside it.

    Attributes:
        residual_db: of the whole song; `aligned_db` with lags, polarities and gains put right.
        segments_db: of each `segment_s` seconds.
    """

    residual_db: float
    aligned_db: float
    segment_s: float
    segments_db: tuple[float, ...]
    stems: tuple[StemNull, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StemOverview:
    """What a stem looks like over a song, at equal stretches of time.

    Attributes:
        peaks: the greatest sample of each, without its sign, float32 (columns,); 1 is full scale.
        rms: root mean square of each, float32 (columns,).
    """

    stem: str
    peaks: NDArray[np.float32] = field(repr=False, compare=False)
    rms: NDArray[np.float32] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chord:
    """A chord, in seconds from the start of the song."""

    start_s: float
    end_s: float
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What may be done to a track.

    Attributes:
        ranges: the least and greatest value of every dimension.
        vocals_solo: whether vocals may be heard alone.
        never_mute: roles that always sound.
        mash_ups: whether it may be mixed with other works.
        generated: whether drums, bass and stingers may be generated over it.
        export: "free", "with-credit" or "no".
        territories, languages: where it may be used; empty for all.
    """

    ranges: Mapping[str, tuple[float, float]]
    vocals_solo: bool
    never_mute: tuple[str, ...]
    mash_ups: bool
    generated: bool
    export: str
    territories: tuple[str, ...]
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackSummary:
    """A track as a list shows it, None where something is not known.

    Attributes:
        camelot: the key's code, such as "8A".
        energy: 1 to 10; `loudness_lufs` is integrated.
        stems: how many, alternates included.
        imported_at: UTC as RFC 3339 writes it.
        edited: whether it was edited by hand.
    """

    id: str
    title: str
    artist: str
    duration_s: float
    bpm: float | None
    key: str | None
    camelot: str | None
    energy: float | None
    loudness_lufs: float | None
    stems: int
    imported_at: str
    edited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A track in full, with its time and harmony. Times are seconds from the start of the song.

    Attributes:
        source_kind: "folder", "stem_mp4" or "mix".
        content: SHA-256 of what was imported, in hexadecimal.
        frames: of each stem, at `rate_hz`.
        analysis_source: "demo" came with the song, "computed" was measured, "grid" has beats of a grid file.
        estimated: the names of fields that are guesses; `confidence` is 0 to 1 by field.
        constant_tempo: whether the beats lie on one even grid.
        alternatives: other ways to count it, as computed, the likeliest first.
        energy: 1 to 10; None where it is not known, as the loudness.
        energy_curve: 0 to 1 for each second.
        loudness_lufs: integrated; `loudness_range_lu` is EBU Tech 3342's.
        singing: where somebody sings; None where there is no vocals stem, or it is not known.
        onsets_s: where notes or strokes begin, by stem; `onset_strengths`, 0 to 1, may lack a stem.
        edited: the names of the fields that were edited by hand, as `Client.edit_track` has them.
        null_test: how far its stems are from its master; None without one.
        library: the folder of the library that holds it, on the daemon's machine.
    """

    id: str
    title: str
    artist: str
    isrc: str
    language: str
    source_kind: str
    source_name: str
    content: str
    duration_s: float
    rate_hz: int
    frames: int
    stems: tuple[Stem, ...]
    notes: tuple[str, ...]
    analysis_source: str
    bpm: float | None
    metre: str | None
    key: str | None
    constant_tempo: bool
    alternatives: tuple[Alternative, ...]
    energy: float | None
    energy_curve: tuple[float, ...]
    loudness_lufs: float | None
    loudness_range_lu: float | None
    true_peak_dbtp: float | None
    beats_s: tuple[float, ...]
    downbeats_s: tuple[float, ...]
    phrases_s: tuple[float, ...]
    sections: tuple[Section, ...]
    chords: tuple[Chord, ...]
    singing: tuple[Span, ...] | None
    onsets_s: Mapping[str, tuple[float, ...]]
    onset_strengths: Mapping[str, tuple[float, ...]]
    estimated: tuple[str, ...]
    confidence: Mapping[str, float]
    rights: Rights
    edited: tuple[str, ...]
    null_test: NullTest | None
    library: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedTrack:
    """The end of an import. `added` is false if the song was there before."""

    id: str
    title: str
    stems: tuple[Stem, ...]
    added: bool
    notes: tuple[str, ...]
