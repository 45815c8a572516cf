"""The part for everything that is neither drums, bass nor voice: pads, stabs, plucks, hook, risers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from remixd.demo.form import BEATS_A_BAR, STEPS_A_BAR, STEPS_A_BEAT, Chord, Section, midi_pitch
from remixd.demo.notes import Note
from remixd.demo.rhythm import held_steps, pattern_bars
from remixd.synth.chance import one, seed_of

_VOICING_LOW: Final = 57  # chords lie in the octave from A3, above the bass and round the voice

_STAB_BARS: Final[Mapping[str, str]] = {
    "off": "..k=..k=..k=..k=",
    "sync": "k==k==k=..k=k=..",
    "swell": "k=======k===k=k=",
    "whole": "k===============",
    "none": "................",
}
_STABS: Final[Mapping[str, tuple[str, ...]]] = {
    "intro": ("none none none none",),
    "verse": ("whole whole sync sync whole whole sync sync", "sync off sync off"),
    "pre-chorus": ("off off sync swell",),
    "chorus": ("sync sync sync sync sync sync sync sync",),
    "bridge": ("whole whole whole swell",),
    "outro": ("sync sync sync whole",),
}

_PLUCK_BARS: Final[Mapping[str, str]] = {
    # digits count chord tones upwards over two octaves
    "rise": "0.2.4.2.3.5.4.2.",
    "run": "0.2.4.53.2.4.535",
    "echo": "4..2..4.......5.",
    "none": "................",
}
_PLUCKS: Final[Mapping[str, tuple[str, ...]]] = {
    "intro": ("rise rise rise rise",),
    "verse": ("none none echo echo rise rise rise rise", "rise run rise run"),
    "pre-chorus": ("rise rise run none",),
    "chorus": ("run run run run run run run run",),
    "bridge": ("echo echo echo none",),
    "outro": ("run run rise none",),
}

_HOOK: Final = (
    "D5.3 C#5.3 B4.2 -.2 A4.2 B4.4 C#5.3 B4.3 A4.2 -.2 E4.2 A4.4 "
    "A4.3 B4.3 C#5.2 -.2 A4.2 F#4.4 B4.6 -.2 F#5.2 E5.2 D5.4"
)
_ANSWER: Final = (
    "-.48 -.8 F#5.2 E5.2 D5.4 -.16 -.16 -.16 -.8 F#4.2 A#4.2 C#5.2 E5.2",
    "D5.3 D5.3 B4.2 -.8 C#5.3 C#5.3 A4.2 -.8 C#5.3 C#5.3 A4.2 -.8 D5.4 -.4 F#5.2 E5.2 D5.4 "
    "B4.3 B4.3 G4.2 -.8 C#5.4 -.4 E5.8 F#5.3 E5.3 D5.2 -.8 D5.8 F#5.2 E5.2 D5.4",
)
_FINAL: Final = (
    "D5.3 C#5.3 B4.2 -.2 A4.2 B4.4 C#5.3 B4.3 A4.2 -.2 E4.2 A4.4 A#4.3 D5.3 G5.2 -.2 A#5.2 D5.4 F#5.14 -.2"
)
_HOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    "intro": (_HOOK,),
    "chorus": _ANSWER,
    "outro": (_FINAL,),
}
_RISERS: Final = ("pre-chorus", "bridge")  # each lasts the section's last bar

_PAD_LEVELS: Final[Mapping[str, float]] = {
    "intro": 0.6, "verse": 0.45, "pre-chorus": 0.6, "chorus": 0.9, "bridge": 0.85, "outro": 0.8,
}  # fmt: skip


def voicing(chord: Chord) -> list[int]:
    """The chord's pitches in close position inside one octave, upwards."""
    return sorted(_VOICING_LOW + (pitch_class - _VOICING_LOW) % 12 for pitch_class in chord.classes)


