"""The form of a song: where sections begin, on bars, and which of them are alike.

Boundaries: novelty by checkerboard kernels on a self-similarity matrix of bars (Foote, "Automatic audio
segmentation using a measure of audio novelty", ICME 2000), chosen by dynamic programming with a prior on
lengths, since most music is written in phrases of four and eight bars (Sargent, Bimbot and Vincent, "A
regularity-constrained Viterbi algorithm", ISMIR 2011).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.bands import Bands
from remixd.analysis.chroma import find_harmony
from remixd.analysis.tones import Tones
from remixd.units import StemRole

Matrix = NDArray[np.float64]

PHRASE_BARS: Final = 4

_KERNELS_BARS: Final = (4, 8)
_PARTS_A_BAR: Final = 2
_QUIETEST_DB: Final = -36.0  # beside a stem's loud bars: not there
_LEVEL_SCALE_DB: Final = 6.0
_TIMBRE_SCALE_DB: Final = 9.0
_BARS_MOST: Final = 2048
"""Longer songs are not looked at as a whole: each matrix would take over 33 MB."""
_BOUNDARY_COST: Final = 0.1
_REPETITION: Final = 0.5
_SHORTEST_BARS: Final = 2
_LONGEST_BARS: Final = 32
_ALIKE: Final = 0.6
_CLEAR: Final = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class FormSection:
    """A part of the form; half-open, in seconds.

    Attributes:
        letter: "A" for the first, and the same letter for what is like it.
        strength: 0 to 1: how much changes where it begins; 1 for the first.
        likeness: 0 to 1: how much it is like the first section of its letter; 1 for those themselves.
        bars: its length.
    """

    start_s: float
    end_s: float
    letter: str
    strength: float
    likeness: float
    bars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The sections of a song and the starts of its four-bar phrases, aligned with them."""

    sections: tuple[FormSection, ...]
    phrases_s: tuple[float, ...]


def find_form(
    bands: Mapping[str, Bands],
    tones: Mapping[StemRole, Tones],
    downbeats_s: Sequence[float],
    duration_s: float,
) -> Form:
    """Find sections and phrases. Without at least eight bars there are none.

    Args:
        bands: by stem.
        tones: by role.
        downbeats_s: rising; what comes before the first belongs to the first section.
        duration_s: of the song.

    Thread: [ingest].
    """
    starts = np.array([at_s for at_s in downbeats_s if at_s < duration_s])
    bars = starts.shape[0]
    if not 2 * PHRASE_BARS <= bars <= _BARS_MOST:
        return Form(sections=(), phrases_s=tuple(starts[::PHRASE_BARS].tolist()))
    likeness = bar_likeness(bands, tones, np.append(starts, duration_s))
    novelty = boundary_strength(likeness)
    cuts = _boundaries(novelty)
    sections = _lettered(likeness, novelty, cuts, np.append(starts, duration_s))
    phrases = [bar for first, last in itertools.pairwise(cuts) for bar in _phrases(first, last)]
    return Form(sections=sections, phrases_s=tuple(starts[phrases].tolist()))


def bar_likeness(
    bands: Mapping[str, Bands], tones: Mapping[StemRole, Tones], edges_s: NDArray[np.float64]
) -> Matrix:
    """How much bars are alike, (bars, bars), 0 to 1: the mean of likeness in who plays and in harmony."""
    played = [_arrangement(part, edges_s) for part in bands.values()]
    arrangement = np.concatenate(played, axis=1) if played else np.zeros((edges_s.shape[0] - 1, 1))
    squares = np.sum(arrangement**2, axis=1)
    distances = squares[:, None] + squares - 2.0 * arrangement @ arrangement.T
    arranged = np.exp(-np.maximum(distances, 0.0) / max(1, len(played)))
    places = np.arange(edges_s.shape[0] * _PARTS_A_BAR - _PARTS_A_BAR + 1) / _PARTS_A_BAR
    finer_s = np.interp(places, np.arange(edges_s.shape[0]), edges_s)
    harmony = find_harmony(tones, finer_s)
    chroma = np.concatenate([harmony.treble, harmony.bass], axis=1).reshape(edges_s.shape[0] - 1, -1)
    size = np.linalg.norm(chroma, axis=1)
    if not size.any():
        return np.asarray(arranged)
    cosine = chroma @ chroma.T / np.maximum(np.outer(size, size), 1e-9)
    silent = size < 1e-9
    cosine[np.ix_(silent, silent)] = 1.0
    return np.asarray(0.5 * (arranged + cosine**2))


