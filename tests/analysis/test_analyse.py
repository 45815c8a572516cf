"""The whole analysis of a song, as an import makes it: the demo song, whose score is known."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from remixd.analysis.analyse import analyse, complete
from remixd.analysis.grids import SongNames, read_grid
from remixd.analysis.loudness import LoudnessMeter
from remixd.demo import Song
from remixd.track.analysis import Analysis
from remixd.track.flac import gain_for, read_flac, write_flac
from remixd.track.overview import read_overview
from remixd.track.package import Stem, Track
from remixd.units import STEM_ROLES

RATE_HZ = 44_100
SECTIONS = ("verse", "chorus", "verse", "chorus")
STEMS = {"drums": "drums", "bass": "bass", "vocals": "vocals.ko", "other": "other"}


@pytest.fixture(scope="module")
def song() -> Song:
    return Song(sections=SECTIONS, semitones=3.0, space=0.0)


@pytest.fixture(scope="module")
def track(song: Song, tmp_path_factory: pytest.TempPathFactory) -> Track:
    folder = tmp_path_factory.mktemp("track")
    (folder / "stems").mkdir()
    stems, frames = [], 0
    for role in STEM_ROLES:
        pcm = song.render(STEMS[role], RATE_HZ)
        frames = pcm.shape[0]
        gain = gain_for(float(pcm.max()), float(pcm.min()))
        write_flac(folder / f"stems/{role}.flac", iter([pcm]), RATE_HZ, gain)
        stems.append(Stem(name=role, role=role, file=f"stems/{role}.flac", gain=gain))
    return Track(
        id="track-00000000", title="Your Way", source_kind="folder", source_name="demo", content="",
        rate_hz=RATE_HZ, frames=frames, stems=tuple(stems), folder=folder,
        analysis=Analysis(source="computed", duration_s=frames / RATE_HZ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def found(track: Track) -> Analysis:
    return analyse(track)


def test_beats_bars_key_and_tempo_are_those_of_the_score(song: Song, found: Analysis) -> None:
    truth = song.analysis()
    assert found.bpm == pytest.approx(truth["bpm"], rel=4e-5)
    assert (found.metre, found.key) == (truth["metre"], truth["key"])
    downbeats = np.array(found.downbeats_s)
    for downbeat_s in truth["downbeats_s"][1:-1]:
        assert np.abs(downbeats - downbeat_s).min() < 0.01


def test_sections_begin_on_bars_and_what_comes_again_is_called_the_same(found: Analysis) -> None:
    assert all(np.abs(np.array(found.downbeats_s) - s.start_s).min() < 1e-3 for s in found.sections[1:])
    labels = [section.label for section in found.sections]
    assert len(set(labels)) < len(labels)
    assert "sections" in found.estimated


def test_what_is_told_is_a_document_that_can_be_read_again(found: Analysis) -> None:
    assert Analysis.from_json(found.to_json()) == found
    assert found.energy is not None
    assert found.loudness_lufs is not None
    assert {"bpm", "beats", "metre", "downbeats", "key", "chords"} <= found.confidence.keys()


def test_a_grid_that_came_along_wins_and_chords_and_sections_stand_on_it(track: Track) -> None:
    path = track.folder / "grid.csv"
    times_s = np.arange(0.25, track.frames / RATE_HZ - 0.1, 0.75)
    path.write_text("time_s,beat\n" + "".join(f"{t:.6f},{i % 3 + 1}\n" for i, t in enumerate(times_s)))
    found = analyse(track, read_grid(path, SongNames(path=track.folder, title=track.title)))
    assert (found.source, found.metre) == ("grid", "3/4")
    assert found.bpm == pytest.approx(80.0, abs=0.01)
    assert found.alternatives == ()
    assert found.constant_tempo
    assert set(found.beats_s) <= {round(float(t), 6) for t in times_s}
    assert all(np.abs(np.array(found.beats_s) - c.start_s).min() < 1e-3 for c in found.chords[1:])


def test_silence_has_no_beats_no_key_and_no_form(track: Track, tmp_path: Path) -> None:
    (tmp_path / "stems").mkdir()
    write_flac(tmp_path / "stems/other.flac", iter([np.zeros((RATE_HZ * 5, 2), np.float32)]), RATE_HZ, 1.0)
    quiet = replace(
        track,
        folder=tmp_path,
        frames=RATE_HZ * 5,
        stems=(Stem(name="other", role="other", file="stems/other.flac", gain=1.0),),
    )
    found = analyse(quiet)
    assert (found.bpm, found.metre, found.key, found.energy) == (None, None, None, None)
    assert (found.beats_s, found.chords, found.sections) == ((), (), ())


def test_what_came_with_a_song_stays_and_its_loudness_is_measured(track: Track, found: Analysis) -> None:
    given = Analysis(
        source="demo", duration_s=found.duration_s, bpm=77.0, key="C minor", energy=3.0,
        onsets_s={"drums": (1.0, 2.0)},
    )  # fmt: skip
    whole = complete(given, track)
    measured = ("energy_curve", "loudness_lufs", "loudness_range_lu", "true_peak_dbtp", "singing")
    assert replace(whole, onsets_s=given.onsets_s, onset_strengths={}) == replace(
        given, **{name: getattr(found, name) for name in measured}
    )
    assert whole.onsets_s == {**found.onsets_s, "drums": (1.0, 2.0)}
    assert whole.onset_strengths.keys() == found.onset_strengths.keys() - {"drums"}
    assert complete(whole, track) == whole


def test_loudness_is_that_of_what_plays_together(track: Track, found: Analysis) -> None:
    mix = np.sum([np.concatenate(list(read_flac(track.file_of(s), s.gain))) for s in track.stems], axis=0)
    meter = LoudnessMeter(RATE_HZ)
    meter.add(mix.astype(np.float32))
    loudness = meter.finish()
    assert found.loudness_lufs == pytest.approx(loudness.integrated_lufs, abs=0.01)
    assert found.loudness_range_lu == pytest.approx(loudness.range_lu, abs=0.01)
    assert found.true_peak_dbtp == pytest.approx(loudness.true_peak_dbtp, abs=0.01)


def test_there_is_an_energy_for_each_second(track: Track, found: Analysis) -> None:
    assert len(found.energy_curve) == math.ceil(track.duration_s)
    mix = np.sum([np.concatenate(list(read_flac(track.file_of(s), s.gain))) for s in track.stems], axis=0)
    seconds = mix[: RATE_HZ * (len(found.energy_curve) - 1)].reshape(-1, RATE_HZ * 2)
    level = np.log(np.mean(seconds**2, axis=1))
    assert np.corrcoef(found.energy_curve[:-1], level)[0, 1] > 0.7


def test_somebody_sings_where_the_score_has_words(song: Song, found: Analysis) -> None:
    words = np.array(song.analysis()["onsets_s"]["vocals.ko"])
    assert found.singing is not None
    inside = np.array([any(s.start_s - 0.1 <= at <= s.end_s for s in found.singing) for at in words])
    assert inside.mean() > 0.97
    assert found.singing[0].start_s > words[0] - 0.3


def test_onsets_are_those_of_the_score_with_a_strength_each(song: Song, found: Analysis) -> None:
    truth = song.analysis()["onsets_s"]
    for role, name in STEMS.items():
        onsets, strengths = np.array(found.onsets_s[role]), found.onset_strengths[role]
        assert len(strengths) == len(onsets) > 50
        near = np.abs(np.array(truth[name])[:, None] - onsets).min(axis=0)
        assert np.mean(near < 0.05) > (0.6 if role == "vocals" else 0.9)
        assert np.median(near) < (0.03 if role == "vocals" else 0.005)


def test_sections_say_of_what_they_are_called_so(found: Analysis) -> None:
    for section in found.sections:
        assert (section.how == "letter") == (re.fullmatch("[A-Z]", section.label) is not None)
        assert section.estimated
        assert "sung" in section.because


@pytest.mark.usefixtures("found")
def test_the_overview_shows_what_the_stems_are(track: Track) -> None:
    kept = read_overview(track)
    assert kept is not None
    assert set(kept) == set(STEM_ROLES)
    for stem in track.stems:
        pcm = np.concatenate(list(read_flac(track.file_of(stem), stem.gain)))
        assert kept[stem.name].peak.max() == pytest.approx(np.abs(pcm).max(), rel=1e-3)
        assert np.mean(kept[stem.name].rms ** 2) == pytest.approx(np.mean(pcm**2), rel=0.01)


def test_what_has_no_beat_has_no_other_way_to_count_it_either(track: Track, tmp_path: Path) -> None:
    (tmp_path / "stems").mkdir()
    rng = np.random.default_rng(1)
    wind = np.cumsum(rng.normal(size=(RATE_HZ * 30, 2)), axis=0)
    wind = (wind - np.linspace(wind[0], wind[-1], len(wind))) / np.abs(wind).max()
    write_flac(tmp_path / "stems/other.flac", iter([(0.3 * wind).astype(np.float32)]), RATE_HZ, 1.0)
    calm = replace(
        track, folder=tmp_path, frames=RATE_HZ * 30,
        stems=(Stem(name="other", role="other", file="stems/other.flac"),),
    )  # fmt: skip
    found = analyse(calm)
    assert (found.bpm, found.beats_s, found.alternatives, found.constant_tempo) == (None, (), (), False)
    assert found.singing is None
    assert Analysis.from_json(found.to_json()) == found
