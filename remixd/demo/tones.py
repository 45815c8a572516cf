"""The pitched instruments: bass, pad, saws, keys, pluck, hook; and the riser.

Saw-like tones are Moorer's closed form of a row of harmonics that fall by `b` each,
`sum b^(n-1) sin(n x) = sin x / (1 - 2 b cos x + b^2)` ("The synthesis of complex audio spectra by means of
discrete summation formulae", JAES 24, 1976): no aliasing worth hearing, for the price of two harmonics.

Attacks and releases keep their length in seconds; what happens while a note is held, such as its filter
closing, keeps its length in beats, as it would in an ideal stretch of the recording.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.demo.notes import Note
from remixd.demo.setting import Setting
from remixd.demo.singing import VIBRATO_HZ
from remixd.synth.chance import one, seed_of
from remixd.synth.noise import shaped
from remixd.synth.sound import Audio, Curve, single

Wave = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A note's clocks: seconds and musical seconds since it began, and when it is let go."""

    time_s: Curve
    musical_s: Curve
    length_s: float

    def envelope(self, attack_s: float, release_s: float) -> Wave:
        """Up in `attack_s`, held, then away exponentially within `release_s`."""
        rise = np.minimum(1.0, self.time_s / attack_s)
        after = np.maximum(self.time_s - self.length_s, 0.0) / release_s
        away = np.exp(-5.0 * after) * np.clip(4.0 * (1.0 - after), 0.0, 1.0)
        return single(rise * away)


def _held(note: Note, setting: Setting, release_s: float) -> _Held:
    length_s = setting.grid.seconds(note.beat + note.beats) - setting.grid.seconds(note.beat)
    time_s = np.arange(round((length_s + release_s) * setting.rate_hz)) / setting.rate_hz
    return _Held(time_s=time_s, musical_s=setting.grid.musical_s(note.beat, time_s), length_s=length_s)


def _angle(turns: Curve) -> Wave:
    """Radians in single precision, reduced before it is lost."""
    return single(2.0 * np.pi * (turns - np.floor(turns)))


def _saw(turns: Curve, falling: Wave) -> Wave:
    """Harmonics that fall by a factor of `falling`, (0, 1), each."""
    angle = _angle(turns)
    squared = falling * falling
    wave = single(np.sin(angle) / (1.0 + squared - 2.0 * falling * np.cos(angle)))
    wave *= 1.0 - np.float32(0.75) * squared  # keeps the loudness in reach as it brightens
    return wave


def _panned(wave: Wave, pan: float) -> Audio:
    angle = 0.25 * np.pi * (1.0 + pan)
    return wave[:, None] * np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)


def _bass(note: Note, setting: Setting) -> Audio:
    held = _held(note, setting, 0.05)
    turns = setting.hz(note.pitch) * held.time_s
    bright = single(0.60 + 0.24 * np.exp(-held.musical_s / 0.16))
    wave = single(0.70 * _saw(turns, bright) + 0.42 * np.sin(_angle(turns)))
    decay = single(0.75 + 0.25 * np.exp(-held.musical_s / 0.2))
    return _panned(0.55 * np.tanh(1.3 * wave * decay) * held.envelope(0.003, 0.05), 0.0)


def _pad(note: Note, setting: Setting) -> Audio:
    held = _held(note, setting, 0.30)
    hz = setting.hz(note.pitch)
    opening = single(0.55 + 0.15 * np.sin(np.minimum(held.musical_s / 2.0, 1.0) * np.pi))
    sides = []
    for side, cents in (("left", -5.0), ("right", 5.0)):
        turns = hz * 2.0 ** (cents / 1200.0) * held.time_s + one(note.seed, side)
        sides.append(_saw(turns, opening))
    return 0.060 * np.stack(sides, axis=1) * held.envelope(0.07, 0.30)[:, None]


