"""How fast the spectrum of a stem rises: the coarse view from which onsets are picked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.units import RATE_HZ

Audio = NDArray[np.float32]
Curve = NDArray[np.float32]

_LOWEST_HZ: Final = 30.0
_HIGHEST_HZ: Final = 16_000.0
_BANDS_AN_OCTAVE: Final = 6
_CHUNK: Final = 500  # spectra computed at a time: 12 MB with windows of 2048
_LAG: Final = 2
_QUIETEST: Final = 1e-3  # a frame this far below the loudest is a rest, and says nothing of the level
_FLOOR: Final = 3e-5  # of the reference: what lies 20 dB below a sine of -70 dBFS is not music


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Window and hop of the spectra, in frames of 48 kHz. Spectrum `t` is centred on frame `t * hop`."""

    window: int
    hop: int


def band_flux(pcm: Audio, resolution: Resolution) -> Curve:
    """How much the log spectrum rises over two hops, as the mean of its bands.

    Levels are `log1p(100 b / ref)`, `b` a sixth-octave band's amplitude and `ref` the stem's own 90th
    percentile, so the flux hardly depends on how loud the stem is. The earlier level is the maximum of three
    neighbouring bands, so vibrato does not count as rising (Boeck and Widmer, "Maximum filter vibrato
    suppression for onset detection", DAFx 2013).

    Args:
        pcm: float32 (frames, 2) at 48 kHz.
        resolution: of the spectra.

    Returns:
        float32 (frames // hop + 2,), at least 0, rarely above 3; before the first frame there is silence.
    """
    bands = _band_amplitudes(pcm, resolution)
    totals = bands.sum(axis=1)
    sounding = bands[totals > _QUIETEST * totals.max()]
    reference = float(np.percentile(sounding, 90)) if sounding.size else 0.0
    bands *= 100.0 / max(reference, _FLOOR)
    levels = np.log1p(bands, out=bands)
    before = np.zeros_like(levels)
    before[_LAG:] = levels[:-_LAG]
    widest = before.copy()
    np.maximum(widest[:, 1:], before[:, :-1], out=widest[:, 1:])
    np.maximum(widest[:, :-1], before[:, 1:], out=widest[:, :-1])
    levels -= widest
    return np.asarray(np.maximum(levels, 0.0, out=levels).mean(axis=1), np.float32)


def _band_amplitudes(pcm: Audio, resolution: Resolution) -> Curve:
    """Root of the energy of both channels in each band, (spectra, bands); a sine of amplitude 1 gives 1."""
    window, hop = resolution.window, resolution.hop
    count = pcm.shape[0] // hop + 2
    shape = np.hanning(window + 1)[:-1].astype(np.float32)
    shape *= 2.0 / shape.sum()
    edges = _bands(window)
    found = np.empty((count, edges.shape[1]), np.float32)
    for first in range(0, count, _CHUNK):
        size = min(_CHUNK, count - first)
        piece = _piece(pcm, first * hop - window // 2, (size - 1) * hop + window)
        frames = np.lib.stride_tricks.sliding_window_view(piece, window)[::hop]
        spectra = np.fft.fft(frames * shape)
        power = spectra.real**2 + spectra.imag**2
        # |L|^2 + |R|^2 is half of |Z[k]|^2 + |Z[-k]|^2 for Z the spectrum of l + ir
        both = power[:, 1 : window // 2] + power[:, : window // 2 : -1]
        found[first : first + size] = np.sqrt(0.5 * (both @ edges))
    return found


def _piece(pcm: Audio, start: int, length: int) -> NDArray[np.complex64]:
    """Frames from `start` on as `l + ir`; silence before the first, the end mirrored past the last.

    Where a stem is cut off, silence would look like an attack: a cut is as broad.
    """
    piece = np.zeros((length, 2), np.float32)
    low, high = max(start, 0), min(start + length, pcm.shape[0])
    if low < high:
        piece[low - start : high - start] = pcm[low:high]
    past = start + length - max(pcm.shape[0], start)
    if past > 0:
        mirrored = pcm[
            max(2 * pcm.shape[0] - start - length, 0) : 2 * pcm.shape[0] - max(pcm.shape[0], start)
        ][::-1]
        piece[length - past :][: mirrored.shape[0]] = mirrored
    return piece.view(np.complex64)[:, 0]


def _bands(window: int) -> Curve:
    """Which bin is in which band, (bins 1 to window / 2 - 1, bands); bands without a bin are left out."""
    octaves = np.log2(np.arange(1, window // 2) * (RATE_HZ / window) / _LOWEST_HZ)
    band = np.floor(_BANDS_AN_OCTAVE * octaves).astype(int)
    band[octaves > np.log2(_HIGHEST_HZ / _LOWEST_HZ)] = -1
    used = np.unique(band[band >= 0])
    return np.asarray(band[:, None] == used, np.float32)
