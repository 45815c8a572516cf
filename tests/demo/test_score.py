"""The score and the analysis: that what is said of the song is true of its notes."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest

from remixd.demo import Song
from remixd.demo.form import QUALITIES, Section, arrange, chord_name, key_name
from remixd.demo.harmony import melody

PITCH_CLASSES = {
    "C": 0, "C#": 1, "Db": 1, "D": 2, "D#": 3, "Eb": 3, "E": 4, "F": 5, "F#": 6, "Gb": 6, "G": 7, "G#": 8,
    "Ab": 8, "A": 9, "A#": 10, "Bb": 10, "B": 11,
}  # fmt: skip
SONGS = [
    Song(),
    Song(bpm=97.3, semitones=-3.0),
    Song(bpm=(100.0, 130.0), semitones=5.0),
    Song(sections=("bridge", "chorus")),
]


def classes(name):
    root = name[:2] if name[1:2] in ("#", "b") else name[:1]
    return {(PITCH_CLASSES[root] + interval) % 12 for interval in QUALITIES[name[len(root) :]]}


def test_the_song_is_a_minute_and_a_half_of_whole_phrases():
    song = Song()
    assert 85.0 < song.duration_s < 95.0
    assert [section.label for section in song.score.sections] == [
        "intro", "verse", "pre-chorus", "chorus", "verse", "bridge", "chorus", "outro",
    ]  # fmt: skip
    assert all(section.bars % 4 == 0 for section in song.score.sections)


@pytest.mark.parametrize("song", SONGS)
def test_sections_cover_the_song_and_lie_on_phrases(song):
    analysis = song.analysis()
    sections, phrases = analysis["sections"], analysis["phrases_s"]
    assert sections[0]["start_s"] == 0.0
    assert sections[-1]["end_s"] == analysis["duration_s"]
    for before, after in itertools.pairwise(sections):
        assert before["end_s"] == after["start_s"]
    assert {section["start_s"] for section in sections} <= set(phrases)
    assert set(phrases) <= set(analysis["downbeats_s"]) <= set(analysis["beats_s"])
    assert analysis["downbeats_s"] == analysis["beats_s"][::4]
    assert phrases == analysis["downbeats_s"][::4]


@pytest.mark.parametrize("song", SONGS)
def test_chords_follow_one_another_without_a_gap(song):
    chords = song.analysis()["chords"]
    assert chords[0]["start_s"] == 0.0
    assert chords[-1]["end_s"] == song.analysis()["duration_s"]
    for before, after in itertools.pairwise(chords):
        assert before["end_s"] == after["start_s"]


@pytest.mark.parametrize("song", SONGS)
def test_chords_contain_the_notes_that_sound_in_them(song):
    chords = song.analysis()["chords"]
    for stem, voices in (("bass", {"bass"}), ("other", {"pad", "keys", "saws"})):
        for note in song.score.parts[stem]:
            if note.voice not in voices:
                continue
            start_s, end_s = song.grid.seconds(note.beat), song.grid.seconds(note.beat + note.beats)
            sounding = [c for c in chords if c["start_s"] < end_s - 1e-6 and c["end_s"] > start_s + 1e-6]
            assert sounding
            sounding = sounding if stem == "bass" else sounding[:1]  # a stab may ring on into the next
            for chord in sounding:
                assert (note.pitch + round(song.semitones)) % 12 in classes(chord["name"])


@pytest.mark.parametrize("song", SONGS)
def test_onsets_are_in_order_inside_the_song_and_told_for_every_stem(song):
    analysis = song.analysis()
    assert set(analysis["onsets_s"]) == set(song.STEMS)
    for onsets_s in analysis["onsets_s"].values():
        assert len(onsets_s) > 10
        assert np.all(np.diff(onsets_s) > 0.0)
        assert onsets_s[0] >= 0.0
        assert onsets_s[-1] < analysis["duration_s"]


@pytest.mark.parametrize("song", SONGS)
def test_the_analysis_says_everything_and_survives_json(song):
    analysis = song.analysis()
    assert json.loads(json.dumps(analysis, allow_nan=False)) == analysis
    assert analysis["format"] == "remixd-analysis-1"
    assert analysis["source"] == "demo"
    assert analysis["metre"] == "4/4"
    assert analysis["estimated"] == []
    assert set(analysis["confidence"].values()) == {1.0}
    assert len(analysis["beats_s"]) == 4 * song.bars
    assert math.isclose(analysis["duration_s"], song.duration_s, abs_tol=1e-8)


def test_beats_are_regular_at_a_steady_tempo():
    analysis = Song(bpm=97.0).analysis()
    assert analysis["bpm"] == 97.0
    np.testing.assert_allclose(np.diff(analysis["beats_s"]), 60.0 / 97.0, atol=1e-8)


@pytest.mark.parametrize("semitones", range(-12, 13))
def test_names_move_with_the_key(semitones):
    moved = classes(key_name(semitones).split()[0])
    assert moved == {(pitch + semitones) % 12 for pitch in classes("D")}
    for chord in Song().score.chords:
        wanted = {(pitch + semitones) % 12 for pitch in chord.classes}
        assert classes(chord_name(chord, semitones)) == wanted


def test_the_bass_lies_below_the_chords_and_the_voice():
    score = Song().score
    highest = max(note.pitch for note in score.parts["bass"])
    assert highest < min(note.pitch for note in score.parts["other"] if note.voice != "riser")
    assert highest < min(
        one.pitch for part in score.sung.values() for breath in part for one in breath.syllables
    )


def test_the_snare_or_clap_is_on_two_and_four():
    score = Song().score
    struck = {note.beat for note in score.parts["drums"] if note.voice in ("snare", "clap")}
    for section in score.sections:
        if section.label in ("verse", "chorus"):
            bars = range(section.bar, section.bar + section.bars)
            assert {4.0 * bar + beat for bar in bars for beat in (1, 3)} <= struck


def test_no_two_strokes_sound_alike():
    seeds = [note.seed for note in Song().score.parts["drums"]]
    assert len(set(seeds)) == len(seeds)


def test_the_tune_does_not_rub_against_its_chords():
    """A held note of the lead is never a semitone from a note of the chord under it."""
    score = Song().score
    lead = [
        syllable
        for part in score.sung.values()
        for breath in part
        for syllable in breath.syllables
        if breath.pan == 0.0 and syllable.beats >= 1.0
    ]
    assert len(lead) > 100
    for syllable in lead:
        chord = next(c for c in score.chords if c.beat <= syllable.beat < c.beat + c.beats)
        pitch = syllable.pitch % 12
        assert pitch in chord.classes or not {(pitch + 1) % 12, (pitch - 1) % 12} & set(chord.classes)


def test_the_languages_have_rhythms_of_their_own():
    analysis = Song().analysis()
    korean, english = (np.array(analysis["onsets_s"][f"vocals.{language}"]) for language in ("ko", "en"))
    apart = [np.abs(english - onset_s).min() > 0.04 for onset_s in korean]
    assert 0.2 < np.mean(apart) < 0.8


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"sections": ()}, "at least one section"),
        ({"sections": ("verse", "solo")}, "no section 'solo': there are intro, verse"),
        ({"semitones": 12.5}, "-12 to 12 semitones"),
        ({"semitones": float("nan")}, "-12 to 12 semitones"),
        ({"vibrato": "none"}, "'musical' or 'seconds'"),
        ({"formants": "gone"}, "'stay' or 'shift'"),
        ({"space": 1.5}, "0 to 1"),
    ],
)
def test_a_song_that_cannot_be_is_refused(values, match):
    with pytest.raises(ValueError, match=match):
        Song(**values)


@pytest.mark.parametrize(
    ("stem", "more", "match"),
    [
        ("vocals", {}, "there are drums, bass, other, vocals.ko, vocals.en"),
        ("drums", {"rate_hz": 8000}, "a rate is 22050 to 192000 Hz"),
        ("drums", {"start_bar": 8}, "not in a song of 8"),
        ("drums", {"start_bar": -1}, "not in a song of 8"),
        ("drums", {"stop_bar": 9}, "not in a song of 8"),
        ("drums", {"start_bar": 2, "stop_bar": 2}, "not in a song of 8"),
    ],
)
def test_what_cannot_be_rendered_is_refused(stem, more, match):
    with pytest.raises(ValueError, match=match):
        Song(sections=("chorus",)).render(stem, **more)


def test_a_line_of_the_wrong_length_is_refused():
    section: Section = arrange(("intro",))[0]
    with pytest.raises(ValueError, match="a line of intro has 20 steps, not 64"):
        list(melody("D5.16 -.4", section))
