"""The bank of the groove layer: its sounds, levelled, without an offset, silent at both ends.

Thread: any but [render]; it takes a tenth of a second of one core.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.synth.chance import seed_of
from remixd.synth.drums import stroke
from remixd.synth.kit import SOUNDS, WINDOW_S
from remixd.synth.noise import shaped
from remixd.synth.sound import Audio, Curve, single

RATE_HZ: Final = 48_000
BASS_S: Final = 1.0
RISER_S: Final = 2.7
IMPACT_S: Final = 2.4
EDGE_FRAMES: Final = 24
"""Half a millisecond: how soon a sound is there, and how it ends."""

_HEAD: Final = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285),
    (1.0, -1.69065929318241, 0.73248077421585),
)
_RLB: Final = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))
"""The two filters of K-weighting at 48 kHz: ITU-R BS.1770-4, tables 1 and 2."""


@cache
def _response(bins: int) -> Curve:
    """The power of K-weighting at each bin of an FFT."""
    z = np.exp(-2j * np.pi * np.arange(bins) / bins)
    power = np.ones(bins)
    for zeros, poles in (_HEAD, _RLB):
        top = zeros[0] + z * (zeros[1] + z * zeros[2])
        power *= np.abs(top / (poles[0] + z * (poles[1] + z * poles[2]))) ** 2
    return power


def level_lufs(sound: NDArray[np.floating]) -> float:
    """How loud a sound (frames, 2) is, as if it were all there is in 400 ms (BS.1770-4, equation 2)."""
    size = 1 << int(len(sound) - 1).bit_length()
    spectrum = np.fft.fft(sound[:, 0] + 1j * sound[:, 1], size)  # left and right at once: powers add up
    power = spectrum.real**2 + spectrum.imag**2
    energy = float((power * _response(size)).sum()) / size
    return -0.691 + 10.0 * math.log10(energy / (WINDOW_S * RATE_HZ) + 1e-12)


def _time(seconds: float) -> Curve:
    return np.arange(round(seconds * RATE_HZ)) / RATE_HZ


def _note(pitch: int) -> Curve:
    """A plucked bass: harmonics that fall by a factor each, closing (Moorer, JAES 24, 1976), and its sine."""
    time_s = _time(BASS_S)
    hz = 440.0 * 2.0 ** ((pitch - 69) / 12.0)
    angle = 2.0 * np.pi * hz * time_s
    falling = 0.25 + 0.5 * np.exp(-time_s / 0.12)
    saw = np.sin(angle) / (1.0 + falling**2 - 2.0 * falling * np.cos(angle)) * (1.0 - 0.75 * falling**2)
    wave = np.tanh(1.2 * (0.6 * saw + 0.6 * np.sin(angle)))
    wave *= np.minimum(1.0, time_s / 0.004) * np.exp(-time_s / 0.55) * _away(time_s, 0.25)
    return np.stack([wave, wave], axis=1)


def _away(time_s: Curve, seconds: float) -> Curve:
    """1, and a smooth way to 0 in the last so many seconds."""
    left: Curve = np.clip((time_s[-1] - time_s) / seconds, 0.0, 1.0)
    return left * left * (3.0 - 2.0 * left)


def _riser() -> Curve:
    """Noise that opens, and a tone that climbs three octaves: louder and louder, then nothing."""
    time_s = _time(RISER_S)
    done = time_s / RISER_S
    tone = np.sin(2.0 * np.pi * 110.0 * RISER_S / np.log(8.0) * (8.0**done - 1.0))
    sides = []
    for side in ("left", "right"):
        bands = [
            shaped(seed_of("riser", side, band), len(time_s), RATE_HZ, *edges)
            for band, edges in enumerate(((300.0, 1500.0), (1500.0, 6000.0), (6000.0, 14_000.0)))
        ]
        centre = 2.0 * done
        weights = [np.clip(1.0 - np.abs(centre - band), 0.0, 1.0) for band in range(3)]
        sides.append(sum(w * b for w, b in zip(weights, bands, strict=True)) + 0.35 * tone)
    swell = done**2 * np.clip((RISER_S - time_s) / 0.008, 0.0, 1.0)
    return np.stack(sides, axis=1) * swell[:, None]


def _impact() -> Curve:
    """A boom that falls from 130 to 36 Hz, a burst of noise, and a cymbal."""
    time_s = _time(IMPACT_S)
    turns = 36.0 * time_s + 94.0 * 0.09 * (1.0 - np.exp(-time_s / 0.09))
    boom = np.tanh(1.6 * np.sin(2.0 * np.pi * turns) * np.exp(-time_s / 0.55))
    sides = []
    for side in ("left", "right"):
        burst = shaped(seed_of("impact", side), len(time_s), RATE_HZ, 80.0, 2500.0) * np.exp(-time_s / 0.18)
        air = shaped(seed_of("air", side), len(time_s), RATE_HZ, 3000.0, 12_000.0) * np.exp(-time_s / 0.5)
        sides.append(boom + 0.25 * burst + 0.08 * air)
    return np.stack(sides, axis=1) * (_away(time_s, 0.8) * np.minimum(1.0, time_s / 0.0008))[:, None]


def _made(name: str) -> Curve:
    match name.split():
        case ["riser"]:
            return _riser()
        case ["impact"]:
            return _impact()
        case ["bass", pitch]:
            return _note(int(pitch))
        case _:
            return stroke(name, seed_of("kit", name), RATE_HZ)


def _finished(sound: Curve, wanted_lufs: float) -> Audio:
    """Without an offset, silent at both ends, and as loud as it should be."""
    frames = len(sound)
    window = np.hanning(frames + 2)[1:-1, None]
    sound = sound - window * (sound.sum(axis=0) / window.sum())
    edge = np.arange(EDGE_FRAMES)[:, None] / EDGE_FRAMES
    sound[:EDGE_FRAMES] *= edge
    sound[-EDGE_FRAMES:] *= edge[::-1]
    return single(sound * 10.0 ** ((wanted_lufs - level_lufs(sound)) / 20.0))


@cache
def make_bank() -> tuple[Audio, ...]:
    """Every sound of `kit.SOUNDS`, in its order: float32 (frames, 2) at 48 kHz."""
    return tuple(_finished(_made(sound.name), sound.level_lufs) for sound in SOUNDS)
