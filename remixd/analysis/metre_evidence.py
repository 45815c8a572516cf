"""What speaks for a reading: for a level, an offset, a metre and a first beat, piece by piece.

Pieces are named as in `metre_weights`; most are contrasts, -1 to 1, between what happens on some beats and on
others, as tempo-free as music is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.metre_lattice import SUBDIVISIONS, Floats, Lattice, Places
from remixd.analysis.metre_weights import EVIDENCE
from remixd.analysis.rhythm_streams import STREAMS

_KICK, _SNARE, _HAT, _BASS, _OTHER = range(5)
_LEVELS: Final = (6, 12, 24)
"""Subdivisions that a beat is likely to last: what was tracked, its half or its double."""
_ODD_LEVELS: Final = {4: (3, 6), 8: (6, 12), 9: (6, 12), 16: (12, 24), 18: (12, 24), 36: (24, 48)}
"""The less likely ones, and the levels below and above."""
_OFFSETS: Final = {2: "half off", 3: "third off", 4: "quarter off"}
_SLOWEST_BPM: Final = 50.0
_FASTEST_BPM: Final = 215.0
_SLOW_BPM: Final = (75.0, 150.0)
"""Beats, and the eighths of 6/8, below which tempi are rare; and likewise above."""
_FAST_BPM: Final = 155.0
_VERY_FAST_BPM: Final = 185.0
_TEMPO_OCTAVES: Final = 0.5
_GRAIN: Final = 3  # subdivisions between the spans that a bar is set against
_NEAR_LAGS: Final = 217
_OPENING_S: Final = 0.1
_HEARD: Final = 0.5
_FILLED: Final = 0.4
"""Share of the beats on which at least something is heard."""
_NEPERS: Final = 0.25
"""Share of a stream's own deviation below which a difference says little."""
_VOTED: Final = 0.04
"""How far a tempo may lie from one that was voted for, as a share."""
_TICK: Final = 0.12
"""The same of a beat, in beats."""
_TICKS_LEAST: Final = 8
_MANY: Final = 4.0
"""Sections, crashes and entries that say as much as they can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metre:
    """A metre: its name, beats in a bar, the tempo at which it is likeliest, and beats for the snare."""

    name: str
    count: int
    centre_bpm: float
    backbeats: tuple[int, ...]


METRES: Final = (
    Metre(name="4/4", count=4, centre_bpm=115.0, backbeats=(1, 3)),
    Metre(name="3/4", count=3, centre_bpm=115.0, backbeats=(1, 2)),
    Metre(name="5/4", count=5, centre_bpm=115.0, backbeats=(1, 2, 3, 4)),
    Metre(name="6/4", count=6, centre_bpm=115.0, backbeats=(1, 3, 5)),
    Metre(name="6/8", count=6, centre_bpm=170.0, backbeats=(3,)),
)
_ONES: Final = ("kick", "hat", "bass", "other", "chord", "root", "phrase", "bass long", "other long", "all")
"""What is stronger on first beats than on others, in the order of `_curves`; the snare comes last there."""
_PLACED: Final = {0: "kick", 1: "hat", 2: "bass", 3: "other", 4: "chord", 5: "root", 10: "snare"}
"""Rows of `_curves` that tell where a beat lies."""
_FEW: Final = ("sections", "crash", "entries")
"""What happens seldom, and then on first beats."""


def gather_evidence(lattice: Lattice) -> Iterator[tuple[int, int, Metre, int, Floats]]:
    """Every reading with what speaks for it, in the order of EVIDENCE.

    Yields level and offset in subdivisions, the metre, the beat on which the first whole bar begins, and
    float64 (len(EVIDENCE),). Thread: [ingest].
    """
    curves, seldom = _curves(lattice), _seldom(lattice)
    places = {name: index for index, name in enumerate(EVIDENCE)}
    for every in (*_LEVELS, *_ODD_LEVELS):
        for offset, off in _offsets(every):
            at = np.arange(offset, lattice.times_s.shape[0], every)
            if at.shape[0] < 8:
                continue
            bpm = 60.0 / float(np.median(np.diff(lattice.times_s[at])))
            if not _SLOWEST_BPM <= bpm <= _FASTEST_BPM:
                continue
            if (lattice.onsets[:, at].max(axis=0) > _HEARD).mean() < _FILLED:
                continue
            level = {**_level_evidence(lattice, at, every), **_votes(lattice, at, bpm), **off}
            level |= _place_evidence(curves, at, every)
            events = [_on_beats(curve, offset, every, at.shape[0]) for curve in seldom]
            for metre in METRES:
                bars = {**level, **_bar_evidence(lattice, metre, every, bpm)}
                for first, ones in enumerate(_first_evidence(lattice, curves, events, at, metre)):
                    row = np.zeros(len(EVIDENCE))
                    for name, value in {**bars, **ones}.items():
                        if name in places:
                            row[places[name]] = value
                    yield every, offset, metre, first, row


def _curves(lattice: Lattice) -> Floats:
    """Rows of what is compared on beats: `_ONES`, then the snare."""
    onsets, lengths = lattice.onsets, lattice.lengths
    return np.stack([
        onsets[_KICK], onsets[_HAT], onsets[_BASS], onsets[_OTHER], lattice.chords, lattice.roots,
        lattice.phrases, lengths[_BASS], lengths[_OTHER], onsets.sum(axis=0), onsets[_SNARE],
    ])  # fmt: skip


def _seldom(lattice: Lattice) -> list[Floats]:
    """Curves of `_FEW`: the height of peaks, 0 elsewhere."""
    return [
        _outstanding(lattice.sections, lattice.times_s, 6.0),
        _outstanding(lattice.washes, lattice.times_s, 3.0),
        lattice.entries,
    ]


def _outstanding(values: Floats, times_s: Floats, apart_s: float) -> Floats:
    """Peaks that are the highest for some seconds around, by how many deviations they stand out."""
    count = values.shape[0]
    reach = max(1, round(apart_s / max(float(np.median(np.diff(times_s))), 1e-3)))
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(values, reach, constant_values=-np.inf), 2 * reach + 1
    ).max(axis=1)
    inside = (np.arange(count) >= reach // 2) & (np.arange(count) < count - reach // 2)
    height = (values - values.mean()) / (values.std() + 1e-9) - 1.0
    return np.where((values >= around) & inside & (height > 0.0), np.minimum(height, 3.0), 0.0)


def _on_beats(curve: Floats, offset: int, every: int, count: int) -> Floats:
    """Sums of a curve for each beat: what lies nearer to it than to others, (count,)."""
    at = np.flatnonzero(curve)
    beats = np.floor((at - offset) / every + 0.5).astype(np.int64)
    near = (np.abs(at - offset - beats * every) <= every / 3) & (beats >= 0) & (beats < count)
    return np.asarray(np.bincount(beats[near], curve[at[near]], count), np.float64)


def _offsets(every: int) -> Iterator[tuple[int, dict[str, float]]]:
    """Where beats may lie: on tracked beats, or between: half-way, and a third or a quarter off."""
    step = math.gcd(every, SUBDIVISIONS)
    seen = set()
    for offset in range(0, every, step):
        seen.add(offset)
        yield offset, {}
    for parts, name in _OFFSETS.items():
        if every % parts:
            continue
        for offset in range(0, every, every // parts):
            if offset not in seen:
                seen.add(offset)
                yield offset, {name if every == SUBDIVISIONS else "elsewhere": 1.0}


def _level_evidence(lattice: Lattice, at: Places, every: int) -> dict[str, float]:
    """Whether less happens on beats than half-way between, and how much the song repeats after one.

    Upside down is what has its snare on beats, and its kick half-way between.

    That more happens on beats says nothing for their level: it is as true of half of them.
    """
    between = at[:-1] + every // 2
    found = {
        f"{name} beat": min(_contrast(lattice.onsets[stream], at, between), 0.0)
        for stream, name in enumerate(STREAMS[:5])
    }
    kick, snare = (lattice.onsets[row] / (lattice.onsets[row].std() + 1e-9) for row in (_KICK, _SNARE))
    found["upside down"] = min(_contrast(kick - snare, at, between), 0.0)
    found["pulse"] = _alike(lattice, every)
    found["answer"] = _at(lattice.likeness.answers, every)
    found["answer late"] = _at(lattice.likeness.answers, 2 * every)
    found["bass long beat"] = min(_contrast(lattice.lengths[_BASS], at, between), 0.0)
    found["other long beat"] = min(_contrast(lattice.lengths[_OTHER], at, between), 0.0)
    if every in _ODD_LEVELS:
        lower, upper = _ODD_LEVELS[every]
        around = 0.5 * (_alike(lattice, lower) + _alike(lattice, upper))
        found |= {"odd": 1.0, "odd pulse": _alike(lattice, every) - around}
    return found


def _place_evidence(curves: Floats, at: Places, every: int) -> dict[str, float]:
    """How much more happens on beats than wherever else beats as long could lie: on swung notes, say."""
    others = [at + shift for shift in range(every // 6, every, max(1, every // 6))]
    others += [at + every // 4, at + 3 * every // 4] if every % 4 == 0 else []
    elsewhere = np.stack(
        [curves[:, np.minimum(places, curves.shape[1] - 1)].mean(axis=1) for places in others]
    )
    apart = (curves[:, at].mean(axis=1) - elsewhere.max(axis=0)) / (curves.std(axis=1) + 1e-9)
    return {f"{name} place": math.tanh(float(apart[row])) for row, name in _PLACED.items()}


def _votes(lattice: Lattice, at: Places, bpm: float) -> dict[str, float]:
    """Whether others hear this tempo, and these beats."""
    vote = lattice.vote
    found = {
        "tracker same": share_near(vote.tracker_bpm, bpm),
        "estimator same": share_near(vote.estimator_bpm, bpm),
    }
    if vote.ticks_s.size >= _TICKS_LEAST and found["tracker same"] > 0.0:
        beats = np.interp(vote.ticks_s, lattice.times_s[at], np.arange(at.shape[0]))
        found["ticks"] = float((np.abs(beats - np.round(beats)) < _TICK).mean())
    return found


def share_near(tempi_bpm: tuple[float, ...], bpm: float) -> float:
    """Share of some tempi that are this one."""
    return sum(abs(one / bpm - 1.0) < _VOTED for one in tempi_bpm) / max(len(tempi_bpm), 1)


def _bar_evidence(lattice: Lattice, metre: Metre, every: int, bpm: float) -> dict[str, float]:
    """How likely the tempo is, and how much the song repeats after a bar, two and four."""
    octaves = math.log2(bpm / metre.centre_bpm)
    others = [beats for beats in range(2, 9) if beats % metre.count]
    length = metre.count * every
    bar = _alike(lattice, length)
    threes = _alike(lattice, 3 * every) - 0.5 * (_alike(lattice, 2 * every) + _alike(lattice, 4 * every))
    return {
        metre.name: 1.0,
        "tempo": -0.5 * (octaves / _TEMPO_OCTAVES) ** 2,
        "slow eighths" if metre.name == "6/8" else "slow": max(
            math.log2(_SLOW_BPM[metre.name == "6/8"] / bpm), 0.0
        ),
        "fast": max(math.log2(bpm / _FAST_BPM), 0.0),
        "very fast": max(math.log2(bpm / _VERY_FAST_BPM), 0.0),
        "bar alike": bar,
        "two bars alike": _beside(lattice, 2 * length, every),
        "four bars alike": _beside(lattice, 4 * length, every),
        "chords alike": _at(lattice.likeness.chords, length),
        "bar apart": bar - float(np.mean([_alike(lattice, beats * every) for beats in others])),
        f"threes in {metre.name}": threes,
    }


def _first_evidence(
    lattice: Lattice, curves: Floats, events: list[Floats], at: Places, metre: Metre
) -> Iterator[Mapping[str, float]]:
    """For each first beat, how much the beats that would be first differ from the others, as these do."""
    values, count = curves[:, at], metre.count
    sums = np.stack([values[:, beat::count].sum(axis=1) for beat in range(count)], axis=1)
    beats = np.array([len(range(beat, at.shape[0], count)) for beat in range(count)], np.float64)
    scale = values.std(axis=1) + _NEPERS * curves.std(axis=1) + 1e-9
    few = [np.array([heights[beat::count].sum() for beat in range(count)]) for heights in events]
    halves = range(0, count, count // 2) if count % 2 == 0 else (0,)

    def contrast(chosen: tuple[int, ...] | range, first: int) -> Floats:
        inside = np.isin((np.arange(count) - first) % count, list(chosen))
        some = sums[:, inside].sum(axis=1) / beats[inside].sum()
        rest = sums[:, ~inside].sum(axis=1) / beats[~inside].sum()
        return np.asarray(np.tanh((some - rest) / scale), np.float64)

    for first in range(count):
        found = dict(zip((f"{name} one" for name in _ONES), contrast((0,), first).tolist()[:-1], strict=True))
        found[f"backbeat {metre.name}"] = float(contrast(metre.backbeats, first)[-1])
        half = contrast(halves, first)
        found[f"kick half {metre.name}"] = float(half[0])
        if count == 6:
            found[f"bass half {metre.name}"] = float(half[2])
            found[f"all half {metre.name}"] = float(half[-2])
        for name, sizes in zip(_FEW, few, strict=True):
            total = float(sizes.sum())
            if total > 0.0:
                found[f"{name} one"] = (float(sizes[first]) / total - 1.0 / count) * min(total / _MANY, 1.0)
        if lattice.opening_s is not None and abs(lattice.times_s[at[first]] - lattice.opening_s) < _OPENING_S:
            found["opening"] = 1.0
        yield found


def _at(curve: Floats, lag: int) -> float:
    return float(curve[lag]) if lag < curve.shape[0] else 0.0


def _alike(lattice: Lattice, lag: int) -> float:
    """How much more the song is like itself so many subdivisions later than on average, about -1 to 1."""
    if lag >= lattice.likeness.alike.shape[0]:
        return 0.0
    return float(lattice.likeness.alike[lag] - lattice.likeness.alike[_GRAIN:_NEAR_LAGS:_GRAIN].mean())


def _beside(lattice: Lattice, lag: int, every: int) -> float:
    """How much more it is so than a beat or two less or more later."""
    around = [lag - 2 * every, lag - every, lag + every, lag + 2 * every]
    if around[-1] >= lattice.likeness.alike.shape[0]:
        return 0.0
    return float(lattice.likeness.alike[lag] - lattice.likeness.alike[around].mean())


def _contrast(values: Floats, inside: NDArray[np.int64], outside: NDArray[np.int64]) -> float:
    """How much higher values are at some places than at others, in deviations, -1 to 1."""
    if not inside.size or not outside.size:
        return 0.0
    some, rest = values[inside], values[outside]
    spread = float(np.concatenate([some, rest]).std())
    return math.tanh(float(some.mean() - rest.mean()) / (spread + _NEPERS * float(values.std()) + 1e-9))
