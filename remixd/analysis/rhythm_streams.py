"""The streams that rhythm is read from: kick, snare, hat, bass, everything else, and the harmony."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.rhythm_features import CHROMA_HZ, FRAME_HZ, PITCHES, RhythmFeatures, StemFeatures

Curve = NDArray[np.float32]

STREAMS: Final = ("kick", "snare", "hat", "bass", "other", "vocals")
"""In the order of `Streams.onsets`."""
WEIGHTS: Final = np.array([1.0, 0.9, 0.35, 0.6, 0.6, 0.2], np.float32)
"""Of the streams in the activation."""
KICK_HZ: Final = 130.0
SNARE_HZ: Final = (180.0, 4000.0)
HAT_HZ: Final = 5000.0
_LAG: Final = 2
_QUIETEST: Final = 1e-5
"""Amplitude of -100 dBFS: a song whose 90th percentile is below it is silent."""
_SOUNDING: Final = 1e-3
"""Of the loudest: what is softer is a rest."""
_CHUNK: Final = 6000
_MEAN_S: Final = 1.0
_LEVEL_S: Final = 8.0
_OF_SONG: Final = 0.25
_STEADY: Final = 0.05
"""The flux of a vibrato: what hardly ever rises more begins nothing."""
_RISING: Final = 20
"""Frames: more than the edges of one steady sound."""
_HIGHEST: Final = 12.0
_CLAMP: Final = 4.0
"""Of a stream in the activation."""
_COMPRESSION: Final = 20.0
_HEARD: Final = 0.003
"""Of the song's 90th percentile: a stream below it is a trace of another."""
_REST_NEPERS: Final = 5.0
_BESIDE_NEPERS: Final = 1.5
"""How far a stream may lie below the loudest of its stem: below that it is a trace of it."""
_OCTAVE: Final = 6
"""Bands in one."""
_FAINT: Final = 0.01
_STROKE: Final = 5
"""Frames in which a stroke is loudest."""
_TILT_NEPERS: Final = 0.5
_ALONE: Final = 2.5
"""Without drums, bass and harmony carry the beat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """A song at 100 frames a second.

    Attributes:
        onsets: float32 (6, frames), how much each of STREAMS rises, 0 to 12; its rms over 8 s is about 1.
            Of the drums, kicks are left out of the snare and snares out of the kick.
        activation: float32 (frames,), the weighted mean of what rises, 0 to 4.
        chroma: float32 (instants, 12), amplitude of each pitch class in bass and harmony, at 20 Hz.
        bass_chroma: the same of the bass stem, or of what lies low where there is none.
        texture: float32 (instants, parts), how loud each part of each stem is and the chroma, centred.
        brightness: float32 (frames,), log amplitude above 5 kHz, of the drums where there are some.
        sounding: bool (frames,), whether anything is to be heard.
        drums: whether there is a drum stem with sound in it.
        duration_s: of the song.
    """

    onsets: Curve
    activation: Curve
    chroma: Curve
    bass_chroma: Curve
    texture: Curve
    brightness: Curve
    sounding: NDArray[np.bool_]
    drums: bool
    duration_s: float


def streams_of(features: RhythmFeatures) -> Streams | None:
    """Derive the streams; None for a silent song. Thread: [ingest]; holds 4 MB a minute.

    Levels are `log1p(20 b / ref)`, `b` a band's amplitude and `ref` the 99th percentile of the stream, so
    that a snare's rest below 130 Hz is no kick. The flux is their rise over two frames above the maximum of
    three neighbouring bands (Boeck and Widmer, "Maximum filter vibrato suppression for onset detection",
    DAFx 2013).
    """
    stems = [stem for stem in features.stems if stem.levels.shape[0]]
    if not stems:
        return None
    frames = max(stem.levels.shape[0] for stem in stems)
    reference = _reference(stems)
    if reference < _QUIETEST:
        return None
    flux, struck = np.zeros((2, len(STREAMS), frames), np.float32)
    chroma, bass_chroma, low = np.zeros((3, _longest(stems), PITCHES), np.float32)
    sounding = np.zeros(frames, np.bool_)
    everything, trace = np.ones(features.bands_hz.shape[0], np.bool_), float(np.log(_HEARD * reference))
    has_drums = any(stem.role == "drums" and _highest(stem, everything) > trace for stem in stems)
    for stem in stems:
        count = stem.levels.shape[0]
        if stem.role not in ("drums", "vocals"):
            chroma[: stem.chroma.shape[0]] += stem.chroma
            low[: stem.chroma.shape[0]] += stem.low_chroma
        if stem.role == "bass":
            bass_chroma[: stem.chroma.shape[0]] += stem.chroma
        parts = [part for part in _parts(stem, features.bands_hz, has_drums) if part[1].any()]
        highest = [_highest(stem, bands) for _, bands in parts]
        for (row, bands), own in zip(parts, highest, strict=True):
            full = max(own, max(highest) - _BESIDE_NEPERS, trace)
            risen = _band_flux(stem.levels, bands, full)
            flux[row, :count] += risen
            struck[row, :count] += risen * _likeness(stem, features.bands_hz, row)
        sounding[:count] |= stem.levels.max(axis=1) > np.log(reference) - _REST_NEPERS
    onsets, told_apart = (np.stack([_even_out(row) for row in rows]) for rows in (flux, struck))
    weights = WEIGHTS.copy()
    if not has_drums and len(stems) > 1:
        weights[3:5] *= _ALONE
    present = onsets.any(axis=1)
    mean = (weights[:, None] * np.minimum(onsets, _CLAMP)).sum(axis=0)
    return Streams(
        onsets=told_apart,
        activation=np.asarray(mean / max(float(weights[present].sum()), 1e-9), np.float32),
        chroma=chroma,
        bass_chroma=bass_chroma if bass_chroma.max() > _HEARD * chroma.max() else low,
        texture=_texture(stems, chroma, reference),
        brightness=_brightness(stems, features.bands_hz, reference, has_drums),
        sounding=sounding,
        drums=has_drums,
        duration_s=features.duration_s,
    )


def smooth(values: Curve, span: int) -> Curve:
    """Mean of `span` values around each, fewer at the ends."""
    span = max(1, span)
    sums = np.concatenate([np.zeros(1), np.cumsum(values, dtype=np.float64)])
    at = np.arange(values.shape[0])
    low = np.maximum(at - span // 2, 0)
    high = np.minimum(at - span // 2 + span, values.shape[0])
    return np.asarray((sums[high] - sums[low]) / (high - low), np.float32)


def _parts(
    stem: StemFeatures, hz: NDArray[np.float64], has_drums: bool
) -> list[tuple[int, NDArray[np.bool_]]]:
    """Which bands of a stem go into which stream."""
    everything = np.ones(hz.shape[0], np.bool_)
    low, middle, high = hz < KICK_HZ, _middle(hz), hz >= HAT_HZ
    if stem.role == "drums":
        return [(0, low), (1, middle), (2, high)]
    if stem.role == "bass":
        return [(3, everything)]
    if stem.role == "vocals":
        return [(5, everything)]
    if has_drums:
        return [(4, everything)]
    return [
        (0, low),
        (1, (hz >= 1500.0) & (hz < HAT_HZ)),
        (2, high),
        (4, (hz >= SNARE_HZ[0]) & (hz < 1500.0)),
    ]


def _likeness(stem: StemFeatures, hz: NDArray[np.float64], row: int) -> Curve | float:
    """How much each stroke of the drums sounds like what a stream is to hold, 0 to 1: (frames,).

    A kick is loudest below KICK_HZ, a snare above: each reaches into the other's bands, by less than it
    has in its own.
    """
    if stem.role != "drums" or row > 1:
        return 1.0
    parts = [stem.levels[:, bands].max(axis=1).astype(np.float32) for bands in (hz < KICK_HZ, _middle(hz))]
    low, middle = (
        np.lib.stride_tricks.sliding_window_view(np.pad(part, (0, _STROKE - 1), mode="edge"), _STROKE).max(
            axis=1
        )
        for part in parts
    )
    lower = (low - middle) / _TILT_NEPERS
    return np.asarray(1.0 / (1.0 + np.exp(np.clip(lower if row else -lower, -30.0, 30.0))), np.float32)


def _middle(hz: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Bands of a snare."""
    return (hz >= SNARE_HZ[0]) & (hz < SNARE_HZ[1])


