"""What is done to whole stems: a room round them, the duck under the kick, saturation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.demo.chance import seed_of
from remixd.demo.noise import white
from remixd.demo.setting import Audio, Setting

ROOM_S: Final = 1.3
"""How long the room rings; nothing of a sound is heard in it later."""

_DECAY_S: Final = 0.24
_PREDELAY_S: Final = 0.018
_LOW_HZ: Final = 280.0
_HIGH_HZ: Final = 5500.0
_BLOCK: Final = 1 << 18

_DUCK_DEPTH: Final = 0.62
_DUCK_ATTACK_S: Final = 0.004
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

    The way down takes its time in seconds, as a compressor's attack does; the way back in beats.

    Args:
        stem: (frames, 2).
        first_frame: where in the song its first frame is.
        kick_beats: where the kicks are, in song beats, ascending.
        setting: the grid and the rate.
    """
    if not kick_beats:
        return
    time_s = (first_frame + np.arange(len(stem))) / setting.rate_hz
    beats = setting.grid.beat(time_s)
    kicks = np.asarray(kick_beats)
    kicks_s = np.array([setting.grid.seconds(beat) for beat in kick_beats])
    last = np.searchsorted(kicks, beats, side="right") - 1
    pressed = np.zeros(len(stem))
    for place in (last, last - 1):  # the kick before may still press while the newest one sets in
        there, index = place >= 0, np.maximum(place, 0)
        back = np.clip((beats - kicks[index] - _DUCK_HOLD_BEATS) / (_DUCK_BEATS - _DUCK_HOLD_BEATS), 0.0, 1.0)
        down = np.clip((time_s - kicks_s[index]) / _DUCK_ATTACK_S, 0.0, 1.0)
        pressed = np.maximum(pressed, there * down * (1.0 - back * back * (3.0 - 2.0 * back)))
    gain: NDArray[np.float32] = (1.0 - _DUCK_DEPTH * pressed).astype(np.float32)
    stem *= gain[:, None]


def saturate(stem: Audio, knee: float, ceiling: float) -> None:
    """Round the peaks of `stem` off, in place: untouched up to the knee, never above the ceiling."""
    over = np.abs(stem) > knee
    peaks = stem[over]
    room = ceiling - knee
    rounded = knee + room * np.tanh((np.abs(peaks) - knee) / room)
    stem[over] = np.copysign(rounded, peaks).astype(np.float32)
