"""Beats, bars and tempo of a song, and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.beat_grid import explained_share, fit_map
from remixd.analysis.beat_tracker import keep_level, track_beats
from remixd.analysis.metre import Reading, probabilities, read_metre
from remixd.analysis.metre_evidence import share_near
from remixd.analysis.metre_lattice import Lattice, lattice_of
from remixd.analysis.rhythm_attacks import find_attacks
from remixd.analysis.rhythm_confidence import Signs, confidence_of
from remixd.analysis.rhythm_features import FRAME_HZ, RhythmFeatures
from remixd.analysis.rhythm_streams import streams_of
from remixd.analysis.rhythm_vote import ask_essentia

Floats = NDArray[np.float64]

BEATS_LEAST: Final = 8
_RECURS: Final = 0.15
_RECURS_FEW: Final = 1.0
"""How far a song must be like itself a beat or bar later: the least, and what few beats add by chance. Noise
and notes at random reach two thirds of it, songs with a beat twice as much."""
_EARLY_S: Final = 0.01
"""A beat so little before the start of the song lies on it."""
_CLEARLY: Final = 0.5
_UNCLEAR: Final = 0.1
_ALTERNATIVES: Final = 4
_WORTH_TELLING: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Another way to hear the song, for somebody to choose.

    Attributes:
        bpm, metre: as in `Rhythm`; twice or half the tempo, or the same with other beats or bars.
        first_beat_s, first_downbeat_s: where its beats and bars begin.
        chance: 0 to 1, that this is right.
    """

    bpm: float
    metre: str
    first_beat_s: float
    first_downbeat_s: float
    chance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """The rhythm of a song.

    Attributes:
        bpm: beats a minute, the median where it moves; None if there is no beat.
        metre: "3/4", "4/4", "5/4", "6/4" or "6/8" (whose beats are eighths); None if there is no beat.
        beats_s: times of the beats in seconds, rising, from the first sound to the last; a straight
            grid covers the whole song.
        downbeats_s: those that begin a bar.
        constant: whether the beats lie on one straight grid, as a machine plays.
        confidence: 0 to 1 for "bpm", "beats", "metre" and "downbeats": the chance that they are right.
        alternatives: other ways to hear it, the likeliest first.
    """

    bpm: float | None = None
    metre: str | None = None
    beats_s: tuple[float, ...] = ()
    downbeats_s: tuple[float, ...] = ()
    constant: bool = False
    confidence: Mapping[str, float] = field(default_factory=dict)
    alternatives: tuple[Alternative, ...] = ()


def find_rhythm(features: RhythmFeatures) -> Rhythm:
    """Find beats, bars and tempo of a whole song.

    Args:
        features: of all its stems, or of its mix as one stem.

    Returns:
        A rhythm without beats if the song is silent, too short, or does not repeat with any beat.

    Thread: [ingest]; takes about 1.1 s (0.85 of them essentia's) and holds 5 MB for each minute of the song.
    """
    streams = streams_of(features)
    if streams is None:
        return Rhythm()
    tracked = track_beats(streams.activation)
    if tracked.shape[0] < BEATS_LEAST:
        return Rhythm()
    attacks = find_attacks(features)
    tempo = fit_map(keep_level(tracked) / FRAME_HZ, streams.activation, attacks)
    lattice = lattice_of(tempo, streams, ask_essentia(features.mix, features.rate_hz))
    readings = read_metre(lattice)
    if not readings:
        return Rhythm()
    clearness = _clearness(readings[0], lattice)
    if clearness <= 0.0:
        return Rhythm()
    signs = Signs(
        clearness=clearness,
        explained=explained_share(tempo, attacks),
        voted=share_near(lattice.vote.tracker_bpm, _bpm(lattice.times_s[:: readings[0].every])),
    )
    return _tell(readings, lattice, tempo.constant, features.duration_s, signs)


def _clearness(reading: Reading, lattice: Lattice) -> float:
    """How clearly the song repeats after a beat, two, or a bar: 0 for what chance does, 1 for most music."""
    spans = (reading.every, 2 * reading.every, reading.metre.count * reading.every)
    found = max(
        (float(lattice.likeness.recurs[span]) for span in spans if span < lattice.likeness.recurs.shape[0]),
        default=0.0,
    )
    chance = _RECURS + _RECURS_FEW / math.sqrt(lattice.times_s.shape[0] / reading.every)
    if found <= chance:
        return 0.0
    return min(max((found - chance) / (_CLEARLY - chance), _UNCLEAR), 1.0)


def _tell(
    readings: Sequence[Reading], lattice: Lattice, constant: bool, duration_s: float, signs: Signs
) -> Rhythm:
    best = readings[0]
    beats_s, first = lattice.times_s[best.offset :: best.every], best.first
    if constant:
        beats_s, added = _whole_grid(beats_s, duration_s)
        first = (first + added) % best.metre.count
    chances = probabilities(readings)
    keys: dict[str, Callable[[Reading], Hashable]] = {
        "bpm": lambda r: r.every,
        "beats": lambda r: (r.every, r.offset),
        "metre": lambda r: (r.every, r.metre.name),
        "downbeats": _bars,
    }
    confidence = {
        name: confidence_of(
            name, float(chances[[key(reading) == key(best) for reading in readings]].sum()), signs
        )
        for name, key in keys.items()
    }
    return Rhythm(
        bpm=_bpm(beats_s),
        metre=best.metre.name,
        beats_s=tuple(beats_s.tolist()),
        downbeats_s=tuple(beats_s[first :: best.metre.count].tolist()),
        constant=constant,
        confidence=confidence,
        alternatives=tuple(_alternatives(readings, chances * signs.clearness, lattice)),
    )


def _whole_grid(beats_s: Floats, duration_s: float) -> tuple[Floats, int]:
    """A straight grid continued through the silence around it, and how many beats that adds before it."""
    period_s = float(beats_s[-1] - beats_s[0]) / (beats_s.shape[0] - 1)
    before = max(0, math.floor((beats_s[0] + _EARLY_S) / period_s))
    after = max(0, math.floor((duration_s - beats_s[-1]) / period_s))
    grid_s = beats_s[0] + period_s * np.arange(-before, beats_s.shape[0] + after)
    return np.maximum(grid_s, 0.0), before


def _bars(reading: Reading) -> tuple[int, int, int]:
    """What makes the bars of a reading: their length and start in subdivisions, and the beats in them."""
    length = reading.every * reading.metre.count
    return length, (reading.offset + reading.first * reading.every) % length, reading.metre.count


def _alternatives(readings: Sequence[Reading], chances: Floats, lattice: Lattice) -> Iterator[Alternative]:
    """The likeliest readings that differ in beats or bars from the first."""
    told = {_bars(readings[0])}
    for reading, chance in zip(readings, chances, strict=True):
        if len(told) > _ALTERNATIVES or chance < _WORTH_TELLING:
            return
        if _bars(reading) not in told:
            told.add(_bars(reading))
            beats_s = lattice.times_s[reading.offset :: reading.every]
            yield Alternative(
                bpm=_bpm(beats_s),
                metre=reading.metre.name,
                first_beat_s=float(beats_s[0]),
                first_downbeat_s=float(beats_s[reading.first]),
                chance=round(float(chance), 4),
            )


def _bpm(beats_s: Floats) -> float:
    return float(60.0 / np.median(np.diff(beats_s)))
