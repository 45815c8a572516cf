"""Between the wire and the domain: one function a message, nothing decided."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.api.decks import ROLE_FROM_PROTO, ROLE_TO_PROTO, deck_to_proto
from remixd.api.timeline import timeline_to_proto
from remixd.audience.crowd import PUBLIC_FANS_MIN
from remixd.control.command import Answer, Applied, Clamp, Refused
from remixd.control.ingest import ImportResult
from remixd.control.streams import Event, Lost, Missed, Packet, SessionStatus
from remixd.control.timeline import Timeline
from remixd.errors import InvalidInput
from remixd.mix import DIMENSIONS
from remixd.track.analysis import Alternative, Span, plain
from remixd.track.edits import Edits, SectionEdit
from remixd.track.listing import TrackRow
from remixd.track.overview import Outline
from remixd.track.package import Analysis, Stem, Track
from remixd.track.rights import Rights
from remixd.track.search import Search
from remixd.units import STEM_ROLES, StemRole
from remixd.v1 import common_pb2, sessions_pb2, tracks_pb2

STATES: Final = {
    "playing": sessions_pb2.SESSION_STATE_PLAYING,
    "lost": sessions_pb2.SESSION_STATE_LOST,
}
MODES: Final = {
    "hands-on": sessions_pb2.SESSION_MODE_HANDS_ON,
    "directed": sessions_pb2.SESSION_MODE_DIRECTED,
}
SOURCES: Final = {
    "folder": tracks_pb2.SOURCE_KIND_FOLDER,
    "stem_mp4": tracks_pb2.SOURCE_KIND_STEM_MP4,
    "mix": tracks_pb2.SOURCE_KIND_MIX,
}


def roles_from_proto(roles: Mapping[str, int]) -> dict[str, StemRole]:
    """Roles by stem name. Raises InvalidInput, naming the field, for a role that is none."""
    for name, number in roles.items():
        if number not in ROLE_FROM_PROTO:
            raise InvalidInput(
                f"roles[{name}] is not a role: they are {', '.join(STEM_ROLES)}", field=f"roles[{name}]"
            )
    return {name: ROLE_FROM_PROTO[number] for name, number in roles.items()}


def stem_to_proto(stem: Stem) -> tracks_pb2.Stem:
    """A stem of a track."""
    return tracks_pb2.Stem(
        name=stem.name,
        role=ROLE_TO_PROTO[stem.role],
        language=stem.language,
        plays=stem.plays,
        colour=stem.colour,
        estimated=stem.estimated,
    )


def analysis_to_proto(analysis: Analysis) -> tracks_pb2.Analysis:
    """The time and harmony of a track."""
    return tracks_pb2.Analysis(
        source=analysis.source,
        bpm=analysis.bpm,
        metre=analysis.metre,
        key=analysis.key,
        beats_s=analysis.beats_s,
        downbeats_s=analysis.downbeats_s,
        phrases_s=analysis.phrases_s,
        sections=[
            tracks_pb2.Section(
                start_s=section.start_s,
                end_s=section.end_s,
                label=section.label,
                how=section.how,
                because=section.because,
                estimated=section.estimated,
            )
            for section in analysis.sections
        ],
        chords=[
            tracks_pb2.Chord(start_s=chord.start_s, end_s=chord.end_s, name=chord.name)
            for chord in analysis.chords
        ],
        estimated=analysis.estimated,
        confidence=dict(analysis.confidence),
        energy=analysis.energy,
        energy_curve=analysis.energy_curve,
        loudness_lufs=analysis.loudness_lufs,
        loudness_range_lu=analysis.loudness_range_lu,
        true_peak_dbtp=analysis.true_peak_dbtp,
        constant_tempo=analysis.constant_tempo,
        alternatives=[
            tracks_pb2.Alternative(
                bpm=way.bpm,
                metre=way.metre,
                first_beat_s=way.first_beat_s,
                first_downbeat_s=way.first_downbeat_s,
                chance=way.chance,
            )
            for way in analysis.alternatives
        ],
        singing=_singing_to_proto(analysis.singing),
        onsets=[
            tracks_pb2.Onsets(stem=name, times_s=times_s, strengths=analysis.onset_strengths.get(name))
            for name, times_s in analysis.onsets_s.items()
        ],
    )


def _singing_to_proto(singing: tuple[Span, ...] | None) -> tracks_pb2.Singing | None:
    if singing is None:
        return None
    return tracks_pb2.Singing(
        spans=[tracks_pb2.Span(start_s=span.start_s, end_s=span.end_s) for span in singing]
    )


def overview_to_proto(outlines: Mapping[str, Outline], duration_s: float) -> tracks_pb2.GetOverviewResponse:
    """What stems look like, by their names."""
    columns = max((shape.peak.shape[0] for shape in outlines.values()), default=1)
    return tracks_pb2.GetOverviewResponse(
        stems=[
            tracks_pb2.StemOverview(stem=name, peaks=shape.peak.tolist(), rms=shape.rms.tolist())
            for name, shape in outlines.items()
        ],
        column_s=duration_s / columns,
    )


def rights_to_proto(rights: Rights) -> tracks_pb2.Rights:
    """What may be done to a track."""
    return tracks_pb2.Rights(
        ranges={
            name: tracks_pb2.Range(low=low, high=high)
            for name, (low, high) in ((name, rights.range(name)) for name in DIMENSIONS)
        },
        vocals_solo=rights.vocals_solo,
        never_mute=[ROLE_TO_PROTO[role] for role in rights.never_mute],
        mash_ups=rights.mash_ups,
        generated=rights.generated,
        export=rights.export,
        territories=rights.territories,
        languages=rights.languages,
    )


def track_to_proto(track: Track) -> tracks_pb2.Track:
    """A track in full."""
    return tracks_pb2.Track(
        id=track.id,
        title=track.title,
        artist=track.artist,
        isrc=track.isrc,
        language=track.language,
        source_kind=SOURCES[track.source_kind],
        source_name=track.source_name,
        content=track.content,
        duration_s=track.duration_s,
        rate_hz=track.rate_hz,
        length_frames=track.frames,
        stems=[stem_to_proto(stem) for stem in track.stems],
        notes=track.notes,
        analysis=analysis_to_proto(track.analysis),
        rights=rights_to_proto(track.rights),
        edited=track.edits.names,
        null_test=None if track.null_test is None else tracks_pb2.NullTest(**plain(track.null_test)),
    )


def row_to_proto(row: TrackRow) -> tracks_pb2.TrackSummary:
    """A row of the library."""
    return tracks_pb2.TrackSummary(
        id=row.id,
        title=row.title,
        artist=row.artist,
        duration_s=row.duration_s,
        bpm=row.bpm,
        key=row.key,
        stem_count=row.stems,
        import_time=row.imported_at,
        camelot=row.camelot,
        energy=row.energy,
        loudness_lufs=row.loudness_lufs,
        edited=row.edited,
    )


def search_from_proto(request: tracks_pb2.ListTracksRequest) -> Search:
    """What is looked for. Raises InvalidInput, naming the field, where nothing can be found."""

    def bound(name: str, without: float) -> float:
        return float(getattr(request, name)) if request.HasField(name) else without

    return Search(
        text=request.text,
        key=request.key,
        bpm=(bound("min_bpm", -math.inf), bound("max_bpm", math.inf)),
        energy=(bound("min_energy", -math.inf), bound("max_energy", math.inf)),
    )


def edits_from_proto(message: tracks_pb2.Edits) -> Edits:
    """Edits by hand. Raises InvalidInput, naming the field, for absurd ones."""
    apart = ("sections", "alternative")
    given = {field.name: value for field, value in message.ListFields() if field.name not in apart}
    sections = tuple(SectionEdit(start_s=part.start_s, label=part.label) for part in message.sections)
    if message.HasField("alternative"):
        way = message.alternative
        given["alternative"] = Alternative(
            bpm=way.bpm,
            metre=way.metre,
            first_beat_s=way.first_beat_s,
            first_downbeat_s=way.first_downbeat_s,
        )
    return Edits(**given, sections=tuple(sorted(sections, key=lambda part: part.start_s)))


def status_to_proto(status: SessionStatus) -> sessions_pb2.Session:
    """How a session stands. Of a crowd in which fans could be told apart it is not told what they want."""
    is_small = status.crowd is not None and status.fans < PUBLIC_FANS_MIN
    return sessions_pb2.Session(
        id=status.session,
        track=status.track_id,
        sink=status.sink,
        engine_pid=status.engine_pid,
        state=STATES[status.state],
        clock=common_pb2.Clock(
            sample=status.sample, position_s=status.position_s, bar_beat=status.bar_beat or ""
        ),
        mix=dict(status.mix),
        peak_db=status.peak_db,
        limiter_db=status.limiter_db,
        underruns=status.underruns,
        mode=MODES[status.mode],
        preset=status.preset,
        preset_clamps=[clamp_to_proto(clamp) for clamp in status.preset_clamps],
        preset_weights=status.preset_weights,
        preset_notes=status.preset_notes,
        latency_s=status.latency_s,
        device=status.device,
        because=status.because,
        heard=common_pb2.Clock(
            sample=status.heard_sample,
            position_s=status.heard_position_s,
            bar_beat=status.heard_bar_beat or "",
        ),
        true_peak_db=status.true_peak_db,
        momentary_lufs=status.momentary_lufs,
        short_term_lufs=status.short_term_lufs,
        nonfinite_samples=status.nonfinite,
        major_faults=status.major_faults,
        degraded=status.degraded,
        generated=[sessions_pb2.GeneratedLayer(name=name, how=how) for name, how in status.generated.items()],
        generated_db=status.generated_db,
        decks=[deck_to_proto(deck) for deck in status.decks],
        wanted={} if is_small else status.wanted,
        authority=status.authority,
        fans=status.fans,
        alarms=() if is_small else status.alarms,
        stems=status.stems,
    )


def samples_to_s16(pcm: bytes) -> bytes:
    """Little-endian float32 samples as 16-bit integers, rounded, clipped at full scale; NaN is 0."""
    samples = np.clip(np.nan_to_num(np.frombuffer(pcm, dtype="<f4"), nan=0.0), -1.0, 1.0)
    integers: NDArray[np.int16] = np.minimum(np.rint(samples * 32768.0), 32767).astype("<i2")
    return integers.tobytes()


def packet_to_proto(packet: Packet, wire_format: sessions_pb2.SampleFormat) -> sessions_pb2.Packet:
    """A piece of sound, its samples written as `wire_format` says."""
    s16 = wire_format == sessions_pb2.SAMPLE_FORMAT_S16
    return sessions_pb2.Packet(
        sequence=packet.sequence,
        clock=common_pb2.Clock(
            sample=packet.sample, position_s=packet.position_s, bar_beat=packet.bar_beat or ""
        ),
        length_frames=packet.frames,
        skipped_frames=packet.skipped_frames,
        pcm=samples_to_s16(packet.pcm) if s16 else packet.pcm,
        encoded=packet.encoded,
    )


def applied_to_proto(applied: Applied) -> common_pb2.Applied:
    """What became of a signal."""
    return common_pb2.Applied(
        id=applied.id,
        sample=applied.sample,
        settled_sample=applied.settled_sample,
        bar_beat=applied.bar_beat,
        late_frames=applied.late_frames,
        moves=[
            common_pb2.AppliedMove(
                dimension=move.dimension,
                value=move.value,
                sample=move.sample,
                settled_sample=move.settled_sample,
                superseded=move.superseded,
            )
            for move in applied.moves
        ],
        because=applied.because,
    )


def event_to_proto(event: Event) -> sessions_pb2.WatchResponse:
    """What a watcher is told."""
    match event:
        case SessionStatus():
            return sessions_pb2.WatchResponse(status=status_to_proto(event))
        case Applied():
            return sessions_pb2.WatchResponse(applied=applied_to_proto(event))
        case Refused():
            return sessions_pb2.WatchResponse(refused=sessions_pb2.Refused(id=event.id, reason=event.reason))
        case Lost():
            return sessions_pb2.WatchResponse(lost=sessions_pb2.Lost(reason=event.reason))
        case Missed():
            return sessions_pb2.WatchResponse(missed=sessions_pb2.Missed(answers=event.answers))
        case Timeline():
            return sessions_pb2.WatchResponse(timeline=timeline_to_proto(event))
        case Answer():
            raise TypeError("only a console is told first answers")


def clamp_to_proto(clamp: Clamp) -> common_pb2.Clamp:
    """A value that was moved into what is allowed."""
    return common_pb2.Clamp(
        dimension=clamp.dimension, asked=clamp.asked, given=clamp.given, because=clamp.because
    )


def imported_to_proto(result: ImportResult) -> tracks_pb2.ImportedTrack:
    """The end of an import."""
    return tracks_pb2.ImportedTrack(
        id=result.track_id,
        title=result.title,
        stems=[stem_to_proto(stem) for stem in result.stems],
        added=result.new,
        notes=result.notes,
    )
