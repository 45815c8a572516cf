"""What tests of a mixer's channel share: its parameters, and how it answers an impulse."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sounds import RATE_HZ, Audio

from remixd._kernel.channel import ChannelStrip

FADER, PAN, LOW, MID, HIGH, FILTER, SEND = range(7)
RANGES = ((-60.0, 6.0), (-1.0, 1.0), (-60.0, 6.0), (-60.0, 6.0), (-60.0, 6.0), (-1.0, 1.0), (0.0, 1.0))
EQUAL_POWER = 1
QUANTUM = 64
Move = tuple[int, float, int] | tuple[int, float, int, int] | tuple[int, float, int, int, int]

SPECTRUM_FRAMES = 1 << 16
FREQUENCIES_HZ = np.fft.rfftfreq(SPECTRUM_FRAMES, 1 / RATE_HZ)


def run(pcm: Audio, moves: Sequence[Move]) -> tuple[Audio, Audio]:
    """What a fresh channel makes of whole quanta of sound, and what it sends."""
    strip = ChannelStrip()
    for move in moves:
        strip.move(*move)
    return strip.process(pcm)


def response(*settings: tuple[int, float]) -> NDArray[np.complex128]:
    """The settled channel's answer at `FREQUENCIES_HZ`, from its impulse response of 1.4 s."""
    impulse = np.zeros((9600 + SPECTRUM_FRAMES, 2), dtype=np.float32)
    impulse[9600] = 1
    out, _ = run(impulse, [(parameter, value, 0, 0) for parameter, value in settings])
    return np.fft.rfft(out[9600:, 0].astype(np.float64), SPECTRUM_FRAMES)


def gain_db(answer: NDArray[np.complex128], frequency_hz: float) -> float:
    """Its magnitude at one frequency."""
    return float(20 * np.log10(np.abs(answer[np.abs(FREQUENCIES_HZ - frequency_hz).argmin()])))
