"""What is generated over one track, bar by bar, as patterns that the engine takes.

Thread: any but [render].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from remixd._kernel.sampler import PITCHED
from remixd.control.score import Beats
from remixd.director.groove import GROUPS, Groove, Measure, Stroke, groove, groove_lufs
from remixd.director.measures import Measures
from remixd.track.package import Track

UNDER_DB: Final = 4.0
"""How far below the song everything that can be generated is, at density 1; without a bass some 2 dB more."""

USUAL_LUFS: Final = -14.0
"""Of a song whose loudness nobody knows."""

MEASURED_BARS: Final = 8
_GAIN_MAX: Final = 4.0


@dataclass(frozen=True, slots=True)
class Accompaniment:
    """The bars of a track, and the gain at which what is generated fits it; equal seeds are equal music."""

    measures: Measures
    gain: float
    seed: int
    bass_is_known: bool

    @classmethod
    def of(cls, track: Track, beats: Beats, seed: int) -> Self:
        """Of a track, by its beats as its player has them."""
        stems = tuple(stem.name for stem in track.playing_stems if stem.role == "bass")
        measures = Measures(track.id, track.analysis, beats.frames, beats.levels, stems)
        song_lufs = USUAL_LUFS if track.analysis.loudness_lufs is None else track.analysis.loudness_lufs
        gain = 10.0 ** ((song_lufs - UNDER_DB - groove_lufs(_some(measures), seed)) / 20.0)
        bass_is_known = bool(stems) or len(track.roles) > 1  # else all of it is in one stem
        return cls(measures, min(gain, _GAIN_MAX), seed, bass_is_known)

    def bar(self, bar: int, density: float, *, bass_is_off: bool = False) -> Groove | None:
        """What is generated for a bar; None for one that is too long to be one."""
        measure = self.measures.measure(bar, bass_is_off=bass_is_off)
        if measure and not self.bass_is_known:
            measure = replace(measure, bass_rests=False)
        return groove(measure, density, self.seed) if measure else None

    def score(self, bar: int, made: Groove | None, *, key: int, player: int, deck: int) -> dict[str, Any]:
        """A bar's pattern for a deck, as `remixd.engine.patterns` reads it."""
        start, end = self.measures.span(bar)
        hits = [_hit(stroke, self.gain) for stroke in made.strokes] if made else []
        return {
            "key": key, "deck": deck, "player": player, "start": start, "end": end, "hits": hits, "stems": [],
            "slices": [],
        }  # fmt: skip


def _some(measures: Measures) -> Iterator[Measure]:
    step = max(len(measures) // MEASURED_BARS, 1)
    found = (measures.measure(bar, bass_is_off=True) for bar in range(0, len(measures), step))
    return (measure for measure in found if measure)


def _hit(stroke: Stroke, gain: float) -> list[float]:
    """A stroke as the kernel takes it."""
    return [
        round(stroke.frame, 4), stroke.sound, round(min(stroke.velocity * gain, _GAIN_MAX), 6),
        round(stroke.pan, 4), round(stroke.length_frames, 4), GROUPS[stroke.sound],
        PITCHED if stroke.pitched else 0,
    ]  # fmt: skip