def melody(text: str, section: Section) -> Iterator[tuple[float, float, int, str]]:
    """Read a line of tokens `[syllable.]pitch.steps`; `-.steps` rests.

    Yields:
        (beat, length in beats, MIDI pitch, syllable) of every note.

    Raises ValueError if the line is not as long as the section.
    """
    step = 0
    for token in text.split():
        *words, length = token.split(".")
        if words[-1] != "-":
            beat = section.beat + step / STEPS_A_BEAT
            yield beat, int(length) / STEPS_A_BEAT, midi_pitch(words[-1]), words[0]
        step += int(length)
    if step != section.bars * STEPS_A_BAR:
        raise ValueError(f"a line of {section.label} has {step} steps, not {section.bars * STEPS_A_BAR}")


def harmony_notes(section: Section) -> list[Note]:
    """Every note of the stem "other" in a section."""
    return _pads(section) + _stabs(section) + _plucks(section) + _hook(section) + _risers(section)


def _note(section: Section, voice: str, beat: float, beats: float, pitch: int, **more: float) -> Note:
    place = round((beat - section.beat) * STEPS_A_BEAT)
    return Note(
        voice=voice,
        beat=beat,
        beats=beats,
        pitch=pitch,
        velocity=more.get("velocity", 0.8),
        pan=more.get("pan", 0.0),
        seed=seed_of("other", section.label, section.time, voice, place, pitch),
    )


def _pads(section: Section) -> list[Note]:
    level = _PAD_LEVELS[section.label]
    return [
        _note(section, "pad", chord.beat, chord.beats, pitch, velocity=level)
        for chord in section.chords
        for pitch in voicing(chord)
    ]


def _stabs(section: Section) -> list[Note]:
    voice = "saws" if section.label in ("chorus", "outro") else "keys"
    notes = []
    for bar, word in enumerate(pattern_bars(section, _STABS)):
        for step, steps, _ in held_steps(_STAB_BARS[word]):
            beat = section.beat + (bar * STEPS_A_BAR + step) / STEPS_A_BEAT
            pitches = voicing(section.chord_at(beat))
            for place, pitch in enumerate(pitches):
                pan = 0.5 * (2.0 * place / (len(pitches) - 1) - 1.0)
                notes.append(_note(section, voice, beat, steps / STEPS_A_BEAT, pitch, velocity=0.8, pan=pan))
    return notes


def _plucks(section: Section) -> list[Note]:
    notes = []
    for bar, word in enumerate(pattern_bars(section, _PLUCKS)):
        for step, steps, mark in held_steps(_PLUCK_BARS[word]):
            beat = section.beat + bar * BEATS_A_BAR + step / STEPS_A_BEAT
            pitches = voicing(section.chord_at(beat))
            octave, degree = divmod(int(mark), len(pitches))
            pitch = pitches[degree] + 12 * (1 + octave)
            side = 0.55 if step % 4 == 0 else -0.55
            level = 0.7 + 0.15 * one(seed_of(section.label, bar, step), "pluck")
            echo_beats = 0.75  # a dotted eighth, on the other side
            beats = steps / STEPS_A_BEAT
            notes.append(_note(section, "pluck", beat, beats, pitch, velocity=level, pan=side))
            notes.append(_note(section, "pluck", beat + echo_beats, beats, pitch, velocity=0.3, pan=-side))
    return notes


def _hook(section: Section) -> list[Note]:
    versions = _HOOKS.get(section.label)
    if versions is None:
        return []
    text = versions[min(section.time, len(versions) - 1)]
    level = 0.6 if section.label == "chorus" else 0.9
    return [
        _note(section, "hook", beat, beats, pitch, velocity=level)
        for beat, beats, pitch, _ in melody(text, section)
    ]


def _risers(section: Section) -> list[Note]:
    if section.label not in _RISERS:
        return []
    beat = section.beat + (section.bars - 1) * BEATS_A_BAR
    return [_note(section, "riser", beat, BEATS_A_BAR, 0)]
