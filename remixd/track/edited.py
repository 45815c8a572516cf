"""The analysis that counts: what was computed, with the edits by hand laid over it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from remixd.track.analysis import LEAST_BEAT_S, Analysis, Section
from remixd.track.edits import Edits, SectionEdit

STEADY_S: Final = 0.02
"""Beats that are nowhere further than this from an even row are one."""

SAME_BOUNDARY_S: Final = 1.0
"""A section that begins this near to a computed boundary means that boundary."""

_GRID: Final = ("bpm", "first_downbeat_s", "metre")


def edited(analysis: Analysis, edits: Edits) -> Analysis:
    """Lay edits over an analysis; neither is changed. Thread: any.

    A tempo gives an even grid over the whole song, through the first downbeat. A first downbeat alone moves
    an even grid there; beats that are not even stay, and bars are counted from the nearest one. A metre
    alone counts the bars anew. Phrases go to the nearest downbeat. Sections take the place of a computed
    boundary nearby, or divide the section that they begin in. Chords, onsets and the times of other sections
    stay, and what was edited is certain.
    """
    if edits.key is not None:
        analysis = replace(analysis, key=edits.key)
    if any(name in edits.names for name in _GRID):
        analysis = _with_grid(analysis, edits)
    if edits.sections:
        analysis = replace(analysis, sections=_with_sections(analysis, edits.sections))
    return _certain(analysis, edits)


def _with_grid(analysis: Analysis, edits: Edits) -> Analysis:
    if edits.metre is not None:
        analysis = replace(analysis, metre=edits.metre)
    period_s = 60.0 / edits.bpm if edits.bpm is not None else _even_period_s(analysis)
    computed_s = (*analysis.downbeats_s, *analysis.beats_s, 0.0)[0]
    first_s = computed_s if edits.first_downbeat_s is None else edits.first_downbeat_s
    beats_s = analysis.beats_s
    if period_s is not None and (edits.bpm is not None or edits.first_downbeat_s is not None):
        beats_s = _even_beats_s(first_s, period_s, analysis.duration_s)
    if not beats_s:
        return analysis
    first = min(range(len(beats_s)), key=lambda index: abs(beats_s[index] - first_s))
    downbeats_s = beats_s[first :: analysis.beats_per_bar]
    phrases_s = {min(downbeats_s, key=lambda time: abs(time - phrase)) for phrase in analysis.phrases_s}
    return replace(
        analysis,
        bpm=edits.bpm if edits.bpm is not None else analysis.bpm,
        beats_s=beats_s,
        downbeats_s=downbeats_s,
        phrases_s=tuple(sorted(phrases_s)),
    )


def _even_period_s(analysis: Analysis) -> float | None:
    """The period of beats that form an even row, by least squares; None for others."""
    beats_s = analysis.beats_s
    count = len(beats_s)
    if count < 3:
        return 60.0 / analysis.bpm if analysis.bpm else None
    middle, mean_s = (count - 1) / 2.0, math.fsum(beats_s) / count
    slope = math.fsum((i - middle) * (time - mean_s) for i, time in enumerate(beats_s))
    period_s = slope / (count * (count * count - 1) / 12.0)
    off_s = max(abs(time - mean_s - (i - middle) * period_s) for i, time in enumerate(beats_s))
    return period_s if off_s <= STEADY_S and period_s >= LEAST_BEAT_S else None


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

    begun = [
        (part.start_s, part.end_s, part.label) for part in analysis.sections if not is_given(part.start_s)
    ]
    begun += [(part.start_s, own_end_s(part.start_s), part.label) for part in given]
    begun.sort()
    sections = []
    for (start_s, end_s, label), (limit_s, _, _) in pairwise([*begun, (analysis.duration_s, 0.0, "")]):
        end_s = limit_s if is_given(end_s) else min(end_s, limit_s)
        if end_s > start_s:
            sections.append(Section(start_s=start_s, end_s=end_s, label=label))
    return tuple(sections)


def _certain(analysis: Analysis, edits: Edits) -> Analysis:
    """The same, with what was edited neither estimated nor doubted."""
    names = {name for name in edits.names if name in ("bpm", "metre", "key", "sections")}
    if "bpm" in names or "first_downbeat_s" in edits.names:
        names |= {"beats", "downbeats"}
    confidence = dict(analysis.confidence)
    confidence |= {name: 1.0 for name in names if name in confidence}
    return replace(
        analysis,
        estimated=tuple(name for name in analysis.estimated if name not in names),
        confidence=confidence,
    )
