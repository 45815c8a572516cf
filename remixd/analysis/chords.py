"""The chords of a song, beat by beat: templates on chroma, a bass that tells the root, and Viterbi.

After Mauch and Dixon, "Simultaneous estimation of chords and musical context from audio", IEEE TASLP 18(6),
2010: bass and treble chroma, changes that like to come on strong beats.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.chroma import Harmony, find_harmony
from remixd.analysis.tones import HOP_S, Tones
from remixd.track.camelot import parse_key
from remixd.units import StemRole

Scores = NDArray[np.float64]
"""In nats, (beats, states): 0 is no chord, 1 + 12 * quality + root the others."""

NO_CHORD: Final = "N"
QUALITIES: Final = (
    ("", (0, 4, 7), 0.0), ("m", (0, 3, 7), 0.0), ("7", (0, 4, 7, 10), -0.4), ("maj7", (0, 4, 7, 11), -0.4),
    ("m7", (0, 3, 7, 10), -0.4), ("dim", (0, 3, 6), -1.0),
)  # fmt: skip
"""Suffix of the name, semitones above the root, and how much rarer it is, in nats."""

_SPAN_S: Final = 0.5  # of chords in a song without beats
_SHARPNESS: Final = 16.0
"""Nats between a perfect fit and none."""
_BASS_WEIGHT: Final = 0.35
_BASS_ON_ROOT: Final = 1.0
_BASS_ON_CHORD: Final = 0.4
_NO_CHORD_FIT: Final = 0.66
"""As well as noise fits (.58), or one note alone (.58); a fifth without third fits a triad by .82."""
_DIATONIC: Final = 0.7
"""Nats in favour of chords that are made of the key's own notes."""
_CHANGES: Final = {"downbeat": 0.5, "half": 0.25, "beat": 0.06, "span": 0.15}
"""How likely the chord changes there."""

_SHARPS: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_FLATS: Final = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_FLAT_MAJORS: Final = (1, 3, 5, 8, 10)  # of the major key with the same signature


@dataclass(frozen=True, slots=True, kw_only=True)
class ChordSpan:
    """A chord; half-open, in seconds. `name` is such as "Am7", "N" for none; `confidence` is 0 to 1."""

    start_s: float
    end_s: float
    name: str
    confidence: float


def find_chords(
    tones: Mapping[StemRole, Tones],
    beats_s: Sequence[float],
    downbeats_s: Sequence[float] = (),
    key: str | None = None,
) -> tuple[ChordSpan, ...]:
    """Find the chords between the first beat and the end; where there are no beats, on every half second.

    Args:
        tones: by role; drums are not asked, vocals only where there is nothing else.
        beats_s: rising.
        downbeats_s: some of the beats: chords rather change there.
        key: as in `Analysis.key`: spells the names, and its own chords are a little likelier.

    Returns:
        Spans one after another without a gap, neighbours that are the same as one.

    Raises InvalidInput for what is no key. Thread: [ingest].
    """
    end_s = HOP_S * max((part.amplitudes.shape[0] for part in tones.values()), default=0)
    edges_s, changes = _grid(beats_s, downbeats_s, end_s)
    if edges_s.shape[0] < 2:
        return ()
    scale = _scale(key)
    scores = _scores(find_harmony(tones, edges_s))
    entries = np.concatenate([[0.0], *(_entry(quality, scale) for quality in range(len(QUALITIES)))])
    path, certain = _decode(scores, entries, changes)
    names = _names(key)
    spans: list[ChordSpan] = []
    starts = np.flatnonzero(np.diff(path, prepend=-1))
    for first, last in zip(starts, [*starts[1:], path.shape[0]], strict=True):
        spans.append(
            ChordSpan(
                start_s=float(edges_s[first]),
                end_s=float(edges_s[last]),
                name=names[path[first]],
                confidence=float(certain[first:last].mean()),
            )
        )
    return tuple(spans)