def boundary_strength(likeness: Matrix) -> NDArray[np.float64]:
    """How likely a section begins at each bar, (bars,), about 0 to .5; 0 at the first.

    Near the ends of the song little is known, and little is said.
    """
    repetition = repetition_novelty(likeness)
    around = np.convolve(np.pad(repetition, PHRASE_BARS, mode="edge"), np.full(9, 1.0 / 9.0), "valid")
    bar = np.arange(likeness.shape[0])
    known = np.minimum(1.0, np.minimum(bar, bar[::-1] + 1) / PHRASE_BARS)
    change = (1.0 - _loops(likeness)) * (repetition - around)
    return np.asarray(known * (bar_novelty(likeness) + _REPETITION * change))


def _loops(likeness: Matrix) -> NDArray[np.float64]:
    """How much the four bars from each on are the four before again, (bars,), 0 to 1.

    A loop that goes on repeats at other lags in each of its turns, yet none of them begins a section.
    """
    bars = likeness.shape[0]
    again = np.zeros(bars + PHRASE_BARS)
    again[PHRASE_BARS:bars] = np.diagonal(_repeats(likeness), PHRASE_BARS)
    found = np.lib.stride_tricks.sliding_window_view(again, PHRASE_BARS).mean(axis=1)[:bars]
    return np.asarray(found)


def _repeats(likeness: Matrix) -> Matrix:
    """Likeness beyond what is usual between bars of the song, 0 to 1."""
    usual = float(np.median(likeness))
    return np.asarray(np.clip((likeness - usual) / max(1.0 - usual, 1e-9), 0.0, 1.0))


def bar_novelty(likeness: Matrix) -> NDArray[np.float64]:
    """How much changes at each bar, (bars,), about 0 to 1; at the first it is 0."""
    bars = likeness.shape[0]
    total = np.zeros(bars)
    for half in _KERNELS_BARS:
        offset = np.arange(-half, half) + 0.5
        taper = np.exp(-2.0 * (offset / half) ** 2)
        kernel = np.outer(taper, taper)
        across = np.outer(np.sign(offset), np.sign(offset)) < 0
        for bar in range(1, bars):
            low, high = max(0, bar - half), min(bars, bar + half)
            inside = slice(low - bar + half, high - bar + half)
            weights, apart = kernel[inside, inside], across[inside, inside]
            block = likeness[low:high, low:high]
            near = np.average(block[~apart], weights=weights[~apart])
            far = np.average(block[apart], weights=weights[apart])
            total[bar] += max(0.0, near - far) / len(_KERNELS_BARS)
    return total


def repetition_novelty(likeness: Matrix) -> NDArray[np.float64]:
    """How much changes at each bar in what comes again elsewhere, (bars,), about 0 to 1; 0 at the first.

    Where a repeated part begins or ends, other lags repeat after the bar than before it (Serra, Mueller,
    Grosche and Arcos, "Unsupervised music structure annotation by time series structure features and segment
    similarity", IEEE TMM 16(5), 2014).
    """
    bars = likeness.shape[0]
    repeats = _repeats(likeness)
    bar, lag = np.arange(bars)[:, None], np.arange(1, bars)
    earlier = repeats[bar, bar - lag] * (lag <= bar)
    later = repeats[bar, (bar + lag) % bars] * (lag < bars - bar)
    lags = np.concatenate([earlier, later], axis=1)
    sums = np.concatenate([np.zeros((1, lags.shape[1])), np.cumsum(lags, axis=0)])
    total = np.zeros(bars)
    for at in range(1, bars):
        low, high = max(0, at - PHRASE_BARS), min(bars, at + PHRASE_BARS)
        before, after = (sums[at] - sums[low]) / (at - low), (sums[high] - sums[at]) / (high - at)
        # the 1 keeps a single faint repeat from counting as a great change
        total[at] = np.sqrt(np.sum((after - before) ** 2) / (1.0 + np.sum(np.maximum(after, before) ** 2)))
    return total


