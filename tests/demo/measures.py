"""Measurements on sound that the tests of the demo song share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]


def level_db(sound: NDArray[np.float32]) -> float:
    """RMS of everything, in dB of full scale."""
    return float(10.0 * np.log10(np.mean(sound.astype(np.float64) ** 2) + 1e-20))


def peak_db(sound: NDArray[np.float32]) -> float:
    return float(20.0 * np.log10(np.abs(sound).max() + 1e-20))


def pitch_track(mono: Curve, rate_hz: int, near_hz: float) -> Curve:
    """Instantaneous frequency in Hz of the partial within +-30 % of `near_hz`, one value a frame."""
    spectrum = np.fft.fft(mono)
    hz = np.fft.fftfreq(len(mono), 1.0 / rate_hz)
    distance = np.abs(np.log2(np.maximum(hz, 1e-3) / near_hz)) / np.log2(1.3)
    spectrum *= np.where(distance < 1.0, np.cos(0.5 * np.pi * np.minimum(distance, 1.0)) ** 2, 0.0)
    angle = np.unwrap(np.angle(np.fft.ifft(spectrum)))
    return np.diff(angle) * rate_hz / (2.0 * np.pi)


def strongest_rate_hz(curve: Curve, rate_hz: float, low_hz: float, high_hz: float) -> float:
    """The frequency between two at which a curve, freed of its slow trend, swings most."""
    place = np.linspace(-1.0, 1.0, len(curve))
    rest = curve - np.polyval(np.polyfit(place, curve, 3), place)
    size = 1 << 19
    spectrum = np.abs(np.fft.rfft(rest * np.hanning(len(rest)), size))
    hz = np.fft.rfftfreq(size, 1.0 / rate_hz)
    spectrum[(hz < low_hz) | (hz > high_hz)] = 0.0
    return float(hz[np.argmax(spectrum)])


def envelope_by_semitone(mono: Curve, rate_hz: int, low_hz: float, semitones: int, width: float) -> Curve:
    """Long-term spectrum in dB on a log scale, 4 points a semitone, smoothed over `width` semitones."""
    size = 8192
    frames = np.lib.stride_tricks.sliding_window_view(mono, size)[:: size // 2] * np.hanning(size)
    power = np.mean(np.abs(np.fft.rfft(frames)) ** 2, axis=0)
    hz = np.fft.rfftfreq(size, 1.0 / rate_hz)
    centres_hz = low_hz * 2.0 ** (np.arange(4 * semitones) / 48.0)
    away = 12.0 * np.log2(np.maximum(hz, 1.0)[None, :] / centres_hz[:, None]) / width
    weights = np.exp(-0.5 * away * away)
    return 10.0 * np.log10((weights @ power) / weights.sum(axis=1))


def best_lag(moved: Curve, still: Curve, most: int) -> int:
    """By how many points `moved` lies above `still`, by correlation of their slopes."""
    a, b = np.diff(moved), np.diff(still)
    inner = slice(most, len(a) - most)

    def likeness(lag: int) -> float:
        return float(np.corrcoef(a[inner.start + lag : inner.stop + lag], b[inner])[0, 1])

    return max(range(-most, most + 1), key=likeness)


def rises(mono: Curve, rate_hz: int, least_db: float) -> Curve:
    """Times in seconds at which the energy jumps by `least_db` over that of the 8 ms before."""
    bright = np.diff(mono, prepend=0.0)
    hop = rate_hz // 4000
    energy = np.add.reduceat(bright**2, np.arange(0, len(bright), hop)) + 1e-12
    after = np.convolve(energy, np.ones(4) / 4.0)[3:]  # the millisecond from here on
    before = np.convolve(energy, np.ones(32) / 32.0)[: len(energy)]
    before = np.concatenate([np.full(1, 1e-12), before[:-1]])
    jump_db = 10.0 * np.log10(after / before)
    found: list[int] = []
    for place in np.flatnonzero(jump_db > least_db):
        if not found or place - found[-1] > 80:  # 20 ms
            found.append(int(place))
    spans = [place + int(np.argmax(jump_db[place : place + 8])) for place in found]
    return np.array(spans) * hop / rate_hz


def sound_starts_s(sound: NDArray[np.float32], rate_hz: int, silence_s: float) -> Curve:
    """Times of the samples that are not zero after at least `silence_s` of zeros, or at the very start."""
    heard = np.flatnonzero(np.any(sound != 0.0, axis=1))
    gaps = np.diff(heard, prepend=-round(silence_s * rate_hz) - 2)
    return heard[gaps > silence_s * rate_hz] / rate_hz
