"""The whole analysis of a song, as an import makes it: the demo song, whose score is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from remixd.analysis.analyse import analyse, complete
from remixd.analysis.grids import SongNames, read_grid
from remixd.demo import Song
from remixd.track.analysis import Analysis
from remixd.track.flac import gain_for, write_flac
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
    given = Analysis(source="demo", duration_s=found.duration_s, bpm=77.0, key="C minor", energy=3.0)
    whole = complete(given, track)
    assert whole == replace(given, loudness_lufs=found.loudness_lufs)
    assert complete(whole, track) is whole
