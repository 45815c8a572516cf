"""Chroma: how strongly each of the twelve pitch classes sounds, above and in the bass.

Notes are explained by harmonic series with non-negative least squares, so that an overtone does not count
as a note (Mauch and Dixon, "Approximate note transcription for the improved identification of difficult
chords", ISMIR 2010); here stem by stem and span by span.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.tones import BINS_A_SEMITONE, HOP_S, LOWEST_PITCH, PITCHES, Tones
from remixd.units import StemRole

Chromas = NDArray[np.float64]
"""(spans, 12), from C upwards."""

_PARTIALS: Final = 12
_FALL: Final = 0.7
"""Amplitude of each partial beside the one below it."""
_ROUNDS: Final = 40
_SPANS_AT_ONCE: Final = 2048
_SILENT_DB: Final = -45.0
"""Below the loud parts of the song; a span quieter than this has no chord."""
_LEAST: Final = 0.05
"""Of the tones' unit: about -86 dBFS."""
_BASS_SHARE: Final = 0.02
"""Of all that sounds: with less, nobody plays the bass."""
_TREBLE_FROM: Final = 48, 57  # where it fades in, if the bass is in the same stem: C3 to A3
_TREBLE_UNTIL: Final = 72, 90  # where it fades out: what is above are overtones more often than notes
_LOUDNESS_POWER: Final = 0.75
_WHITENED: Final = 0.5
_WHITENED_PITCHES: Final = 25
_BASS_UNTIL: Final = 48, 58  # where it fades out: the lowest voice of most music


@dataclass(frozen=True, slots=True, kw_only=True)
class Harmony:
    """The pitch classes of spans of a song.

    Attributes:
        treble: float64 (spans, 12), of what plays chords; the greatest is 1, all are 0 in silence.
        bass: the same of the bass, its sum 1, or 0 where none sounds.
        sounds: bool (spans,): whether there is anything tonal to speak of.
        tuning_cents: of the song beside A4 = 440 Hz, -50 to 50.
    """

    treble: Chromas
    bass: Chromas
    sounds: NDArray[np.bool_]
    tuning_cents: float


def find_harmony(tones: Mapping[StemRole, Tones], edges_s: NDArray[np.float64]) -> Harmony:
    """Find the pitch classes between each two neighbouring times.

    Drums are never asked, vocals only where there is nothing else; the bass stem gives the bass and, alone,
    everything. Without one, low notes of the others do.

    Args:
        tones: of stems that play, those of one role added up.
        edges_s: rising, (spans + 1,).

    Thread: [ingest].
    """
    chordal = _first(tones, ("other", "vocals", "bass"))
    spans = max(0, edges_s.shape[0] - 1)
    if chordal is None or not spans:
        nothing = np.zeros((spans, 12))
        return Harmony(treble=nothing, bass=nothing, sounds=np.zeros(spans, np.bool_), tuning_cents=0.0)
    low = _first(tones, ("bass",)) or chordal
    tuning_cents = find_tuning(chordal)
    notes = _notes(_mean_spectra(chordal, edges_s), tuning_cents)
    low_notes = notes if low is chordal else _notes(_mean_spectra(low, edges_s), tuning_cents)
    pitches = LOWEST_PITCH + np.arange(PITCHES)
    treble_weights = 1.0 - _ramp(pitches, *_TREBLE_UNTIL)
    bass_weights = 1.0 - _ramp(pitches, *_BASS_UNTIL)
    if "bass" not in tones:
        treble_weights *= _ramp(pitches, *_TREBLE_FROM)
    elif low is not chordal:
        bass_weights = 1.0 - _ramp(pitches - 12, *_BASS_UNTIL)
    treble = _fold(notes**_LOUDNESS_POWER * treble_weights)
    bass = _fold(low_notes * bass_weights)
    level, low_level = notes.sum(axis=1), bass.sum(axis=1)
    sounds = level > _quiet(level)
    heard = low_level > np.maximum(_quiet(low_level), _BASS_SHARE * level)
    treble = np.where(sounds[:, None], treble, 0.0)
    return Harmony(
        treble=treble / np.maximum(treble.max(axis=1, keepdims=True), 1e-12),
        bass=np.where(heard[:, None], bass / np.maximum(low_level[:, None], 1e-12), 0.0),
        sounds=sounds,
        tuning_cents=tuning_cents,
    )


