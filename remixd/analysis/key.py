"""The key of a song, from the pitch classes of its tonal stems."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.chroma import Chromas, find_harmony
from remixd.analysis.tones import HOP_S, Tones
from remixd.track.camelot import key_name
from remixd.units import StemRole

_SPAN_S: Final = 1.0
_BLOCK_SPANS: Final = 8
_BASS_WEIGHT: Final = 0.4
_LEAST_FIT: Final = 0.25
"""A mean correlation below this is no key."""
_GOOD_FIT: Final = 0.6
_LEAST_CONTRAST: Final = 0.1
"""How much pitch classes must differ beside their mean: white noise reaches .04."""
_CLEAR_LEAD: Final = 0.08
_RESAMPLES: Final = 200

# How well pitch classes fit a key, from the tonic upwards: major, then minor.
_PROFILES: Final = np.array([
    # Krumhansl and Kessler, "Tracing the dynamic changes in perceived tonal organization", 1982
    [[6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88],
     [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17]],
    # Temperley, "The Cognition of Basic Musical Structures", 2001, chapter 7
    [[5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0],
     [5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0]],
])  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key and how sure it is.

    Attributes:
        tonic: pitch class, 0 = C; minor: the mode.
        confidence: 0 to 1: in how many resampled versions of the song the same key wins, less where the
            runner-up is near, the fit poor or the song short.
        tuning_cents: of the song beside A4 = 440 Hz, -50 to 50.
    """

    tonic: int
    minor: bool
    confidence: float
    tuning_cents: float

    @property
    def name(self) -> str:
        """As in `Analysis.key`: "A minor"."""
        return key_name(self.tonic, minor=self.minor)


def find_key(tones: Mapping[StemRole, Tones]) -> Key | None:
    """Find the key of a song; None where nothing tonal sounds, or no key fits.

    Each second's chroma is correlated with the profiles of 24 keys, and the bass counts besides.

    Args:
        tones: by role; drums are not asked, vocals only where there is nothing else.

    Thread: [ingest].
    """
    frames = max((part.amplitudes.shape[0] for part in tones.values()), default=0)
    edges_s = np.arange(math.ceil(frames * HOP_S / _SPAN_S) + 1) * _SPAN_S
    harmony = find_harmony(tones, edges_s)
    sounding = np.flatnonzero(harmony.sounds)
    if not sounding.size:
        return None
    treble, bass = harmony.treble[sounding], harmony.bass[sounding]
    mean = treble.mean(axis=0)
    fits = _fits(mean, bass.mean(axis=0))
    best = int(fits.argmax())
    if fits[best] < _LEAST_FIT or mean.std() < _LEAST_CONTRAST * mean.mean():
        return None
    return Key(
        tonic=best % 12,
        minor=best >= 12,
        confidence=_confidence(treble, bass, fits),
        tuning_cents=harmony.tuning_cents,
    )


def _fits(treble: NDArray[np.float64], bass: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean correlation with the profiles of each key, (..., 24): twelve major, then twelve minor."""
    return np.asarray((_correlations(treble) + _BASS_WEIGHT * _correlations(bass)) / (1.0 + _BASS_WEIGHT))


def _correlations(chroma: NDArray[np.float64]) -> NDArray[np.float64]:
    standard = _standardised(chroma)
    turned = np.stack([np.roll(standard, -tonic, axis=-1) for tonic in range(12)], axis=-2)
    found = np.einsum("...kc,pmc->...pmk", turned, _standardised(_PROFILES)) / 12.0
    return np.asarray(found.mean(axis=-3).reshape(*chroma.shape[:-1], 24))


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = values - values.mean(axis=-1, keepdims=True)
    spread = np.sqrt(np.mean(centred**2, axis=-1, keepdims=True))
    return np.asarray(centred / np.maximum(spread, 1e-9))


def _confidence(treble: Chromas, bass: Chromas, fits: NDArray[np.float64]) -> float:
    """How often the key wins if blocks of 8 s are drawn with replacement (a block bootstrap)."""
    starts = np.arange(0, treble.shape[0], _BLOCK_SPANS)
    blocks = np.stack([np.add.reduceat(part, starts, axis=0) for part in (treble, bass)])
    count = starts.shape[0]
    counts = np.random.default_rng(0).multinomial(count, np.full(count, 1.0 / count), size=_RESAMPLES)
    resampled = np.einsum("rb,sbc->src", counts, blocks)
    best = int(fits.argmax())
    wins = float(np.mean(_fits(resampled[0], resampled[1]).argmax(axis=-1) == best))
    lead = float(fits[best] - np.sort(fits)[-2])
    enough = treble.shape[0] / (treble.shape[0] + _BLOCK_SPANS)
    clear = min(1.0, 0.25 + 0.75 * lead / _CLEAR_LEAD)
    return float(wins * clear * min(1.0, float(fits[best]) / _GOOD_FIT) * enough)
