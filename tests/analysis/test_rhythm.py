"""Beats, bars and tempo: of sounds made here, whose grid is known to the sample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from remixd.analysis.rhythm import Rhythm, find_rhythm
from remixd.analysis.rhythm_confidence import Signs, confidence_of
from remixd.analysis.rhythm_features import MIX_S, RhythmFeatures
from remixd.analysis.rhythm_streams import STREAMS, streams_of
from remixd.analysis.rhythm_vote import ask_essentia
from remixd.units import StemRole

RATE_HZ = 22_050
Mono = NDArray[np.float32]

KICK, SNARE, HAT = "kick", "snare", "hat"
BARS = {
    "4/4": {KICK: (0, 2.5), SNARE: (1, 3), HAT: (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5)},
    "3/4": {KICK: (0,), SNARE: (1, 2), HAT: (0, 0.5, 1, 1.5, 2, 2.5)},
    "5/4": {KICK: (0, 1.5), SNARE: (1, 3, 4), HAT: (0, 0.5, 1, 2, 2.5, 3, 4)},
}


def stroke(voice: str, rng: np.random.Generator) -> Mono:
    time_s = np.arange(round(0.15 * RATE_HZ)) / RATE_HZ
    noise = rng.standard_normal(time_s.size)
    if voice == KICK:
        return np.sin(2 * np.pi * (55 * time_s - 6 * np.exp(-40 * time_s))) * np.exp(-18 * time_s)
    if voice == SNARE:
        return (0.4 * noise + 0.4 * np.sin(2 * np.pi * 190 * time_s)) * np.exp(-25 * time_s)
    return 0.25 * np.diff(noise, prepend=0.0) * np.exp(-90 * time_s)


def place(strokes: list[tuple[float, str]], seconds: float) -> Mono:
    rng = np.random.default_rng(3)
    sound = np.zeros(round(seconds * RATE_HZ) + RATE_HZ, np.float32)
    for at_s, voice in strokes:
        struck = stroke(voice, rng)
        start = round(at_s * RATE_HZ)
        sound[start : start + struck.size] += struck
    return sound[: round(seconds * RATE_HZ)]


def drums(beats_s: NDArray[np.float64], metre: str = "4/4") -> Mono:
    """Bars of drums over beats at any times."""
    count = int(metre[0])
    at = np.arange(beats_s.size)
    played = [
        (float(np.interp(bar + beat, at, beats_s)), voice)
        for bar in range(0, beats_s.size - count, count)
        for voice, beats in BARS[metre].items()
        for beat in beats
    ]
    return place(played, float(beats_s[-1]))


def bass(beats_s: NDArray[np.float64], count: int) -> Mono:
    """A note a bar, another root each."""
    sound = np.zeros(round(beats_s[-1] * RATE_HZ), np.float32)
    for index, bar in enumerate(range(0, beats_s.size - count, count)):
        start, stop = (round(beats_s[at] * RATE_HZ) for at in (bar, bar + count))
        time_s = np.arange(stop - start) / RATE_HZ
        hz = 55.0 * 2 ** ((0, 5, 7, 3)[index % 4] / 12)
        wave = sum(np.sin(2 * np.pi * k * hz * time_s) / k for k in range(1, 9))
        sound[start:stop] += 0.2 * wave * np.exp(-2.0 * time_s)
    return sound


def heard(*stems: tuple[StemRole, Mono], rate_hz: int = RATE_HZ) -> Rhythm:
    features = RhythmFeatures(rate_hz)
    for role, sound in stems:
        features.add(sound, role)
    return find_rhythm(features)


def errors_s(found_s: tuple[float, ...], true_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each found beat is from the nearest true one, the first and last seconds left out."""
    found = np.array([at for at in found_s if true_s[0] + 1 < at < true_s[-1] - 1])
    return found - true_s[np.abs(found[:, None] - true_s).argmin(axis=1)]


@settings(max_examples=10)
@given(bpm=st.floats(60, 190), first_s=st.floats(0.1, 0.9))
def test_a_click_at_any_tempo_has_a_grid_within_a_millisecond(bpm: float, first_s: float) -> None:
    clicks_s = np.arange(first_s, 24.0, 60 / bpm)
    sound = np.zeros(24 * RATE_HZ, np.float32)
    sound[np.round(clicks_s * RATE_HZ).astype(int)] = 0.8
    rhythm = heard(("drums", sound))
    assert rhythm.constant
    assert rhythm.bpm is not None
    octave = 2.0 ** round(np.log2(rhythm.bpm / bpm))  # clicks alone do not tell the level
    assert rhythm.bpm / octave == pytest.approx(bpm, rel=4e-5)  # a millisecond in 24 s
    lattice_s = np.arange(clicks_s[0] - 120 / bpm, 26.0, 30 / bpm)
    assert np.abs(errors_s(rhythm.beats_s, lattice_s)).max() < 1e-3


