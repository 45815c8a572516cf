"""What a song does at every subdivision of its tempo map: where evidence for beats and bars is looked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.beat_grid import TempoMap
from remixd.analysis.rhythm_features import CHROMA_HZ, FRAME_HZ
from remixd.analysis.rhythm_streams import STREAMS, WEIGHTS, Curve, Streams
from remixd.analysis.rhythm_vote import Vote

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

SUBDIVISIONS: Final = 12
"""Of a tracked beat: quarters and thirds of it, of its half and of its double."""
EVENT: Final = 1.5
"""Of a stream: what is higher is a stroke or note."""
_CHORD_S: Final = 0.6
_PHRASE_S: Final = 2.2
_SECTION_S: Final = 5.0
_WASH_S: Final = 0.7
_REST_S: Final = 4.0
"""After such a rest a stream enters anew."""
_OPENING_S: Final = 0.1
_LONGEST: Final = 48
_BLEED: Final = 0.7
_LAGS: Final = 600
"""Subdivisions: four bars of most metres."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How much a song is like itself some subdivisions later, -1 to 1.

    Attributes:
        alike: float64 (lags,), mean correlation of its streams with themselves.
        recurs: the same of all streams together.
        chords: the same of the changes of harmony.
        answers: correlation of the snare with the kick, and of the kick with the snare.
    """

    alike: Floats
    recurs: Floats
    chords: Floats
    answers: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """What streams and harmony do at every subdivision of a map.

    Attributes:
        times_s: float64 (places,).
        onsets: float64 (6, places), STREAMS at each.
        chords, phrases: float64 (places,), how much the harmony changes there within a beat, and a bar.
        roots: the same of the bass, within a beat.
        sections: the same of all that sounds, within five seconds.
        washes: how much brighter what follows is than what was before, in nepers: crash cymbals.
        entries: how many streams set in there after a rest.
        lengths: float64 (6, places), log of how long what begins there lasts until the next, 0 for nothing.
        likeness: of the song to itself.
        opening_s: where sound begins, None if it does at once.
        drums: whether there is a drum stem.
        vote: what others take the tempo for.
    """

    times_s: Floats
    onsets: Floats
    chords: Floats
    phrases: Floats
    roots: Floats
    sections: Floats
    washes: Floats
    entries: Floats
    lengths: Floats
    likeness: Likeness
    opening_s: float | None
    drums: bool
    vote: Vote


def lattice_of(tempo: TempoMap, streams: Streams, vote: Vote) -> Lattice:
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
    onsets = onsets.astype(np.float64) if streams.drums else _told_apart(onsets.astype(np.float64))
    chords = _changes(_peaks(streams.chroma), times_s, _CHORD_S, CHROMA_HZ)
    return Lattice(
        times_s=times_s,
        onsets=onsets,
        chords=chords,
        phrases=_changes(_peaks(streams.chroma), times_s, _PHRASE_S, CHROMA_HZ),
        roots=_changes(_peaks(streams.bass_chroma), times_s, _CHORD_S, CHROMA_HZ),
        sections=_changes(streams.texture, times_s, _SECTION_S, CHROMA_HZ),
        washes=_washes(streams.brightness, times_s),
        entries=_entries(onsets, times_s),
        lengths=np.stack([_lengths(row) for row in onsets]),
        likeness=_likeness(onsets, chords),
        opening_s=start_s if start_s > _OPENING_S else None,
        drums=streams.drums,
        vote=vote,
    )


def _likeness(onsets: Floats, chords: Floats) -> Likeness:
    """How much songs are like themselves at every lag that is a few bars or less."""
    lags = max(1, min(_LAGS, onsets.shape[1] - SUBDIVISIONS))
    kick, snare = onsets[STREAMS.index("kick")], onsets[STREAMS.index("snare")]
    together = WEIGHTS @ onsets
    return Likeness(
        alike=_mean_alike(onsets, lags),
        recurs=_similarity(together, together, lags),
        chords=_similarity(chords, chords, lags),
        answers=0.5 * (_similarity(kick, snare, lags) + _similarity(snare, kick, lags)),
    )


def _told_apart(onsets: Floats) -> Floats:
    """Without the click of the kick in the snare's bands, and the snare's body in the kick's."""
    kick, snare = onsets[STREAMS.index("kick")], onsets[STREAMS.index("snare")]
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
    events = np.flatnonzero(row > EVENT)
    found = np.zeros(row.shape[0])
    gaps = np.diff(np.append(events, row.shape[0]))
    found[events] = np.log2(1.0 + np.minimum(gaps, _LONGEST) / 3.0)
    return found


def _entries(onsets: Floats, times_s: Floats) -> Floats:
    """How many streams begin at each place that were at rest for some seconds before."""
    found = np.zeros(times_s.shape[0])
    for row in onsets:
        events = np.flatnonzero(row > EVENT)
        rests = np.diff(times_s[events], prepend=-np.inf) > _REST_S
        found[events[rests]] += 1.0
    return found


def _washes(brightness: Curve, times_s: Floats) -> Floats:
    """Rise of the mean log level of what is bright, from before each time to after it."""
    at, low, high, sums = _spans(brightness[:, None], times_s, _WASH_S, FRAME_HZ)
    after = (sums[high] - sums[at])[:, 0] / np.maximum(high - at, 1)
    before = (sums[at] - sums[low])[:, 0] / np.maximum(at - low, 1)
    return np.asarray(np.where((high > at) & (at > low), after - before, 0.0), np.float64)


def _peaks(chroma: Curve) -> Curve:
    """Chroma above its median, compressed."""
    above = np.maximum(chroma - np.median(chroma, axis=1, keepdims=True), 0.0)
    return np.asarray(np.sqrt(above), np.float32)


def _changes(rows: Curve, times_s: Floats, span_s: float, rate_hz: float) -> Floats:
    """One less the cosine between the mean row before and after each time, 0 to 1."""
    at, low, high, sums = _spans(rows, times_s, span_s, rate_hz)
    before, after = sums[at] - sums[low], sums[high] - sums[at]
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    products = (before * after).sum(axis=1)
    return np.asarray(np.where(lengths > 1e-12, 1.0 - products / np.maximum(lengths, 1e-12), 0.0), np.float64)


def _spans(
    rows: Curve, times_s: Floats, span_s: float, rate_hz: float
) -> tuple[Places, Places, Places, Floats]:
    """Rows at each time, a span before and after it, and the sums of all rows before each."""
    at = np.clip(np.round(times_s * rate_hz).astype(np.int64), 0, rows.shape[0])
    span = round(span_s * rate_hz)
    sums = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0, dtype=np.float64)])
    return at, np.maximum(at - span, 0), np.minimum(at + span, rows.shape[0]), sums
