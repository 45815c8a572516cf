"""Timelines, as the client gives them: frozen and typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from remixd.v1 import common_pb2, sessions_pb2

STARTS: Final = {
    common_pb2.WHEN_BEAT: "beat",
    common_pb2.WHEN_BAR: "bar",
    common_pb2.WHEN_PHRASE: "phrase",
    common_pb2.WHEN_SECTION: "section",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineBeat:
    """A beat that is to come; in a song without beats a whole second of it, whose `bar` and `beat` are 0.

    Attributes:
        sample: in which it is heard, on the session's clock, at 48 kHz.
        host_ns: when, on the monotonic clock of the daemon's machine: `time.monotonic_ns()` there.
        starts: what begins with it: "beat", "bar", "phrase" or "section"; empty without beats.
    """

    sample: int
    host_ns: int
    position_s: float
    bar: int
    beat: int
    starts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEvent:
    """Something else that is to come.

    Attributes:
        kind: "section", "jump", "move", "mix", "start", "rest", "end" or "deck".
        what: the label of a section; what moves; how decks are mixed.
        value: that a move goes to, in its unit, in full from `settled_sample` on.
        position_s: where the music goes on.
        section: its number, from 1.
        deck: "A" to "D"; empty for all of them.
        tentative: whether it hangs on what fans express until it is decided.
        because: why.
        signals: that asked for it.
    """

    kind: str
    sample: int
    host_ns: int
    what: str
    value: float
    settled_sample: int
    position_s: float
    section: int
    deck: str
    tentative: bool
    because: str
    signals: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What is heard at `sample`, and what comes. It takes the place of the one before.

    Attributes:
        revision: counts those of the session, from 1.
        revised_sample: from here on the one before told what is no longer so; None if it only goes on.
        host_ns: when `sample` is heard, on the monotonic clock of the daemon's machine.
        unix_s: the same in seconds of UTC.
        until_sample: as far as it looks.
        deck, track: that stand for the session.
        tempo: a ratio of the song's own; 0 at rest.
        bpm: as heard; None without beats, as `bar_beat` is.
        bar, beat: whole ones, from 1; 0 without beats.
        phase: how much of the beat is over, 0 to 1.
        section: its number, from 1, and its `label`; 0 without a track.
        loop_s: from where to where it loops; None if it does not.
        beats, events: in the order in which they are heard.
    """

    revision: int
    revised_sample: int | None
    sample: int
    host_ns: int
    unix_s: float
    until_sample: int
    deck: str
    track: str
    position_s: float
    tempo: float
    bpm: float | None
    bar_beat: str | None
    bar: int
    beat: int
    phase: float
    section: int
    label: str
    loop_s: tuple[float, float] | None
    beats: tuple[TimelineBeat, ...]
    events: tuple[TimelineEvent, ...]


def _beat(message: sessions_pb2.TimelineBeat) -> TimelineBeat:
    return TimelineBeat(
        sample=message.sample,
        host_ns=message.host_ns,
        position_s=message.position_s,
        bar=message.bar,
        beat=message.beat,
        starts=STARTS.get(message.starts, ""),
    )


def _event(message: sessions_pb2.TimelineEvent) -> TimelineEvent:
    kind = sessions_pb2.TimelineEventKind.Name(message.kind).removeprefix("TIMELINE_EVENT_KIND_").lower()
    return TimelineEvent(
        kind=kind,
        sample=message.sample,
        host_ns=message.host_ns,
        what=message.what,
        value=message.value,
        settled_sample=message.settled_sample,
        position_s=message.position_s,
        section=message.section,
        deck=message.deck,
        tentative=message.tentative,
        because=message.because,
        signals=tuple(message.signals),
    )


def timeline(message: sessions_pb2.Timeline) -> Timeline:
    """A timeline of the wire."""
    return Timeline(
        revision=message.revision,
        revised_sample=message.revised_sample if message.HasField("revised_sample") else None,
        sample=message.sample,
        host_ns=message.host_ns,
        unix_s=message.time.seconds + message.time.nanos / 1e9,
        until_sample=message.until_sample,
        deck=message.deck,
        track=message.track,
        position_s=message.position_s,
        tempo=message.tempo,
        bpm=message.bpm if message.HasField("bpm") else None,
        bar_beat=message.bar_beat or None,
        bar=message.bar,
        beat=message.beat,
        phase=message.phase,
        section=message.section,
        label=message.label,
        loop_s=(message.loop.start_s, message.loop.end_s) if message.HasField("loop") else None,
        beats=tuple(_beat(beat) for beat in message.beats),
        events=tuple(_event(event) for event in message.events),
    )
