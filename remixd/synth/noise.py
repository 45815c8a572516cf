"""Noise with a shape, for drums, consonants and risers."""

from __future__ import annotations

import math

import numpy as np

from remixd.synth.chance import uniform
from remixd.synth.sound import Curve


def white(seed: int, frames: int) -> Curve:
    """White noise of RMS 1 that belongs to `seed`."""
    return uniform(seed, frames) * math.sqrt(3.0)


def shaped(seed: int, frames: int, rate_hz: int, low_hz: float, high_hz: float) -> Curve:
    """Noise of RMS about 1 between two frequencies, with skirts of 12 dB an octave."""
    if frames < 2:
        return np.zeros(frames)
    size = 1 << max(6, (frames - 1).bit_length())
    spectrum = np.fft.rfft(white(seed, size))
    hz = np.fft.rfftfreq(size, 1.0 / rate_hz)
    hz[0] = hz[1]
    gain = 1.0 / ((1.0 + (low_hz / hz) ** 2) * (1.0 + (hz / high_hz) ** 2))
    gain /= np.sqrt(np.mean(gain * gain))
    return np.fft.irfft(spectrum * gain, size)[:frames]
