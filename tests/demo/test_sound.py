"""How the song sounds at its own tempo and key, by numbers. It is rendered once for all of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from demo.measures import level_db, peak_db

from remixd.demo import Song

RATE_HZ = 48_000
HOME = Song()
LANGUAGES = ("vocals.ko", "vocals.en")
BAND = ("drums", "bass", "other")


@pytest.fixture(scope="module")
def stems():
    return {stem: HOME.render(stem, RATE_HZ) for stem in HOME.STEMS}


def section(sound, place):
    bars = HOME.score.sections[place]
    edges = [round(HOME.grid.seconds(4 * bar) * RATE_HZ) for bar in (bars.bar, bars.bar + bars.bars)]
    return sound[edges[0] : edges[1]]


def band_shares_db(sound, *edges_hz):
    """The energy between each frequency and the next, in dB of all."""
    mono = sound.mean(axis=1)
    size = 4096
    blocks = mono[: len(mono) // size * size].reshape(-1, size) * np.hanning(size)
    power = np.mean(np.abs(np.fft.rfft(blocks)) ** 2, axis=0)
    hz = np.fft.rfftfreq(size, 1.0 / RATE_HZ)
    inside = [(hz >= low) & (hz < high) for low, high in itertools.pairwise(edges_hz)]
    return [10.0 * np.log10(power[band].sum() / power.sum()) for band in inside]


def test_stems_are_stereo_single_precision_finite_and_of_one_length(stems):
    for sound in stems.values():
        assert sound.dtype == np.float32
        assert sound.shape == (round(HOME.duration_s * RATE_HZ), 2)
        assert np.all(np.isfinite(sound))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_mix_is_as_loud_as_a_song_is_and_never_clips(stems, language):
    mix = sum(stems[stem] for stem in (*BAND, language))
    assert peak_db(mix) < -1.0
    assert -17.0 < level_db(mix) < -13.0


def test_every_stem_can_be_heard(stems):
    for sound in stems.values():
        assert -26.0 < level_db(sound) < -18.0


def test_every_section_has_its_band_and_its_voice(stems):
    for place, part in enumerate(HOME.score.sections):
        for stem in BAND:
            assert level_db(section(stems[stem], place)) > -32.0
        for stem in LANGUAGES:
            assert (level_db(section(stems[stem], place)) > -28.0) == (part.label != "intro")


def test_choruses_are_louder_than_verses(stems):
    mix = sum(stems[stem] for stem in (*BAND, "vocals.ko"))
    levels = [level_db(section(mix, place)) for place in range(len(HOME.score.sections))]
    assert levels[3] > levels[1] + 1.5
    assert levels[6] > levels[4] + 1.5


def test_the_bass_is_below_the_chords(stems):
    assert band_shares_db(stems["bass"], 20.0, 250.0)[0] > -1.0
    assert band_shares_db(stems["other"], 20.0, 200.0)[0] < -20.0


def test_the_song_reaches_over_the_whole_spectrum(stems):
    mix = sum(stems[stem] for stem in (*BAND, "vocals.en"))
    octaves_hz = (30.0, 60.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16_000.0)
    assert min(band_shares_db(mix, *octaves_hz)) > -26.0


def test_the_band_is_wide_and_the_bass_in_the_middle(stems):
    def side_db(sound):
        return level_db(sound[:, :1] - sound[:, 1:]) - level_db(sound[:, :1] + sound[:, 1:])

    assert side_db(stems["bass"]) < -80.0
    assert -40.0 < side_db(stems["drums"]) < -12.0
    for stem in ("other", *LANGUAGES):
        assert -14.0 < side_db(stems[stem]) < -1.0


def test_the_middle_of_the_drums_strikes_on_two_and_four(stems):
    """Between 300 Hz and 4 kHz, in the first verse, the backbeat is what sounds."""
    drums = section(stems["drums"], 1).mean(axis=1).astype(np.float64)
    spectrum = np.fft.rfft(drums)
    hz = np.fft.rfftfreq(len(drums), 1.0 / RATE_HZ)
    spectrum[(hz < 300.0) | (hz > 4000.0)] = 0.0
    energy = np.fft.irfft(spectrum, len(drums)) ** 2
    beats = np.arange(len(drums)) / RATE_HZ * 118.0 / 60.0
    by_beat = [energy[(beats % 4 >= beat) & (beats % 4 < beat + 0.4)].sum() for beat in range(4)]
    assert min(by_beat[1], by_beat[3]) > 4.0 * max(by_beat[0], by_beat[2])


def test_the_chords_duck_under_the_kick(stems):
    """In the first chorus the kick is on every beat; the pads come back between."""
    chords = section(stems["other"], 3)
    beats = np.arange(len(chords)) / RATE_HZ * 118.0 / 60.0 % 1.0
    under = level_db(chords[(beats > 0.02) & (beats < 0.12)])
    between = level_db(chords[(beats > 0.8) & (beats < 0.95)])
    assert 3.0 < between - under < 12.0


def test_the_last_chord_dies_away(stems):
    for sound in stems.values():
        half_a_beat = round(0.5 * 60.0 / 118.0 * RATE_HZ)
        assert level_db(sound[-half_a_beat:]) < level_db(sound[-4 * half_a_beat : -3 * half_a_beat]) - 10.0
        assert peak_db(sound[-480:]) < -60.0


def test_each_language_is_a_voice_of_its_own(stems):
    korean, english = (section(stems[stem], 3).ravel().astype(np.float64) for stem in LANGUAGES)
    likeness = korean @ english / np.sqrt((korean @ korean) * (english @ english))
    assert abs(likeness) < 0.2
    assert level_db(korean) == pytest.approx(level_db(english), abs=1.5)


def test_room_is_only_added_where_there_is_to_be_some():
    dry, wet = (Song(sections=("outro",), space=space) for space in (0.0, 1.0))
    for stem in HOME.STEMS:
        without, with_room = dry.render(stem, 24_000), wet.render(stem, 24_000)
        difference = level_db(with_room - without) - level_db(without)
        if stem in ("drums", "bass"):
            np.testing.assert_array_equal(without, with_room)
        else:
            assert -25.0 < difference < -4.0