def _arrangement(bands: Bands, edges_s: NDArray[np.float64]) -> Matrix:
    """A stem's level and timbre in every bar, scaled so that 1 is a clear change, (bars, 9)."""
    energies = bands.means(edges_s)
    level_db = 10.0 * np.log10(energies.sum(axis=1) + 1e-12)
    loud_db = float(np.percentile(level_db, 90))
    level_db = np.maximum(level_db - loud_db, _QUIETEST_DB) if loud_db > -70.0 else np.zeros_like(level_db)
    heard = level_db > 0.5 * _QUIETEST_DB
    timbre_db = np.maximum(
        10.0 * np.log10(energies / np.maximum(energies.sum(axis=1, keepdims=True), 1e-12) + 1e-4), -30
    )
    mean_db = timbre_db[heard].mean(axis=0) if heard.any() else np.zeros(timbre_db.shape[1])
    timbre_db = np.where(heard[:, None], timbre_db - mean_db, 0.0)
    scale = _TIMBRE_SCALE_DB * np.sqrt(timbre_db.shape[1])
    return np.concatenate([level_db[:, None] / _LEVEL_SCALE_DB, timbre_db / scale], axis=1)


def _length_prior(bars: int) -> float:
    """How usual a section of this length is, in units of novelty."""
    if bars % 8 == 0:
        regular = 0.0
    elif bars % PHRASE_BARS == 0:
        regular = -0.02
    else:
        regular = -0.12 if bars % 2 == 0 else -0.2
    short = -0.25 if bars < PHRASE_BARS else 0.0
    return regular + short - (0.05 if bars > _LONGEST_BARS // 2 else 0.0)


def _boundaries(novelty: NDArray[np.float64]) -> list[int]:
    """The bars at which sections begin, 0 first, and the end: the best sum of novelty and prior."""
    bars = novelty.shape[0]
    best = np.full(bars + 1, -np.inf)
    best[0] = 0.0
    came = np.zeros(bars + 1, np.int64)
    for end in range(1, bars + 1):
        gain = novelty[end] - _BOUNDARY_COST if end < bars else 0.0
        for start in range(max(0, end - _LONGEST_BARS), end - _SHORTEST_BARS + 1):
            # nobody knows how a song that was cut off would have gone on
            prior = _length_prior(end - start) if end < bars else 0.5 * _length_prior(end - start)
            if best[start] + gain + prior > best[end]:
                best[end], came[end] = best[start] + gain + prior, start
    cuts = [bars]
    while cuts[-1]:
        cuts.append(int(came[cuts[-1]]))
    return cuts[::-1]


def _lettered(
    likeness: Matrix, novelty: NDArray[np.float64], cuts: Sequence[int], edges_s: NDArray[np.float64]
) -> tuple[FormSection, ...]:
    """Sections, each with the letter of the earlier one that it is most like, or a new one."""
    usual = float(np.median(likeness))
    firsts: list[tuple[int, int]] = []
    sections = []
    for first, last in itertools.pairwise(cuts):
        alike = [_alike(likeness, (first, last), other, usual) for other in firsts]
        best = int(np.argmax(alike)) if alike else 0
        found = bool(alike) and alike[best] >= _ALIKE
        if not found:
            best = len(firsts)
            firsts.append((first, last))
        sections.append(
            FormSection(
                start_s=float(edges_s[first]) if first else 0.0,
                end_s=float(edges_s[last]),
                letter=_letter(best),
                strength=float(np.clip(novelty[first] / _CLEAR, 0.0, 1.0)) if first else 1.0,
                likeness=float(np.clip(alike[best], 0.0, 1.0)) if found else 1.0,
                bars=last - first,
            )
        )
    return tuple(sections)


def _alike(likeness: Matrix, one: tuple[int, int], other: tuple[int, int], usual: float) -> float:
    """How much two sections are alike bar by bar: 1 the same, 0 no more than any two bars of the song.

    The shorter may be a part of the longer, but not less than half of it.
    """
    (short, short_end), (long, long_end) = sorted((one, other), key=lambda span: span[1] - span[0])
    length = short_end - short
    if 2 * length < long_end - long:
        return 0.0
    means = [
        float(np.mean(likeness[np.arange(short, short_end), np.arange(at, at + length)]))
        for at in range(long, long_end - length + 1, PHRASE_BARS)
    ]
    return (max(means) - usual) / max(1.0 - usual, 1e-9)


def _letter(index: int) -> str:
    """A to Z, then A2 to Z2 and so on."""
    turn, place = divmod(index, 26)
    return chr(ord("A") + place) + (str(turn + 1) if turn else "")


def _phrases(first: int, last: int) -> list[int]:
    """The four-bar phrases of a section; a rest of one bar belongs to the phrase before."""
    return [bar for bar in range(first, last, PHRASE_BARS) if last - bar > 1 or bar == first]
