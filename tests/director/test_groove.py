"""The groove layer's bars: in time, valid in every metre, the same when asked again."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remixd.director.groove import LAYERS, Measure, Stroke, groove, groove_lufs, told
from remixd.director.measures import Measures, root_of
from remixd.director.rhythms import euclid
from remixd.synth.kit import INDEX, SOUNDS
from remixd.track.analysis import Analysis, Chord

METRES = {
    "3/4": (3, 4),
    "4/4": (4, 4),
    "5/4": (5, 4),
    "6/4": (6, 4),
    "6/8": (6, 8),
    "7/8": (7, 8),
    "1/4": (1, 4),
}
BEAT = 24_000.0


def measure(
    count: int = 4, unit: int = 4, *, number: int = 0, beat: float = BEAT, **words: object
) -> Measure:
    beats = tuple(1000.0 + beat * index for index in range(count + 1))
    given: dict[str, object] = {"roots": (9,) * count, "bass_rests": True, "bpm": 120.0, **words}
    return Measure(track="t", number=number, place=number % 4, length=4, beats=beats, unit=unit, **given)


def names(strokes: tuple[Stroke, ...]) -> set[str]:
    return {SOUNDS[stroke.sound].name for stroke in strokes}


@pytest.mark.parametrize(
    ("strokes", "steps", "expected"),
    [
        (3, 8, "x..x..x."),  # tresillo
        (5, 8, "x.xx.xx."),  # cinquillo
        (4, 16, "x...x...x...x..."),
        (7, 12, "x.xx.x.xx.x."),
        (0, 4, "...."),
        (4, 4, "xxxx"),
    ],
)
def test_euclidean_rhythms_are_those_of_toussaint(strokes: int, steps: int, expected: str) -> None:
    assert "".join("x" if struck else "." for struck in euclid(strokes, steps)) == expected


@given(
    st.integers(1, 32).flatmap(lambda steps: st.tuples(st.integers(1, steps), st.just(steps))), st.integers()
)
def test_euclidean_rhythms_are_as_even_as_can_be_however_turned(sizes: tuple[int, int], turn: int) -> None:
    strokes, steps = sizes
    line = euclid(strokes, steps, turn)
    at = [step for step, struck in enumerate(line) if struck]
    gaps = {(b - a) % steps or steps for a, b in itertools.pairwise([*at, at[0]])}
    assert len(at) == strokes
    assert max(gaps) - min(gaps) <= 1


@given(
    metre=st.sampled_from(sorted(METRES)),
    number=st.integers(0, 500),
    density=st.floats(0.001, 1.0),
    seed=st.integers(0, 1 << 32),
    bpm=st.floats(40, 220),
    energy=st.floats(1, 10),
    wander=st.lists(st.floats(0.8, 1.25), min_size=8, max_size=8),
)
def test_bars_are_valid_in_every_metre(
    metre: str, number: int, density: float, seed: int, bpm: float, energy: float, wander: list[float]
) -> None:
    count, unit = METRES[metre]
    beats = tuple(itertools.accumulate([60 / bpm * 48_000 * each for each in wander[:count]], initial=500.0))
    bar = Measure(track="t", number=number, place=number % 4, length=4, beats=beats, unit=unit, bpm=bpm,
                  roots=(0,) * count, bass_rests=True, energy=energy)  # fmt: skip
    made = groove(bar, density, seed)
    assert made == groove(bar, density, seed)
    assert made.strokes
    assert len(made.strokes) < 512
    for stroke in made.strokes:
        assert beats[0] <= stroke.frame < beats[-1]
        assert 0.0 < stroke.velocity <= 1.0
        assert -1.0 <= stroke.pan <= 1.0
        assert 0 <= stroke.sound < len(SOUNDS)
        assert stroke.length_frames >= 0.0
        assert stroke.frame + stroke.length_frames <= beats[-1] + 1.0
    assert list(made.strokes) == sorted(made.strokes, key=lambda each: each.frame)
    assert set(made.layers) == {name for name, above in LAYERS.items() if density > above}


def test_every_bar_and_seed_and_track_is_another() -> None:
    made = [groove(measure(number=number), 0.9, seed).strokes for number in range(8) for seed in (1, 2)]
    assert len(set(made)) == len(made)


@settings(max_examples=20)
@given(st.integers(0, 60), st.integers(0, 99))
def test_more_density_never_takes_a_layer_away(number: int, seed: int) -> None:
    sizes = [len(groove(measure(number=number), density / 10, seed).layers) for density in range(11)]
    assert sizes == sorted(sizes)
    assert sizes[0] == 0
    assert sizes[-1] == len(LAYERS)


def test_kicks_and_claps_are_on_the_grid_and_hats_within_three_milliseconds() -> None:
    bar = measure(bpm=125.0)
    for stroke in groove(bar, 0.7, 3).strokes:
        step = (stroke.frame - 1000.0) / (BEAT / 4)
        limit = 1e-6 if SOUNDS[stroke.sound].name in ("kick", "clap") else 0.0031 * 48_000 / (BEAT / 4)
        assert abs(step - round(step)) <= limit
    kicks = [stroke.frame for stroke in groove(bar, 0.7, 3).strokes if stroke.sound == INDEX["kick"]]
    assert kicks == list(bar.beats[:-1])


def test_slow_songs_swing_and_fast_ones_do_not() -> None:
    def off(bpm: float) -> set[float]:
        frames = [s.frame for s in groove(measure(bpm=bpm), 0.7, 3).strokes if s.sound == INDEX["hat"]]
        return {round(((frame - 1000.0) / (BEAT / 4)) % 2, 1) for frame in frames}

    assert 1.0 not in off(85.0)
    assert off(125.0) <= {0.0, 1.0, 2.0, 0.1, 1.9, 0.9, 1.1}


def test_the_bass_plays_the_roots_of_the_chords_and_rests_where_the_song_has_one() -> None:
    made = groove(measure(roots=(9, 9, 5, 5)), 1.0, 7)
    notes = [(stroke.frame, SOUNDS[stroke.sound].name) for stroke in made.strokes if stroke.pitched]
    assert notes
    for frame, name in notes:
        root = 9 if frame < 1000 + 2 * BEAT else 5
        assert (int(name.removeprefix("bass ")) - root) % 12 in (0, 7)
    assert not any(stroke.pitched for stroke in groove(measure(bass_rests=False), 1.0, 7).strokes)


def test_what_is_generated_is_told_with_its_seed() -> None:
    assert told({}, 7) == ""
    text = told(groove(measure(), 1.0, 7).layers, 7)
    assert text.startswith("generated drums and bass (hats: Euclidean ")
    assert "seed 7" in text


def test_loudness_is_that_of_its_strokes() -> None:
    bars = [measure(number=number) for number in range(8)]
    assert -30 < groove_lufs(iter(bars), 7) < -8
    assert groove_lufs(iter(()), 7) == -120.0


def analysis(metre: str = "4/4", **words: object) -> Analysis:
    return Analysis(source="demo", duration_s=60.0, metre=metre, **words)


def test_measures_know_their_phrase_their_chords_and_whether_the_bass_rests() -> None:
    beats = [BEAT * index for index in range(33)]
    levels = [3 if index % 16 == 0 else 2 if index % 4 == 0 else 1 for index in range(33)]
    known = analysis(
        chords=(Chord(start_s=0.0, end_s=1.0, name="Am7"), Chord(start_s=1.0, end_s=4.0, name="Bb")),
        onsets_s={"bass": (0.5, 4.5)},
    )
    bars = Measures("t", known, beats, levels, ("bass",))
    assert len(bars) == 8
    assert bars.at(4 * BEAT) == 1
    assert bars.at(-1.0) is bars.at(32 * BEAT) is None
    first, second = bars.measure(0), bars.measure(1)
    assert first
    assert second
    assert (first.place, first.length, second.place) == (0, 4, 1)
    assert first.roots == (9, 9, 10, 10)
    assert (first.bass_rests, second.bass_rests) == (False, True)
    assert first.bpm == pytest.approx(120.0)


@pytest.mark.parametrize(("name", "root"), [("Am7", 9), ("F#", 6), ("Bbmaj7", 10), ("N", None), ("Cb", 11)])
def test_roots_are_read_from_names_of_chords(name: str, root: int | None) -> None:
    assert root_of(name) == root
