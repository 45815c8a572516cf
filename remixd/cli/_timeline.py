"""A timeline as a person reads it: one line a beat or event, with how soon it is heard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from remixd.client import Timeline, TimelineBeat, TimelineEvent

RATE_HZ: Final = 48_000


def timeline_lines(timeline: Timeline) -> Iterator[str]:
    """The lines of one timeline: its head, then what comes, in order."""
    pace = f"{timeline.bpm:.2f} bpm" if timeline.bpm else f"tempo {timeline.tempo:.3f}"
    revised = timeline.revised_sample
    again = "" if revised is None else f", revised from {_in_s(timeline, revised)}"
    place = timeline.bar_beat or f"{timeline.position_s:.2f} s"
    yield f"timeline {timeline.revision}: {place} {pace} {timeline.label}".rstrip() + again
    told = [(beat.sample, _beat(beat)) for beat in timeline.beats]
    told += [(event.sample, _event(event)) for event in timeline.events]
    for sample, text in sorted(told, key=lambda each: each[0]):
        yield f"  {_in_s(timeline, sample)}  {text}"


def _in_s(timeline: Timeline, sample: int) -> str:
    return f"{(sample - timeline.sample) / RATE_HZ:+8.3f} s"


def _beat(beat: TimelineBeat) -> str:
    if not beat.starts:
        return f"{beat.position_s:.0f} s of the song"
    return f"{beat.bar}:{beat.beat}" + ("" if beat.starts == "beat" else f"  {beat.starts}")


def _event(event: TimelineEvent) -> str:
    where = f" to {event.position_s:.2f} s" if event.kind in ("jump", "start", "deck") else ""
    value = f" = {event.value:g}" if event.kind == "move" else ""
    deck = f" on {event.deck}" if event.deck else ""
    perhaps = " (perhaps)" if event.tentative else ""
    because = f": {event.because}" if event.because else ""
    return f"{event.kind} {event.what}".rstrip() + where + value + deck + perhaps + because
