"""Stems made of notes, and what the analysis of harmony makes of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sounds import Audio

from remixd.analysis.tones import Tones, ToneSpectra

RATE_HZ = 44_100


def notes(
    spans: Sequence[Sequence[float]], span_s: float, *, level: float = 0.05, partials: int = 8
) -> Audio:
    """Notes of these MIDI pitches together, span after span; each span struck anew. float32 (frames, 2)."""
    frames = round(span_s * RATE_HZ)
    time_s = np.arange(frames) / RATE_HZ
    shape = np.minimum(1.0, time_s / 0.005) * np.exp(-time_s) * np.minimum(1.0, time_s[::-1] / 0.005)
    out = np.zeros((frames * len(spans), 2), np.float32)
    for index, pitches in enumerate(spans):
        wave = np.zeros(frames)
        for pitch in pitches:
            turns = 2 * np.pi * 440.0 * 2.0 ** ((pitch - 69) / 12) * time_s
            wave += sum(0.6**k * np.sin((k + 1) * turns) for k in range(partials))
        out[index * frames : (index + 1) * frames] = (level * shape * wave)[:, None]
    return out


def tones_of(pcm: Audio, rate_hz: int = RATE_HZ, block: int = 65_536) -> Tones:
    """Stream a stem through the front end."""
    spectra = ToneSpectra(rate_hz)
    for at in range(0, len(pcm), block):
        spectra.add(pcm[at : at + block])
    return spectra.finish()


def triad(root: int, third: int) -> list[float]:
    """A close triad on a MIDI pitch."""
    return [float(root), float(root + third), float(root + 7)]
