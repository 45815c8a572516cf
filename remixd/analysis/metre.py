"""What a beat is, how many make a bar, and which of them is the first.

A tracker's beats may lie at any metrical level. Every reading of them (a level, an offset, a metre, a first
beat) is scored by what kick, snare, bass and harmony do where it says beats and bars are; scores are in
nepers of likelihood, so that their softmax tells how sure a reading is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.beat_grid import TempoMap
from remixd.analysis.rhythm_features import FRAME_HZ
from remixd.analysis.rhythm_streams import Streams

Floats = NDArray[np.float64]

SUBDIVISIONS: Final = 12
"""Of a tracked beat: quarters and thirds of it, of its half and of its double."""
_KICK, _SNARE, _HAT, _BASS, _OTHER = range(5)
_LEVELS: Final = (6, 12, 24)
"""Subdivisions that a beat is likely to last: what was tracked, its half or its double."""
_ODD_LEVELS: Final = {4: (3, 6), 8: (6, 12), 9: (6, 12), 16: (12, 24), 18: (12, 24), 36: (24, 48)}
"""The less likely ones, and the levels below and above."""
_ODD: Final = -1.5
_PULSE: Final = 5.0
_HALF_OFF: Final = -0.6
_ELSEWHERE_OFF: Final = -1.5
_SLOWEST_BPM: Final = 50.0
_FASTEST_BPM: Final = 215.0
_TEMPO_OCTAVES: Final = 0.5
_CHORD_S: Final = 0.6
_PHRASE_S: Final = 2.2
_BAR_ALIKE: Final = 3.5
_GRAIN: Final = 3  # subdivisions between the spans that a bar is set against
_OPENING: Final = 0.4
_OPENING_S: Final = 0.1
_ALONE: Final = 2.5
"""Without drums, bass and harmony count that much."""
_NEPERS: Final = 0.25
"""Deviation below which a stream says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metre:
    """A metre: its name, beats in a bar, prior, and the tempo in beats a minute at which it is likeliest.

    `backbeats` are the beats on which a snare is expected rather than on the others, `backbeat_weight` how
    much that counts.
    """

    name: str
    count: int
    prior: float
    centre_bpm: float
    backbeats: tuple[int, ...]
    backbeat_weight: float


