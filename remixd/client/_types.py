"""What the client answers with about sessions and signals: frozen and typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from remixd.client._timeline import Timeline
from remixd.units import RATE_HZ


@dataclass(frozen=True, slots=True, kw_only=True)
class Deck:
    """A deck, and how it stood. What hands have moved is told as it was given last.

    Attributes:
        name: "A" to "D".
        state: "empty", "resting", "playing" or "ended".
        track, title: of what is on it; empty if nothing is.
        loading: the id of the track on its way here; empty if none is.
        position_s, duration_s: seconds of the song, at its own tempo.
        has_beats: whether the song has; else half a second stands in for one.
        tempo: of what sounds, as a ratio of the song's own.
        bpm: as heard; None without beats.
        loop_s: from where to where it loops; None if it does not.
        key_locked: whether the pitch stays when the tempo moves.
        synced, leading: whether it follows the session's beat, and whether others follow its own.
        cues_s: the hot cues that are set, by number.
        levels_db: of each role, mutes and solos aside.
        channel: fader, low, mid, high in dB; pan, filter -1 to 1; send 0 to 1.
    """

    name: str
    state: str
    track: str
    title: str
    loading: str
    position_s: float
    duration_s: float
    bar_beat: str | None
    has_beats: bool
    tempo: float
    bpm: float | None
    pitch_semitones: float
    loop_s: tuple[float, float] | None
    slipping: bool
    backwards: bool
    key_locked: bool
    synced: bool
    leading: bool
    cues_s: Mapping[int, float]
    levels_db: Mapping[str, float]
    muted: tuple[str, ...]
    soloed: tuple[str, ...]
    channel: Mapping[str, float]


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
        preset: what it stands in, or several as NAME[:WEIGHT],...; "original" is the artist's own mix.
        preset_weights: the same, by name; what is left of 1 is the artist's own mix.
        preset_clamps: what of the presets the track did not allow.
        preset_notes: what else of them is not as they have it.
        latency_s: how much later than it is rendered the sound is heard.
        device: how the device is, "playing" or "lost: ..."; empty without one.
        because: in a directed session, why each dimension was last moved.
        heard_sample, heard_position_s, heard_bar_beat: what is heard now; `sample` is rendered, and heard a
            lead and a latency later.
        true_peak_db: between the samples too, in dBTP.
        momentary_lufs, short_term_lufs: loudness over the last 400 ms, and 3 s; -120 is silence.
        nonfinite_samples: silenced since the session began.
        major_faults: how often its thread has waited for the disk.
        degraded: what its engine does more cheaply for it now, and why; empty as a rule.
        generated: what is generated over the music and not the artist's: each layer's name, and how.
        generated_db: how loud that is, RMS; -60 for nothing.
        track: of the deck that leads, else the first that plays, else the first; empty if there is none.
        decks: A to D.
        wanted: what the fans want together, before rights, the DJ and the slew; where somebody wants it.
        authority: who holds a dimension: "dj" or "locked"; the others are the fans'.
        fans: how many have a live ballot.
        alarms: suspected brigading and the like.
        stems: how they are handed out one by one; empty if they are not.
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
    preset_weights: Mapping[str, float]
    preset_clamps: tuple[Clamp, ...]
    preset_notes: tuple[str, ...]
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
    degraded: str
    generated: Mapping[str, str]
    generated_db: float
    decks: tuple[Deck, ...] = ()
    wanted: Mapping[str, float] = field(default_factory=dict)
    authority: Mapping[str, str] = field(default_factory=dict)
    fans: int = 0
    alarms: tuple[str, ...] = ()
    stems: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clamp:
    """A wished value that was moved into what is allowed, and why."""

    dimension: str
    asked: float
    given: float
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinLink:
    """A link by which phones join a session.

    Attributes:
        link: the address of the page; an invitation is in its fragment, where calls need tokens.
        expires_unix_s: when that is over; None without one.
        caution: why phones cannot come by it, for a person; empty if nothing is known against it.
    """

    link: str
    expires_unix_s: float | None
    caution: str


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
        duplicate: whether the fan's signal of this id came before; it is not counted again.
        understood: of a text or an emoji: what it was taken for.
    """

    id: str
    accepted: bool
    reason: str
    clamps: tuple[Clamp, ...]
    planned_sample: int | None
    because: str = ""
    applied: Applied | None = None
    duplicate: bool = False
    understood: str = ""


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
    """Answers that this watcher did not get: it read too slowly, or the engine could not hand them over."""

    answers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnected:
    """The daemon was away for so long, and is there again. What was applied meanwhile was not told."""

    seconds: float


Event: TypeAlias = Session | Applied | Refused | Lost | Missed | Reconnected | Timeline
"""What a watcher is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFormat:
    """How a stream's packets are to be read.

    Attributes:
        name: "f32", "s16", "flac" or "opus".
        codec_header: of "opus" its `OpusHead`, of "flac" how a file begins: WebCodecs' `description`.
        pre_skip_frames: where a decoder begins, so many of its first frames are of no use.
        bitrate_bps: of "opus", on average.
        codec_frames: that each codec packet decodes to.
        pairs: of stems, what each pair of channels is: "drums", "bass", "other", "vocals", "generated".
    """

    name: str
    rate_hz: int = RATE_HZ
    channels: int = 2
    codec_header: bytes = b""
    pre_skip_frames: int = 0
    bitrate_bps: int = 0
    codec_frames: int = 0
    pairs: tuple[str, ...] = ()


SAMPLES: Final = StreamFormat(name="f32")


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A piece of a session's sound.

    Attributes:
        sequence: counts pieces of 10 ms, of which a packet may hold several; it jumps where some are missing.
        sample: the first frame's place on the session's clock; of what is encoded, that of the first frame
            that it decodes to.
        pcm: float32 (frames, 2); of stems (frames, 2 for each of `format.pairs`); empty if it is encoded.
        skipped_frames: skipped just before this packet, because this listener read too slowly.
        encoded: the codec's packets.
        format: of the stream.
    """

    sequence: int
    sample: int
    position_s: float
    bar_beat: str | None
    skipped_frames: int
    pcm: NDArray[np.float32] = field(repr=False, compare=False)
    encoded: tuple[bytes, ...] = field(default=(), repr=False)
    format: StreamFormat = field(default=SAMPLES, repr=False)

    @property
    def frames(self) -> int:
        """How many it holds, or decodes to."""
        return len(self.pcm) + len(self.encoded) * self.format.codec_frames
