"""How a breath is sung: when each syllable sounds, and the curves of pitch, level and formants.

Curves have one value a control frame, about a millisecond apart, from the breath's first sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from remixd.demo.grid import Grid
from remixd.demo.notes import Breath, Syllable
from remixd.demo.phonemes import Consonant, Formants, Sounds, sounds_of, with_upper
from remixd.demo.setting import Setting
from remixd.synth.chance import one, seed_of, uniform
from remixd.synth.sound import Curve

VIBRATO_HZ: Final = 5.6
_VIBRATO_SEMITONES: Final = 0.32
_VIBRATO_AFTER_S: Final = 0.20
_VIBRATO_SWELL_S: Final = 0.25
_GLIDE_S: Final = 0.085
_SCOOP_SEMITONES: Final = -0.8
_HEAD_SHARE: Final = 0.45  # of the way back to the vowel before, that consonants may take
_TAIL_SHARE: Final = 0.35
_EDGE_S: Final = 0.010
_RELEASE_S: Final = 0.075
_LOCUS_S: Final = 0.045


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When one syllable sounds, in seconds of the song.

    The first consonant starts at `onset_s`, the vowel at `vowel_s`; the closing consonants at `tail_s`; all
    is over at `end_s`. Consonants last their natural length times `head_scale` and `tail_scale`, at most 1.
    """

    onset_s: float
    vowel_s: float
    tail_s: float
    end_s: float
    head_scale: float
    tail_scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """Noise of a consonant: `start_s` is counted from the breath's first sound."""

    start_s: float
    seconds: float
    consonant: Consonant
    level: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """A breath as a singer performs it.

    Attributes:
        pitch: MIDI pitch before transposition, with glides, drift and vibrato.
        voiced, breathy: levels of the voice and of breath through the formants, 0 to 1.
        formants: (control frames, formants) in Hz.
        bursts: the noises of consonants.
    """

    pitch: Curve
    voiced: Curve
    breathy: Curve
    formants: Formants
    bursts: tuple[Burst, ...]


def _length_s(consonants: Iterable[Consonant]) -> float:
    return sum(consonant.seconds for consonant in consonants)


def timings(breath: Breath, grid: Grid) -> list[Timing]:
    """When every syllable of a breath sounds. Consonants keep their natural length if there is room."""
    vowels_s = [grid.seconds(syllable.beat) for syllable in breath.syllables]
    parts = [sounds_of(syllable.text) for syllable in breath.syllables]
    vowels_s[0] = max(vowels_s[0], _length_s(parts[0].head))  # late, where the song starts with a consonant
    onsets_s, scales = [], []
    for place, sounds in enumerate(parts):
        room_s = vowels_s[0] if place == 0 else _HEAD_SHARE * (vowels_s[place] - vowels_s[place - 1])
        head_s = _length_s(sounds.head)
        scales.append(min(1.0, room_s / head_s) if head_s else 1.0)
        onsets_s.append(vowels_s[place] - head_s * scales[-1])
    found = []
    for place, sounds in enumerate(parts):
        if place + 1 < len(parts):
            following = parts[place + 1].head
            closed_s = following[0].closed_s * scales[place + 1] if following else 0.0
            end_s = onsets_s[place + 1] - closed_s
        else:
            end_s = grid.seconds(breath.syllables[place].end_beat)
        tail_s = _length_s(sounds.tail)
        tail_scale = min(1.0, _TAIL_SHARE * (end_s - vowels_s[place]) / tail_s) if tail_s else 1.0
        found.append(
            Timing(
                onset_s=onsets_s[place],
                vowel_s=vowels_s[place],
                tail_s=end_s - tail_s * tail_scale,
                end_s=end_s,
                head_scale=scales[place],
                tail_scale=tail_scale,
            )
        )
    return found


@dataclass(slots=True)
class _Knots:
    """The corners of the curves while they are laid out, in seconds from the breath's first sound."""

    level: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, 0.0)])
    breath: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, 0.0)])
    formants: list[tuple[float, Formants]] = field(default_factory=list)
    bursts: list[Burst] = field(default_factory=list)

    def hold(self, start_s: float, end_s: float, voiced: float, breathy: float) -> None:
        edge_s = min(_EDGE_S, 0.3 * (end_s - start_s))
        for knots, level in ((self.level, voiced), (self.breath, breathy)):
            knots += [(start_s + edge_s, level), (end_s - edge_s, level)]

    def consonants(
        self, consonants: Sequence[Consonant], start_s: float, scale: float, level: float, seed: int
    ) -> None:
        for place, consonant in enumerate(consonants):
            seconds = consonant.seconds * scale
            self.hold(start_s, start_s + seconds, consonant.voiced * level, consonant.breath * level)
            locus = with_upper(consonant.locus_hz)
            self.formants += [(start_s + 0.3 * seconds, locus), (start_s + 0.7 * seconds, locus)]
            if consonant.noise:
                burst = Burst(
                    start_s=start_s, seconds=seconds, consonant=consonant, level=consonant.noise * level,
                    seed=seed + place,
                )  # fmt: skip
                self.bursts.append(burst)
            start_s += seconds

    def vowel(self, sounds: Sounds, start_s: float, end_s: float, level: float) -> None:
        seconds = end_s - start_s
        self.level += [(start_s + min(0.02, 0.2 * seconds), level)]
        self.level += [(end_s - min(_EDGE_S, 0.3 * seconds), 0.9 * level)]
        self.breath += [(start_s + _EDGE_S, 0.035 * level), (end_s - _EDGE_S, 0.035 * level)]
        if sounds.head:
            locus = with_upper(sounds.head[-1].locus_hz)
            self.formants.append((start_s, 0.5 * (locus + sounds.vowel_from)))
        self.formants += [
            (start_s + min(_LOCUS_S, 0.25 * seconds), sounds.vowel_from),
            (start_s + 0.45 * seconds, sounds.vowel_from),
            (end_s - min(_LOCUS_S, 0.2 * seconds), sounds.vowel_to),
        ]

    def silence(self, start_s: float, end_s: float) -> None:
        if end_s > start_s + 1e-6:
            self.hold(start_s, end_s, 0.0, 0.0)


