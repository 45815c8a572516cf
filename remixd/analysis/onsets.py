"""Onsets of one stem: coarse from the rise of its spectrum, then exact from the rise of its energy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.attacks import Rise, attack_frame
from remixd.analysis.spectra import Curve, Resolution, band_flux
from remixd.units import RATE_HZ, StemRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Onsets:
    """Where notes or strokes of a stem begin.

    Attributes:
        frames: int64 (onsets,), strictly rising positions at 48 kHz, inside the stem.
        strengths: float32 (onsets,), 0 to 1: how much of the spectrum rises, beside the stem's strongest.
    """

    frames: NDArray[np.int64]
    strengths: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """How onsets of a role are looked for."""

    resolution: Resolution
    above_mean: float
    apart_s: float
    """Nearer ones are one onset."""
    early_s: float
    late_s: float
    """How far an attack may begin before and after the flux peaks."""
    rise: Rise
    lead: int
    """Frames that an onset is moved ahead: late is worse than early."""


_DRUMS: Final = _Search(
    resolution=Resolution(window=1024, hop=240), above_mean=0.06, apart_s=0.025, early_s=0.012, late_s=0.016,
    rise=Rise(before=240, after=72), lead=8,
)  # fmt: skip
_NOTES: Final = _Search(
    resolution=Resolution(window=2048, hop=480), above_mean=0.06, apart_s=0.03, early_s=0.02, late_s=0.03,
    rise=Rise(before=480, after=240), lead=8,
)  # fmt: skip
_MEAN_S: Final = 0.2
_STRONG: Final = 0.5
"""A flux that is an attack of full strength in a stem that has none stronger."""


def find_onsets(pcm: NDArray[np.float32], role: StemRole) -> Onsets:
    """Find where notes or strokes begin.

    Coarse onsets are peaks of `spectra.band_flux` above its local mean; each is then moved to the frame
    where energy rises most nearby. What sounds in the first frame begins there.

    Args:
        pcm: float32 (frames, 2) at 48 kHz, all finite; may be memory-mapped.
        role: drums are found stroke by stroke, to about a millisecond; other stems note by note.

    Thread: [ingest]; holds about 25 MB for 10 minutes, besides `pcm`.
    """
    search = _DRUMS if role == "drums" else _NOTES
    flux = band_flux(pcm, search.resolution)
    hop_s = search.resolution.hop / RATE_HZ
    peaks = _peaks(flux, search.above_mean, round(_MEAN_S / hop_s), round(search.apart_s / hop_s))
    strongest = max(float(flux[peaks].max(initial=0.0)), _STRONG)
    frames: list[int] = []
    strengths: list[float] = []
    for peak in peaks:
        centre = (int(peak) - 1) * search.resolution.hop
        start = max(centre - round(search.early_s * RATE_HZ), 0, frames[-1] + 240 if frames else 0)
        stop = min(centre + round(search.late_s * RATE_HZ), pcm.shape[0])
        if start >= stop:
            continue
        frame, _ = attack_frame(pcm, start, stop, search.rise)
        frame = max(frame - search.lead, 0)
        if frames and frame - frames[-1] < search.apart_s * RATE_HZ:
            continue
        frames.append(frame)
        strengths.append(min(float(flux[peak]) / strongest, 1.0))
    return Onsets(frames=np.array(frames, np.int64), strengths=np.array(strengths, np.float32))


def _peaks(flux: Curve, above_mean: float, mean_span: int, apart: int) -> NDArray[np.int64]:
    """Indices of local maxima that stand out of the mean around them; of several nearby, the highest."""
    padded = np.pad(flux.astype(np.float64), mean_span)
    sums = np.concatenate([[0.0], np.cumsum(padded)])
    mean = (sums[2 * mean_span + 1 :] - sums[: -2 * mean_span - 1]) / (2 * mean_span + 1)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(flux, apart), 2 * apart + 1)
    highest = (flux >= around.max(axis=1)) & (flux > around[:, :apart].max(axis=1))
    return np.flatnonzero(highest & (flux > mean + above_mean))
