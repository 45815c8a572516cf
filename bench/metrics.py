"""How far a stretched sound is from the truth: spectra, onset envelopes, stereo image, level.

Sounds are float32 (frames, 2) at 48 kHz. `sound` is judged, `truth` is what it should have been; both begin
at the same moment and have the same length (`fit`, `offset_frames`). Every figure is 0 for equal sounds,
except the onset correlation, which is 1.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd.units import RATE_HZ

from .songs import Audio

Curve = NDArray[np.floating[Any]]
Spectra = NDArray[np.complexfloating[Any, Any]]

LONG: Final = (2048, 512)
SHORT: Final = (256, 64)
"""Window and hop of the two log-spectral distances; the short one sees smearing in time."""

RESOLUTIONS: Final = ((1024, 600, 240), (2048, 1200, 480), (512, 240, 100))
"""FFT, window and hop of the multi-resolution spectral distances (Yamamoto et al., "Parallel WaveGAN", ICASSP
2020, table 1, at half its frame rate)."""

FLUX_HOP: Final = 48
FLUX_WINDOW: Final = 512
OFFSET_MOST_S: Final = 0.06

_TINY: Final = 1e-12
_FLUX_BANDS: Final = 96
_STEREO_BANDS: Final = 40
_STEREO_FRAMES: Final = 4


def to_db(power: Any) -> Any:
    """Decibels of a power, or of each of an array."""
    return 10.0 * np.log10(np.maximum(power, _TINY))


def stft(sound: Audio, size: int, hop: int, window: int | None = None) -> Spectra:
    """Hann-windowed spectra: complex64 (channels, spectra, size // 2 + 1), a shorter window centred."""
    width = window or size
    # periodic, as a sum over hops needs it
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(width) / width)
    before = (size - width) // 2
    taper = np.pad(taper, (before, size - width - before)).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(sound.T, size, axis=-1)[:, ::hop]
    spectra: Spectra = np.fft.rfft(frames * taper, axis=-1)
    return spectra


def fit(sound: Audio, frames: int, offset: int = 0) -> Audio:
    """`frames` of a sound from `offset`, which may be negative, with silence where there is none."""
    sound = sound[offset:] if offset >= 0 else np.pad(sound, ((-offset, 0), (0, 0)))
    return np.pad(sound[:frames], ((0, max(frames - len(sound), 0)), (0, 0)))


def log_spectral_distance(sound: Audio, truth: Audio, size: int, hop: int) -> float:
    """Mean over time of the RMS over bins and channels of the difference in dB.

    Bins are raised to 80 dB below the truth's peak; spectra more than 60 dB below its loudest do not count.
    """
    heard, true = (np.abs(stft(each, size, hop)) ** 2 for each in (sound, truth))
    floor = true.max() * 1e-8 + np.float32(_TINY)
    difference_db = 10.0 * np.log10((heard + floor) / (true + floor))
    energy = true.sum(axis=-1)
    counts = energy > energy.max() * 1e-6
    distance: Curve = np.sqrt(np.mean(difference_db**2, axis=-1))
    return float(distance[counts].mean()) if counts.any() else 0.0


def spectral_convergence(sound: Audio, truth: Audio) -> tuple[float, float]:
    """Multi-resolution distances: norm of the magnitudes' difference over the truth's; mean |log ratio|."""
    convergence = log_distance = 0.0
    for size, window, hop in RESOLUTIONS:
        heard, true = (np.abs(stft(each, size, hop, window)) for each in (sound, truth))
        wrong = np.sum((heard - true) ** 2, dtype=np.float64)
        convergence += float(np.sqrt(wrong / max(np.sum(true**2, dtype=np.float64), _TINY)))
        ratio = np.log(np.maximum(heard, 1e-5)) - np.log(np.maximum(true, 1e-5))
        log_distance += float(np.abs(ratio).mean())
    return convergence / len(RESOLUTIONS), log_distance / len(RESOLUTIONS)


