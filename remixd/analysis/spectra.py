"""How fast the spectrum of a stem rises: the coarse view from which onsets are picked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.streams import powers
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


def band_flux(pcm: Audio, resolution: Resolution, own_level: float) -> Curve:
    """How much the log spectrum rises over two hops, as the mean of its bands.

    Levels are `log1p(100 b / ref)`, `b` a sixth-octave band's amplitude and `ref` the stem's own 90th
    percentile, so the flux hardly depends on how loud the stem is; or a geometric mean of that and of the
    band's 95th percentile, so that a hat counts beside a kick. The earlier level is the maximum of three
    neighbouring bands, so vibrato does not count as rising (Boeck and Widmer, "Maximum filter vibrato
    suppression for onset detection", DAFx 2013).

    Args:
        pcm: float32 (frames, 2) at 48 kHz.
        resolution: of the spectra.
        own_level: weight of the band's own level in `ref`, 0 to 1.

    Returns:
        float32 (frames // hop + 2,), at least 0, rarely above 3; before the first frame there is silence.
    """
    bands = _band_amplitudes(pcm, resolution)
    bands *= 100.0 / _reference(bands, own_level)
    levels = np.log1p(bands, out=bands)
    before = np.zeros_like(levels)
    before[_LAG:] = levels[:-_LAG]
    widest = before.copy()
    np.maximum(widest[:, 1:], before[:, :-1], out=widest[:, 1:])
    np.maximum(widest[:, :-1], before[:, 1:], out=widest[:, :-1])
    levels -= widest
    return np.asarray(np.maximum(levels, 0.0, out=levels).mean(axis=1), np.float32)


def _reference(bands: Curve, own_level: float) -> Curve:
    """The level that each band is measured by, (bands,); rests do not count."""
    totals = bands.sum(axis=1)
    sounding = bands[totals > _QUIETEST * totals.max()]
    if not sounding.size:
        return np.full(bands.shape[1], _FLOOR, np.float32)
    own = np.percentile(sounding, 95, axis=0) ** own_level
    mixed = own * np.percentile(sounding, 90) ** (1.0 - own_level)
    return np.asarray(np.maximum(mixed, _FLOOR), np.float32)


def _band_amplitudes(pcm: Audio, resolution: Resolution) -> Curve:
    """Root of the energy of both channels in each band, (spectra, bands); a sine of amplitude 1 gives 1."""
    window, hop = resolution.window, resolution.hop
    count = pcm.shape[0] // hop + 2
    shape = np.hanning(window + 1)[:-1].astype(np.float32)
    shape *= 2.0 / shape.sum()
    starts = _band_starts(window)
    found = np.empty((count, starts.shape[0] - 1), np.float32)
    for first in range(0, count, _CHUNK):
        size = min(_CHUNK, count - first)
        low = first * hop - window // 2
        piece = cut(pcm, low, low + (size - 1) * hop + window).view(np.complex64)[:, 0]
        frames = np.lib.stride_tricks.sliding_window_view(piece, window)[::hop]
        power = powers(frames, shape)[:, : starts[-1] - 1]
        found[first : first + size] = np.sqrt(np.add.reduceat(power, starts[:-1] - 1, axis=1))
    return found


def cut(pcm: Audio, low: int, high: int) -> Audio:
    """Frames `low` to `high`, float32 (high - low, 2). `pcm` has at least one frame; `low` is before its end.

    Before the first frame there is silence; past the last, the sound is mirrored in time and about its last
    value: where a stem is cut off, silence would look like an attack, being as broad.
    """
    end = pcm.shape[0]
    piece = np.zeros((high - low, 2), np.float32)
    piece[max(-low, 0) : min(high, end) - low] = pcm[max(low, 0) : high]
    past = high - end
    if past > 0:
        tail = np.pad(pcm[max(end - past - 1, 0) :], ((0, past), (0, 0)), "reflect", reflect_type="odd")
        piece[-past:] = tail[-past:]
    return piece


def _band_starts(window: int) -> NDArray[np.int64]:
    """The first bin of each band and, last, one past the last band; bands without a bin are left out."""
    bands = _BANDS_AN_OCTAVE * np.log2(_HIGHEST_HZ / _LOWEST_HZ)
    edges_hz = _LOWEST_HZ * 2.0 ** (np.arange(np.floor(bands) + 1) / _BANDS_AN_OCTAVE)
    return np.unique(np.ceil(edges_hz * window / RATE_HZ).astype(np.int64))
