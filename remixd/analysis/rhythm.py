"""Beats, bars and tempo of a song, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.beat_grid import TempoMap, fit_map
from remixd.analysis.beat_tracker import track_beats
from remixd.analysis.metre import Lattice, Reading, lattice_of, probabilities, read_metre
from remixd.analysis.rhythm_attacks import find_attacks
from remixd.analysis.rhythm_features import FRAME_HZ, RhythmFeatures
from remixd.analysis.rhythm_streams import streams_of

Floats = NDArray[np.float64]

BEATS_LEAST: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """The rhythm of a song.

    Attributes:
        bpm: beats a minute, the median where it moves; None if there is no beat.
        metre: "3/4", "4/4", "5/4", "6/4" or "6/8" (whose beats are eighths); None if there is no beat.
        beats_s: times of the beats in seconds, rising.
        downbeats_s: those that begin a bar.
        constant: whether the beats lie on one straight grid, as a machine plays.
        confidence: 0 to 1 for "bpm", "beats", "metre" and "downbeats": the chance that they are right.
    """

    bpm: float | None = None
    metre: str | None = None
    beats_s: tuple[float, ...] = ()
    downbeats_s: tuple[float, ...] = ()
    constant: bool = False
    confidence: Mapping[str, float] = field(default_factory=dict)


def find_rhythm(features: RhythmFeatures) -> Rhythm:
    """Find beats, bars and tempo of a whole song. Thread: [ingest]."""
    streams = streams_of(features)
    if streams is None:
        return Rhythm()
    tracked = track_beats(streams.activation)
    if tracked.shape[0] < BEATS_LEAST:
        return Rhythm()
    tempo = fit_map(tracked / FRAME_HZ, streams.activation, find_attacks(features))
    lattice = lattice_of(tempo, streams)
    readings = read_metre(lattice)
    if not readings:
        return Rhythm()
    return _tell(readings, lattice, tempo)


def _tell(readings: list[Reading], lattice: Lattice, tempo: TempoMap) -> Rhythm:
    best = readings[0]
    at = np.arange(best.offset, lattice.times_s.shape[0], best.every)
    beats_s = lattice.times_s[at]
    return Rhythm(
        bpm=float(60.0 / np.median(np.diff(beats_s))),
        metre=best.metre.name,
        beats_s=tuple(beats_s.tolist()),
        downbeats_s=tuple(beats_s[best.first :: best.metre.count].tolist()),
        constant=tempo.constant,
        confidence=_confidence(readings),
    )


def _confidence(readings: list[Reading]) -> dict[str, float]:
    """Sums of the chances of all readings that agree with the first."""
    best = readings[0]
    chances = probabilities(readings)

    def agreed(key: str) -> float:
        def value(reading: Reading) -> object:
            bars = (reading.offset + reading.first * reading.every) % (reading.every * reading.metre.count)
            return {
                "bpm": reading.every,
                "beats": (reading.every, reading.offset),
                "metre": (reading.every, reading.metre.name),
                "downbeats": (bars, reading.every * reading.metre.count),
            }[key]

        return float(sum(c for c, r in zip(chances, readings, strict=True) if value(r) == value(best)))

    return {key: round(min(agreed(key), 1.0), 4) for key in ("bpm", "beats", "metre", "downbeats")}
