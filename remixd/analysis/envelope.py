"""Spectral envelopes of a voice: the formants that stay where they are when it is transposed."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from remixd._kernel.tree import GRID_HOP, POINTS

Envelopes = npt.NDArray[np.uint8]

WINDOW: Final = 2048
STEPS: Final = 12
"""Of the iteration: by then the envelope touches the partials within a decibel."""
LIFTER_S: Final = 0.003
"""Quefrencies up to here make the envelope, at most,"""
PERIODS: Final = 0.9
"""or up to so many periods of the voice: beyond, its partials would be taken for formants."""
VOICE_HZ: Final = (70.0, 1000.0)
STEP_DB: Final = 0.5
FLOOR_DB: Final = -110.0
CHUNK: Final = 256


def find_envelopes(pcm: npt.NDArray[np.float32]) -> Envelopes:
    """The spectral envelope every GRID_HOP frames, at POINTS frequencies from 0 up to (not with) 24 kHz.

    The true envelope (Roebel and Rodet 2005, "Efficient spectral envelope estimation and its application to
    pitch shifting and envelope preservation", section 3.2): the cepstrum is smoothed, what stands above the
    result is kept, and so on, until it rests on the partials.

    Args:
        pcm: float32 (frames, 2) at 48 kHz.

    Returns uint8 (grid frames, POINTS) in steps of .5 dB above -110 dB. Thread: [ingest].
    """
    frames = pcm.shape[0]
    grids = -(-frames // GRID_HOP) + 1
    found = np.zeros((grids, POINTS), np.uint8)
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    for first in range(0, grids, CHUNK):
        centres = np.arange(first, min(first + CHUNK, grids)) * GRID_HOP
        low, high = int(centres[0]) - WINDOW // 2, int(centres[-1]) + WINDOW // 2
        part = np.zeros((high - low, 2), np.float32)
        inside = pcm[max(low, 0) : min(high, frames)]
        part[max(-low, 0) : max(-low, 0) + inside.shape[0]] = inside
        view = np.lib.stride_tricks.sliding_window_view(part, WINDOW, axis=0)[::GRID_HOP]
        power = (np.abs(np.fft.rfft(view * window)) ** 2).sum(axis=1)
        found[first : first + centres.shape[0]] = _smooth(power.astype(np.float32))
    return found


def _smooth(power: npt.NDArray[np.float32]) -> Envelopes:
    """The true envelope of power spectra (n, WINDOW / 2 + 1), in steps."""
    scale = (WINDOW / 2) ** 2
    level = 10.0 * np.log10(np.maximum(power / scale, 10.0 ** (FLOOR_DB / 10.0)))
    cepstrum = np.fft.irfft(level, WINDOW, axis=1)
    lifter = _lifters(cepstrum)
    target = level
    for _ in range(STEPS):
        smooth = np.fft.rfft(np.fft.irfft(target, WINDOW, axis=1) * lifter, axis=1).real
        target = np.maximum(level, smooth)
    at = np.arange(POINTS) * (WINDOW // 2 // POINTS)
    steps = np.round((smooth[:, at] - FLOOR_DB) / STEP_DB)
    return np.clip(steps, 0, 255).astype(np.uint8)


def _lifters(cepstra: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """A low-pass over the quefrencies of each cepstrum (n, WINDOW), as wide as the voice's period allows."""
    shortest, longest = (round(48_000 / hz) for hz in reversed(VOICE_HZ))
    period = shortest + cepstra[:, shortest:longest].argmax(axis=1)
    kept = np.clip(PERIODS * period, 2 * shortest, LIFTER_S * 48_000)[:, None]
    quefrency = np.minimum(np.arange(WINDOW), WINDOW - np.arange(WINDOW))
    slope = np.clip((quefrency - kept / 2) / (kept / 2), 0.0, 1.0)
    lifters: npt.NDArray[np.float64] = 0.5 + 0.5 * np.cos(np.pi * slope)
    return lifters
