"""The analysis that counts: what was computed, with the edits by hand laid over it."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median
from typing import Final

from remixd.track.analysis import LEAST_BEAT_S, Alternative, Analysis, Section, even_period_s
from remixd.track.edits import Edits, SectionEdit

SAME_BOUNDARY_S: Final = 1.0
"""A section that begins this near to a computed boundary means that boundary."""

_SHARES: Final = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1.0, 4 / 3, 3 / 2, 2.0, 3.0, 4.0)
"""How many beats of the analysis one beat of another way to count may last."""
_SAME_TEMPO: Final = 0.01
"""How far a tempo may be from a simple share of another that it is meant to be."""
_ROUNDING: Final = 1e-6

_GRID: Final = ("bpm", "first_downbeat_s", "metre")


def edited(analysis: Analysis, edits: Edits) -> Analysis:
    """Lay edits over an analysis; neither is changed. Thread: any.

    Another way to count comes first, and the other edits are laid over it: its beats are those of the
    analysis, every second of them, or what lies between. A tempo gives an even grid over the whole song,
    through the first downbeat. A first downbeat alone moves an even grid there; beats that are not even
    stay, and bars are counted from the nearest one. A metre alone counts the bars anew. Phrases go to the
    nearest downbeat. Sections take the place of a computed boundary nearby, or divide the section that they
    begin in. Chords, onsets and the times of other sections stay, and what was edited is certain.
    """
    if edits.key is not None:
        analysis = replace(analysis, key=edits.key)
    if edits.alternative is not None:
        analysis = _with_alternative(analysis, edits.alternative)
    if any(name in edits.names for name in _GRID):
        analysis = _with_grid(analysis, edits)
    if edits.sections:
        analysis = replace(analysis, sections=_with_sections(analysis, edits.sections))
    return _certain(analysis, edits)


def _with_grid(analysis: Analysis, edits: Edits) -> Analysis:
    if edits.metre is not None:
        analysis = replace(analysis, metre=edits.metre)
    period_s = 60.0 / edits.bpm if edits.bpm is not None else _period_s(analysis)
    computed_s = (*analysis.downbeats_s, *analysis.beats_s, 0.0)[0]
    first_s = computed_s if edits.first_downbeat_s is None else edits.first_downbeat_s
    beats_s = analysis.beats_s
    if period_s is not None and (edits.bpm is not None or edits.first_downbeat_s is not None):
        beats_s = _even_beats_s(first_s, period_s, analysis.duration_s)
    if not beats_s:
        return analysis
    bpm = edits.bpm if edits.bpm is not None else analysis.bpm
    first = _nearest(beats_s, first_s)
    return _counted(replace(analysis, bpm=bpm), beats_s, first)


def _counted(analysis: Analysis, beats_s: tuple[float, ...], first: int) -> Analysis:
    """The same with these beats, bars from beat `first` on, and phrases from the nearest downbeats."""
    downbeats_s = beats_s[first :: analysis.beats_per_bar]
    phrases_s = {downbeats_s[_nearest(downbeats_s, phrase_s)] for phrase_s in analysis.phrases_s}
    return replace(analysis, beats_s=beats_s, downbeats_s=downbeats_s, phrases_s=tuple(sorted(phrases_s)))


def _nearest(times_s: Sequence[float], time_s: float) -> int:
    """The index of the time that is nearest; of two, the earlier."""
    after = bisect_left(times_s, time_s)
    near = range(max(after - 1, 0), min(after + 1, len(times_s)))
    return min(near, key=lambda index: abs(times_s[index] - time_s))


def _period_s(analysis: Analysis) -> float | None:
    """The period of beats that are even, or of no beats with a tempo; None for others."""
    if len(analysis.beats_s) < 3:
        return 60.0 / analysis.bpm if analysis.bpm else None
    return even_period_s(analysis.beats_s)


def _with_alternative(analysis: Analysis, chosen: Alternative) -> Analysis:
    """The song counted another way."""
    beats_s = _between(analysis.beats_s, chosen) or _even_beats_s(
        chosen.first_beat_s, 60.0 / chosen.bpm, analysis.duration_s
    )
    beats_s = tuple(time for time in beats_s if 0.0 <= time <= analysis.duration_s)
    if not beats_s:
        return analysis
    analysis = replace(analysis, bpm=chosen.bpm, metre=chosen.metre)
    return _counted(analysis, beats_s, _nearest(beats_s, chosen.first_downbeat_s) % analysis.beats_per_bar)


def _between(beats_s: tuple[float, ...], chosen: Alternative) -> list[float]:
    """Beats through the chosen first one, at the simple share of those there are that the tempo tells.

    None where there are few beats, or no simple share comes near: of another analysis, perhaps.
    """
    if len(beats_s) < 3:
        return []
    period_s = median(after - before for before, after in pairwise(beats_s))
    asked = 60.0 / chosen.bpm / period_s
    step = min(_SHARES, key=lambda share: abs(share / asked - 1.0))
    if period_s < LEAST_BEAT_S or abs(step / asked - 1.0) > _SAME_TEMPO:
        return []
    last = len(beats_s) - 1

    def at_s(place: float) -> float:
        low = min(max(math.floor(place), 0), last - 1)
        return beats_s[low] + (place - low) * (beats_s[low + 1] - beats_s[low])

    low = min(max(bisect_right(beats_s, chosen.first_beat_s) - 1, 0), last - 1)
    first = low + (chosen.first_beat_s - beats_s[low]) / (beats_s[low + 1] - beats_s[low])
    # what lies further out than a beat of the song would be in no tempo that was heard
    before = math.floor((first + 1.0 - _ROUNDING) / step)
    after = math.floor((last + 1.0 - _ROUNDING - first) / step)
    return [at_s(first + number * step) for number in range(-before, after + 1)]


def _even_beats_s(first_s: float, period_s: float, duration_s: float) -> tuple[float, ...]:
    """Beats through `first_s`, from the start of the song to its end; `first_s` itself exactly."""
    before = math.floor(first_s / period_s)
    count = before + 1 + max(0, math.ceil((duration_s - first_s) / period_s) - 1)
    times_s = (first_s + (index - before) * period_s for index in range(count))
    return tuple(time for time in times_s if 0.0 <= time <= duration_s)


def _with_sections(analysis: Analysis, given: Sequence[SectionEdit]) -> tuple[Section, ...]:
    """The sections of an analysis with boundaries given by hand."""
    starts = [part.start_s for part in given]

    def is_given(time_s: float) -> bool:
        return any(abs(time_s - start_s) <= SAME_BOUNDARY_S for start_s in starts)

    def own_end_s(start_s: float) -> float:
        """Where the computed section that is divided or replaced ends; the song's end if there is none."""
        ends = (part.end_s for part in analysis.sections if part.end_s > start_s + SAME_BOUNDARY_S)
        return min(ends, default=analysis.duration_s)

    begun = [part for part in analysis.sections if not is_given(part.start_s)]
    begun += [
        Section(start_s=part.start_s, end_s=own_end_s(part.start_s), label=part.label, how="hand")
        for part in given
    ]
    begun.sort(key=lambda part: part.start_s)
    limits_s = [*(part.start_s for part in begun), analysis.duration_s][1:]
    sections = []
    for part, limit_s in zip(begun, limits_s, strict=True):
        end_s = limit_s if is_given(part.end_s) else min(part.end_s, limit_s)
        if end_s > part.start_s:
            sections.append(replace(part, end_s=end_s))
    return tuple(sections)


def _certain(analysis: Analysis, edits: Edits) -> Analysis:
    """The same, with what was edited neither estimated nor doubted."""
    names = {name for name in edits.names if name in ("bpm", "metre", "key", "sections")}
    if edits.alternative is not None:
        names |= {"bpm", "metre"}
    if "bpm" in names or "first_downbeat_s" in edits.names:
        names |= {"beats", "downbeats"}
    confidence = dict(analysis.confidence)
    confidence |= {name: 1.0 for name in names if name in confidence}
    return replace(
        analysis,
        estimated=tuple(name for name in analysis.estimated if name not in names),
        confidence=confidence,
    )
