"""Signals to test with, and measurements of what came out. Audio is float32 (frames, 2) at 48 kHz."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
Audio = NDArray[np.float32]


def noise(frames: int, *, seed: int = 1, level: float = 0.1) -> Audio:
    """White noise, different in both channels."""
    return (np.random.default_rng(seed).standard_normal((frames, 2)) * level).astype(np.float32)


def music(frames: int, *, seed: int = 1, level: float = 0.1) -> Audio:
    """Partials that come and go over soft noise: tonal, but never twice the same."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames) / RATE_HZ
    left, right = np.zeros(frames), np.zeros(frames)
    for partial_hz in rng.uniform(60, 3000, 12):
        swell = 0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.2, 1.5) * t + rng.uniform(0, 6))
        wave = swell * np.sin(2 * np.pi * partial_hz * t + rng.uniform(0, 6))
        pan = rng.uniform()
        left += wave * pan
        right += wave * (1 - pan)
    mixed = np.stack([left, right], axis=1) * level / 3 + rng.standard_normal((frames, 2)) * level / 50
    return mixed.astype(np.float32)


def audible_noise(frames: int, *, seed: int = 1, level: float = 0.1, highest_hz: float = 20_000) -> Audio:
    """Noise up to the limit of hearing. (Above it, true peaks depend on who reads them.)"""
    spectrum = np.fft.rfft(noise(frames, seed=seed, level=level), axis=0)
    spectrum[np.fft.rfftfreq(frames, 1 / RATE_HZ) > highest_hz] = 0
    return np.fft.irfft(spectrum, frames, axis=0).astype(np.float32)


def tone(frames: int, frequency_hz: float, *, level: float = 0.3, phase: float = 0.7) -> Audio:
    """A sine, the right channel ahead of the left by `phase` radians."""
    angle = 2 * np.pi * frequency_hz * np.arange(frames) / RATE_HZ
    return (level * np.stack([np.sin(angle), np.sin(angle + phase)], axis=1)).astype(np.float32)


def clicks(frames: int, every: int, *, first: int = 0, length: int = 64) -> Audio:
    """Short bursts of noise, one every `every` frames."""
    out = np.zeros((frames, 2), dtype=np.float32)
    burst = noise(length, seed=5, level=0.4)
    for at in range(first, frames - length, every):
        out[at : at + length] += burst
    return out


def frequency_hz(audio: Audio) -> float:
    """Frequency of the strongest sine in the left channel, by parabolic interpolation of the log spectrum."""
    spectrum = np.abs(np.fft.rfft(audio[:, 0] * np.hanning(len(audio))))
    peak = int(spectrum[1:-1].argmax()) + 1
    below, at, above = np.log(spectrum[peak - 1 : peak + 2] + 1e-30)
    return float((peak + 0.5 * (below - above) / (below - 2 * at + above)) * RATE_HZ / len(audio))


def cents(measured_hz: float, expected_hz: float) -> float:
    """Interval between two frequencies."""
    return float(1200 * np.log2(measured_hz / expected_hz))


def level_db(audio: Audio) -> float:
    """RMS level in dBFS."""
    return float(20 * np.log10(np.sqrt(np.mean(np.square(audio, dtype=np.float64))) + 1e-12))


def share_db(part: Audio, whole: Audio) -> float:
    """How much of `part` is in `whole`: the level of its least-squares coefficient."""
    a, b = part.astype(np.float64).ravel(), whole.astype(np.float64).ravel()
    return float(20 * np.log10(abs(a @ b) / (a @ a) + 1e-12))


def roughness(audio: Audio) -> Audio:
    """Magnitude of the second difference at each frame: a click stands out of it."""
    return np.abs(np.diff(audio, n=2, axis=0)).max(axis=1)


def onsets(audio: Audio, *, quiet: int = 2000) -> list[int]:
    """Frames at which sound begins after at least `quiet` frames of near silence."""
    loud = np.flatnonzero(np.abs(audio).max(axis=1) > 0.05 * np.abs(audio).max())
    return [int(at) for index, at in enumerate(loud) if index == 0 or at - loud[index - 1] > quiet]


def true_peak_db(audio: Audio, factor: int = 16) -> float:
    """True peak by an oversampler of its own: zero-padding the spectrum of the whole, edges faded in."""
    faded = audio.astype(np.float64)
    ramp = np.hanning(512)[:, None]
    faded[:256] *= ramp[:256]
    faded[-256:] *= ramp[256:]
    frames = len(faded)
    spectrum = np.fft.rfft(faded, axis=0)
    dense = np.fft.irfft(spectrum, n=frames * factor, axis=0) * factor
    return float(20 * np.log10(np.abs(dense).max() + 1e-12))
