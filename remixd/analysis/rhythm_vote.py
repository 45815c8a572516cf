"""What essentia's trackers take a mix's tempo for: votes for a metrical level, where they are good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Mono = NDArray[np.float32]
Times = NDArray[np.float64]

ESSENTIA_HZ: Final = 44_100
"""The only rate that RhythmExtractor2013 knows."""
SHORTEST_S: Final = 6.0
PIECE_S: Final = 120.0
"""Longer mixes are heard in pieces: the extractor needs 40 MB a minute."""
_QUIET: Final = 1e-4
_LEAST_RATE_HZ: Final = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What others hear.

    Attributes:
        tracker_bpm: a tempo a piece of the song, of RhythmExtractor2013 ("multifeature": Zapata, Davies and
            Gomez, "Multi-feature beat tracking", 2014).
        estimator_bpm: the same of PercivalBpmEstimator (Percival and Tzanetakis, "Streamlined tempo
            estimation based on autocorrelation and cross-correlation with pulses", 2014).
        ticks_s: float64 (ticks,), beats of the first, rising.
    """

    tracker_bpm: tuple[float, ...] = ()
    estimator_bpm: tuple[float, ...] = ()
    ticks_s: Times


def ask_essentia(mix: Mono, rate_hz: int) -> Vote:
    """Ask essentia for the tempo of a mix: float32 (frames,), all finite.

    Returns:
        A vote of none where the mix is silent, short or dull.

    Thread: [ingest]; takes about 0.85 s a minute.
    """
    none = Vote(ticks_s=np.zeros(0))
    if mix.shape[0] < SHORTEST_S * rate_hz or rate_hz < _LEAST_RATE_HZ or float(np.abs(mix).max()) < _QUIET:
        return none
    import essentia
    import soxr

    essentia.log.infoActive = False
    essentia.log.warningActive = False
    import essentia.standard as algorithms  # takes .6 s, and only imports need it

    size = round(PIECE_S * rate_hz)
    tracked, estimated, ticks_s = [], [], [np.zeros(0)]
    count = max(1, round(mix.shape[0] / size))
    for index in range(count):
        piece = mix[index * size : (index + 1) * size if index + 1 < count else mix.shape[0]]
        if float(np.abs(piece).max()) < _QUIET:
            continue
        heard = np.ascontiguousarray(soxr.resample(piece, rate_hz, ESSENTIA_HZ), np.float32)
        bpm, ticks, _, _, _ = algorithms.RhythmExtractor2013(method="multifeature")(heard)
        tracked.append(float(bpm))
        estimated.append(float(algorithms.PercivalBpmEstimator()(heard)))
        ticks_s.append(index * PIECE_S + np.asarray(ticks, np.float64))
    return Vote(tracker_bpm=_heard(tracked), estimator_bpm=_heard(estimated), ticks_s=np.concatenate(ticks_s))


def _heard(bpm: list[float]) -> tuple[float, ...]:
    """Tempi that are some: 0 stands for none."""
    return tuple(one for one in bpm if np.isfinite(one) and one > 0.0)