def find_tuning(tones: Tones) -> float:
    """How far the song's pitches lie above those of A4 = 440 Hz, in cents, -50 to 50.

    The phase of what repeats every semitone in the mean spectrum (Mauch and Dixon 2010, section 2.1).
    """
    mean = tones.amplitudes.mean(axis=0, dtype=np.float64)
    turns = np.exp(-2j * np.pi * np.arange(mean.shape[0]) / BINS_A_SEMITONE)
    phase = float(np.angle(np.sum(mean * turns) * np.exp(2j * np.pi / BINS_A_SEMITONE)))
    return -phase * 50.0 / np.pi


def _first(tones: Mapping[StemRole, Tones], roles: tuple[StemRole, ...]) -> Tones | None:
    """The first of these that is there and sounds."""
    return next((tones[role] for role in roles if role in tones and tones[role].amplitudes.any()), None)


def _mean_spectra(tones: Tones, edges_s: NDArray[np.float64]) -> Chromas:
    """Mean amplitudes between the edges, each frame counting for the time it is nearest to."""
    amplitudes = tones.amplitudes
    count = amplitudes.shape[0]
    at = np.clip(edges_s / HOP_S + 0.5, 0.0, count)
    spectra = np.zeros((edges_s.shape[0] - 1, amplitudes.shape[1]))
    for span, (start, stop) in enumerate(itertools.pairwise(at)):
        first, last = int(start), min(int(np.ceil(stop)), count)
        if last <= first or stop <= start:
            continue
        weights = np.ones(last - first)
        weights[0] -= start - first
        weights[-1] -= last - stop
        spectra[span] = weights @ amplitudes[first:last].astype(np.float32) / (stop - start)
    return spectra


def _notes(spectra: Chromas, tuning_cents: float) -> Chromas:
    """Amplitudes of notes that together make the spectra, (spans, 73), by multiplicative updates.

    Lee and Seung, "Algorithms for non-negative matrix factorization", NIPS 2000, equation 4.
    """
    semitones = _whitened(_semitones(spectra, tuning_cents))
    series = _harmonic_series()
    gram = series @ series.T
    found = []
    for first in range(0, max(1, semitones.shape[0]), _SPANS_AT_ONCE):
        wanted = semitones[first : first + _SPANS_AT_ONCE] @ series.T
        notes = wanted.copy()
        for _ in range(_ROUNDS):
            notes *= wanted / (notes @ gram + 1e-9)
        found.append(notes)
    return np.concatenate(found)


def _semitones(spectra: Chromas, tuning_cents: float) -> Chromas:
    """Sum the bins of each semitone, moved by the tuning."""
    bins = np.arange(PITCHES * BINS_A_SEMITONE)
    place = (bins - 1 - tuning_cents / 100.0 * BINS_A_SEMITONE) / BINS_A_SEMITONE
    nearest = np.rint(place).astype(np.int64)
    off = np.abs(place - nearest)
    weight = np.clip(1.5 - 2.0 * off, 0.0, 1.0)
    matrix = np.zeros((bins.shape[0], PITCHES))
    inside = (nearest >= 0) & (nearest < PITCHES)
    matrix[bins[inside], nearest[inside]] = weight[inside]
    return np.asarray(spectra @ matrix)


def _whitened(semitones: Chromas) -> Chromas:
    """Take half (in dB) of what is the stem's timbre, its mean spectrum over about an octave, away.

    The overall level stays.
    """
    mean = semitones.mean(axis=0)
    shape = np.hanning(_WHITENED_PITCHES)[1:-1]
    smooth = np.convolve(mean, shape, "same") / np.convolve(np.ones(PITCHES), shape, "same")
    highest = float(smooth.max(initial=0.0))
    return np.asarray(semitones * (highest / np.maximum(smooth, 1e-3 * highest + 1e-9)) ** _WHITENED)


@cache
def _harmonic_series() -> Chromas:
    """The spectrum of each note, (73 notes, 73 semitones)."""
    series = np.zeros((PITCHES, PITCHES))
    for partial in range(1, _PARTIALS + 1):
        up = round(12 * np.log2(partial))
        notes = np.arange(PITCHES - up)
        series[notes, notes + up] += _FALL ** (partial - 1)
    return series


def _ramp(pitches: NDArray[np.int64], low: float, high: float) -> NDArray[np.float64]:
    return np.clip((pitches - low) / (high - low), 0.0, 1.0)


def _fold(notes: Chromas) -> Chromas:
    """Add up octaves; the lowest pitch is a C."""
    padded = np.pad(notes, ((0, 0), (0, -PITCHES % 12)))
    return np.asarray(padded.reshape(notes.shape[0], -1, 12).sum(axis=1))


def _quiet(level: NDArray[np.float64]) -> float:
    """What counts as silence beside the loud parts."""
    return max(_LEAST, float(np.percentile(level, 90)) * float(10.0 ** (_SILENT_DB / 20)))
