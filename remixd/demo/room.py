"""What is done to whole stems: a room round them, the duck under the kick, saturation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from remixd.demo.setting import Setting
from remixd.synth.chance import seed_of
from remixd.synth.noise import white
from remixd.synth.sound import Audio, single

ROOM_S: Final = 1.3
"""How long the room rings; nothing of a sound is heard in it later."""

_DECAY_S: Final = 0.24
_PREDELAY_S: Final = 0.018
_LOW_HZ: Final = 280.0
_HIGH_HZ: Final = 5500.0
_BLOCK: Final = 1 << 18

_DUCK_DEPTH: Final = 0.62
_DUCK_ATTACK_S: Final = 0.005
_DUCK_HOLD_BEATS: Final = 0.12
_DUCK_BEATS: Final = 0.75


def _impulse(rate_hz: int) -> Audio:
    """A small bright room: dying noise, different left and right, (frames, 2), energy 1 a side."""
    frames = round(ROOM_S * rate_hz)
    hz = np.fft.rfftfreq(2 * frames, 1.0 / rate_hz)
    band = 1.0 / ((1.0 + (_LOW_HZ / np.maximum(hz, 1.0)) ** 2) * (1.0 + (hz / _HIGH_HZ) ** 2))
    time_s = np.arange(frames) / rate_hz - _PREDELAY_S
    envelope = np.where(time_s > 0.0, np.exp(-np.maximum(time_s, 0.0) / _DECAY_S), 0.0)
    envelope *= np.minimum(1.0, (time_s[-1] - time_s) / 0.2)
    sides = []
    for side in ("left", "right"):
        spectrum = np.fft.rfft(white(seed_of("room", side), 2 * frames)) * band
        tail = np.fft.irfft(spectrum, 2 * frames)[:frames] * envelope
        sides.append(tail / np.sqrt(np.sum(tail * tail)))
    return np.stack(sides, axis=1).astype(np.float32)


def add_room(stem: Audio, rate_hz: int, send: float) -> None:
    """Add `send` times the room's answer to the middle of `stem`, in place.

    Convolution by overlap-add in blocks that lie on the stem's own frames.
    """
    impulse = _impulse(rate_hz)
    size = 2 * _BLOCK
    kernel = np.fft.rfft(impulse, size, axis=0)
    dry = np.float32(0.5 * send) * (stem[:, 0] + stem[:, 1])
    for start in range(0, len(dry), _BLOCK):
        spectrum = np.fft.rfft(dry[start : start + _BLOCK], size)
        until = min(start + _BLOCK + len(impulse), len(stem))
        for side in (0, 1):
            wet = np.fft.irfft(spectrum * kernel[:, side], size)
            stem[start:until, side] += wet[: until - start].astype(np.float32)


def duck(stem: Audio, first_frame: int, kick_beats: Sequence[float], setting: Setting) -> None:
    """Press `stem` down under every kick, in place; it is back, or pressed again, within 3/4 of a beat.

    The way down is over when the kick strikes, as that of a compressor that looks ahead, and takes its time
    in seconds; the way back takes it in beats.

    Args:
        stem: (frames, 2).
        first_frame: where in the song its first frame is.
        kick_beats: where the kicks are, in song beats.
        setting: the grid and the rate.
    """
    grid, rate_hz = setting.grid, setting.rate_hz
    pressed = np.zeros(len(stem), dtype=np.float32)
    for kick in kick_beats:
        kick_s = grid.seconds(kick)
        first = max(0, math.ceil((kick_s - _DUCK_ATTACK_S) * rate_hz) - first_frame)
        last = min(len(stem), math.ceil(grid.seconds(kick + _DUCK_BEATS) * rate_hz) - first_frame)
        if first < last:
            time_s = np.arange(first + first_frame, last + first_frame) / rate_hz
            back = (grid.beat(time_s) - kick - _DUCK_HOLD_BEATS) / (_DUCK_BEATS - _DUCK_HOLD_BEATS)
            back = np.clip(back, 0.0, 1.0)
            down = np.clip((time_s - kick_s) / _DUCK_ATTACK_S + 1.0, 0.0, 1.0)
            pressure = single(down * (1.0 - back * back * (3.0 - 2.0 * back)))
            np.maximum(pressed[first:last], pressure, out=pressed[first:last])
    stem *= (np.float32(1.0) - np.float32(_DUCK_DEPTH) * pressed)[:, None]


def saturate(stem: Audio, knee: float, ceiling: float) -> None:
    """Round the peaks of `stem` off, in place: untouched up to the knee, never above the ceiling."""
    over = np.abs(stem) > knee
    peaks = stem[over]
    room = ceiling - knee
    rounded = knee + room * np.tanh((np.abs(peaks) - knee) / room)
    stem[over] = np.copysign(rounded, peaks).astype(np.float32)
