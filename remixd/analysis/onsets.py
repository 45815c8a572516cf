"""Onsets of one stem: coarse from the rise of its spectrum, then exact from the rise of its energy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.attacks import Prediction, note_frame, stroke_frame
from remixd.analysis.spectra import Curve, Resolution, band_flux
from remixd.units import RATE_HZ, StemRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Onsets:
    """Where notes or strokes of a stem begin.

    Attributes:
        frames: int64 (onsets,), strictly rising positions at 48 kHz, inside the stem.
        strengths: float32 (onsets,), 0 to 1: how much of the spectrum rises, beside the stem's strongest,
            times how steeply it does.
    """

    frames: NDArray[np.int64]
    strengths: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """How onsets of a role are looked for."""

    resolution: Resolution
    own_level: float
    """Of `band_flux`."""
    above_median: float
    rise_nepers: float
    """What rises less at its sharpest is no onset."""
    apart_s: float
    """Nearer ones are one onset."""
    early_s: float
    late_s: float
    """How far an attack may begin before and after the flux peaks."""
    prediction: Prediction | None
    """None for strokes."""


_HARMONY: Final = _Search(
    resolution=Resolution(window=2048, hop=480), own_level=0.0, above_median=0.06, rise_nepers=0.5,
    apart_s=0.03, early_s=0.02, late_s=0.03, prediction=Prediction(step=4, order=32, past_s=0.03, noise=1e-6),
)  # fmt: skip
_SEARCHES: Final[Mapping[StemRole, _Search]] = {
    "drums": _Search(
        resolution=Resolution(window=1024, hop=240), own_level=0.5, above_median=0.06, rise_nepers=0.85,
        apart_s=0.025, early_s=0.012, late_s=0.016, prediction=None,
    ),
    "bass": replace(
        _HARMONY, early_s=0.04, prediction=Prediction(step=2, order=64, past_s=0.05, noise=1e-9)
    ),
    "vocals": replace(_HARMONY, above_median=0.1, rise_nepers=1.0, apart_s=0.1),
    "other": _HARMONY,
}  # fmt: skip
_MEDIAN_S: Final = 0.2
_NEAREST_S: Final = 0.03
"""Peaks of the flux nearer than this are one."""
_RECOVERY: Final = 240
"""Frames after an onset in which its own attack is not searched again."""
_CUT_OFF_NEPERS: Final = 5.0
"""What must rise at the very end of a stem, where the flux cannot tell a stop from a start."""
_SHARP_NEPERS: Final = 2.0
_STRONG: Final = 0.5
"""A flux that is an attack of full strength in a stem that has none stronger."""
_MEDIANS: Final = 2000  # taken at a time


def find_onsets(pcm: NDArray[np.float32], role: StemRole) -> Onsets:
    """Find where notes or strokes begin.

    Coarse onsets are peaks of `spectra.band_flux` above its local median; each is then moved to the frame
    where the sound begins to be new nearby. What sounds in the first frame begins there.

    Args:
        pcm: float32 (frames, 2) at 48 kHz, all finite; may be memory-mapped.
        role: drums are found stroke by stroke, to about a millisecond; other stems note by note.

    Thread: [ingest]; holds about 100 MB for 10 minutes, besides `pcm`.
    """
    search = _SEARCHES[role]
    if not pcm.shape[0]:
        return Onsets(frames=np.zeros(0, np.int64), strengths=np.zeros(0, np.float32))
    flux = band_flux(pcm, search.resolution, search.own_level)
    peaks = _peaks(flux, search)
    strongest = max(float(flux[peaks].max(initial=0.0)), _STRONG)
    frames: list[int] = []
    strengths: list[float] = []
    for peak in peaks:
        centre = (int(peak) - 1) * search.resolution.hop
        start = max(centre - round(search.early_s * RATE_HZ), frames[-1] + _RECOVERY if frames else 0, 0)
        stop = min(centre + round(search.late_s * RATE_HZ), pcm.shape[0])
        if start >= stop:
            continue
        if search.prediction is None:
            frame, rise = stroke_frame(pcm, start, stop)
        else:
            frame, rise = note_frame(pcm, start, stop, search.prediction)
        cut_off = peak * search.resolution.hop + search.resolution.window // 2 > pcm.shape[0]
        least = _CUT_OFF_NEPERS if cut_off else search.rise_nepers
        if rise < least or (frames and frame - frames[-1] < search.apart_s * RATE_HZ):
            continue
        frames.append(frame)
        strengths.append(min(float(flux[peak]) / strongest, 1.0) * (1.0 - math.exp(-rise / _SHARP_NEPERS)))
    return Onsets(frames=np.array(frames, np.int64), strengths=np.array(strengths, np.float32))


def _peaks(flux: Curve, search: _Search) -> NDArray[np.int64]:
    """Indices of local maxima that stand out of the median around them; of several nearby, the highest."""
    hop_s = search.resolution.hop / RATE_HZ
    span, apart = round(_MEDIAN_S / hop_s), round(min(search.apart_s, _NEAREST_S) / hop_s)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(flux, span), 2 * span + 1)
    pieces = [around[first : first + _MEDIANS] for first in range(0, flux.shape[0], _MEDIANS)]
    median = np.concatenate([np.median(piece, axis=1) for piece in pieces])
    nearby = np.lib.stride_tricks.sliding_window_view(np.pad(flux, apart), 2 * apart + 1)
    highest = (flux >= nearby.max(axis=1)) & (flux > nearby[:, :apart].max(axis=1))
    return np.flatnonzero(highest & (flux > median + search.above_median))