@pytest.mark.parametrize("metre", BARS)
@pytest.mark.parametrize("bpm", [92.0, 131.0])
def test_the_metre_and_the_first_beat_are_heard(metre: str, bpm: float) -> None:
    count = int(metre[0])
    beats_s = 0.5 + 60 / bpm * np.arange(14 * count + 1)
    rhythm = heard(("drums", drums(beats_s, metre)), ("bass", bass(beats_s, count)))
    assert rhythm.metre == metre
    assert rhythm.bpm == pytest.approx(bpm, rel=4e-5)
    assert np.abs(errors_s(rhythm.beats_s, beats_s)).max() < 5e-3
    assert np.abs(errors_s(rhythm.downbeats_s, beats_s[::count])).max() < 5e-3


@pytest.mark.parametrize("tempi", [(120, 150), (100, 78)])
def test_a_ramp_is_followed_within_20_ms_throughout(tempi: tuple[float, float]) -> None:
    beat = np.arange(97)
    bpm = np.linspace(*tempi, beat.size)
    beats_s = 0.4 + np.concatenate([[0.0], np.cumsum(60 / bpm)[:-1]])
    rhythm = heard(("drums", drums(beats_s)), ("bass", bass(beats_s, 4)))
    assert not rhythm.constant
    assert rhythm.metre == "4/4"
    assert len(rhythm.beats_s) == pytest.approx(beat.size, abs=3)
    assert np.abs(errors_s(rhythm.beats_s, beats_s)).max() < 0.02


def test_a_ritardando_at_the_end_is_no_straight_grid() -> None:
    steady = np.full(64, 0.5)
    slowing = 0.5 * 1.03 ** np.arange(1, 17)
    beats_s = 0.3 + np.cumsum(np.concatenate([[0.0], steady, slowing]))
    rhythm = heard(("drums", drums(beats_s)), ("bass", bass(beats_s, 4)))
    assert not rhythm.constant
    assert np.abs(errors_s(rhythm.beats_s, beats_s)).max() < 0.02


@settings(max_examples=5)
@given(late=st.integers(1, 40_000), gain_db=st.floats(-40, 6))
def test_a_song_that_starts_later_or_softer_has_the_same_beats(late: int, gain_db: float) -> None:
    beats_s = 0.2 + 0.53 * np.arange(49)
    sounds: list[tuple[StemRole, Mono]] = [("drums", drums(beats_s)), ("bass", bass(beats_s, 4))]
    gain = np.float32(10 ** (gain_db / 20))
    plain = heard(*sounds)
    moved = heard(
        *((role, np.concatenate([np.zeros(late, np.float32), sound * gain])) for role, sound in sounds)
    )
    assert moved.metre == plain.metre
    assert moved.bpm == pytest.approx(plain.bpm, rel=1e-5)
    for name in ("beats_s", "downbeats_s"):
        expected = np.array(getattr(plain, name)) + late / RATE_HZ
        assert np.abs(errors_s(getattr(moved, name), expected)).max() < 5e-4


@settings(max_examples=5)
@given(cuts=st.lists(st.integers(0, 6 * RATE_HZ), max_size=8))
def test_features_do_not_depend_on_the_blocks_they_come_in(cuts: list[int]) -> None:
    sound = drums(0.1 + 0.5 * np.arange(13))
    whole, pieces = RhythmFeatures(RATE_HZ), RhythmFeatures(RATE_HZ)
    whole.add(sound, "drums")
    passed = list(pieces.tap(iter(np.split(sound, sorted(cuts))), "drums"))
    np.testing.assert_array_equal(np.concatenate(passed), sound)
    assert pieces.duration_s == whole.duration_s
    [one], [other] = whole.stems, pieces.stems
    np.testing.assert_allclose(other.energy, one.energy, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(other.levels, one.levels, atol=0.02)


def unpulsed(name: str, seconds: float) -> Mono:
    rng = np.random.default_rng(8)
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    if name == "silence":
        return np.zeros(time_s.size, np.float32)
    if name == "noise":
        return (0.1 * rng.standard_normal(time_s.size)).astype(np.float32)
    if name == "tones":
        return sum(0.1 * np.sin(2 * np.pi * hz * time_s) for hz in (220.0, 277.2, 329.6)).astype(np.float32)
    if name == "vibrato":
        return (0.3 * np.sin(2 * np.pi * 440 * time_s + 3 * np.sin(2 * np.pi * 5.3 * time_s))).astype(
            np.float32
        )
    return place([(at, SNARE) for at in np.sort(rng.uniform(0, seconds - 1, round(2 * seconds)))], seconds)


@pytest.mark.parametrize("role", ["drums", "other"])
@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        *(
            (name, seconds)
            for name in ("silence", "noise", "tones", "vibrato")
            for seconds in (1.0, 7.0, 40.0)
        ),
        ("strokes at random", 1.0),  # in 7 s, 14 of them may well keep time
        ("strokes at random", 40.0),
    ],
)
def test_what_has_no_beat_says_so(name: str, role: StemRole, seconds: float) -> None:
    assert heard((role, unpulsed(name, seconds))) == Rhythm()