def onset_envelope(sound: Audio) -> Curve:
    """Spectral flux of the sum of the channels, on logarithmic bands, one value a millisecond."""
    magnitude = np.abs(stft(sound.mean(axis=1, keepdims=True), FLUX_WINDOW, FLUX_HOP)[0])
    band = (24.0 * np.log2(1.0 + np.arange(magnitude.shape[1]) / 4.0)).astype(int)
    first = np.unique(np.minimum(band, _FLUX_BANDS - 1), return_index=True)[1]
    level = np.log1p(100.0 * np.add.reduceat(magnitude, first, axis=1))
    flux: Curve = np.maximum(level[2:] - level[:-2], 0.0).sum(axis=1)
    return flux


def onset_correlation(sound: Audio, truth: Audio) -> float:
    """Correlation of the onset envelopes, smeared over some 6 ms; 0 where one is flat."""
    smear = np.hanning(13)
    heard, true = (np.convolve(onset_envelope(each), smear, "same") for each in (sound, truth))
    if not (heard.std() and true.std()):
        return 0.0
    return float(np.corrcoef(heard, true)[0, 1])


def offset_frames(sound: Audio, truth: Audio) -> int:
    """By how many frames the sound is late: the lag of its onset envelope, at most 60 ms, between the steps.

    Only for what has sharp onsets: sustained notes have no sharp flux, and the lag that wins is often wrong.
    """
    heard, true = onset_envelope(sound), onset_envelope(truth)
    count = min(len(heard), len(true))
    size = 1 << (2 * count).bit_length()
    spectra = [np.fft.rfft(each[:count] - each[:count].mean(), size) for each in (heard, true)]
    likeness = np.fft.irfft(spectra[0] * np.conj(spectra[1]), size)
    most = round(OFFSET_MOST_S * RATE_HZ / FLUX_HOP)
    lags = np.arange(-most, most + 1)
    near = likeness[lags]
    if near.max() <= 0.0:  # one of them has no onsets
        return 0
    best = int(near.argmax())
    between = 0.0
    if 0 < best < 2 * most:  # the top of the parabola through three points
        left, top, right = near[best - 1 : best + 2]
        between = 0.5 * (left - right) / (left - 2.0 * top + right - _TINY)
    return round(float(lags[best] + between) * FLUX_HOP)


def stereo_errors(sound: Audio, truth: Audio) -> dict[str, float]:
    """Errors of level difference (dB), phase difference (rad) and coherence, weighted by the truth's energy.

    Taken over some 40 bands and four spectra at a time; phase counts as much as the truth is coherent there.
    """
    heard, true = _pooled(sound), _pooled(truth)
    energy = true[0] + true[1]
    weight = np.where(energy > energy.max() * 1e-5, np.sqrt(energy), 0.0)
    weight = weight / max(float(weight.sum()), _TINY)
    level = [np.clip(to_db(left) - to_db(right), -30.0, 30.0) for left, right, _ in (heard, true)]
    coherence = [np.abs(cross) / np.sqrt(left * right + _TINY) for left, right, cross in (heard, true)]
    coherent = weight * coherence[1]
    phase = np.abs(np.angle(heard[2] * np.conj(true[2])))
    return {
        "ild": float((np.abs(level[0] - level[1]) * weight).sum()),
        "ipd": float((phase * coherent).sum() / max(float(coherent.sum()), _TINY)),
        "coherence": float((np.abs(coherence[0] - coherence[1]) * weight).sum()),
    }


def _pooled(sound: Audio) -> tuple[Curve, Curve, Spectra]:
    """Power left, power right and cross spectrum, each (times, bands)."""
    left, right = stft(sound, *LONG)
    bins = left.shape[1]
    edges = np.unique((bins * np.logspace(np.log10(4 / bins), 0, _STEREO_BANDS)[:-1]).astype(int))
    times = np.arange(0, len(left), _STEREO_FRAMES)

    def pool(each: Any) -> Any:
        return np.add.reduceat(np.add.reduceat(each, edges, axis=1), times, axis=0)

    return pool(np.abs(left) ** 2), pool(np.abs(right) ** 2), pool(left * np.conj(right))


def level_change_db(sound: Audio, truth: Audio) -> float:
    """RMS of the sound over that of the truth."""
    return float(to_db(np.mean(sound**2)) - to_db(np.mean(truth**2)))


def crest_change_db(sound: Audio, truth: Audio) -> float:
    """Peak over RMS of the sound, over that of the truth."""
    heard, true = (float(to_db(np.max(each**2)) - to_db(np.mean(each**2))) for each in (sound, truth))
    return heard - true
