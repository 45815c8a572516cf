"""What becomes of steady tones: whether they stay in tune, steady and clean.

A stretcher gets sines of 440 and 55 Hz and a chord of three notes with four partials each, eight seconds
long; the middle three fifths of what comes back are judged. Partials of the chord beat, so it has some ripple
by itself: read it beside the unstretched one. And pure tones are no music: Rubber Band R2, left to its
defaults, takes them for transients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd.units import RATE_HZ

from .metrics import to_db
from .songs import Audio

Curve = NDArray[np.floating[Any]]

TONES: Final[Mapping[str, tuple[float, ...]]] = {
    "sine 440 Hz": (440.0,),
    "sine 55 Hz": (55.0,),
    "chord": tuple(220.0 * 2 ** (step / 12) * partial for step in (0, 4, 7) for partial in (1, 2, 3, 4)),
}
SECONDS: Final = 8.0
LEVEL: Final = 0.2

_SMOOTH_S: Final = 0.05


def make_tone(partials_hz: tuple[float, ...], seconds: float = SECONDS) -> Audio:
    """A steady tone, the same on both channels: float32 (frames, 2)."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    phases = np.random.default_rng(5).uniform(0.0, 2 * np.pi, len(partials_hz))
    level = LEVEL / np.sqrt(len(partials_hz))
    waves = [np.sin(2 * np.pi * hz * time_s + phase) for hz, phase in zip(partials_hz, phases, strict=True)]
    mono = level * np.sum(waves, axis=0)
    return np.stack([mono, mono], axis=1).astype(np.float32)


def tone_errors(stretch: Callable[[Audio], Audio], partials_hz: tuple[float, ...]) -> dict[str, float]:
    """Stretch a tone, pitch unchanged, and compare what comes back with a steady tone.

    Returns:
        cents: the worst error of pitch of a partial.
        ripple: standard deviation of the level of a partial in dB, mean over partials.
        tone_to_rest: energy of the sine over all else in dB, where there is one partial only; high is good.
    """
    sound = stretch(make_tone(partials_hz))[:, 0].astype(np.float64)
    sound = sound[len(sound) // 5 : 4 * len(sound) // 5]
    time_s = np.arange(len(sound)) / RATE_HZ
    cents, ripple_db = zip(*(_partial(sound, time_s, hz) for hz in partials_hz), strict=True)
    errors = {"cents": float(np.max(np.abs(cents))), "ripple": float(np.mean(ripple_db))}
    if len(partials_hz) == 1:
        angle = 2 * np.pi * partials_hz[0] * time_s
        basis = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        tone = basis @ np.linalg.lstsq(basis, sound, rcond=None)[0]
        errors["tone_to_rest"] = float(to_db(np.mean(tone**2)) - to_db(np.mean((sound - tone) ** 2)))
    return errors


def _partial(sound: Curve, time_s: Curve, hz: float) -> tuple[float, float]:
    """Cents off, and ripple in dB, of the partial near `hz`: shifted to 0 Hz and smoothed over 50 ms."""
    shifted = sound * np.exp(-2j * np.pi * hz * time_s)
    span = round(_SMOOTH_S * RATE_HZ)
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(span) / span)
    size = 1 << (len(shifted) + span).bit_length()
    spectrum = np.fft.fft(shifted, size) * np.fft.fft(taper / taper.sum(), size)
    slow = np.fft.ifft(spectrum)[span : len(shifted)]
    phase = np.unwrap(np.angle(slow))
    drift_hz = float(np.polyfit(time_s[: len(phase)], phase, 1)[0]) / (2 * np.pi)
    cents = 1200.0 * float(np.log2(max(hz + drift_hz, 1e-3) / hz))
    return cents, float(np.std(20.0 * np.log10(np.abs(slow) + 1e-9)))
