"""Tempo and beats of a whole song, a first cut: essentia's RhythmExtractor2013 on the mix.

The beats are essentia's "multifeature" ticks (Zapata, Davies and Gomez 2014). What it also hears in
noise, tones and silence is left out by asking whether the onsets repeat at the period it found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Mono = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

ANALYSIS_HZ: Final = 44_100
"""The only rate that RhythmExtractor2013 knows."""
SHORTEST_S: Final = 3.0
BEATS_LEAST: Final = 4
PIECE_S: Final = 600
"""Longer songs are taken in pieces: the extractor needs 40 MB a minute."""
CONFIDENCE_MOST: Final = 5.32
"""The greatest agreement that the extractor can report (essentia's documentation)."""
CLEAR: Final = 0.2
"""How far onsets must correlate with themselves one, two or four beats later. Noise reaches .18 in 5 s
and .08 in 30 s, the songs this was measured on .23 to .97."""
QUIET: Final = 1e-4
_HOP: Final = 441
_WINDOW: Final = 1024
_FLUX_LEAST: Final = 0.02
"""Onsets of a steady tone: rounding noise, which would correlate perfectly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beats:
    """Beats in seconds, rising; `bpm` is None and `times_s` empty where there is no beat to be heard.

    `confidence` is 0 to 1, essentia's own: the agreement of five trackers, 0 for songs under about 8 s.
    """

    bpm: float | None = None
    times_s: tuple[float, ...] = ()
    confidence: float = 0.0


def find_beats(mix: Mono) -> Beats:
    """Find the beats of a mix: mono float32 (frames,) at ANALYSIS_HZ, all finite. Thread: [ingest]."""
    if mix.shape[0] < SHORTEST_S * ANALYSIS_HZ or float(np.abs(mix).max()) < QUIET:
        return Beats()
    ticks: list[float] = []
    tempi: list[tuple[float, float, int]] = []
    for start, piece in _pieces(mix):
        bpm, found, confidence = _extract(piece)
        if found.shape[0] >= BEATS_LEAST and clarity(piece, float(np.median(np.diff(found)))) >= CLEAR:
            seam = ticks[-1] + 0.7 * 60.0 / bpm if ticks else 0.0
            ticks += [float(tick) for tick in start + found if tick + start >= seam]
            tempi.append((bpm, confidence, found.shape[0]))
    if len(ticks) < BEATS_LEAST:
        return Beats()
    duration_s = mix.shape[0] / ANALYSIS_HZ
    times = np.unique(np.round([tick for tick in ticks if 0.0 <= tick <= duration_s], 4))
    bpm, confidence, _ = max(tempi, key=lambda piece: piece[2])
    return Beats(bpm=round(bpm, 3), times_s=tuple(times.tolist()), confidence=round(confidence, 3))


def _pieces(mix: Mono) -> Iterator[tuple[float, Mono]]:
    """Start in seconds and samples of each piece; the last may be half as long again, none is short."""
    size = PIECE_S * ANALYSIS_HZ
    count = max(1, round(mix.shape[0] / size))
    for index in range(count):
        stop = (index + 1) * size if index + 1 < count else mix.shape[0]
        yield float(index * PIECE_S), mix[index * size : stop]


def _extract(piece: Mono) -> tuple[float, Floats, float]:
    """Bpm, ticks in seconds, and confidence from 0 to 1, as essentia finds them."""
    import essentia

    essentia.log.infoActive = False
    essentia.log.warningActive = False
    import essentia.standard as algorithms  # takes .6 s, and only imports need it

    extractor = algorithms.RhythmExtractor2013(method="multifeature")
    bpm, ticks, confidence, _, _ = extractor(np.ascontiguousarray(piece))
    times = np.asarray(ticks, np.float64)
    scaled = min(max(float(confidence) / CONFIDENCE_MOST, 0.0), 1.0)
    return float(bpm), times[np.isfinite(times)], scaled


def clarity(mix: Mono, period_s: float) -> float:
    """How much the onsets of a mix at ANALYSIS_HZ repeat after one, two or four periods; about 0 to 1."""
    flux = _flux(mix)
    if flux.shape[0] < 2 or float(flux.max()) < _FLUX_LEAST:
        return 0.0
    flux = flux - flux.mean()
    size = 1 << (2 * flux.shape[0] - 1).bit_length()
    power = np.abs(np.fft.rfft(flux, size)) ** 2
    lags = np.fft.irfft(power)[: flux.shape[0]]
    best = 0.0
    for periods in (1, 2, 4):
        lag = round(periods * period_s * ANALYSIS_HZ / _HOP)
        near = lags[max(lag - 2, 1) : lag + 3]
        if near.size and lag < flux.shape[0] * 0.75:
            best = max(best, float(near.max() / lags[0]) * flux.shape[0] / (flux.shape[0] - lag))
    return best


def _flux(mix: Mono) -> Floats:
    """Rise of the log spectrum below 11 kHz at 100 frames a second, mean of the bins (frames,)."""
    count = max(0, (mix.shape[0] - _WINDOW) // _HOP + 1)
    window = np.hanning(_WINDOW).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(mix, _WINDOW)[::_HOP][:count] if count else None
    if frames is None:
        return np.zeros(0)
    spectra = [np.abs(np.fft.rfft(frames[i : i + 1000] * window))[:, :256] for i in range(0, count, 1000)]
    spectrum = np.concatenate(spectra)
    levels = np.log1p(100.0 * spectrum / max(float(np.percentile(spectrum, 99)), 1e-9))
    return np.asarray(np.maximum(levels[2:] - levels[:-2], 0.0).mean(axis=1), np.float64)
