"""Timelines: when the beats of a session are heard, and what comes, for whoever follows its sound. Pure.

Samples count on the session's clock; `host_ns` is CLOCK_MONOTONIC of the daemon's machine. Thread: any.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final, Literal

from remixd.units import PACKET_FRAMES

Kind = Literal["section", "jump", "move", "mix", "start", "rest", "end", "deck"]

SAME_FRAMES: Final = 24
"""What differs by less, half a millisecond, is the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A beat that is to come; a whole second of a song that has no beats: then `bar` and `beat` are 0.

    `level` is 1 for a beat, 2 where a bar begins, 3 a phrase, 4 a section.
    """

    sample: int
    host_ns: int
    position_s: float
    bar: int = 0
    beat: int = 0
    level: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """Something else that is to come.

    Attributes:
        kind: `section`: another one begins; `jump`: the music goes on at `position_s`, in a loop too; `move`:
            what was ordered begins; `mix`: a transition into `deck`; `start`, `rest`, `end` of the music;
            `deck`: another one stands for the session.
        what: the section's label, the dimension or verb, how it is mixed.
        value: that it moves to, in its unit.
        settled_sample: from which that holds; `sample` where nothing moves.
        tentative: whether it hangs on what fans express until then.
        because, signals: as `Applied` tells.
    """

    kind: Kind
    sample: int
    host_ns: int
    what: str = ""
    value: float = 0.0
    settled_sample: int = 0
    position_s: float = 0.0
    section: int = 0
    deck: str = ""
    tentative: bool = False
    because: str = ""
    signals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What is heard at one sample, and what comes after it.

    Attributes:
        revision: counts those of the session, from 1; each takes the place of the one before.
        revised_sample: from here on what the one before told is no longer so; None if all of it is.
        sample: from which it tells; heard at `host_ns`, and at `unix_ns` of UTC.
        until_sample: as far as it looks.
        tempo: source frames a sample, as heard: a ratio of the song's own; 0 at rest.
        bpm: as heard; None without beats, as `bar_beat`, `bar`, `beat` and `phase` are.
        phase: how much of the beat is over, 0 to 1.
        section: its number from 1, and `label`; 0 if nothing is loaded.
        loop_s: from where to where it loops, if it does.
    """

    revision: int
    revised_sample: int | None
    sample: int
    host_ns: int
    unix_ns: int
    until_sample: int
    deck: str
    track_id: str
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
    beats: tuple[Beat, ...]
    coming: tuple[Coming, ...]


_Told = tuple[int, str, float]
"""Of a beat or an event: its sample, what it is, a value or place."""


def revised_from(before: Timeline, after: Timeline) -> int | None:
    """The first sample from which two timelines differ, as far as both look; None if they do not."""
    first = after.sample + PACKET_FRAMES  # what begins before is no more to come
    until = min(before.until_sample, after.until_sample) - SAME_FRAMES
    found = [
        _first_difference([each for each in theirs if first <= each[0] < until],
                          [each for each in ours if first <= each[0] < until])
        for theirs, ours in zip(_told(before), _told(after), strict=True)
    ]  # fmt: skip
    return min((sample for sample in found if sample is not None), default=None)


def _told(timeline: Timeline) -> tuple[list[_Told], list[_Told]]:
    return (
        [(beat.sample, f"{beat.bar}:{beat.beat}", beat.position_s) for beat in timeline.beats],
        [(event.sample, f"{event.kind} {event.what}", event.value) for event in timeline.coming],
    )


def _first_difference(theirs: list[_Told], ours: list[_Told]) -> int | None:
    for one, other in itertools.zip_longest(theirs, ours):
        if one is None or other is None:
            return int((one or other)[0])
        if abs(one[0] - other[0]) > SAME_FRAMES or one[1:] != other[1:]:
            return int(min(one[0], other[0]))
    return None
