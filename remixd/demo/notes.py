"""What the score is made of: notes, and syllables that are sung."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One note or stroke of an instrument.

    Attributes:
        voice: the instrument, such as "kick" or "pad".
        beat, beats: start and length in song beats. A drum rings as long as it does, whatever `beats`.
        pitch: MIDI number before transposition; 0 for drums and noise.
        velocity: loudness, linear, (0, 1].
        pan: -1 left to 1 right.
        seed: of everything random about it, so that it is the same note at every tempo.
    """

    voice: str
    beat: float
    beats: float
    pitch: int
    velocity: float
    pan: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Syllable:
    """One sung syllable: phonemes on a note. Its vowel, not its consonant, falls on `beat`."""

    text: str
    beat: float
    beats: float
    pitch: int
    velocity: float
    seed: int

    @property
    def end_beat(self) -> float:
        """Where the note ends."""
        return self.beat + self.beats


@dataclass(frozen=True, slots=True, kw_only=True)
class Breath:
    """Syllables sung in one breath, without a rest between them, by one singer at `pan`."""

    syllables: tuple[Syllable, ...]
    velocity: float
    pan: float
