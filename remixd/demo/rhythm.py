"""The parts for drums and bass: patterns of sixteenths, laid over the form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from remixd.demo.form import BEATS_A_BAR, STEPS_A_BAR, STEPS_A_BEAT, Chord, Section
from remixd.demo.notes import Note
from remixd.synth.chance import one, seed_of

_STROKES: Final[Mapping[str, float]] = {"X": 1.0, "x": 0.8, "o": 0.5, "-": 0.28}

_DRUM_PATTERNS: Final[Mapping[str, Mapping[str, str]]] = {
    # one bar each; X x o - are strokes from loud to soft
    "crash": {"crash": "X..............."},
    "beat": {
        "kick": "X......x..x.....",
        "snare": "....X.......X..-",
        "hat": "x.o.x.o.x.o.x.o.",
    },
    "busy": {
        "kick": "X..x......xx....",
        "snare": "....X.......X...",
        "rim": ".......o......o.",
        "hat": "x-o-x-ooxo-oxooo",
    },
    "floor": {
        "kick": "X...X...X...X...",
        "clap": "....X.......X...",
        "snare": "....x.......x...",
        "hat": "o-.-o-.-o-.-o-.-",
        "open": "..x...x...x...x.",
    },
    "shine": {"tambourine": "o-x-o-x-o-x-o-x-"},
    "push": {"kick": "..............x.", "snare": "...............-"},
    "steps": {"kick": "X...X...X...X...", "hat": "o.o.o.o.o.o.o.o.", "clap": "....o.......o..."},
    "roll": {"kick": "X...X...........", "snare": "o.o.o.o.oooooxxX"},
    "half": {"kick": "X.........o.....", "clap": "........X.......", "hat": "o...o...o...o..."},
    "tick": {"hat": "x.o.x.o.x.o.x.o.", "rim": "....o.......o..."},
    "hit": {"kick": "X...............", "clap": "X..............."},
    "turn": {"snare": ".............xo.", "tom_low": "...............x"},
    "fill": {
        "snare": "........x.oo....",
        "tom_high": "............xx..",
        "tom_mid": "..............x.",
        "tom_low": "...............X",
    },
    "toms": {
        "tom_high": "x..x..x.........",
        "tom_mid": "........xx......",
        "tom_low": "..........xx....",
        "snare": "............xxXX",
        "kick": "X...X...X...X...",
    },
}

_VERSE_BARS: Final = "beat+crash beat beat beat+turn"
_CHORUS_BARS: Final = "floor+crash floor floor+push floor+fill"
_DRUM_BARS: Final[Mapping[str, tuple[str, ...]]] = {
    "intro": ("crash+hit+tick tick steps steps+fill",),
    "verse": (f"{_VERSE_BARS} beat beat beat beat+fill", "busy+crash busy busy busy+turn"),
    "pre-chorus": ("steps steps steps+turn roll",),
    "chorus": (
        f"{_CHORUS_BARS} {_CHORUS_BARS}",
        "floor+shine+crash floor+shine floor+shine+push floor+shine+fill "
        "floor+shine+crash floor+shine floor+shine+push floor+shine+fill",
    ),
    "bridge": ("half+crash half half toms",),
    "outro": ("floor+crash floor floor+fill hit+crash",),
}

_HUMAN: Final = ("hat", "open", "tambourine", "rim")  # these are played by hand; the rest sit on the grid
_PLACES: Final[Mapping[str, float]] = {
    "hat": 0.3, "open": 0.3, "tambourine": -0.45, "rim": -0.35, "crash": -0.35,
    "tom_high": 0.35, "tom_mid": -0.05, "tom_low": -0.45,
}  # fmt: skip

_BASS_BARS: Final[Mapping[str, str]] = {
    # R root, 5 fifth, 8 octave; "=" holds, "." rests
    "walk": "R==.R=.R..R=8=5=",
    "pump": "..R=..R=..R=..8=",
    "drive": "R=R=R=8=R=R=8=5=",
    "steps": "R==.R==.R==.R==.",
    "long": "R==============.",
    "ring": "R===============",
}
_BASS: Final[Mapping[str, tuple[str, ...]]] = {
    "intro": ("long long walk walk",),
    "verse": ("walk walk walk walk walk walk walk walk", "drive walk drive walk"),
    "pre-chorus": ("steps steps steps long",),
    "chorus": ("pump pump pump drive pump pump pump drive", "pump drive pump drive pump drive pump drive"),
    "bridge": ("long long long steps",),
    "outro": ("pump pump drive ring",),
}
_LOWEST_ROOT: Final = 30  # F#1, 46 Hz
_INTERVALS: Final[Mapping[str, int]] = {"R": 0, "5": 7, "8": 12}


def pattern_bars(section: Section, bars: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The names of the section's bars, one word a bar. Raises ValueError if their number is wrong."""
    versions = bars[section.label]
    words = versions[min(section.time, len(versions) - 1)].split()
    if len(words) != section.bars:
        raise ValueError(f"{section.label} has {section.bars} bars, its pattern {len(words)}")
    return words


