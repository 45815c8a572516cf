"""Forecasts: stretches of a session that are to come, as beats, sections, jumps. Pure. Thread: any."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from remixd.control.action import DECK_NAMES
from remixd.control.decks import Loaded
from remixd.control.foresight import Ahead, Stretch
from remixd.control.timeline import Beat, Coming, Kind
from remixd.director.sections import Part, part_at, parts
from remixd.units import RATE_HZ

LINE_FRAMES: Final = 32.0
"""Source frames by which one stretch may miss the next and still go on as it."""

BEATS_MAX: Final = 256

Find = Callable[[int], Loaded | None]
"""What is loaded under a player's key."""


@dataclass(frozen=True, slots=True)
class HostClock:
    """When samples are heard: `anchor_ns` is that of sample 0, racks add `delay_frames`."""

    anchor_ns: int
    delay_frames: int = 0

    def heard(self, sample: float) -> int:
        """The sample of the output in which what is played at a sample is heard."""
        return round(sample) + self.delay_frames

    def host_ns(self, heard: int) -> int:
        """When a sample of the output is heard."""
        return self.anchor_ns + heard * 1_000_000_000 // RATE_HZ


def _whole_seconds(loaded: Loaded) -> list[int]:
    return list(range(0, loaded.frames, RATE_HZ))


def _beats_in(stretch: Stretch, loaded: Loaded, clock: HostClock) -> Iterator[Beat]:
    """The beats of one stretch, backwards too."""
    frames: Sequence[float] = loaded.beats.frames if loaded.beats.heard else _whole_seconds(loaded)
    low, high = sorted((stretch.frame, stretch.last_frame))
    found = range(bisect_left(frames, low - 1e-3), bisect_left(frames, high - 1e-3))
    for at in found if stretch.pace > 0.0 else reversed(found):
        position_s = frames[at] / RATE_HZ
        heard = clock.heard(stretch.sample_of(frames[at]))
        marked = Beat(sample=heard, host_ns=clock.host_ns(heard), position_s=position_s)
        if loaded.beats.heard:
            bar, beat = bar_beat(loaded, frames[at])
            marked = replace(marked, bar=bar, beat=beat, level=loaded.beats.levels[at])
        yield marked


def bar_beat(loaded: Loaded, frame: float) -> tuple[int, int]:
    """Bar and beat, whole ones, of a beat's source frame."""
    found = loaded.track.analysis.bar_beat((frame + 1.0) / RATE_HZ)
    return (found.bar, int(found.beat)) if found else (0, 0)


def beats_of(ahead: Ahead, find: Find, clock: HostClock, start: int) -> tuple[Beat, ...]:
    """The beats that are played from a sample on."""
    beats = (
        beat
        for stretch in ahead.stretches
        if stretch.end > start and stretch.pace and (loaded := find(stretch.player))
        for beat in _beats_in(stretch, loaded, clock)
        if beat.sample >= clock.heard(start)
    )
    return tuple(itertools.islice(beats, BEATS_MAX))


class Changes:
    """What changes in the music itself from stretch to stretch."""

    def __init__(self, find: Find, clock: HostClock) -> None:
        self._find, self._clock = find, clock
        self._parts: dict[int, tuple[Part, ...]] = {}

    def part(self, player: int, frame: float) -> Part | None:
        """The section of a source frame."""
        loaded = self._find(player)
        if loaded is None:
            return None
        if player not in self._parts:
            self._parts[player] = parts(loaded.track.analysis, loaded.track.duration_s)
        return part_at(self._parts[player], (frame + 1.0) / RATE_HZ)

    def _event(self, kind: Kind, sample: float, **words: object) -> Coming:
        heard = self._clock.heard(sample)
        event = Coming(kind=kind, sample=heard, host_ns=self._clock.host_ns(heard), settled_sample=heard)
        return replace(event, **words)  # type: ignore[arg-type]  # words are its own fields

    def of(self, ahead: Ahead, start: int, until: int) -> Iterator[Coming]:
        """Sections, jumps, starts and rests between two samples."""
        first = self._clock.heard(start)
        before: Stretch | None = None
        for stretch in ahead.stretches:
            yield from (event for event in self._join(before, stretch) if event.sample >= first)
            yield from (event for event in self._within(stretch) if event.sample >= first)
            before = stretch
        if before is not None and start < before.end < until - 1:
            yield self._event("rest", before.end, deck=DECK_NAMES[before.deck])

    def _join(self, before: Stretch | None, stretch: Stretch) -> Iterator[Coming]:
        deck, position_s = DECK_NAMES[stretch.deck], stretch.frame / RATE_HZ
        if before is None:
            return
        if stretch.start > before.end + 1.0:
            yield self._event("rest", before.end, deck=DECK_NAMES[before.deck])
            yield self._event("start", stretch.start, deck=deck, position_s=position_s)
        elif before.player != stretch.player or before.deck != stretch.deck:
            yield self._event("deck", stretch.start, deck=deck, position_s=position_s)
        elif abs(before.last_frame - stretch.frame) > LINE_FRAMES:
            yield self._event("jump", stretch.start, deck=deck, position_s=position_s)
        else:
            return
        yield from self._section(self.part(before.player, before.last_frame - 2.0), stretch, stretch.frame)

    def _within(self, stretch: Stretch) -> Iterator[Coming]:
        """Sections that begin within a stretch that plays forwards."""
        self.part(stretch.player, 0.0)
        here = None
        for part in self._parts.get(stretch.player, ()):
            frame = part.start_s * RATE_HZ
            if stretch.frame + 1.0 < frame <= stretch.last_frame - 1e-3 and stretch.pace > 0.0:
                yield from self._section(here, stretch, frame)
            here = part

    def _section(self, before: Part | None, stretch: Stretch, frame: float) -> Iterator[Coming]:
        part = self.part(stretch.player, frame)
        if part is not None and part is not before:
            yield self._event(
                "section", stretch.sample_of(frame), what=part.label, section=part.number,
                position_s=frame / RATE_HZ, deck=DECK_NAMES[stretch.deck],
            )  # fmt: skip
