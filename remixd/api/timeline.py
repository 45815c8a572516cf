"""Timelines on the wire: one function a message, nothing decided."""

from __future__ import annotations

from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from remixd.control.timeline import Beat, Coming, Timeline
from remixd.v1 import common_pb2
from remixd.v1 import sessions_pb2 as pb

KINDS: Final = {
    "section": pb.TIMELINE_EVENT_KIND_SECTION,
    "jump": pb.TIMELINE_EVENT_KIND_JUMP,
    "move": pb.TIMELINE_EVENT_KIND_MOVE,
    "mix": pb.TIMELINE_EVENT_KIND_MIX,
    "start": pb.TIMELINE_EVENT_KIND_START,
    "rest": pb.TIMELINE_EVENT_KIND_REST,
    "end": pb.TIMELINE_EVENT_KIND_END,
    "deck": pb.TIMELINE_EVENT_KIND_DECK,
}
STARTS: Final = (
    common_pb2.WHEN_UNSPECIFIED,
    common_pb2.WHEN_BEAT,
    common_pb2.WHEN_BAR,
    common_pb2.WHEN_PHRASE,
    common_pb2.WHEN_SECTION,
)
NS: Final = 1_000_000_000


def _beat(beat: Beat) -> pb.TimelineBeat:
    return pb.TimelineBeat(
        sample=beat.sample,
        host_ns=beat.host_ns,
        position_s=beat.position_s,
        bar=beat.bar,
        beat=beat.beat,
        starts=STARTS[beat.level] if beat.bar or beat.beat else common_pb2.WHEN_UNSPECIFIED,
    )


def _event(event: Coming) -> pb.TimelineEvent:
    return pb.TimelineEvent(
        kind=KINDS[event.kind],
        sample=event.sample,
        host_ns=event.host_ns,
        what=event.what,
        value=event.value,
        settled_sample=event.settled_sample,
        position_s=event.position_s,
        section=event.section,
        deck=event.deck,
        tentative=event.tentative,
        because=event.because,
        signals=event.signals,
    )


def timeline_to_proto(timeline: Timeline) -> pb.Timeline:
    """What comes in a session."""
    loop = timeline.loop_s
    return pb.Timeline(
        revision=timeline.revision,
        revised_sample=timeline.revised_sample,
        sample=timeline.sample,
        host_ns=timeline.host_ns,
        time=Timestamp(seconds=timeline.unix_ns // NS, nanos=timeline.unix_ns % NS),
        until_sample=timeline.until_sample,
        deck=timeline.deck,
        track=timeline.track_id,
        position_s=timeline.position_s,
        tempo=timeline.tempo,
        bpm=timeline.bpm,
        bar_beat=timeline.bar_beat or "",
        bar=timeline.bar,
        beat=timeline.beat,
        phase=timeline.phase,
        section=timeline.section,
        label=timeline.label,
        loop=None if loop is None else pb.LoopSpan(start_s=loop[0], end_s=loop[1]),
        beats=[_beat(beat) for beat in timeline.beats],
        events=[_event(event) for event in timeline.coming],
    )
