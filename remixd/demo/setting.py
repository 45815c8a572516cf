"""How a song is to be rendered: what every instrument needs to know beside its notes."""

from __future__ import annotations

from dataclasses import dataclass

from remixd.demo.grid import Grid
from remixd.synth.sound import Curve


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The grid, the rate and the key of one rendering.

    Attributes:
        rate_hz: sample rate.
        semitones: how far every pitched note is moved.
        formant_ratio: factor on the formants of the voices, and on their noises; 1 leaves them.
        vibrato_musical: vibrato and glides keep their length in beats, else in seconds.
    """

    grid: Grid
    rate_hz: int
    semitones: float
    formant_ratio: float
    vibrato_musical: bool

    def frame(self, beat: float) -> int:
        """The frame nearest to a beat."""
        return round(self.grid.seconds(beat) * self.rate_hz)

    def hz(self, pitch: float) -> float:
        """The frequency of a MIDI pitch in the key of this rendering."""
        return float(440.0 * 2.0 ** ((pitch + self.semitones - 69.0) / 12.0))

    def gesture_s(self, beat: float, time_s: Curve) -> Curve:
        """The clock of vibrato and glides, for times in seconds since `beat`."""
        return self.grid.musical_s(beat, time_s) if self.vibrato_musical else time_s