METRES: Final = (
    Metre(name="4/4", count=4, prior=0.0, centre_bpm=115.0, backbeats=(1, 3), backbeat_weight=1.5),
    Metre(name="3/4", count=3, prior=-0.5, centre_bpm=115.0, backbeats=(1, 2), backbeat_weight=0.75),
    Metre(name="5/4", count=5, prior=-0.5, centre_bpm=115.0, backbeats=(1, 2, 3, 4), backbeat_weight=0.5),
    Metre(name="6/4", count=6, prior=-0.8, centre_bpm=115.0, backbeats=(1, 3, 5), backbeat_weight=0.75),
    Metre(name="6/8", count=6, prior=-0.8, centre_bpm=170.0, backbeats=(3,), backbeat_weight=1.5),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to hear a song.

    Attributes:
        every, offset: subdivisions a beat lasts, and where the first beat lies.
        metre: of the bars.
        first: the beat, from 0, with which the first whole bar begins.
        score: nepers.
    """

    every: int
    offset: int
    metre: Metre
    first: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """What streams and harmony do at every subdivision of a map.

    Attributes:
        times_s: float64 (places,).
        onsets: float64 (6, places), STREAMS at each.
        chords, phrases: float64 (places,), how much the harmony changes there within a beat, and a bar.
        alike: float64 (lags,), correlation of the song with itself so many subdivisions later.
        opening_s: where sound begins, None if it does at once.
        drums: whether there is a drum stem.
    """

    times_s: Floats
    onsets: Floats
    chords: Floats
    phrases: Floats
    alike: Floats
    opening_s: float | None
    drums: bool


def lattice_of(tempo: TempoMap, streams: Streams) -> Lattice:
    """Subdivide a map over all that sounds. Thread: [ingest]."""
    heard = np.flatnonzero(streams.sounding)
    start_s, stop_s = float(heard[0] / FRAME_HZ), float((heard[-1] + 1) / FRAME_HZ)
    edges = tempo.beats_at(np.array([max(start_s - 0.05, 0.0), stop_s]))
    places = np.arange(math.ceil(edges[0]) * SUBDIVISIONS, math.floor(edges[1]) * SUBDIVISIONS + 1)
    times_s = tempo.at(places / SUBDIVISIONS)
    frames = np.clip(np.round(times_s * FRAME_HZ).astype(np.int64), 0, streams.onsets.shape[1] - 1)
    spread = max(1, min(2, int(np.median(np.diff(frames))) // 2))
    padded = np.pad(streams.onsets, ((0, 0), (spread, spread)))
    onsets = np.stack([padded[:, frames + shift] for shift in range(2 * spread + 1)]).max(axis=0)
    longest = min(6 * max(_ODD_LEVELS) + 1, times_s.shape[0] - SUBDIVISIONS)
    return Lattice(
        times_s=times_s,
        onsets=onsets.astype(np.float64),
        chords=_changes(streams.chroma, frames, _CHORD_S),
        phrases=_changes(streams.chroma, frames, _PHRASE_S),
        alike=_self_similarity(onsets.astype(np.float64), max(longest, 1)),
        opening_s=start_s if start_s > _OPENING_S else None,
        drums=streams.drums,
    )


def read_metre(lattice: Lattice) -> list[Reading]:
    """Score every reading, best first; empty where there are fewer than two bars. Thread: [ingest]."""
    readings = [
        reading
        for every in (*_LEVELS, *_ODD_LEVELS)
        for offset, prior in _offsets(every)
        for reading in _read_level(lattice, every, offset, prior + _pulse(lattice, every))
    ]
    return sorted(readings, key=lambda reading: -reading.score)


def _offsets(every: int) -> Iterator[tuple[int, float]]:
    """Where beats may lie: on tracked beats, or half-way between, with what that costs."""
    step = math.gcd(every, SUBDIVISIONS)
    yield from ((offset, 0.0) for offset in range(0, every, step))
    if every % 2 == 0 and every // 2 % step:
        yield every // 2, _HALF_OFF if every == SUBDIVISIONS else _ELSEWHERE_OFF


def _pulse(lattice: Lattice, every: int) -> float:
    """What speaks for an odd level: the song repeats after it more than after the levels around it."""
    if every in _LEVELS:
        return 0.0
    lower, upper = _ODD_LEVELS[every]
    if upper >= lattice.alike.shape[0]:
        return 2.0 * _ODD
    around = 0.5 * float(lattice.alike[lower] + lattice.alike[upper])
    return _ODD + _PULSE * (float(lattice.alike[every]) - around)


def _read_level(lattice: Lattice, every: int, offset: int, prior: float) -> list[Reading]:
    """The readings with one kind of beat."""
    at = np.arange(offset, lattice.times_s.shape[0], every)
    if at.shape[0] < 8:
        return []
    bpm = 60.0 / float(np.median(np.diff(lattice.times_s[at])))
    if not _SLOWEST_BPM <= bpm <= _FASTEST_BPM:
        return []
    level = prior + _on_beats(lattice, at, every)
    readings = []
    for metre in METRES:
        tempo = -0.5 * (math.log2(bpm / metre.centre_bpm) / _TEMPO_OCTAVES) ** 2
        score = level + metre.prior + tempo + _BAR_ALIKE * _bars_alike(lattice, metre.count, every)
        readings += [
            Reading(
                every=every,
                offset=offset,
                metre=metre,
                first=first,
                score=score + _first_beats(lattice, at, metre, first),
            )
            for first in range(metre.count)
        ]
    return readings


def _on_beats(lattice: Lattice, at: NDArray[np.int64], every: int) -> float:
    """How much more happens on beats than half-way between."""
    between = at[:-1] + every // 2
    weights = {_KICK: 0.9, _SNARE: 0.9, _BASS: 0.4, _OTHER: 0.4}
    return sum(
        weight * _loudness(lattice, stream) * _contrast(lattice.onsets[stream], at, between)
        for stream, weight in weights.items()
    )


def _first_beats(lattice: Lattice, at: NDArray[np.int64], metre: Metre, first: int) -> float:
    """How much the beats that would be first differ from the others, as first beats do."""
    beats = np.arange(at.shape[0])
    position = (beats - first) % metre.count
    ones, others = at[position == 0], at[position != 0]
    backbeat = np.isin(position, metre.backbeats)
    onsets = lattice.onsets
    score = 0.6 * _contrast(onsets[_KICK], ones, others)
    score += 0.3 * _contrast(onsets[_HAT], ones, others)
    score += 0.8 * _loudness(lattice, _BASS) * _contrast(onsets[_BASS], ones, others)
    score += 0.4 * _loudness(lattice, _OTHER) * _contrast(onsets[_OTHER], ones, others)
    score += 1.5 * _contrast(lattice.chords, ones, others) + 1.2 * _contrast(lattice.phrases, ones, others)
    score += metre.backbeat_weight * _contrast(onsets[_SNARE], at[backbeat], at[~backbeat])
    if metre.count == 4:
        strong = position % 2 == 0
        score += 0.3 * _contrast(onsets[_KICK], at[strong], at[~strong])
    if lattice.opening_s is not None and abs(lattice.times_s[at[first]] - lattice.opening_s) < _OPENING_S:
        score += _OPENING
    return score


def _loudness(lattice: Lattice, stream: int) -> float:
    return _ALONE if not lattice.drums and stream in (_BASS, _OTHER) else 1.0


def _contrast(values: Floats, inside: NDArray[np.int64], outside: NDArray[np.int64]) -> float:
    """How much higher values are at some places than at others, in deviations, -1 to 1."""
    if not inside.size or not outside.size:
        return 0.0
    some, rest = values[inside], values[outside]
    spread = float(np.concatenate([some, rest]).std())
    return math.tanh(float(some.mean() - rest.mean()) / (spread + _NEPERS * float(values.std()) + 1e-9))


def _bars_alike(lattice: Lattice, count: int, every: int) -> float:
    """How much more a bar is like the next than other spans of the song are, about -1 to 1."""
    lag = count * every
    if lag >= lattice.alike.shape[0]:
        return 0.0
    return float(lattice.alike[lag] - lattice.alike[_GRAIN::_GRAIN].mean())


def _self_similarity(rows: Floats, lags: int) -> Floats:
    """Correlation of rows with themselves, mean of all that are not constant, (lags,)."""
    count = rows.shape[1]
    size = 1 << (2 * count).bit_length()
    total, used = np.zeros(lags), 0
    for row in rows:
        centred = row - row.mean()
        power = float(centred @ centred)
        if power > 1e-9:
            products = np.fft.irfft(np.square(np.abs(np.fft.rfft(centred, size))))[:lags]
            total += products / power * count / (count - np.arange(lags))
            used += 1
    return total / max(used, 1)


def _changes(chroma: NDArray[np.float32], frames: NDArray[np.int64], span_s: float) -> Floats:
    """One less the cosine between the mean chroma before and after each frame, 0 to 1."""
    span = round(span_s * FRAME_HZ)
    sums = np.concatenate(
        [np.zeros((1, chroma.shape[1])), np.cumsum(np.sqrt(chroma), axis=0, dtype=np.float64)]
    )
    low, high = np.maximum(frames - span, 0), np.minimum(frames + span, chroma.shape[0])
    before, after = sums[frames] - sums[low], sums[high] - sums[frames]
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    products = (before * after).sum(axis=1)
    return np.asarray(np.where(lengths > 1e-12, 1.0 - products / np.maximum(lengths, 1e-12), 0.0), np.float64)


def probabilities(readings: Sequence[Reading]) -> Floats:
    """Softmax of the readings' scores, (readings,)."""
    scores = np.array([reading.score for reading in readings])
    odds = np.exp(scores - scores.max())
    return np.asarray(odds / odds.sum(), np.float64)
