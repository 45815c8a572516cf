"""The grid, and notes on it: what a tempo moves and what it does not."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from demo.measures import rises, sound_starts_s
from hypothesis import given
from hypothesis import strategies as st

from remixd.demo import Song
from remixd.demo.drums import strike
from remixd.demo.grid import HOME_BPM, Grid

RATE_HZ = 48_000
tempi = st.floats(30.0, 300.0)


@given(bpm_from=tempi, bpm_to=tempi, beat=st.floats(0.0, 176.0))
def test_a_beat_and_its_time_lead_to_one_another(bpm_from, bpm_to, beat):
    grid = Grid(bpm_from=bpm_from, bpm_to=bpm_to, beats=176)
    assert float(grid.beat(grid.seconds(beat))) == pytest.approx(beat, abs=1e-6)


@given(bpm_from=tempi, bpm_to=tempi, beat=st.floats(0.0, 175.0))
def test_the_tempo_moves_in_a_straight_line_over_the_beats(bpm_from, bpm_to, beat):
    grid = Grid(bpm_from=bpm_from, bpm_to=bpm_to, beats=176)
    period_s = (grid.seconds(beat + 0.01) - grid.seconds(beat)) / 0.01
    asked = bpm_from + (bpm_to - bpm_from) * (beat + 0.005) / 176
    assert 60.0 / period_s == pytest.approx(asked, rel=1e-5)


@given(bpm=tempi, start=st.floats(0.0, 100.0), seconds=st.floats(0.0, 5.0))
def test_musical_seconds_are_seconds_of_the_home_tempo(bpm, start, seconds):
    grid = Grid(bpm_from=bpm, bpm_to=bpm, beats=176)
    assert float(grid.musical_s(start, seconds)) == pytest.approx(seconds * bpm / HOME_BPM, abs=1e-7)


@pytest.mark.parametrize("bpm", [0.0, -118.0, 29.0, 301.0, float("nan"), float("inf"), (118.0, 0.0)])
def test_an_impossible_tempo_is_refused(bpm):
    with pytest.raises(ValueError, match="30 to 300 bpm"):
        Song(bpm=bpm)


@pytest.mark.parametrize("bpm", [94.0, 118.0, 141.6])
def test_every_loud_stroke_is_heard_where_the_analysis_lists_it(bpm):
    song = Song(bpm=bpm, sections=("verse",))
    start_s, stop_s = song.grid.seconds(8), song.grid.seconds(16)  # bars 2 and 3: the first crash is gone
    drums = song.render("drums", RATE_HZ, start_bar=2, stop_bar=4).mean(axis=1).astype(np.float64)
    listed = np.array(song.analysis()["onsets_s"]["drums"])
    loud = [
        song.grid.seconds(note.beat)
        for note in song.score.parts["drums"]
        if note.voice in ("kick", "snare") and note.velocity >= 0.9 and 8 <= note.beat < 16
    ]
    found = start_s + rises(drums, RATE_HZ, 10.0)
    assert len(loud) >= 6
    for onset_s in loud:
        assert np.abs(found - onset_s).min() < 0.001
    for onset_s in found:
        assert np.abs(listed - onset_s).min() < 0.001
    assert stop_s - start_s == pytest.approx(8 * 60.0 / bpm)


@pytest.mark.parametrize("bpm", [70.0, 118.0, (100.0, 130.0)])
@pytest.mark.parametrize("stem", ["bass", "vocals.ko", "vocals.en"])
def test_after_a_rest_sound_starts_at_a_listed_onset(stem, bpm):
    song = Song(bpm=bpm, sections=("chorus",), space=0.0)
    listed = np.array(song.analysis()["onsets_s"][stem])
    starts = sound_starts_s(song.render(stem, RATE_HZ, stop_bar=3), RATE_HZ, 0.02)
    drawn = np.zeros(len(starts), dtype=bool)
    if stem != "bass":  # a breath drawn .33 s before it is sound, but not a note
        drawn = np.array([np.abs(listed - start - 0.33).min() < 0.002 for start in starts])
    notes = starts[~drawn]
    assert len(notes) >= 3
    assert max(np.abs(listed - start).min() for start in notes) < 0.001


@pytest.mark.parametrize("bpm", [60.0, 84.0])
def test_a_stroke_is_the_same_samples_at_every_tempo(bpm):
    home, other = Song(bpm=66.0, sections=("intro",)), Song(bpm=bpm, sections=("intro",))
    at_home = home.render("drums", RATE_HZ, start_bar=1, stop_bar=2)
    elsewhere = other.render("drums", RATE_HZ, start_bar=1, stop_bar=2)
    strokes = [note for note in home.score.parts["drums"] if 3.9 < note.beat < 7.9]
    alone = [
        note
        for note in strokes
        if note.beat > 4.4 and all(other is note or abs(other.beat - note.beat) > 0.2 for other in strokes)
    ]
    assert len(alone) >= 5
    for note in alone:
        frames = len(strike(note, RATE_HZ))
        a = round(home.grid.seconds(note.beat) * RATE_HZ) - round(home.grid.seconds(4) * RATE_HZ)
        b = round(other.grid.seconds(note.beat) * RATE_HZ) - round(other.grid.seconds(4) * RATE_HZ)
        np.testing.assert_array_equal(at_home[a : a + frames], elsewhere[b : b + frames])


def test_a_ramp_ends_as_much_faster_as_it_was_asked():
    song = Song(bpm=(100.0, 125.0), sections=("verse",))
    analysis = song.analysis()
    periods = np.diff([*analysis["beats_s"], analysis["duration_s"]])
    assert np.all(np.diff(periods) < 0.0)
    assert periods[0] / periods[-1] == pytest.approx(1.25, rel=0.01)
    assert analysis["bpm"] is None
    assert len(song.render("drums", RATE_HZ)) == round(song.duration_s * RATE_HZ)


@pytest.mark.parametrize("stem", ["drums", "other", "vocals.en"])
def test_a_stretch_of_the_song_is_a_piece_of_the_whole(stem):
    song = Song(bpm=123.0, sections=("chorus",))
    whole = song.render(stem, 32_000)
    bar = [round(song.grid.seconds(4 * bar) * 32_000) for bar in range(9)]
    piece = song.render(stem, 32_000, start_bar=3, stop_bar=5)
    np.testing.assert_allclose(piece, whole[bar[3] : bar[5]], atol=2e-6)


def test_the_same_song_is_the_same_bytes_in_another_process():
    program = (
        "import hashlib, numpy; numpy.random.seed(7); from remixd.demo import Song;"
        "song = Song(sections=('outro',));"
        "print(*[hashlib.sha256(song.render(s, 24000).tobytes()).hexdigest() for s in song.STEMS])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    song = Song(sections=("outro",))
    here = [hashlib.sha256(song.render(stem, 24_000).tobytes()).hexdigest() for stem in song.STEMS]
    assert done.stdout.split() == here
    assert len(set(here)) == len(song.STEMS)
