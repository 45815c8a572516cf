"""What the client answers with: frozen, typed, in the units that the names tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

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
        export: "free", "with-credit" or "no".
        territories, languages: where it may be used; empty for all.
    """

    ranges: Mapping[str, tuple[float, float]]
    vocals_solo: bool
    never_mute: tuple[str, ...]
    mash_ups: bool
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
    library: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedTrack:
    """The end of an import. `added` is false if the song was there before."""

    id: str
    title: str
    stems: tuple[Stem, ...]
    added: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session, and how it stood at `sample`.

    Attributes:
        state: "playing", or "lost" when its engine died.
        sample: frames of sound since it began, at 48 kHz.
        position_s: seconds from the start of the song, at the song's own tempo.
        bar_beat: bar from 1 and beat from 1.0, as in "12:3.25"; None for a song without beats.
        mix: the value of every dimension, in its unit.
        peak_db: sample peak of the latest block, after the limiter.
        limiter_db: what the limiter takes off, 0 or less.
        underruns: blocks that came late.
        mode: "hands-on", or "directed" when the director moves the mix.
        preset: what it started from; "original" is the artist's own mix.
        preset_clamps: what of the preset the track did not allow.
        latency_s: how much later than it is rendered the sound is heard.
        device: how the device is, "playing" or "lost: ..."; empty without one.
        because: in a directed session, why each dimension was last moved.
        heard_sample, heard_position_s, heard_bar_beat: what is heard now; `sample` is rendered, and heard a
            lead and a latency later.
        true_peak_db: between the samples too, in dBTP.
        momentary_lufs, short_term_lufs: loudness over the last 400 ms, and 3 s; -120 is silence.
        nonfinite_samples: silenced since the session began.
        major_faults: how often its thread has waited for the disk.
    """

    id: str
    track: str
    sink: str
    engine_pid: int
    state: str
    sample: int
    position_s: float
    bar_beat: str | None
    mix: Mapping[str, float]
    peak_db: float
    limiter_db: float
    underruns: int
    mode: str
    preset: str
    preset_clamps: tuple[Clamp, ...]
    latency_s: float
    device: str
    because: Mapping[str, str]
    heard_sample: int
    heard_position_s: float
    heard_bar_beat: str | None
    true_peak_db: float
    momentary_lufs: float
    short_term_lufs: float
    nonfinite_samples: int
    major_faults: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Clamp:
    """A wished value that was moved into what is allowed, and why."""

    dimension: str
    asked: float
    given: float
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedMove:
    """One dimension's part of an applied signal: it moves from `sample` to `settled_sample`.

    It is `superseded` if another move took its place at the same sample.
    """

    dimension: str
    value: float
    sample: int
    settled_sample: int
    superseded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of a signal. Samples are on the session's clock.

    Attributes:
        sample: the first one that changed.
        settled_sample: from here on every value holds in full.
        bar_beat: bar and beat of `sample`; None for a song without beats.
        late_frames: between the sample it was planned for and `sample`.
        moves: none if the mix was there already.
        because: why the director moved as it did; empty in a hands-on session.
    """

    id: str
    sample: int
    settled_sample: int
    bar_beat: str | None
    late_frames: int
    moves: tuple[AppliedMove, ...]
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What will become of a signal, and, for those who waited, what did.

    Attributes:
        reason: why it was refused; empty if it was accepted.
        planned_sample: on the session's clock; None if that is not known yet.
        because: in a directed session, how the director will go about it.
        applied: None unless waited for.
    """

    id: str
    accepted: bool
    reason: str
    clamps: tuple[Clamp, ...]
    planned_sample: int | None
    because: str = ""
    applied: Applied | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An accepted signal that the engine could not take after all."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A session lost its engine."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Answers that this watcher did not get, because it read too slowly."""

    answers: int


Event: TypeAlias = Session | Applied | Refused | Lost | Missed
"""What a watcher is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A piece of a session's sound.

    Attributes:
        sequence: counts pieces of 10 ms, of which a packet may hold several; it jumps where some are missing.
        sample: the first frame's place on the session's clock.
        pcm: float32 (frames, 2).
        skipped_frames: skipped just before this packet, because this listener read too slowly.
    """

    sequence: int
    sample: int
    position_s: float
    bar_beat: str | None
    skipped_frames: int
    pcm: NDArray[np.float32] = field(repr=False, compare=False)
