"""Pitch, formants and vibrato: what a key moves, what a tempo moves, and what neither does."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from demo.measures import best_lag, envelope_by_semitone, pitch_track, strongest_rate_hz

from remixd.demo import Song
from remixd.demo.form import midi_pitch
from remixd.demo.grid import Grid
from remixd.demo.lyrics import LANGUAGES
from remixd.demo.notes import Breath, Syllable
from remixd.demo.phonemes import sounds_of
from remixd.demo.setting import Setting
from remixd.demo.singing import VIBRATO_HZ
from remixd.demo.voice import sing

RATE_HZ = 32_000


def home(**changes):
    values = {
        "grid": Grid(bpm_from=118.0, bpm_to=118.0, beats=176),
        "rate_hz": RATE_HZ,
        "semitones": 0.0,
        "formant_ratio": 1.0,
        "vibrato_musical": True,
    }
    return Setting(**{**values, **changes})


def held_note(song):
    """The first note of the bridge, "o" on B4, alone and dry: (its frames, its length in seconds)."""
    mono = song.render("vocals.ko", RATE_HZ, stop_bar=1)[:, 0].astype(np.float64)
    length_s = song.grid.seconds(3.5)
    return mono[: round(length_s * RATE_HZ)], length_s


def held_pitch_hz(song):
    mono, length_s = held_note(song)
    near_hz = 440.0 * 2.0 ** ((midi_pitch("B4") + song.semitones - 69) / 12)
    track = pitch_track(mono, RATE_HZ, near_hz)
    return track[round(0.28 * length_s * RATE_HZ) : round(0.92 * length_s * RATE_HZ)]


def bridge(**values):
    return Song(sections=("bridge",), space=0.0, **values)


@pytest.mark.parametrize("semitones", [-12.0, -3.0, 0.5, 3.0, 7.0])
def test_the_voice_sings_as_much_higher_as_it_was_asked(semitones):
    still = np.median(held_pitch_hz(bridge()))
    moved = np.median(held_pitch_hz(bridge(semitones=semitones)))
    assert 1200.0 * np.log2(still / 493.88) == pytest.approx(0.0, abs=12.0)  # a singer is not a tuner
    assert 1200.0 * np.log2(moved / still) == pytest.approx(100.0 * semitones, abs=2.0)


@pytest.mark.parametrize("semitones", [-2.0, 0.0, 3.5])
def test_the_bass_plays_the_root_in_the_key_that_was_asked(semitones):
    song = Song(sections=("intro",), semitones=semitones)
    mono = song.render("bass", RATE_HZ, stop_bar=1)[8000:48_000, 0].astype(np.float64)
    track = pitch_track(mono, RATE_HZ, 49.0 * 2.0 ** (semitones / 12))
    found = np.median(track[8000:-8000])
    assert 1200.0 * np.log2(found / 48.9994) == pytest.approx(100.0 * semitones, abs=3.0)  # G1


@pytest.mark.parametrize("semitones", [-12.0, 1.0, 12.0])
def test_drums_are_never_transposed(semitones):
    still = Song(sections=("chorus",)).render("drums", RATE_HZ, stop_bar=2)
    moved = Song(sections=("chorus",), semitones=semitones).render("drums", RATE_HZ, stop_bar=2)
    np.testing.assert_array_equal(moved, still)


@pytest.mark.parametrize("vowel", ["a", "e", "ae", "uh", "eo"])
def test_a_vowel_has_its_formants_at_every_pitch(vowel):
    """Sung on every semitone of a low octave, so that the harmonics together show the envelope."""
    sung = []
    for pitch in range(45, 57):
        syllable = Syllable(text=vowel, beat=8.0, beats=1.0, pitch=pitch, velocity=1.0, seed=pitch)
        sung.append(sing(Breath(syllables=(syllable,), velocity=1.0, pan=0.0), home(), inhale=False)[1])
    envelope = envelope_by_semitone(np.concatenate(sung).astype(np.float64), RATE_HZ, 200.0, 51, 0.7)
    hz = 200.0 * 2.0 ** (np.arange(len(envelope)) / 48.0)
    peaks = hz[1:-1][(envelope[1:-1] > envelope[:-2]) & (envelope[1:-1] > envelope[2:])]
    for formant_hz in sounds_of(vowel).vowel_from[:3]:
        nearest = peaks[np.abs(np.log2(peaks / formant_hz)).argmin()]
        assert 12.0 * abs(np.log2(nearest / formant_hz)) < 1.0


def envelope_of_verse(**values):
    song = Song(sections=("verse",), space=0.0, **values)
    mono = song.render("vocals.ko", RATE_HZ).mean(axis=1).astype(np.float64)
    return envelope_by_semitone(mono, RATE_HZ, 350.0, 52, 2.0)


def test_formants_stay_when_the_key_moves_unless_asked_to_shift():
    """From an octave down, where harmonics lie so close that they show the envelope between them."""
    still = envelope_of_verse(semitones=-12.0)
    shifted_still = envelope_of_verse(semitones=-12.0, formants="shift")
    for semitones in (-8.0, -7.0, -5.0):
        staying = best_lag(envelope_of_verse(semitones=semitones), still, 32)
        shifting = best_lag(envelope_of_verse(semitones=semitones, formants="shift"), shifted_still, 32)
        assert abs(staying) <= 2  # points are a quarter of a semitone
        assert abs(shifting - 4 * (semitones + 12)) <= 1


def test_in_its_own_key_there_is_nothing_to_shift():
    staying, shifting = bridge(), bridge(formants="shift")
    for stem in ("vocals.ko", "other"):
        np.testing.assert_array_equal(staying.render(stem, RATE_HZ), shifting.render(stem, RATE_HZ))


@pytest.mark.parametrize(
    ("bpm", "vibrato", "wanted_hz"),
    [
        (118.0, "musical", VIBRATO_HZ),
        (118.0, "seconds", VIBRATO_HZ),
        (88.5, "musical", 0.75 * VIBRATO_HZ),
        (88.5, "seconds", VIBRATO_HZ),
        (147.5, "musical", 1.25 * VIBRATO_HZ),
        (147.5, "seconds", VIBRATO_HZ),
    ],
)
def test_vibrato_keeps_its_beats_or_its_seconds_as_asked(bpm, vibrato, wanted_hz):
    track = held_pitch_hz(bridge(bpm=bpm, vibrato=vibrato))
    assert strongest_rate_hz(track, RATE_HZ, 2.5, 12.0) == pytest.approx(wanted_hz, rel=0.05)
    half_range = 600.0 * np.log2(np.quantile(track, 0.98) / np.quantile(track, 0.02))
    assert 20.0 < half_range < 60.0  # cents


def test_musical_vibrato_is_the_same_curve_at_another_tempo():
    quick, slow = (held_pitch_hz(bridge(bpm=bpm)) for bpm in (118.0, 94.4))
    beats = np.linspace(0.02, 0.98, 400)
    curves = [np.interp(beats, np.linspace(0.0, 1.0, len(track)), track) for track in (quick, slow)]
    cents = 1200.0 * np.log2(curves[0] / curves[1])
    assert np.abs(cents).max() < 3.0


def test_both_kinds_of_vibrato_are_one_at_the_home_tempo():
    song, other = Song(sections=("chorus",)), Song(sections=("chorus",), vibrato="seconds")
    for stem in ("vocals.en", "other"):
        a, b = song.render(stem, RATE_HZ, stop_bar=2), other.render(stem, RATE_HZ, stop_bar=2)
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_every_syllable_of_both_languages_can_be_sung():
    song = Song()
    for language, other in itertools.permutations(LANGUAGES, 2):
        breaths = song.score.sung[f"vocals.{language}"]
        words = {syllable.text for breath in breaths for syllable in breath.syllables}
        others = {
            syllable.text for breath in song.score.sung[f"vocals.{other}"] for syllable in breath.syllables
        }
        assert len(words - others) > 40
        for word in words:
            assert np.all(np.diff(sounds_of(word).vowel_from) > 0.0)


@pytest.mark.parametrize("text", ["", "xyz", "strm", "a1", "42"])
def test_what_cannot_be_sung_is_refused(text):
    with pytest.raises(ValueError, match="is not a syllable"):
        sounds_of(text)