def held_steps(pattern: str) -> Iterator[tuple[int, int, str]]:
    """The (step, length in steps, mark) of every note of a bar in which "=" holds and "." rests."""
    for step, mark in enumerate(pattern):
        if mark not in "=.":
            rest = pattern[step + 1 :]
            yield step, 1 + len(rest) - len(rest.lstrip("=")), mark


def drum_notes(section: Section) -> list[Note]:
    """Every stroke of a section. Each has a seed of its own: no two sound quite alike."""
    notes = []
    for bar, word in enumerate(pattern_bars(section, _DRUM_BARS)):
        layers = [(name, voice) for name in word.split("+") for voice in _DRUM_PATTERNS[name]]
        for name, voice in layers:
            for step, mark in enumerate(_DRUM_PATTERNS[name][voice]):
                if mark != ".":
                    seed = seed_of("drums", section.label, section.time, bar, name, voice, step)
                    notes.append(_stroke(voice, section.beat + bar * BEATS_A_BAR, step, mark, seed))
    return notes


def _stroke(voice: str, bar_beat: float, step: int, mark: str, seed: int) -> Note:
    late_beats = 0.006 * (1.0 + one(seed, "late")) if voice in _HUMAN else 0.0  # up to 6 ms at 118 bpm
    velocity = _STROKES[mark] * (1.0 + 0.08 * one(seed, "velocity"))
    return Note(
        voice=voice,
        beat=bar_beat + step / STEPS_A_BEAT + late_beats,
        beats=1 / STEPS_A_BEAT,
        pitch=0,
        velocity=min(velocity, 1.0),
        pan=_PLACES.get(voice, 0.0),
        seed=seed,
    )


def bass_root(chord: Chord) -> int:
    """The MIDI number of the chord's root where the bass plays it."""
    return _LOWEST_ROOT + (chord.root - _LOWEST_ROOT) % 12


def bass_notes(section: Section) -> list[Note]:
    """The bass line of a section: roots, fifths and octaves of the chords that sound."""
    notes = []
    for bar, word in enumerate(pattern_bars(section, _BASS)):
        for step, steps, mark in held_steps(_BASS_BARS[word]):
            beat = section.beat + (bar * STEPS_A_BAR + step) / STEPS_A_BEAT
            chord = section.chord_at(beat)
            notes.append(
                Note(
                    voice="bass",
                    beat=beat,
                    beats=steps / STEPS_A_BEAT,
                    pitch=bass_root(chord) + _INTERVALS[mark],
                    velocity=0.85 if mark == "R" else 0.75,
                    pan=0.0,
                    seed=seed_of("bass", section.label, section.time, bar, step),
                )
            )
    return notes