def _texture(stems: Sequence[StemFeatures], chroma: Curve, reference: float) -> Curve:
    """Levels of every stem's octaves beside the song's, and its chroma, at the instants of the chroma."""
    ratio = round(FRAME_HZ / CHROMA_HZ)
    parts = []
    for stem in stems:
        bands = stem.levels.shape[1] // _OCTAVE * _OCTAVE
        octaves = np.exp(stem.levels[:, :bands].astype(np.float32)).reshape(stem.levels.shape[0], -1, _OCTAVE)
        whole = octaves.max(axis=2)[: stem.levels.shape[0] // ratio * ratio]
        loud = np.log1p(_COMPRESSION / reference * whole.reshape(-1, ratio, whole.shape[1]).mean(axis=1))
        part = np.zeros((chroma.shape[0], loud.shape[1]), np.float32)
        count = min(part.shape[0], loud.shape[0])
        part[:count] = loud[:count]
        parts.append(part)
    lengths = np.linalg.norm(chroma, axis=1, keepdims=True)
    parts.append(chroma / np.maximum(lengths, 1e-3 * float(lengths.max()) + 1e-9))
    rows = np.concatenate(parts, axis=1)
    return np.asarray(rows - rows.mean(axis=0), np.float32)


def _brightness(
    stems: Sequence[StemFeatures], hz: NDArray[np.float64], reference: float, has_drums: bool
) -> Curve:
    """Log amplitude above HAT_HZ, not below a hundredth of the song's."""
    frames = max(stem.levels.shape[0] for stem in stems)
    power = np.zeros(frames, np.float32)
    for stem in stems:
        if stem.role == "drums" or not has_drums:
            levels = stem.levels[:, hz >= HAT_HZ].astype(np.float32)
            power[: levels.shape[0]] += np.exp(2.0 * levels).sum(axis=1)
    return np.asarray(0.5 * np.log(power + (_FAINT * reference) ** 2), np.float32)


def _longest(stems: Sequence[StemFeatures]) -> int:
    """Instants of the chroma of the longest stem."""
    return max(int(stem.chroma.shape[0]) for stem in stems)


def _reference(stems: Sequence[StemFeatures]) -> float:
    """The 90th percentile of the band amplitudes of all stems together, while anything sounds."""
    frames = max(stem.levels.shape[0] for stem in stems)
    power = np.zeros((len(range(0, frames, 3)), stems[0].levels.shape[1]), np.float32)
    for stem in stems:
        part = np.exp(2.0 * stem.levels[::3].astype(np.float32))
        power[: part.shape[0]] += part
    loudest = power.max(axis=1)
    return float(np.sqrt(np.percentile(power[loudest >= _SOUNDING**2 * loudest.max()], 90)))


def _highest(stem: StemFeatures, bands: NDArray[np.bool_]) -> float:
    """The 99th percentile of some bands' log amplitudes, while anything sounds in them."""
    levels = stem.levels[:, bands].max(axis=1).astype(np.float32)
    return float(np.percentile(levels[levels >= levels.max() + np.log(_SOUNDING)], 99))


def _band_flux(levels: NDArray[np.float16], bands: NDArray[np.bool_], full: float) -> Curve:
    """Mean rise of some bands, (frames,), whose highest log amplitude is `full`."""
    flux = np.empty(levels.shape[0], np.float32)
    scale = np.float32(np.log(_COMPRESSION) - full)
    for first in range(0, levels.shape[0], _CHUNK):
        piece = levels[max(first - _LAG, 0) : first + _CHUNK, bands].astype(np.float32)
        piece = np.log1p(np.exp(piece + scale))
        if first == 0:
            piece = np.concatenate([np.zeros((_LAG, piece.shape[1]), np.float32), piece])
        before = piece[:-_LAG]
        widest = before.copy()
        np.maximum(widest[:, 1:], before[:, :-1], out=widest[:, 1:])
        np.maximum(widest[:, :-1], before[:, 1:], out=widest[:, :-1])
        flux[first : first + _CHUNK] = np.maximum(piece[_LAG:] - widest, 0.0).mean(axis=1)
    return flux


def _even_out(flux: Curve) -> Curve:
    """Above the mean of a second, beside the level of eight seconds and of the song."""
    above = np.maximum(flux - smooth(flux, round(_MEAN_S * FRAME_HZ)), 0.0)
    square = np.square(above)
    song = float(np.sqrt(square.mean()))
    if np.count_nonzero(above > _STEADY) < _RISING:
        return np.zeros_like(flux)
    local = np.sqrt(np.maximum(smooth(square, round(_LEVEL_S * FRAME_HZ)), 0.0))
    return np.asarray(np.minimum(above / np.maximum(local, _OF_SONG * song), _HIGHEST), np.float32)