def test_nothing_at_all_has_no_beat() -> None:
    assert heard() == Rhythm()
    assert heard(("drums", np.zeros(0, np.float32))) == Rhythm()


def test_a_snare_with_a_body_is_no_kick_and_a_kick_with_a_click_no_snare() -> None:
    kicks_s, snares_s = np.arange(0.5, 20.0, 1.0), np.arange(1.0, 20.0, 1.0)
    features = RhythmFeatures(RATE_HZ)
    features.add(place([(at, KICK) for at in kicks_s] + [(at, SNARE) for at in snares_s], 21.0), "drums")
    streams = streams_of(features)
    assert streams is not None
    for voice, own_s, other_s in (("kick", kicks_s, snares_s), ("snare", snares_s, kicks_s)):
        row = streams.onsets[STREAMS.index(voice)]
        on_own, on_other = (
            np.mean([row[max(round(at * 100) - 3, 0) : round(at * 100) + 4].max() for at in times_s])
            for times_s in (own_s, other_s)
        )
        assert on_own > 2 * on_other


def test_stems_one_after_another_and_a_mix_as_one_are_the_same_mix_and_it_is_bounded() -> None:
    rng = np.random.default_rng(4)
    one, other = (rng.uniform(-0.3, 0.3, size).astype(np.float32) for size in (50_000, 70_000))
    features = RhythmFeatures(8_000)
    features.add(one, "drums")
    features.add(other, "bass")
    np.testing.assert_allclose(features.mix, np.pad(one, (0, 20_000)) + other, atol=1e-6)
    features.add(np.zeros(round((MIX_S + 5) * 8_000), np.float32), "other")
    assert features.mix.size == MIX_S * 8_000


@pytest.mark.parametrize("bpm", [84.0, 120.0])
def test_essentia_is_asked_for_the_tempo_and_the_beats_of_the_mix(bpm: float) -> None:
    beats_s = 0.3 + 60 / bpm * np.arange(round(130 * bpm / 60))
    vote = ask_essentia(drums(beats_s), RATE_HZ)
    for heard_bpm in (*vote.tracker_bpm, *vote.estimator_bpm):
        assert heard_bpm == pytest.approx(bpm, rel=0.02)
    late_s = vote.ticks_s - beats_s[np.abs(vote.ticks_s[:, None] - beats_s).argmin(axis=1)]
    assert np.median(np.abs(late_s)) < 0.05
    assert vote.ticks_s.max() > 0.9 * beats_s[-1]


@pytest.mark.parametrize("mix", [np.zeros(30 * RATE_HZ), np.ones(RATE_HZ), np.zeros(0)])
def test_nobody_is_asked_about_silence_or_a_moment(mix: Mono) -> None:
    vote = ask_essentia(mix.astype(np.float32), RATE_HZ)
    assert (vote.tracker_bpm, vote.estimator_bpm, vote.ticks_s.size) == ((), (), 0)


@given(
    field=st.sampled_from(["bpm", "beats", "metre", "downbeats"]),
    chances=st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 0.99)),
    sign=st.sampled_from(["clearness", "explained", "voted"]),
)
def test_what_is_likelier_or_has_more_signs_for_it_is_surer(
    field: str, chances: tuple[float, float], sign: str
) -> None:
    some = {"clearness": 0.7, "explained": 0.6, "voted": 0.5}
    low, high = (confidence_of(field, chance, Signs(**some)) for chance in sorted(chances))
    assert 0.0 <= low <= high <= 1.0
    assert confidence_of(field, 0.5, Signs(**some | {sign: 1.0})) > confidence_of(field, 0.5, Signs(**some))


def test_what_is_ambiguous_is_less_sure_and_offers_the_other_reading() -> None:
    beats_s = 0.2 + 0.5 * np.arange(65)
    band = heard(("drums", drums(beats_s)), ("bass", bass(beats_s, 4)))
    alike = heard(("drums", place([(at, KICK) for at in beats_s[:-1]], float(beats_s[-1]))))
    assert alike.confidence["downbeats"] < 0.4 < band.confidence["downbeats"]
    assert {other.first_downbeat_s for other in alike.alternatives} - set(alike.downbeats_s[:1])
    chances = [other.chance for other in alike.alternatives]
    assert chances == sorted(chances, reverse=True)


@pytest.mark.parametrize("rate_hz", [7_999, 384_001])
def test_absurd_rates_are_refused(rate_hz: int) -> None:
    with pytest.raises(ValueError, match=str(rate_hz)):
        RhythmFeatures(rate_hz)
