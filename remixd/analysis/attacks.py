"""Where an attack begins, to a fraction of a millisecond."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.spectra import Audio, cut
from remixd.units import RATE_HZ

Wave = NDArray[np.float64]

_SILENT: Final = 1e-14
_LEAST: Final = 1e-4
"""Energies this far below the loudest nearby are alike: a rise out of silence is not endless."""
_TIE_NEPERS: Final = 0.02
_STROKE_BEFORE: Final = 240
_STROKE_AFTER: Final = 72
_STROKE_EARLIER: Final = 192
"""A hat may come this far before the kick that is struck with it, and is where the attack begins."""
_STROKE_SMOOTH: Final = 16
_ABOVE_NOISE: Final = 4.0
_BELOW_STROKE: Final = 0.003
_NOTE_BEFORE_S: Final = 0.010
_NOTE_AFTER_S: Final = 0.005
_SMOOTH_S: Final = 0.001
_ABOVE_ERROR: Final = 4.0
_BELOW_NOTE: Final = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """How what already sounds is predicted: `order` coefficients, every `step` frames, from `past_s`.

    `noise` is the share of the energy that is taken for unpredictable.
    """

    step: int
    order: int
    past_s: float
    noise: float


def stroke_frame(pcm: Audio, start: int, stop: int) -> tuple[int, float]:
    """Find where a stroke begins.

    The energy of the 1.5 ms after a frame is set against that of the 5 ms before it, in the first and second
    difference of the sound: they lift the broad spectrum of a stroke out of the tones that ring on below.
    From the steepest rise it goes back to the first third of a millisecond that stands out of what was
    before, and to its start: late is worse than early, for what is late is cut off.

    Args:
        pcm: float32 (frames, 2) at 48 kHz.
        start: the first frame in question, at least 0.
        stop: one past the last, at most the number of frames.

    Returns:
        The frame, and how far the energy rises there in nepers: below .7 in steady noise.
    """
    piece = cut(pcm, start - _STROKE_BEFORE - 2, stop + _STROKE_AFTER).astype(np.float64)
    slope = np.diff(piece, axis=0)
    rise = np.zeros(stop - start)
    for wave in (slope[1:], np.diff(slope, axis=0)):
        energy = _energy(wave)
        energy[pcm.shape[0] - start + _STROKE_BEFORE :] = 0.0  # a stem that is cut off ends; nothing begins
        rise += 0.5 * _rises(energy, _STROKE_BEFORE, stop - start, _STROKE_BEFORE, _STROKE_AFTER, _SILENT)
    best = _last_highest(rise)
    first = max(best - _STROKE_EARLIER, 0)
    recent = _means(energy, _STROKE_SMOOTH)[first : best + _STROKE_BEFORE + 1]
    peak = energy[best + _STROKE_BEFORE :][:_STROKE_AFTER].mean()
    usual, louder = recent[: _STROKE_BEFORE - _STROKE_SMOOTH].max(), recent[_STROKE_BEFORE:]
    passed = np.flatnonzero(louder > max(_ABOVE_NOISE * usual, _BELOW_STROKE * peak, _SILENT))
    frame = first + int(passed[0]) if passed.size else best
    return start + frame, float(rise[best])


def note_frame(pcm: Audio, start: int, stop: int, prediction: Prediction) -> tuple[int, float]:
    """Find where a note begins, also one that follows another without a gap.

    What sounds before `start` is taken for the output of an all-pole filter (linear prediction, covariance
    method: Makhoul, "Linear prediction: a tutorial review", 1975), one for both channels. A new note is what
    this does not predict: the first frame whose error passes all errors of the past, before the steepest
    rise of the error.

    Args:
        pcm: float32 (frames, 2) at 48 kHz.
        start: the first frame in question, at least 0.
        stop: one past the last, at most the number of frames.
        prediction: of what sounds already.

    Returns:
        The frame, and how far the energy of the error rises in nepers.
    """
    step, order = prediction.step, prediction.order
    rate_hz = RATE_HZ / step
    past = round(prediction.past_s * rate_hz)
    before, after = round(_NOTE_BEFORE_S * rate_hz), round(_NOTE_AFTER_S * rate_hz)
    smooth = round(_SMOOTH_S * rate_hz)
    count = -(-(stop - start) // step)
    low = start - past * step
    wave = cut(pcm, low, low + (past + count + after) * step).reshape(-1, step, 2).mean(axis=1, dtype=float)
    energy = _error_energy(wave, past, order, prediction.noise)
    energy[-((low - pcm.shape[0]) // step) :] = 0.0  # as in `stroke_frame`
    rounding = prediction.noise * float(_energy(wave).mean()) + _SILENT
    rise = _rises(energy, past, count, before, after, rounding)
    best = _last_highest(rise)
    error = _means(energy, smooth)
    usual = error[order : past - smooth].max()
    note = error[past : past + count]
    passed = np.flatnonzero(note[: best + 1] > max(_ABOVE_ERROR * usual, _BELOW_NOTE * note.max(), _SILENT))
    frame = int(passed[0]) if passed.size else best
    return min(start + frame * step, stop - 1), float(rise[best])


def _error_energy(wave: Wave, past: int, order: int, noise: float) -> Wave:
    """Energy of what the first `past` samples do not predict, (samples,); 0 for the first `order`."""
    products = _lag_products(wave[:past, 0], order) + _lag_products(wave[:past, 1], order)
    ridge = noise * np.trace(products) / (order + 1) + 1e-12
    weights = np.linalg.solve(products[:order, :order] + ridge * np.eye(order), products[:order, order])
    predictor = np.append(-weights, 1.0)
    error = np.stack([np.correlate(wave[:, side], predictor) for side in (0, 1)], axis=1)
    return np.concatenate([np.zeros(order), _energy(error)])


def _lag_products(wave: Wave, order: int) -> Wave:
    """Sums of `wave[n + i] * wave[n + j]` over n, (order + 1, order + 1).

    Each diagonal is summed up from its first element: a fifth of the multiplications of a matrix product,
    and none that BLAS would spread over threads, which spin on a small matrix for longer than it takes.
    """
    size = order + 1
    count = wave.shape[0] - order
    products = np.empty((size, size))
    products[0] = products[:, 0] = np.correlate(wave, wave[:count])
    head, tail = wave[:order], wave[count:]
    for row in range(order):
        moved = products[row, row:-1] + tail[row] * tail[row:] - head[row] * head[row:]
        products[row + 1, row + 1 :] = products[row + 1 :, row + 1] = moved
    return products


def _rises(energy: Wave, first: int, count: int, before: int, after: int, least: float) -> Wave:
    """Nepers by which the mean energy of the `after` samples from each of `count` on passes that before.

    `least` is added to both, as is a share of the greatest.
    """
    sums = np.concatenate([[0.0], np.cumsum(energy)])
    at = np.arange(first, first + count)
    earlier = (sums[at] - sums[at - before]) / before
    later = (sums[at + after] - sums[at]) / after
    least += _LEAST * float(later.max())
    return np.asarray(np.log((later + least) / (earlier + least)), np.float64)


def _means(energy: Wave, span: int) -> Wave:
    """Mean of the `span` values from each on, (values - span + 1,)."""
    sums = np.concatenate([[0.0], np.cumsum(energy)])
    return np.asarray((sums[span:] - sums[:-span]) / span, np.float64)


def _last_highest(rise: Wave) -> int:
    """A lone impulse raises all of `after` alike: it lies at the last of them."""
    return int(np.flatnonzero(rise >= rise.max() - _TIE_NEPERS)[-1])


def _energy(wave: Wave) -> Wave:
    """Of both channels."""
    return np.asarray(np.einsum("ij,ij->i", wave, wave), np.float64)
