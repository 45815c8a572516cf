"""How loud music is: integrated loudness, loudness range and true peak, measured while it streams.

Sources: ITU-R BS.1770-4 (weighting, gates, true peak), EBU Tech 3341 (windows of 400 ms and 3 s),
EBU Tech 3342 (loudness range).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.true_peak import TruePeak
from remixd.track.flac import Block

Curve = NDArray[np.float64]

STEPS_A_SECOND: Final = 10
"""Energies are kept for each 100 ms."""

QUIETEST_LUFS: Final = -70.0
"""The absolute gate; what lies below it is no sound. Also the least level in curves."""

_MOMENTARY_STEPS: Final = 4
_SHORT_TERM_STEPS: Final = 30
_RELATIVE_GATE_LU: Final = -10.0
_RANGE_GATE_LU: Final = -20.0
_RANGE_PERCENTILES: Final = (10.0, 95.0)
_OFFSET_DB: Final = -0.691
_MEMORY_S: Final = 0.085
"""After this the weighting's impulse response has died away: its slowest pole lies at 38 Hz."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudness:
    """What was measured of one stem or mix.

    Attributes:
        integrated_lufs: None where nothing is louder than -70 LUFS for 400 ms.
        range_lu: 0 or more; None where nothing is for 3 s.
        true_peak_dbtp: None for digital silence.
        energies: float64 (steps,), mean square after weighting, both channels added, of each 100 ms.
    """

    integrated_lufs: float | None
    range_lu: float | None
    true_peak_dbtp: float | None
    energies: Curve

    def momentary_lufs(self) -> Curve:
        """Loudness of the 400 ms from each step on, float64 (steps - 3,), at least -70."""
        return _lufs(_windowed(self.energies, _MOMENTARY_STEPS))

    def short_term_lufs(self) -> Curve:
        """Loudness of the 3 s from each step on, float64 (steps - 29,), at least -70."""
        return _lufs(_windowed(self.energies, _SHORT_TERM_STEPS))


