"""Where somebody sings, and how much is going on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.bands import Bands
from remixd.analysis.loudness import QUIETEST_LUFS, STEPS_A_SECOND, Loudness

Curve = NDArray[np.float64]

_VOICE_BANDS: Final = slice(1, 7)  # 100 Hz to 6.4 kHz: neither rumble nor hiss
_FAINTEST_DB: Final = -60.0
_BEGINS_DB: Final = -20.0
_GOES_ON_DB: Final = -25.0
"""Below the loud parts of the stem; what a separator leaves of other stems is fainter as a rule."""
_LOUD_PERCENTILE: Final = 95.0
_BREATH_S: Final = 0.35
"""Singing goes on across rests up to this."""
_SHORTEST_S: Final = 0.15

_QUIET_LU: Final = -15.0
"""Below the loud parts of the song: no energy."""
_SMOOTH_S: Final = 1.2

_CALM, _BUSY = 0.3, 3.0  # rises of the band levels, in nepers a second and band
_DYNAMIC_DB, _DENSE_DB = 20.0, 9.0  # peak to loudness
_DARK_DB, _BRIGHT_DB = -24.0, -8.0  # above 1.6 kHz beside all
_HIGH_BANDS: Final = slice(5, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sung:
    """Somebody sings here; half-open, in seconds."""

    start_s: float
    end_s: float


def find_singing(vocals: Bands | None) -> tuple[Sung, ...] | None:
    """Find where the vocals stem sings: hysteresis on its level, rests for breath bridged.

    Args:
        vocals: of all vocal stems together; None where there are none.

    Returns:
        None without a vocals stem, nothing for a silent one.

    Thread: [ingest].
    """
    if vocals is None:
        return None
    step_s = vocals.step_s
    level_db = 10.0 * np.log10(vocals.energies[:, _VOICE_BANDS].sum(axis=1, dtype=np.float64) + 1e-12)
    heard = level_db[level_db > _FAINTEST_DB]
    if not heard.size:
        return ()
    loud_db = float(np.percentile(heard, _LOUD_PERCENTILE))
    begins = level_db > max(_FAINTEST_DB, loud_db + _BEGINS_DB)
    spans = [
        (start, end)
        for start, end in _runs(level_db > max(_FAINTEST_DB, loud_db + _GOES_ON_DB))
        if begins[start:end].any()
    ]
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start - joined[-1][1] <= _BREATH_S / step_s:
            joined[-1] = joined[-1][0], end
        else:
            joined.append((start, end))
    return tuple(
        # a step stands for the time round its centre
        Sung(start_s=max(0.0, (start - 0.5) * step_s), end_s=(end - 0.5) * step_s)
        for start, end in joined
        if end - start >= _SHORTEST_S / step_s
    )


def find_energy(loudness: Loudness, edges_s: NDArray[np.float64]) -> Curve:
    """How energetic each span of a song is beside its loudest parts, by perceived loudness.

    Args:
        loudness: of the mix.
        edges_s: such as downbeats; must not fall, (spans + 1,).

    Returns:
        float64 (spans,), 0 to 1: 1 is the song's 95th percentile, 0 is 15 LU below it or silence.

    Thread: [ingest].
    """
    spans = max(0, edges_s.shape[0] - 1)
    if loudness.integrated_lufs is None:
        return np.zeros(spans)
    energies = loudness.energies
    sums = np.concatenate([[0.0], np.cumsum(energies)])
    at = np.clip(edges_s * STEPS_A_SECOND, 0, energies.shape[0])
    within = np.diff(np.interp(at, np.arange(sums.shape[0]), sums)) / np.maximum(np.diff(at), 1e-9)
    lufs = -0.691 + 10.0 * np.log10(within + 1e-9)
    steps = round(_SMOOTH_S * STEPS_A_SECOND)
    smooth = np.convolve(energies, np.full(steps, 1.0 / steps), "same")
    smooth_lufs = -0.691 + 10.0 * np.log10(smooth + 1e-9)
    loud_lufs = float(np.percentile(smooth_lufs[smooth_lufs > QUIETEST_LUFS], _LOUD_PERCENTILE))
    return np.asarray(np.clip(1.0 - (lufs - loud_lufs) / _QUIET_LU, 0.0, 1.0))


def rate_energy(bands: Mapping[str, Bands], mix: Loudness) -> float | None:
    """One number for how energetic a song is, 1 to 10, whatever its gain; None for silence.

    A guess, the mean of three things: how much starts (rises of the bands' levels), how dense it is (true
    peak beside integrated loudness), how bright (energy above 1.6 kHz). Thread: [ingest].
    """
    if mix.integrated_lufs is None or mix.true_peak_dbtp is None or not bands:
        return None
    total = np.zeros((max(part.energies.shape[0] for part in bands.values()), 8))
    for part in bands.values():
        total[: part.energies.shape[0]] += part.energies
    step_s = next(iter(bands.values())).step_s
    mean = total.mean(axis=0)
    heard = mean > 1e-6 * mean.sum()
    levels = 0.5 * np.log(total[:, heard] / mean[heard] + 0.01)
    starts = float(np.maximum(np.diff(levels, axis=0), 0.0).mean()) / step_s
    bright_db = 10.0 * np.log10(mean[_HIGH_BANDS].sum() / max(mean.sum(), 1e-12) + 1e-12)
    parts = [
        np.log(max(starts, 1e-6) / _CALM) / np.log(_BUSY / _CALM),
        (_DYNAMIC_DB - (mix.true_peak_dbtp - mix.integrated_lufs)) / (_DYNAMIC_DB - _DENSE_DB),
        (bright_db - _DARK_DB) / (_BRIGHT_DB - _DARK_DB),
    ]
    return 1.0 + 9.0 * float(np.clip(parts, 0.0, 1.0).mean())


def _runs(on: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The stretches that are on, half-open."""
    steps = np.diff(np.concatenate([[0], on.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist(), strict=True))
