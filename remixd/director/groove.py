"""The groove layer: drums and bass for one bar of a song, made up as it goes. Pure.

A bar is a function of the track, the bar's number, the seed and how dense it is to be: asked again, it is the
same. Density adds layers one by one, and strokes to each: hats, percussion, kick and clap, bass. Steps lie
between the song's own beats, so that they are in time however the song's tempo wanders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from remixd.director.rhythms import FILLS, Bar, bar_kind, euclid, pick
from remixd.synth.chance import one, seed_of
from remixd.synth.kit import INDEX, SOUNDS, bass, loudness_lufs

LAYERS: Final[Mapping[str, float]] = {"hats": 0.0, "percussion": 0.25, "drums": 0.5, "bass": 0.75}
"""The density above which each layer is there; it is full a quarter later."""

GHOST: Final = 0.35
RESTS: Final = "rests"
LATE_S: Final = 0.003
"""How far a hand may be off: hats and percussion up to 3 ms, the others not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One bar of a song.

    Attributes:
        track: its id.
        number: of the bar, from 0.
        place, length: of the bar in its phrase, from 0, and of the phrase in bars.
        beats: source frames of its beats, and of the beat after its last.
        unit: 4 where beats are quarters, 8 where they are eighths.
        bpm: quarters a minute, or dotted quarters where beats are eighths; None without a tempo.
        roots: MIDI pitch class of the chord at each beat, None where nobody knows.
        bass_rests: whether the song's own bass does.
        energy: of the song, 1 to 10.
    """

    track: str
    number: int
    place: int
    length: int
    beats: tuple[float, ...]
    unit: int = 4
    bpm: float | None = None
    roots: tuple[int | None, ...] = ()
    bass_rests: bool = False
    energy: float = 5.0

    @property
    def count(self) -> int:
        """How many beats it has."""
        return len(self.beats) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stroke:
    """One sound of the bank: where (a source frame), how strong (0 to 1), -1 left to 1 right, how long.

    `length_frames` are source frames, 0 for all of it; `pitched` moves with the deck's pitch.
    """

    frame: float
    sound: int
    velocity: float
    pan: float = 0.0
    length_frames: float = 0.0
    pitched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Groove:
    """What is generated for a bar: its strokes, in order, and each layer's name and rhythm, for people."""

    strokes: tuple[Stroke, ...]
    layers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a song of some tempo is accompanied.

    Attributes:
        hats, percussion, kicks, notes: least and most strokes, in sixteenths of their steps.
        swing: how late every second step is, of a step.
        kick_on_beats: whether the kick is on every beat.
    """

    name: str
    hats: tuple[int, int]
    percussion: tuple[int, int]
    kicks: tuple[int, int]
    notes: tuple[int, int]
    swing: float = 0.0
    kick_on_beats: bool = False


STYLES: Final = (
    (95.0, Style(name="laid back", hats=(5, 11), percussion=(3, 5), kicks=(2, 4), notes=(3, 5), swing=0.28)),
    (117.0, Style(name="steady", hats=(6, 13), percussion=(3, 7), kicks=(3, 5), notes=(4, 6), swing=0.12)),
    (
        136.0,
        Style(name="house", hats=(4, 12), percussion=(5, 7), kicks=(4, 4), notes=(5, 8), kick_on_beats=True),
    ),
    (1e9, Style(name="driving", hats=(4, 8), percussion=(3, 5), kicks=(2, 4), notes=(3, 6))),
)  # fmt: skip
"""By the tempo below which each is used."""
CALM: Final = 3.0
"""Energy up to which nothing is on every beat."""


def style_of(measure: Measure) -> Style:
    """The style of a bar, by tempo and energy."""
    bpm = measure.bpm or 110.0
    style = next(style for below, style in STYLES if bpm < below)
    if measure.energy <= CALM and style.kick_on_beats:
        return STYLES[1][1]
    return style


class _Steps:
    """The steps of a bar: four a beat where beats are quarters, two where they are eighths."""

    def __init__(self, measure: Measure, style: Style) -> None:
        self.each = 4 if measure.unit == 4 else 2
        self.count = measure.count * self.each
        self._beats = measure.beats
        self._swing = style.swing if measure.unit == 4 else 0.0

    def frame(self, step: float) -> float:
        """The source frame of a step, or between two; every second one swings."""
        whole = int(step)
        late = self._swing if whole % 2 and step == whole else 0.0
        beat, within = divmod(step + late, self.each)
        first = self._beats[int(beat)]
        after = self._beats[min(int(beat) + 1, len(self._beats) - 1)]
        return first + (after - first) * within / self.each

    def strokes(self, sixteenths: float) -> int:
        """How many strokes a number of sixteenths comes to in this bar: one at least."""
        return min(max(round(sixteenths * self.count / 16.0), 1), self.count)


@dataclass(frozen=True, slots=True)
class _Work:
    """What every layer is made from."""

    measure: Measure
    style: Style
    steps: _Steps
    phrase: int
    bar: int
    kind: Bar

    def velocity(self, name: str, step: int, base: float) -> float:
        """Strong on beats, softer between, and never twice the same."""
        accent = 1.0 if step % self.steps.each == 0 else 0.8 if step % 2 == 0 else 0.62
        return min(max(base * accent * (1.0 + 0.12 * one(self.bar, f"{name} strong {step}")), 0.05), 1.0)

    def late(self, name: str, step: int) -> float:
        """The source frame of a step as a hand would strike it; never before the bar."""
        frame = self.steps.frame(step) + 48_000 * LATE_S * one(self.bar, f"{name} late {step}")
        return max(frame, self.measure.beats[0])

    def spread(self, limits: tuple[int, int], amount: float) -> int:
        """How many strokes are between the least and the most."""
        return self.steps.strokes(limits[0] + (limits[1] - limits[0]) * amount)


def groove(measure: Measure, density: float, seed: int) -> Groove:
    """What is generated for a bar at a density, 0 to 1."""
    style = style_of(measure)
    phrase = seed_of(measure.track, "phrase", measure.number - measure.place, seed)
    work = _Work(
        measure, style, _Steps(measure, style), phrase, seed_of(measure.track, measure.number, seed),
        bar_kind(phrase, measure.place, measure.length),
    )  # fmt: skip
    strokes: list[Stroke] = []
    told: dict[str, str] = {}
    for name, above in LAYERS.items():
        if density <= above or measure.count < 1:
            continue
        how, made = _MADE[name](work, min((density - above) * 4.0, 1.0))
        told[name] = how
        strokes += made
    return Groove(strokes=tuple(sorted(strokes, key=lambda each: (each.frame, each.sound))), layers=told)


def _hats(work: _Work, amount: float) -> tuple[str, list[Stroke]]:
    """Closed hats on a Euclidean rhythm; in bars that vary, an open one where a beat is left empty."""
    count, steps = work.spread(work.style.hats, amount), work.steps
    line = euclid(count, steps.count, pick(work.phrase, "hats turn", steps.each))
    made = [
        Stroke(
            frame=work.late("hat", step), sound=INDEX["hat"], pan=0.25,
            velocity=work.velocity("hat", step, 0.9),
        )
        for step, struck in enumerate(line)
        if struck
    ]  # fmt: skip
    if work.kind != "a" or amount > 0.6:
        step = steps.count - steps.each // 2
        made = [stroke for stroke in made if stroke.frame < steps.frame(step) - 200.0]
        made.append(Stroke(frame=steps.frame(step), sound=INDEX["open"], velocity=0.7, pan=0.25))
    return f"Euclidean {count}/{steps.count}", made


def _percussion(work: _Work, amount: float) -> tuple[str, list[Stroke]]:
    """Shaker, tambourine or rim on another Euclidean rhythm, turned against the hats."""
    steps, name = work.steps, ("shaker", "tambourine", "rim")[pick(work.phrase, "percussion", 3)]
    count = work.spread(work.style.percussion, amount)
    turn = 1 + pick(work.phrase, "percussion turn", steps.count - 1) if steps.count > 1 else 0
    turn += work.kind == "b"
    made = [
        Stroke(
            frame=work.late(name, step), sound=INDEX[name], pan=-0.35,
            velocity=work.velocity(name, step, 0.8),
        )
        for step, struck in enumerate(euclid(count, steps.count, turn))
        if struck
    ]  # fmt: skip
    return f"{name}, Euclidean {count}/{steps.count}", made


def backbeats(count: int, unit: int) -> tuple[int, ...]:
    """The beats, from 0, on which a bar is answered: 2 and 4 of four, the second half of eighths."""
    if unit == 8:
        return tuple(range(3, count, 6)) or ((count - 1,) if count > 1 else ())
    if count % 2 == 0:
        return tuple(range(1, count, 2))
    return tuple(range(2, count, 2))


def _drums(work: _Work, amount: float) -> tuple[str, list[Stroke]]:
    """Kicks, claps on the backbeats, and at the end of phrases a fill."""
    measure, steps, style = work.measure, work.steps, work.style
    if style.kick_on_beats and measure.unit == 4:
        kicks, how = [beat * steps.each for beat in range(measure.count)], "kick on every beat"
    else:
        count = work.spread(style.kicks, amount)
        kicks = [step for step, struck in enumerate(euclid(count, steps.count)) if struck]
        how = f"Euclidean {count}/{steps.count} kick"
    claps = [beat * steps.each for beat in backbeats(measure.count, measure.unit)]
    made = [
        Stroke(frame=steps.frame(step), sound=INDEX["kick"], velocity=work.velocity("kick", step, 0.95))
        for step in kicks
        if step not in claps or style.kick_on_beats
    ]
    answer = "clap" if style.name in ("house", "steady") else "snare"
    made += [
        Stroke(
            frame=steps.frame(step), sound=INDEX[answer], pan=0.05,
            velocity=work.velocity(answer, step, 0.85),
        )
        for step in claps
    ]  # fmt: skip
    if work.kind == "b" and steps.count > 3:
        made.append(
            Stroke(frame=steps.frame(steps.count - 3), sound=INDEX["snare"], velocity=GHOST, pan=0.05)
        )
    if work.kind == "fill":
        fill = FILLS[pick(work.phrase, "fill", len(FILLS))]
        made = _filled(work, made, fill)
        how = f"{how}, fill: {fill}"
    return how, made


def _filled(work: _Work, strokes: list[Stroke], fill: str) -> list[Stroke]:
    """The strokes of a bar whose last beat, or its last two eighths, is a fill."""
    steps = work.steps
    first = steps.count - steps.each
    kept = [stroke for stroke in strokes if stroke.frame < steps.frame(first) - 200.0]
    if fill == "rest":
        return kept
    names = ("tom_high", "tom_high", "tom_mid", "tom_low") if fill == "toms" else ("snare",) * 4
    for index in range(steps.each):
        strength = 0.45 + 0.5 * (index + 1) / steps.each
        sound = INDEX[names[index * 4 // steps.each]]
        pan = 0.3 - 0.2 * index
        kept.append(Stroke(frame=steps.frame(first + index), sound=sound, velocity=strength, pan=pan))
    return kept


def _bass(work: _Work, amount: float) -> tuple[str, list[Stroke]]:
    """Roots of the chords on a Euclidean rhythm, with octaves and fifths; where the song has a bass, none."""
    measure, steps = work.measure, work.steps
    if not measure.bass_rests:
        return f"{RESTS}: the song's own bass plays", []
    if all(root is None for root in measure.roots):
        return f"{RESTS}: no chords are known", []
    count = work.spread(work.style.notes, amount)
    struck = [step for step, on in enumerate(euclid(count, steps.count)) if on]
    made = []
    for step, after in zip(struck, [*struck[1:], steps.count], strict=True):
        root = measure.roots[min(step // steps.each, len(measure.roots) - 1)]
        if root is None:
            continue
        up = (0, 0, 0, 7, 12)[pick(work.bar, f"note {step}", 5)] if step % steps.each else 0
        length = 0.9 * (steps.frame(after) - steps.frame(step))
        made.append(
            Stroke(
                frame=steps.frame(step), sound=bass(24 + root + up), pitched=True, length_frames=length,
                velocity=work.velocity("bass", step, 0.9),
            )
        )  # fmt: skip
    return f"Euclidean {count}/{steps.count} on the roots of the chords", made


_MADE: Final[Mapping[str, Callable[[_Work, float], tuple[str, list[Stroke]]]]] = {
    "hats": _hats,
    "percussion": _percussion,
    "drums": _drums,
    "bass": _bass,
}


def groove_lufs(measures: Iterator[Measure], seed: int) -> float:
    """How loud these bars are, at density 1 with every layer, at the levels of the bank."""
    energy: list[tuple[int, float]] = []
    seconds = 0.0
    for measure in measures:
        made = groove(measure, 1.0, seed)
        energy += [(stroke.sound, stroke.velocity) for stroke in made.strokes]
        seconds += (measure.beats[-1] - measure.beats[0]) / 48_000
    return loudness_lufs(energy, seconds) if seconds > 0.0 else -120.0


def told(layers: Mapping[str, str], seed: int) -> str:
    """What is generated, for a person; empty for nothing."""
    if not layers:
        return ""
    parts = ", ".join(f"{name}: {how}" for name, how in layers.items())
    has_bass = not layers.get("bass", RESTS).startswith(RESTS)
    what = "generated drums and bass" if has_bass else "generated drums"
    return f"{what} ({parts}; seed {seed})"


GROUPS: Final = tuple(sound.group for sound in SOUNDS)
"""The group of each sound of the bank."""
