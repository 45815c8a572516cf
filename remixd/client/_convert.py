"""From the wire to the client's types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from remixd import errors
from remixd.client import _song_types as songs
from remixd.client import _types as types
from remixd.client._timeline import timeline
from remixd.mix import DIMENSIONS
from remixd.track.roles import check_role
from remixd.v1 import audience_pb2, common_pb2, sessions_pb2, tracks_pb2

T = TypeVar("T")

CHANNEL: Final = ("fader", "pan", "low", "mid", "high", "filter", "send")
"""The parameters of a deck's channel, in the order of the wire's."""

AT: Final[Mapping[str, common_pb2.When]] = {
    "now": common_pb2.WHEN_NOW,
    "beat": common_pb2.WHEN_BEAT,
    "bar": common_pb2.WHEN_BAR,
    "phrase": common_pb2.WHEN_PHRASE,
    "section": common_pb2.WHEN_SECTION,
}

ROLES: Final[Mapping[str, common_pb2.StemRole]] = {
    "drums": common_pb2.STEM_ROLE_DRUMS,
    "bass": common_pb2.STEM_ROLE_BASS,
    "vocals": common_pb2.STEM_ROLE_VOCALS,
    "other": common_pb2.STEM_ROLE_OTHER,
}

FORMATS: Final[Mapping[str, sessions_pb2.SampleFormat]] = {
    "f32": sessions_pb2.SAMPLE_FORMAT_F32,
    "s16": sessions_pb2.SAMPLE_FORMAT_S16,
    "flac": sessions_pb2.SAMPLE_FORMAT_FLAC,
    "opus": sessions_pb2.SAMPLE_FORMAT_OPUS,
}
FORMAT_NAMES: Final = {number: name for name, number in FORMATS.items()}


def roles_to_proto(roles: Mapping[str, str]) -> dict[str, common_pb2.StemRole]:
    """Roles by stem name. Raises NotFound for a word that is no role, with the nearest one."""
    return {name: ROLES[check_role(role)] for name, role in roles.items()}


def when_to_proto(at: str) -> common_pb2.When:
    """When something acts. Raises NotFound for a word that is no time, with the nearest one."""
    if at not in AT:
        raise errors.NotFound(f"there is no time {at!r}: {errors.nearest(at, AT)}", kind="time", name=at)
    return AT[at]


def edits_to_proto(
    sections: Mapping[float, str], alternative: songs.Alternative | None, **given: Any
) -> tracks_pb2.Edits:
    """Edits by hand: sections by where they start, in seconds, and the other fields; None for no edit."""
    edits = tracks_pb2.Edits(
        **given,
        sections=[
            tracks_pb2.SectionEdit(start_s=start_s, label=label) for start_s, label in sections.items()
        ],
    )
    for name in ("bpm", "metre", "first_beat_s", "first_downbeat_s") if alternative else ():
        setattr(edits.alternative, name, getattr(alternative, name))
    return edits


def _role(number: common_pb2.StemRole) -> str:
    return common_pb2.StemRole.Name(number).removeprefix("STEM_ROLE_").lower()


def _stem(message: tracks_pb2.Stem) -> songs.Stem:
    return songs.Stem(
        name=message.name,
        role=_role(message.role),
        language=message.language,
        plays=message.plays,
        colour=message.colour,
        estimated=message.estimated,
    )


def _rights(message: tracks_pb2.Rights) -> songs.Rights:
    return songs.Rights(
        ranges=in_order({name: (bounds.low, bounds.high) for name, bounds in message.ranges.items()}),
        vocals_solo=message.vocals_solo,
        never_mute=tuple(_role(role) for role in message.never_mute),
        mash_ups=message.mash_ups,
        generated=message.generated,
        export=message.export,
        territories=tuple(message.territories),
        languages=tuple(message.languages),
    )


def _music(known: tracks_pb2.Analysis) -> dict[str, Any]:
    """The fields of a track that its analysis tells."""
    found: dict[str, Any] = {
        name: getattr(known, name) if known.HasField(name) else None
        for name in (
            "bpm", "metre", "key", "energy", "loudness_lufs", "loudness_range_lu", "true_peak_dbtp",
        )
    }  # fmt: skip
    for name in ("beats_s", "downbeats_s", "phrases_s", "estimated"):
        found[name] = tuple(getattr(known, name))
    found["constant_tempo"] = known.constant_tempo
    found["energy_curve"] = _decimals(known.energy_curve)
    found["alternatives"] = tuple(songs.Alternative(**_fields(way)) for way in known.alternatives)
    found["sections"] = tuple(songs.Section(**_fields(section)) for section in known.sections)
    found["chords"] = tuple(songs.Chord(**_fields(chord)) for chord in known.chords)
    singing = known.singing.spans if known.HasField("singing") else None
    found["singing"] = None if singing is None else tuple(songs.Span(**_fields(span)) for span in singing)
    found["onsets_s"] = {part.stem: tuple(part.times_s) for part in known.onsets}
    found["onset_strengths"] = {
        part.stem: _decimals(part.strengths) for part in known.onsets if part.strengths
    }
    found["confidence"] = dict(known.confidence)
    return found


def _fields(message: Message) -> dict[str, Any]:
    """Every field of a message without optional or repeated ones."""
    return {field.name: getattr(message, field.name) for field in message.DESCRIPTOR.fields}


def _null_test(message: tracks_pb2.NullTest) -> songs.NullTest:
    stems = [
        songs.StemNull(**_fields(stem) | {"gain_db": stem.gain_db if stem.HasField("gain_db") else None})
        for stem in message.stems
    ]
    plain = _fields(message) | {"segments_db": tuple(message.segments_db), "stems": tuple(stems)}
    return songs.NullTest(**plain)


def _decimals(values: Iterable[float]) -> tuple[float, ...]:
    """Numbers of single precision in the decimals that they were made of."""
    return tuple(round(value, 6) for value in values)


def track(message: tracks_pb2.Track, library: str) -> songs.Track:
    """A track in full."""
    return songs.Track(
        id=message.id,
        title=message.title,
        artist=message.artist,
        isrc=message.isrc,
        language=message.language,
        source_kind=tracks_pb2.SourceKind.Name(message.source_kind).removeprefix("SOURCE_KIND_").lower(),
        source_name=message.source_name,
        content=message.content,
        duration_s=message.duration_s,
        rate_hz=message.rate_hz,
        frames=message.length_frames,
        stems=tuple(_stem(stem) for stem in message.stems),
        notes=tuple(message.notes),
        analysis_source=message.analysis.source,
        **_music(message.analysis),
        rights=_rights(message.rights),
        edited=tuple(message.edited),
        null_test=_null_test(message.null_test) if message.HasField("null_test") else None,
        library=library,
    )


def overview(message: tracks_pb2.GetOverviewResponse) -> tuple[songs.StemOverview, ...]:
    """What the stems of a track look like."""
    return tuple(
        songs.StemOverview(
            stem=part.stem, peaks=np.array(part.peaks, np.float32), rms=np.array(part.rms, np.float32)
        )
        for part in message.stems
    )


def track_summary(message: tracks_pb2.TrackSummary) -> songs.TrackSummary:
    """A track as a list shows it."""
    return songs.TrackSummary(
        id=message.id,
        title=message.title,
        artist=message.artist,
        duration_s=message.duration_s,
        bpm=message.bpm if message.HasField("bpm") else None,
        key=message.key if message.HasField("key") else None,
        camelot=message.camelot if message.HasField("camelot") else None,
        energy=message.energy if message.HasField("energy") else None,
        loudness_lufs=message.loudness_lufs if message.HasField("loudness_lufs") else None,
        stems=message.stem_count,
        imported_at=message.import_time,
        edited=message.edited,
    )


def imported(message: tracks_pb2.ImportedTrack) -> songs.ImportedTrack:
    """The end of an import."""
    return songs.ImportedTrack(
        id=message.id,
        title=message.title,
        stems=tuple(_stem(stem) for stem in message.stems),
        added=message.added,
        notes=tuple(message.notes),
    )


def in_order(mix: Mapping[str, T]) -> dict[str, T]:
    """What there is of dimensions, in the order of the table."""
    order = list(DIMENSIONS)
    return dict(
        sorted(mix.items(), key=lambda pair: order.index(pair[0]) if pair[0] in order else len(order))
    )


def deck(message: sessions_pb2.Deck) -> types.Deck:
    """A deck."""
    return types.Deck(
        name=message.name,
        state=sessions_pb2.DeckState.Name(message.state).removeprefix("DECK_STATE_").lower(),
        track=message.track,
        title=message.title,
        loading=message.loading,
        position_s=message.position_s,
        duration_s=message.duration_s,
        bar_beat=message.bar_beat or None,
        has_beats=message.has_beats,
        tempo=message.tempo,
        bpm=message.bpm if message.HasField("bpm") else None,
        pitch_semitones=message.pitch_semitones,
        loop_s=(message.loop.start_s, message.loop.end_s) if message.HasField("loop") else None,
        slipping=message.slipping,
        backwards=message.backwards,
        key_locked=message.key_locked,
        synced=message.synced,
        leading=message.leading,
        cues_s={cue.number: cue.position_s for cue in message.cues},
        levels_db=in_order(message.levels_db),
        muted=tuple(_role(role) for role in message.muted),
        soloed=tuple(_role(role) for role in message.soloed),
        channel={name: message.channel[name] for name in CHANNEL if name in message.channel},
    )


def session(message: sessions_pb2.Session) -> types.Session:
    """A session."""
    return types.Session(
        id=message.id,
        track=message.track,
        sink=message.sink,
        engine_pid=message.engine_pid,
        state=sessions_pb2.SessionState.Name(message.state).removeprefix("SESSION_STATE_").lower(),
        sample=message.clock.sample,
        position_s=message.clock.position_s,
        bar_beat=message.clock.bar_beat or None,
        mix=in_order(message.mix),
        peak_db=message.peak_db,
        limiter_db=message.limiter_db,
        underruns=message.underruns,
        mode=sessions_pb2.SessionMode.Name(message.mode)
        .removeprefix("SESSION_MODE_")
        .lower()
        .replace("_", "-"),
        preset=message.preset,
        preset_weights=dict(sorted(message.preset_weights.items())),
        preset_clamps=tuple(_clamp(clamp) for clamp in message.preset_clamps),
        preset_notes=tuple(message.preset_notes),
        latency_s=message.latency_s,
        device=message.device,
        because=in_order(message.because),
        heard_sample=message.heard.sample,
        heard_position_s=message.heard.position_s,
        heard_bar_beat=message.heard.bar_beat or None,
        true_peak_db=message.true_peak_db,
        momentary_lufs=message.momentary_lufs,
        short_term_lufs=message.short_term_lufs,
        nonfinite_samples=message.nonfinite_samples,
        major_faults=message.major_faults,
        degraded=message.degraded,
        generated={layer.name: layer.how for layer in message.generated},
        generated_db=message.generated_db,
        decks=tuple(deck(each) for each in message.decks),
        wanted=in_order(message.wanted),
        authority=in_order(message.authority),
        fans=message.fans,
        alarms=tuple(message.alarms),
        stems=message.stems,
    )


def _clamp(message: common_pb2.Clamp) -> types.Clamp:
    return types.Clamp(
        dimension=message.dimension, asked=message.asked, given=message.given, because=message.because
    )


def applied(message: common_pb2.Applied) -> types.Applied:
    """What became of a signal."""
    return types.Applied(
        id=message.id,
        sample=message.sample,
        settled_sample=message.settled_sample,
        bar_beat=message.bar_beat or None,
        late_frames=message.late_frames,
        moves=tuple(
            types.AppliedMove(
                dimension=move.dimension,
                value=move.value,
                sample=move.sample,
                settled_sample=move.settled_sample,
                superseded=move.superseded,
            )
            for move in message.moves
        ),
        because=message.because,
    )


def answer(message: audience_pb2.Answer) -> types.Answer:
    """What will become of a signal."""
    return types.Answer(
        id=message.id,
        accepted=message.accepted,
        reason=message.reason,
        clamps=tuple(_clamp(clamp) for clamp in message.clamps),
        planned_sample=message.planned_sample if message.HasField("planned_sample") else None,
        because=message.because,
        duplicate=message.duplicate,
        understood=message.understood,
    )


def panic_answer(panic_id: str, message: sessions_pb2.PanicResponse) -> types.Answer:
    """What will become of a panic."""
    planned = message.planned_sample if message.HasField("planned_sample") else None
    return types.Answer(id=panic_id, accepted=True, reason="", clamps=(), planned_sample=planned)


def event(message: sessions_pb2.WatchResponse) -> types.Event | None:
    """What a watcher is told; None for what a newer daemon tells and this client does not know."""
    match message.WhichOneof("event"):
        case "status":
            return session(message.status)
        case "applied":
            return applied(message.applied)
        case "refused":
            return types.Refused(id=message.refused.id, reason=message.refused.reason)
        case "lost":
            return types.Lost(reason=message.lost.reason)
        case "missed":
            return types.Missed(answers=message.missed.answers)
        case "timeline":
            return timeline(message.timeline)
    return None


def stream_format(message: sessions_pb2.StreamFormat) -> types.StreamFormat:
    """How a stream is to be read."""
    return types.StreamFormat(
        name=FORMAT_NAMES[message.format],
        rate_hz=message.rate_hz,
        channels=message.channels,
        codec_header=message.codec_header,
        pre_skip_frames=message.pre_skip_frames,
        bitrate_bps=message.bitrate_bps,
        codec_frames=message.codec_frames,
        pairs=tuple(message.pairs),
    )


def _samples(pcm: bytes, form: types.StreamFormat) -> NDArray[np.float32]:
    if form.name == "s16":
        return np.frombuffer(pcm, dtype="<i2").reshape(-1, form.channels) * np.float32(1 / 32768)
    return np.frombuffer(pcm, dtype="<f4").reshape(-1, form.channels)


def packet(message: sessions_pb2.Packet, form: types.StreamFormat) -> types.Packet:
    """A piece of sound."""
    return types.Packet(
        sequence=message.sequence,
        sample=message.clock.sample,
        position_s=message.clock.position_s,
        bar_beat=message.clock.bar_beat or None,
        skipped_frames=message.skipped_frames,
        pcm=_samples(message.pcm, form),
        encoded=tuple(message.encoded),
        format=form,
    )
