"""The score: every note of every stem, laid over the form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from remixd.demo.form import BEATS_A_BAR, Chord, Section, arrange
from remixd.demo.harmony import harmony_notes
from remixd.demo.lyrics import LANGUAGES, sung_breaths
from remixd.demo.notes import Breath, Note
from remixd.demo.rhythm import bass_notes, drum_notes


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A song as it is written: notes in song beats, in the order they begin."""

    sections: tuple[Section, ...]
    parts: Mapping[str, tuple[Note, ...]]
    sung: Mapping[str, tuple[Breath, ...]]

    @property
    def bars(self) -> int:
        """Length of the song."""
        return self.sections[-1].bar + self.sections[-1].bars

    @property
    def beats(self) -> int:
        """Length of the song."""
        return self.bars * BEATS_A_BAR

    @property
    def chords(self) -> tuple[Chord, ...]:
        """Every chord, one after another without a gap."""
        return tuple(chord for section in self.sections for chord in section.chords)


@lru_cache(maxsize=16)
def written(labels: tuple[str, ...]) -> Score:
    """Write the song for sections in this order. Raises ValueError for labels it lacks, or none."""
    sections = arrange(labels)
    beats = BEATS_A_BAR * (sections[-1].bar + sections[-1].bars)
    players = {"drums": drum_notes, "bass": bass_notes, "other": harmony_notes}
    parts = {
        stem: _in_order([note for section in sections for note in player(section)], beats)
        for stem, player in players.items()
    }
    sung = {
        f"vocals.{language}": tuple(
            breath for section in sections for breath in sung_breaths(section, language)
        )
        for language in LANGUAGES
    }
    return Score(sections=sections, parts=parts, sung=sung)


def _in_order(notes: list[Note], beats: int) -> tuple[Note, ...]:
    """Without what would begin after the end, such as an echo."""
    return tuple(sorted((note for note in notes if note.beat < beats), key=lambda note: note.beat))