def _laid_out(breath: Breath, times: Sequence[Timing]) -> _Knots:
    knots = _Knots()
    first_s = times[0].onset_s
    for place, (syllable, time) in enumerate(zip(breath.syllables, times, strict=True)):
        sounds = sounds_of(syllable.text)
        level = syllable.velocity * (1.0 + 0.06 * one(syllable.seed, "level"))
        start_s, tail_s = time.onset_s - first_s, time.tail_s - first_s
        knots.consonants(sounds.head, start_s, time.head_scale, level, seed_of(syllable.seed, "head"))
        knots.vowel(sounds, time.vowel_s - first_s, tail_s, level)
        tail_level = 0.45 * level
        knots.consonants(sounds.tail, tail_s, time.tail_scale, tail_level, seed_of(syllable.seed, "tail"))
        if place + 1 < len(times):
            knots.silence(time.end_s - first_s, times[place + 1].onset_s - first_s)
    end_s = times[-1].end_s - first_s
    for curve in (knots.level, knots.breath):
        before = [(time_s, level) for time_s, level in curve if time_s < end_s - _RELEASE_S]
        curve[:] = [*before, (end_s - _RELEASE_S, before[-1][1]), (end_s, 0.0)]
    return knots


def _sampled(knots: Sequence[tuple[float, float]], time_s: Curve) -> Curve:
    return np.interp(time_s, [knot[0] for knot in knots], [knot[1] for knot in knots])


def _smoothed(curve: Curve, span: int) -> Curve:
    """A running mean over an odd number of control frames, the ends held."""
    padded = np.pad(curve, span // 2, mode="edge")
    return np.convolve(padded, np.full(span, 1.0 / span), mode="valid")


def _pitch(breath: Breath, times: Sequence[Timing], setting: Setting, time_s: Curve) -> Curve:
    """Note to note by glides; under it a slow drift, over it the vibrato, each tied to its syllable."""
    pitch = np.full(time_s.shape, float(breath.syllables[0].pitch))
    before: Syllable | None = None
    for place, (syllable, time) in enumerate(zip(breath.syllables, times, strict=True)):
        since_s = time_s + (times[0].onset_s - time.vowel_s)
        clock_s = setting.gesture_s(syllable.beat, since_s)
        detune = 0.05 * one(syllable.seed, "detune")
        rise = np.clip(clock_s / _GLIDE_S + 0.6, 0.0, 1.0)
        rise = rise * rise * (3.0 - 2.0 * rise)
        if before is None:
            pitch += detune + _SCOOP_SEMITONES * (1.0 - rise)
        else:
            pitch += (syllable.pitch - before.pitch + detune - 0.05 * one(before.seed, "detune")) * rise
        before = syllable
        last = place + 1 == len(times)
        inside = (since_s >= -0.5 * _GLIDE_S) & (last | (since_s < time.end_s - time.vowel_s))
        length_s = float(setting.gesture_s(syllable.beat, np.array(time.end_s - time.vowel_s)))
        pitch[inside] += _wobble(syllable, clock_s[inside], length_s)
    return pitch


def _wobble(syllable: Syllable, clock_s: Curve, length_s: float) -> Curve:
    """Vibrato and drift of a syllable that lasts `length_s` by the same clock: semitones, 0 at both ends."""
    until_end = np.clip((length_s - clock_s) / 0.08, 0.0, 1.0)
    swell = np.clip((clock_s - _VIBRATO_AFTER_S) / _VIBRATO_SWELL_S, 0.0, 1.0)
    depth = _VIBRATO_SEMITONES * min(1.0, syllable.beats / 1.75) * (1.0 + 0.15 * one(syllable.seed, "depth"))
    phase = 0.1 * one(syllable.seed, "phase") + VIBRATO_HZ * (clock_s - _VIBRATO_AFTER_S)
    steps = 0.06 * uniform(seed_of(syllable.seed, "drift"), 64)
    steps[0] = 0.0
    drift = np.interp(clock_s, 0.12 * np.arange(64), steps)
    return until_end * (depth * swell * np.sin(2.0 * np.pi * phase) + drift)


def performed(breath: Breath, setting: Setting, hop_s: float) -> tuple[list[Timing], Curves]:
    """Sing a breath: its timing and its curves, one value every `hop_s`."""
    times = timings(breath, setting.grid)
    knots = _laid_out(breath, times)
    frames = int((times[-1].end_s - times[0].onset_s) / hop_s) + 2
    time_s = hop_s * np.arange(frames, dtype=np.float64)
    at_s = [knot[0] for knot in knots.formants]
    targets = np.array([knot[1] for knot in knots.formants])
    formants = [_smoothed(np.interp(time_s, at_s, target), 15) for target in targets.T]
    curves = Curves(
        pitch=_pitch(breath, times, setting, time_s),
        voiced=_sampled(knots.level, time_s),
        breathy=_sampled(knots.breath, time_s),
        formants=np.stack(formants, axis=1),
        bursts=tuple(knots.bursts),
    )
    return times, curves
