"""The drum kit. A stroke is a function of its voice, its seed and the sample rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from remixd.synth.chance import one, seed_of
from remixd.synth.noise import shaped
from remixd.synth.sound import Curve

_METAL: Final = (3271.0, 4123.0, 5437.0, 6791.0, 8389.0, 10211.0)


def _time(seconds: float, rate_hz: int) -> Curve:
    return np.arange(round(seconds * rate_hz)) / rate_hz


def _dying(time_s: Curve, decay_s: float) -> Curve:
    """An exponential that starts within half a millisecond and reaches 0 at the end."""
    last = time_s[-1]
    rise = np.minimum(1.0, 0.2 + time_s / 0.0005)
    curve: Curve = np.exp(-time_s / decay_s) * rise * np.minimum(1.0, (last - time_s) / (0.2 * last))
    return curve


def _swept(time_s: Curve, low_hz: float, sweep_hz: float, sweep_s: float) -> Curve:
    """A sine whose frequency falls to `low_hz` from `sweep_hz` above it."""
    turns = low_hz * time_s + sweep_hz * sweep_s * (1.0 - np.exp(-time_s / sweep_s))
    sine: Curve = np.sin(2.0 * np.pi * turns)
    return sine


def _both(curve: Curve) -> Curve:
    return np.stack([curve, curve], axis=1)


def _wide(seed: int, time_s: Curve, rate_hz: int, low_hz: float, high_hz: float) -> Curve:
    """Noise that differs left and right by as much as it agrees."""
    middle, left, right = (
        shaped(seed_of(seed, name), len(time_s), rate_hz, low_hz, high_hz) for name in ("m", "l", "r")
    )
    return 0.75 * np.stack([middle + 0.6 * left, middle + 0.6 * right], axis=1)


def _metal(seed: int, time_s: Curve) -> Curve:
    total = np.zeros_like(time_s)
    for place, hz in enumerate(_METAL):
        tuned = hz * (1.0 + 0.004 * one(seed, f"metal{place}"))
        total += np.sin(2.0 * np.pi * (tuned * time_s + one(seed, f"turn{place}")))
    return total / math.sqrt(0.5 * len(_METAL))


def _kick(seed: int, rate_hz: int) -> Curve:
    time_s = _time(0.34, rate_hz)
    body = np.tanh(2.2 * _swept(time_s, 52.0, 165.0, 0.030) * _dying(time_s, 0.13))
    click = shaped(seed, len(time_s), rate_hz, 1500.0, 6000.0) * _dying(time_s, 0.004)
    return _both(0.54 * body + 0.16 * click)


def _snare(seed: int, rate_hz: int) -> Curve:
    time_s = _time(0.30, rate_hz)
    body = _swept(time_s, 186.0, 110.0, 0.018) + 0.6 * _swept(time_s, 331.0, 60.0, 0.012)
    wires = shaped(seed, len(time_s), rate_hz, 1300.0, 8500.0)
    dry = 0.34 * body * _dying(time_s, 0.055) + 0.21 * wires * _dying(time_s, 0.075)
    room = _wide(seed, time_s, rate_hz, 500.0, 6000.0) * (0.03 * _dying(time_s, 0.13))[:, None]
    return np.tanh(1.4 * (_both(dry) + room))


def _clap(seed: int, rate_hz: int) -> Curve:
    time_s = _time(0.28, rate_hz)
    hands = np.zeros_like(time_s)
    for late_s in (0.0, 0.009, 0.019):
        hands += np.where(time_s >= late_s, np.exp(-np.maximum(time_s - late_s, 0.0) / 0.004), 0.0)
    envelope = 0.7 * hands * _dying(time_s, 0.03) + 0.6 * _dying(time_s, 0.065) * (time_s >= 0.019)
    return 0.30 * _wide(seed, time_s, rate_hz, 850.0, 3600.0) * envelope[:, None]


def _cymbal(seconds: float, decay_s: float, level: float, low_hz: float) -> Callable[[int, int], Curve]:
    def stroke(seed: int, rate_hz: int) -> Curve:
        time_s = _time(seconds, rate_hz)
        noise = _wide(seed, time_s, rate_hz, low_hz, 14_000.0)
        noise += 0.35 * _metal(seed, time_s)[:, None]
        return level * noise * _dying(time_s, decay_s)[:, None]

    return stroke


def _shaker(seed: int, rate_hz: int) -> Curve:
    """Beads that are thrown and land: a swell of 25 ms, and away."""
    time_s = _time(0.11, rate_hz)
    swell = np.minimum(1.0, time_s / 0.025) ** 2 * np.exp(-np.maximum(time_s - 0.025, 0.0) / 0.022)
    away = np.minimum(1.0, (time_s[-1] - time_s) / 0.02)
    beads: Curve = 0.08 * _wide(seed, time_s, rate_hz, 5500.0, 12_000.0) * (swell * away)[:, None]
    return beads


def _tom(low_hz: float) -> Callable[[int, int], Curve]:
    def stroke(seed: int, rate_hz: int) -> Curve:
        time_s = _time(0.38, rate_hz)
        skin = _swept(time_s, low_hz, 0.55 * low_hz, 0.045) * _dying(time_s, 0.13)
        stick = shaped(seed, len(time_s), rate_hz, 900.0, 4000.0) * _dying(time_s, 0.010)
        return _both(0.55 * skin + 0.10 * stick)

    return stroke


def _rim(seed: int, rate_hz: int) -> Curve:
    time_s = _time(0.06, rate_hz)
    knock = np.sin(2.0 * np.pi * 1710.0 * time_s) + 0.7 * np.sin(2.0 * np.pi * 487.0 * time_s)
    tick = shaped(seed, len(time_s), rate_hz, 2000.0, 9000.0)
    return _both((0.22 * knock + 0.08 * tick) * _dying(time_s, 0.011))


_KIT: Final[Mapping[str, Callable[[int, int], Curve]]] = {
    "kick": _kick,
    "snare": _snare,
    "clap": _clap,
    "rim": _rim,
    "hat": _cymbal(0.09, 0.020, 0.10, 7000.0),
    "open": _cymbal(0.30, 0.090, 0.085, 6000.0),
    "tambourine": _cymbal(0.12, 0.032, 0.055, 8500.0),
    "ride": _cymbal(0.9, 0.22, 0.06, 5200.0),
    "shaker": _shaker,
    "crash": _cymbal(2.2, 0.55, 0.12, 2800.0),
    "tom_high": _tom(172.0),
    "tom_mid": _tom(128.0),
    "tom_low": _tom(92.0),
}


def stroke(voice: str, seed: int, rate_hz: int) -> Curve:
    """One stroke of a voice of the kit, (frames, 2)."""
    return _KIT[voice](seed, rate_hz)