class LoudnessMeter:
    """Measures a stereo stream at any rate. Thread: [ingest]; keeps 80 bytes a second."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._memory = 1 << math.ceil(math.log2(_MEMORY_S * rate_hz))
        self._response = _weighting(rate_hz, 4 * self._memory)
        self._waiting = np.zeros(self._memory, np.complex64)
        self._powers = np.zeros(0, np.float64)
        self._energies: list[Curve] = []
        self._steps = 0
        self._frames = 0
        self._peak = TruePeak(rate_hz)

    def add(self, block: Block) -> None:
        """Take the next frames, float32 (frames, 2)."""
        self._peak.add(block)
        self._frames += block.shape[0]
        stereo = np.ascontiguousarray(block).view(np.complex64)[:, 0]
        self._waiting = np.concatenate([self._waiting, stereo])
        self._weigh()

    def finish(self) -> Loudness:
        """The measures of the whole; call it once, after the last block."""
        missing = -(self._waiting.shape[0] - self._memory) % (3 * self._memory)
        self._waiting = np.concatenate([self._waiting, np.zeros(missing, np.complex64)])
        self._weigh()
        whole = self._frames * STEPS_A_SECOND // self._rate_hz
        energies = np.concatenate([*self._energies, np.zeros(0)])[:whole]
        peak = self._peak.finish()
        return Loudness(
            integrated_lufs=_integrated(energies),
            range_lu=_range(energies),
            true_peak_dbtp=20.0 * math.log10(peak) if peak > 0.0 else None,
            energies=energies,
        )

    def _weigh(self) -> None:
        """Filter what waits by overlap-save: left and right at once, as one complex signal."""
        size, fresh = 4 * self._memory, 3 * self._memory
        while self._waiting.shape[0] >= size:
            weighted = np.fft.ifft(np.fft.fft(self._waiting[:size]) * self._response)[self._memory :]
            self._waiting = self._waiting[fresh:]
            power = np.square(weighted.real, dtype=np.float64) + np.square(weighted.imag, dtype=np.float64)
            self._powers = np.concatenate([self._powers, power])
            self._average()

    def _average(self) -> None:
        """Turn what waits of the powers into means of 100 ms; a step need not be whole frames long."""
        start = self._edge(self._steps)
        count = (start + self._powers.shape[0]) * STEPS_A_SECOND // self._rate_hz - self._steps
        if count <= 0:
            return
        edges = np.array([self._edge(self._steps + step) - start for step in range(count + 1)])
        sums = np.add.reduceat(self._powers[: edges[-1]], edges[:-1])
        self._energies.append(sums / np.diff(edges))
        self._powers = self._powers[edges[-1] :]
        self._steps += count

    def _edge(self, step: int) -> int:
        return step * self._rate_hz // STEPS_A_SECOND


def _weighting(rate_hz: int, size: int) -> NDArray[np.complex64]:
    """The K weighting on the `size` frequencies of an FFT.

    The standard gives filters for 48 kHz; these are their analogue prototypes, turned digital for any
    rate by the bilinear transform (De Man, "Evaluation of implementations of the EBU R128 loudness
    measurement", AES 2018).
    """
    z = np.exp(-2j * np.pi * np.fft.fftfreq(size))

    def second_order(numerator: tuple[float, float, float], k: float, q: float) -> NDArray[np.complex128]:
        n0, n1, n2 = numerator
        norm = 1.0 + k / q + k * k
        denominator = 1.0 + (2.0 * (k * k - 1.0) * z + (1.0 - k / q + k * k) * z * z) / norm
        return np.asarray((n0 + n1 * z + n2 * z * z) / denominator)

    k, q, high = (
        math.tan(math.pi * 1681.974450955533 / rate_hz),
        0.7071752369554196,
        10 ** (3.999843853973347 / 20),
    )
    band = high**0.4996667741545416
    norm = 1.0 + k / q + k * k
    shelf = second_order(
        (
            (high + band * k / q + k * k) / norm,
            2.0 * (k * k - high) / norm,
            (high - band * k / q + k * k) / norm,
        ),
        k,
        q,
    )
    low_cut = second_order(
        (1.0, -2.0, 1.0), math.tan(math.pi * 38.13547087602444 / rate_hz), 0.5003270373238773
    )
    return np.asarray(shelf * low_cut, np.complex64)


def _windowed(energies: Curve, steps: int) -> Curve:
    """Means of `steps` steps from each step on."""
    if energies.shape[0] < steps:
        return np.zeros(0)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(energies, steps).mean(axis=1))


def _lufs(energies: Curve) -> Curve:
    floor = 10.0 ** ((QUIETEST_LUFS - _OFFSET_DB) / 10.0)
    return np.asarray(_OFFSET_DB + 10.0 * np.log10(np.maximum(energies, floor)))


def _above(energies: Curve, gate_lu: float) -> Curve:
    """The energies that pass the absolute gate, then one relative to their mean."""
    loud = energies[_lufs(energies) > QUIETEST_LUFS]
    return loud[loud > loud.mean() * 10.0 ** (gate_lu / 10.0)] if loud.size else loud


def _integrated(energies: Curve) -> float | None:
    """Clause 5.1 of BS.1770-4."""
    gated = _above(_windowed(energies, _MOMENTARY_STEPS), _RELATIVE_GATE_LU)
    return float(_lufs(np.array([gated.mean()]))[0]) if gated.size else None


def _range(energies: Curve) -> float | None:
    """Clause 3 of EBU Tech 3342."""
    gated = _above(_windowed(energies, _SHORT_TERM_STEPS), _RANGE_GATE_LU)
    if not gated.size:
        return None
    low, high = np.percentile(_lufs(gated), _RANGE_PERCENTILES)
    return float(high - low)