def _saws(note: Note, setting: Setting) -> Audio:
    held = _held(note, setting, 0.09)
    hz = setting.hz(note.pitch)
    bright = single(0.74 + 0.12 * np.exp(-held.musical_s / 0.20))
    total = np.zeros((len(held.time_s), 2), dtype=np.float32)
    for cents, pan in ((-9.0, -0.8), (8.0, 0.8), (0.0, note.pan)):
        turns = hz * 2.0 ** (cents / 1200.0) * held.time_s + one(note.seed, f"saw{cents}")
        total += _panned(_saw(turns, bright), pan)
    return 0.062 * total * held.envelope(0.004, 0.09)[:, None]


def _keys(note: Note, setting: Setting) -> Audio:
    """An electric piano: a sine turned by another (Chowning, JAES 21, 1973), with a tine on top."""
    held = _held(note, setting, 0.16)
    turns = setting.hz(note.pitch) * held.time_s
    angle = _angle(turns)
    index = single(1.5 * note.velocity * np.exp(-held.musical_s / 0.35))
    wave = np.sin(angle + index * np.sin(angle))
    wave += single(0.12 * np.exp(-held.musical_s / 0.06)) * np.sin(_angle(7.0 * turns))
    decay = single(np.exp(-held.musical_s / 0.9))
    return _panned(0.115 * wave * decay * held.envelope(0.003, 0.16), note.pan)


def _pluck(note: Note, setting: Setting) -> Audio:
    held = _held(note, setting, 0.12)
    turns = setting.hz(note.pitch) * held.time_s
    bright = single(0.15 + 0.60 * np.exp(-held.musical_s / 0.05))
    decay = single(np.exp(-held.musical_s / 0.13))
    return _panned(0.17 * _saw(turns, bright) * decay * held.envelope(0.0015, 0.12), note.pan)


def _hook(note: Note, setting: Setting) -> Audio:
    held = _held(note, setting, 0.14)
    hz = setting.hz(note.pitch)
    clock_s = setting.gesture_s(note.beat, held.time_s)
    swell = np.clip((clock_s - 0.18) / 0.2, 0.0, 1.0)
    bent = 2.0 ** (0.18 / 12.0 * swell * np.sin(2.0 * np.pi * VIBRATO_HZ * (clock_s - 0.18)))
    bend_turns = np.cumsum(hz * bent / setting.rate_hz)
    bright = single(0.72 + 0.08 * np.exp(-held.musical_s / 0.25))
    total = np.zeros((len(held.time_s), 2), dtype=np.float32)
    for cents, pan in ((-7.0, -0.6), (6.0, 0.6), (0.0, 0.0)):
        turns = 2.0 ** (cents / 1200.0) * bend_turns + one(note.seed, f"saw{cents}")
        total += _panned(_saw(turns, bright), pan)
    return 0.085 * total * held.envelope(0.004, 0.14)[:, None]


def _riser(note: Note, setting: Setting) -> Audio:
    held = _held(note, setting, 0.03)
    done = held.musical_s / (held.musical_s[-1] + 1e-9)
    sides = []
    for side in ("left", "right"):
        low, high = (
            shaped(seed_of(note.seed, side, band), len(done), setting.rate_hz, *edges)
            for band, edges in (("low", (500.0, 2500.0)), ("high", (4000.0, 12_000.0)))
        )
        sides.append((1.0 - done) * low + done * high)
    swell = single(0.075 * done * done) * held.envelope(0.01, 0.03)
    return np.stack(sides, axis=1).astype(np.float32) * swell[:, None]


_BAND: Final[Mapping[str, Callable[[Note, Setting], Audio]]] = {
    "bass": _bass,
    "pad": _pad,
    "saws": _saws,
    "keys": _keys,
    "pluck": _pluck,
    "hook": _hook,
    "riser": _riser,
}


def play(note: Note, setting: Setting) -> Audio:
    """Render one note: float32 (frames, 2)."""
    return np.float32(note.velocity) * _BAND[note.voice](note, setting)
