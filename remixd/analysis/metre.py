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
from remixd.analysis.metre_weights import EVIDENCE, weights_of
from remixd.analysis.rhythm_features import CHROMA_HZ, FRAME_HZ
from remixd.analysis.rhythm_streams import STREAMS, WEIGHTS, Streams

Floats = NDArray[np.float64]

SUBDIVISIONS: Final = 12
"""Of a tracked beat: quarters and thirds of it, of its half and of its double."""
_KICK, _SNARE, _HAT, _BASS, _OTHER = range(5)
_LEVELS: Final = (6, 12, 24)
"""Subdivisions that a beat is likely to last: what was tracked, its half or its double."""
_ODD_LEVELS: Final = {4: (3, 6), 8: (6, 12), 9: (6, 12), 16: (12, 24), 18: (12, 24), 36: (24, 48)}
"""The less likely ones, and the levels below and above."""
_SLOWEST_BPM: Final = 50.0
_FASTEST_BPM: Final = 215.0
_TEMPO_OCTAVES: Final = 0.5
_CHORD_S: Final = 0.6
_PHRASE_S: Final = 2.2
_GRAIN: Final = 3  # subdivisions between the spans that a bar is set against
_OPENING_S: Final = 0.1
_EVENT: Final = 1.5
"""Of a stream: what is higher is a stroke or note."""
_LONGEST: Final = 48
_HEARD: Final = 0.5
_FILLED: Final = 0.4
"""Share of the beats on which at least something is heard."""
_BLEED: Final = 0.7
_NEPERS: Final = 0.25
"""Share of a stream's own deviation below which a difference says little."""


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
        roots: the same of the bass, within a beat.
        lengths: float64 (6, places), log of how long what begins there lasts until the next, 0 for nothing.
        alike: float64 (lags,), correlation of the song with itself so many subdivisions later.
        recurs: the same of all streams together.
        chords_alike: the same of `chords`.
        answers: the same of the snare with the kick.
        opening_s: where sound begins, None if it does at once.
        drums: whether there is a drum stem.
    """

    times_s: Floats
    onsets: Floats
    chords: Floats
    phrases: Floats
    roots: Floats
    lengths: Floats
    alike: Floats
    recurs: Floats
    chords_alike: Floats
    answers: Floats
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
    onsets = _told_apart(onsets.astype(np.float64))
    chords = _changes(streams.chroma, times_s, _CHORD_S)
    lags = max(1, min(6 * max(_ODD_LEVELS) + 1, times_s.shape[0] - SUBDIVISIONS))
    kick, snare = onsets[_KICK], onsets[_SNARE]
    together = WEIGHTS @ onsets
    return Lattice(
        times_s=times_s,
        onsets=onsets,
        chords=chords,
        phrases=_changes(streams.chroma, times_s, _PHRASE_S),
        roots=_changes(streams.bass_chroma, times_s, _CHORD_S),
        lengths=np.stack([_lengths(row) for row in onsets]),
        alike=_mean_alike(onsets, lags),
        recurs=_similarity(together, together, lags),
        chords_alike=_similarity(chords, chords, lags),
        answers=0.5 * (_similarity(kick, snare, lags) + _similarity(snare, kick, lags)),
        opening_s=start_s if start_s > _OPENING_S else None,
        drums=streams.drums,
    )


def read_metre(lattice: Lattice) -> list[Reading]:
    """Score every reading, best first; empty where there are fewer than two bars. Thread: [ingest]."""
    weights = weights_of(lattice.drums)
    readings = [
        Reading(every=every, offset=offset, metre=metre, first=first, score=float(weights @ evidence))
        for every, offset, metre, first, evidence in gather_evidence(lattice)
    ]
    return sorted(readings, key=lambda reading: -reading.score)


def gather_evidence(lattice: Lattice) -> Iterator[tuple[int, int, Metre, int, Floats]]:
    """Every reading with what speaks for it, in the order of EVIDENCE."""
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
            level = {**_level_evidence(lattice, at, every), **off}
            for metre in METRES:
                bars = {**level, **_bar_evidence(lattice, metre, every, bpm)}
                for first in range(metre.count):
                    found = {**bars, **_first_evidence(lattice, at, metre, first)}
                    yield every, offset, metre, first, np.array([found.get(name, 0.0) for name in EVIDENCE])


def _offsets(every: int) -> Iterator[tuple[int, dict[str, float]]]:
    """Where beats may lie: on tracked beats, or half-way between."""
    step = math.gcd(every, SUBDIVISIONS)
    yield from ((offset, {}) for offset in range(0, every, step))
    if every % 2 == 0 and every // 2 % step:
        yield every // 2, {"half off" if every == SUBDIVISIONS else "elsewhere": 1.0}


def _level_evidence(lattice: Lattice, at: NDArray[np.int64], every: int) -> dict[str, float]:
    """Whether less happens on beats than half-way between, and how much the song repeats after one.

    That more happens on beats says nothing for their level: it is as true of half of them.
    """
    between = at[:-1] + every // 2
    found = {
        f"{name} beat": min(_contrast(lattice.onsets[stream], at, between), 0.0)
        for stream, name in enumerate(STREAMS[:5])
    }
    found["pulse"] = _alike(lattice, every)
    found["answer"] = _at(lattice.answers, every)
    found["answer late"] = _at(lattice.answers, 2 * every)
    found["bass long beat"] = min(_contrast(lattice.lengths[_BASS], at, between), 0.0)
    found["other long beat"] = min(_contrast(lattice.lengths[_OTHER], at, between), 0.0)
    if every in _ODD_LEVELS:
        lower, upper = _ODD_LEVELS[every]
        around = 0.5 * (_alike(lattice, lower) + _alike(lattice, upper))
        found |= {"odd": 1.0, "odd pulse": _alike(lattice, every) - around}
    return found


def _bar_evidence(lattice: Lattice, metre: Metre, every: int, bpm: float) -> dict[str, float]:
    """How likely the tempo is, and how much the song repeats after a bar."""
    octaves = math.log2(bpm / metre.centre_bpm)
    others = [beats for beats in range(2, 9) if beats % metre.count]
    bar = _alike(lattice, metre.count * every)
    threes = _alike(lattice, 3 * every) - 0.5 * (_alike(lattice, 2 * every) + _alike(lattice, 4 * every))
    return {
        metre.name: 1.0,
        "tempo": -0.5 * (octaves / _TEMPO_OCTAVES) ** 2,
        "bar alike": bar,
        "chords alike": _at(lattice.chords_alike, metre.count * every),
        "bar apart": bar - float(np.mean([_alike(lattice, beats * every) for beats in others])),
        f"threes in {metre.name}": threes,
    }


def _first_evidence(lattice: Lattice, at: NDArray[np.int64], metre: Metre, first: int) -> dict[str, float]:
    """How much the beats that would be first differ from the others, as first beats do."""
    position = (np.arange(at.shape[0]) - first) % metre.count
    ones, others = at[position == 0], at[position != 0]
    found = {
        f"{name} one": _contrast(lattice.onsets[stream], ones, others)
        for stream, name in enumerate(STREAMS[:5])
        if name != "snare"
    }
    found["chord one"] = _contrast(lattice.chords, ones, others)
    found["root one"] = _contrast(lattice.roots, ones, others)
    found["phrase one"] = _contrast(lattice.phrases, ones, others)
    found["bass long one"] = _contrast(lattice.lengths[_BASS], ones, others)
    found["other long one"] = _contrast(lattice.lengths[_OTHER], ones, others)
    found["all one"] = _contrast(lattice.onsets.sum(axis=0), ones, others)
    back = np.isin(position, metre.backbeats)
    found[f"backbeat {metre.name}"] = _contrast(lattice.onsets[_SNARE], at[back], at[~back])
    half = position % (metre.count // 2) == 0 if metre.count % 2 == 0 else position == 0
    found[f"kick half {metre.name}"] = _contrast(lattice.onsets[_KICK], at[half], at[~half])
    if lattice.opening_s is not None and abs(lattice.times_s[at[first]] - lattice.opening_s) < _OPENING_S:
        found["opening"] = 1.0
    return found


def _at(curve: Floats, lag: int) -> float:
    return float(curve[lag]) if lag < curve.shape[0] else 0.0


def _alike(lattice: Lattice, lag: int) -> float:
    """How much more the song is like itself so many subdivisions later than on average, about -1 to 1."""
    if lag >= lattice.alike.shape[0]:
        return 0.0
    return float(lattice.alike[lag] - lattice.alike[_GRAIN::_GRAIN].mean())


def _contrast(values: Floats, inside: NDArray[np.int64], outside: NDArray[np.int64]) -> float:
    """How much higher values are at some places than at others, in deviations, -1 to 1."""
    if not inside.size or not outside.size:
        return 0.0
    some, rest = values[inside], values[outside]
    spread = float(np.concatenate([some, rest]).std())
    return math.tanh(float(some.mean() - rest.mean()) / (spread + _NEPERS * float(values.std()) + 1e-9))


def _told_apart(onsets: Floats) -> Floats:
    """Without the click of the kick in the snare's bands, and the snare's body in the kick's."""
    kick, snare = onsets[_KICK], onsets[_SNARE]
    apart = [np.maximum(kick - _BLEED * snare, 0.0), np.maximum(snare - _BLEED * kick, 0.0)]
    return np.concatenate([np.stack(apart), onsets[2:]])


