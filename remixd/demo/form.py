"""The form of the song: sections, chords and pitch names. All in D major; times are beats and bars."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

BEATS_A_BAR: Final = 4
STEPS_A_BEAT: Final = 4
STEPS_A_BAR: Final = BEATS_A_BAR * STEPS_A_BEAT
PHRASE_BARS: Final = 4
TONIC: Final = 2  # D

_SHARPS: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_FLATS: Final = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_FLAT_KEYS: Final = (1, 3, 5, 8, 10)
_CHORD: Final = re.compile(r"([A-G]#?)(.*)")
_PITCH: Final = re.compile(r"([A-G]#?)(-?\d)")

QUALITIES: Final[Mapping[str, tuple[int, ...]]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "sus4": (0, 5, 7),
}
"""Semitones above the root, by the suffix of the chord's name."""

_VERSE: Final = "Bm7 | Gmaj7 | D | A"
_CHORUS: Final = "G | A | F#m7 | Bm7 | Em7 | A | D | "
PROGRESSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "intro": ("Gmaj7 | A | F#m7 | Bm7",),
    "verse": (f"{_VERSE} | {_VERSE}", _VERSE),
    "pre-chorus": ("Em7 | F#m7 | Gmaj7 | Asus4 A",),
    "chorus": (_CHORUS + "F#7", _CHORUS + "D"),
    "bridge": ("Gmaj7 | F#m7 | Em7 | Asus4 A",),
    "outro": ("Gmaj7 | A | Gm | D",),
}
"""Bars of chords by label; a later tuple element is for the second and further times it comes."""

FORM: Final = ("intro", "verse", "pre-chorus", "chorus", "verse", "bridge", "chorus", "outro")
"""The whole song: 44 bars."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chord:
    """A chord that sounds from `beat` for `beats`; `root` is a pitch class, 0 = C."""

    beat: float
    beats: float
    root: int
    quality: str

    @property
    def classes(self) -> tuple[int, ...]:
        """Its pitch classes, from the root up."""
        return tuple((self.root + interval) % 12 for interval in QUALITIES[self.quality])


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the form. `time` counts how often its label came before."""

    label: str
    time: int
    bar: int
    bars: int
    chords: tuple[Chord, ...]

    @property
    def beat(self) -> float:
        """Its first beat in the song."""
        return float(self.bar * BEATS_A_BAR)

    def chord_at(self, beat: float) -> Chord:
        """The chord that sounds at a song beat inside the section."""
        return next(chord for chord in reversed(self.chords) if chord.beat <= beat + 1e-9)


def midi_pitch(name: str) -> int:
    """MIDI number of a pitch such as "F#4" (A4 = 69)."""
    found = _PITCH.fullmatch(name)
    if found is None:
        raise ValueError(f"{name!r} is not a pitch")
    return _SHARPS.index(found[1]) + 12 * (int(found[2]) + 1)


def _spelling(semitones: int) -> Sequence[str]:
    return _FLATS if (TONIC + semitones) % 12 in _FLAT_KEYS else _SHARPS


def key_name(semitones: int) -> str:
    """The key of the song moved by whole semitones."""
    return f"{_spelling(semitones)[(TONIC + semitones) % 12]} major"


def chord_name(chord: Chord, semitones: int) -> str:
    """The name of a chord moved by whole semitones, spelt as its key is."""
    return _spelling(semitones)[(chord.root + semitones) % 12] + chord.quality


def _chords(text: str, first_beat: float) -> tuple[Chord, ...]:
    chords = []
    for bar, names in enumerate(text.split("|")):
        beats = BEATS_A_BAR / len(names.split())
        for place, name in enumerate(names.split()):
            found = _CHORD.fullmatch(name)
            if found is None or found[2] not in QUALITIES:
                raise ValueError(f"{name!r} is not a chord")
            beat = first_beat + bar * BEATS_A_BAR + place * beats
            chords.append(Chord(beat=beat, beats=beats, root=_SHARPS.index(found[1]), quality=found[2]))
    return tuple(chords)


def arrange(labels: Sequence[str]) -> tuple[Section, ...]:
    """Lay sections one after another.

    Raises ValueError if there are none, or one has a label that the song lacks.
    """
    if not labels:
        raise ValueError("a song has at least one section")
    sections: list[Section] = []
    times: Counter[str] = Counter()
    bar = 0
    for label in labels:
        if label not in PROGRESSIONS:
            raise ValueError(f"the song has no section {label!r}: there are {', '.join(PROGRESSIONS)}")
        versions = PROGRESSIONS[label]
        text = versions[min(times[label], len(versions) - 1)]
        chords = _chords(text, bar * BEATS_A_BAR)
        bars = text.count("|") + 1
        sections.append(Section(label=label, time=times[label], bar=bar, bars=bars, chords=chords))
        times[label] += 1
        bar += bars
    return tuple(sections)