def _grid(
    beats_s: Sequence[float], downbeats_s: Sequence[float], end_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Edges of the spans that have one chord each, and how likely it changes at each but the last."""
    inside = np.array([beat_s for beat_s in beats_s if beat_s < end_s])
    if inside.shape[0] < 2:
        edges_s = np.append(np.arange(0.0, end_s, _SPAN_S), end_s) if end_s > 0.0 else np.zeros(0)
        return edges_s, np.full(max(0, edges_s.shape[0] - 1), _CHANGES["span"])
    period_s = float(inside[-1] - inside[-2])
    rest = np.arange(inside[-1] + period_s, end_s - 0.5 * period_s, period_s)
    edges_s = np.concatenate([inside, rest, [end_s]])
    changes = np.full(edges_s.shape[0] - 1, _CHANGES["beat"])
    bars = np.unique(np.searchsorted(edges_s, np.asarray(downbeats_s, np.float64) - 0.25 * period_s))
    bars = bars[bars < changes.shape[0]]
    changes[bars] = _CHANGES["downbeat"]
    for bar, after in itertools.pairwise(bars):
        if (after - bar) % 2 == 0:
            changes[(bar + after) // 2] = _CHANGES["half"]
    return edges_s, changes


def _scores(harmony: Harmony) -> Scores:
    """How well every chord fits every span: cosine to its notes, and what the bass plays."""
    notes, bass_notes = _templates()
    size = np.linalg.norm(harmony.treble, axis=1, keepdims=True)
    fits = harmony.treble @ notes.T / np.maximum(size, 1e-9)
    fits += _BASS_WEIGHT * (harmony.bass @ bass_notes.T)
    rarity = np.repeat([quality[2] for quality in QUALITIES], 12)
    bass_heard = harmony.bass.sum(axis=1, keepdims=True)
    # an unknown bass plays what it plays on average, so that rests do not speak for no chord
    nothing = _NO_CHORD_FIT + _BASS_WEIGHT * _BASS_ON_CHORD * bass_heard
    scores = _SHARPNESS * np.concatenate([nothing, fits], axis=1)
    scores[:, 1:] += rarity
    scores[~harmony.sounds, 1:] = -2.0 * _SHARPNESS
    return np.asarray(scores)


def _templates() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The notes of each chord, of length 1, and what each bass note is worth below it, (72, 12) both."""
    notes = np.zeros((len(QUALITIES) * 12, 12))
    bass = np.zeros_like(notes)
    for index, (_suffix, intervals, _rarity) in enumerate(QUALITIES):
        for root in range(12):
            classes = [(root + interval) % 12 for interval in intervals]
            notes[12 * index + root, classes] = len(classes) ** -0.5
            bass[12 * index + root, classes] = _BASS_ON_CHORD
            bass[12 * index + root, root] = _BASS_ON_ROOT
    return notes, bass


def _entry(quality: int, scale: frozenset[int]) -> NDArray[np.float64]:
    """Nats for changing to the chords of a quality, by root."""
    intervals = QUALITIES[quality][1]
    return np.array(
        [_DIATONIC * scale.issuperset((root + up) % 12 for up in intervals) for root in range(12)]
    )


def _decode(
    scores: Scores, entries: NDArray[np.float64], changes: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The likeliest chords (Viterbi), and the posterior of each (forward and backward), (beats,) both."""
    beats, states = scores.shape
    enter = entries - np.logaddexp.reduce(entries)
    stay, leave = np.log1p(-changes), np.log(changes)
    best, came = np.zeros((beats, states)), np.zeros((beats, states), np.int64)
    forward = np.zeros((beats, states))
    best[0] = forward[0] = enter + scores[0]
    own = np.arange(states)
    for beat in range(1, beats):
        moved = best[beat - 1].max() + leave[beat] + enter
        stayed = best[beat - 1] + stay[beat]
        came[beat] = np.where(stayed >= moved, own, best[beat - 1].argmax())
        best[beat] = np.maximum(stayed, moved) + scores[beat]
        total = np.logaddexp.reduce(forward[beat - 1])
        arrived = np.logaddexp(forward[beat - 1] + stay[beat], total + leave[beat] + enter)
        forward[beat] = arrived + scores[beat]
    path = np.zeros(beats, np.int64)
    path[-1] = best[-1].argmax()
    certain = np.zeros(beats)
    backward = np.zeros(states)
    for beat in range(beats - 1, -1, -1):
        posterior = forward[beat] + backward
        certain[beat] = np.exp(posterior[path[beat]] - np.logaddexp.reduce(posterior))
        if beat:
            path[beat - 1] = came[beat, path[beat]]
            ahead = backward + scores[beat]
            backward = np.logaddexp(ahead + stay[beat], np.logaddexp.reduce(ahead + enter) + leave[beat])
    return path, certain


def _scale(key: str | None) -> frozenset[int]:
    """The pitch classes of a key; natural minor."""
    if key is None:
        return frozenset()
    tonic, minor = parse_key(key)
    major = tonic + 3 if minor else tonic
    return frozenset((major + step) % 12 for step in (0, 2, 4, 5, 7, 9, 11))


def _names(key: str | None) -> tuple[str, ...]:
    """The names of all states, with flats in keys that are written with flats."""
    tonic, minor = parse_key(key) if key else (0, False)
    flats = (tonic + 3 * minor) % 12 in _FLAT_MAJORS
    letters = _FLATS if flats else _SHARPS
    return (NO_CHORD, *(letter + suffix for suffix, _, _ in QUALITIES for letter in letters))