def _mean_alike(rows: Floats, lags: int) -> Floats:
    """Correlation of rows with themselves, mean of all that are not silent, (lags,)."""
    found = [_similarity(row, row, lags) for row in rows if row.any()]
    return np.asarray(np.mean(found, axis=0), np.float64) if found else np.zeros(lags)


def _similarity(earlier: Floats, later: Floats, lags: int) -> Floats:
    """Correlation of one curve with another so many places later, -1 to 1, (lags,)."""
    count = earlier.shape[0]
    size = 1 << (2 * count).bit_length()
    first, second = earlier - earlier.mean(), later - later.mean()
    power = math.sqrt(float(first @ first) * float(second @ second))
    if power < 1e-9:
        return np.zeros(lags)
    products = np.fft.irfft(np.conj(np.fft.rfft(first, size)) * np.fft.rfft(second, size))[:lags]
    return np.asarray(products / power * count / (count - np.arange(lags)), np.float64)


def _lengths(row: Floats) -> Floats:
    """Log of the places from each that something begins at to the next, 0 where nothing does."""
    events = np.flatnonzero(row > _EVENT)
    found = np.zeros(row.shape[0])
    gaps = np.diff(np.append(events, row.shape[0]))
    found[events] = np.log2(1.0 + np.minimum(gaps, _LONGEST) / 3.0)
    return found


def _changes(chroma: NDArray[np.float32], times_s: Floats, span_s: float) -> Floats:
    """One less the cosine between the mean chroma before and after each time, 0 to 1."""
    at = np.clip(np.round(times_s * CHROMA_HZ).astype(np.int64), 0, chroma.shape[0])
    span = round(span_s * CHROMA_HZ)
    above = np.maximum(chroma - np.median(chroma, axis=1, keepdims=True), 0.0)
    sums = np.concatenate(
        [np.zeros((1, chroma.shape[1])), np.cumsum(np.sqrt(above), axis=0, dtype=np.float64)]
    )
    low, high = np.maximum(at - span, 0), np.minimum(at + span, chroma.shape[0])
    before, after = sums[at] - sums[low], sums[high] - sums[at]
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    products = (before * after).sum(axis=1)
    return np.asarray(np.where(lengths > 1e-12, 1.0 - products / np.maximum(lengths, 1e-12), 0.0), np.float64)


def probabilities(readings: Sequence[Reading]) -> Floats:
    """Softmax of the readings' scores, (readings,)."""
    scores = np.array([reading.score for reading in readings])
    odds = np.exp(scores - scores.max())
    return np.asarray(odds / odds.sum(), np.float64)
