"""Real songs that nobody here made: a few in full; `tests/e2e` imports and plays them all."""

import json
from pathlib import Path

import av
import numpy as np
import pytest

from remixd.analysis.ingest import ingest
from remixd.analysis.material import gather
from remixd.track.flac import read_flac
from remixd.track.import_options import ImportOptions
from remixd.track.library import Library
from remixd.track.package import Track

pytestmark = pytest.mark.music

ROLES = {
    "fof_war_of_freedom": {"backing": "other", "guitar": "other"},
    "lmms_dearjondoe": {"drums": "drums", "other": "other"},
    "lmms_mauiwowi": {"bass": "bass", "drums": "drums", "other": "other"},
    "midi_no_work_song": {"bass": "bass", "drums": "drums", "lead": "vocals", "other": "other"},
    "midi_the_hobo_6-4": {"bass": "bass", "drums": "drums", "lead": "vocals", "other": "other"},
    "mod_robochickens": {"bass": "bass", "drums": "drums", "other": "other"},
    "mod_robochickens_flac": {"bass": "bass", "drums": "drums", "other": "other"},
}


def bring(path: Path, library: Path) -> Track:
    with Library(library) as opened:
        return ingest(path, opened, ImportOptions(splitter="none"), lambda _share, _doing: None).track


def kept(track: Track, name: str) -> np.ndarray:
    stem = next(stem for stem in track.stems if stem.name == name)
    return np.concatenate(list(read_flac(track.file_of(stem), stem.gain)))


@pytest.mark.parametrize("name", ROLES)
def test_the_roles_of_a_folder_are_found(music: Path, name: str) -> None:
    material = gather(music / "stems" / name, ImportOptions())
    assert {part.name: part.role for part in material.parts} == ROLES[name]
    assert all(part.plays for part in material.parts)
    assert (material.master is None) == (name == "fof_war_of_freedom")


def test_every_folder_is_known_here(music: Path) -> None:
    assert {folder.name for folder in (music / "stems").iterdir()} == set(ROLES)


def test_a_folder_of_flac_is_kept_exactly(music: Path, tmp_path: Path) -> None:
    folder = music / "stems" / "mod_robochickens_flac"
    track = bring(folder, tmp_path)
    assert track.notes == ("the stems sum to the master to -71 dB", "left out, not audio: truth.json")
    for name in ROLES[folder.name]:
        with av.open(str(folder / f"{name}.flac")) as file:
            packed = [frame.to_ndarray().reshape(-1, 2) for frame in file.decode(audio=0)]
        assert packed[0].dtype == np.int16
        np.testing.assert_array_equal(kept(track, name), np.concatenate(packed) / np.float32(2**15))


def test_the_tempo_of_tracker_music_is_found(music: Path, tmp_path: Path) -> None:
    folder = music / "stems" / "mod_robochickens_flac"
    truth = json.loads((folder / "truth.json").read_text())
    assert bring(folder, tmp_path).analysis.bpm == pytest.approx(truth["bpm"], rel=0.01)


def test_a_stem_mp4_is_kept_with_its_names(music: Path, tmp_path: Path) -> None:
    track = bring(music / "stem_mp4" / "mauiwowi.stem.mp4", tmp_path)
    roles = {stem.name: stem.role for stem in track.stems}
    assert roles == {"drums": "drums", "bass": "bass", "other": "other", "vocals-silent": "vocals"}
    # the master has effects of its own
    silent = "mauiwowi.stem.mp4 (Vocals (silent)) is silent"
    assert track.notes == ("the stems sum to the master to -12 dB", silent)
    assert track.master is not None
    assert track.analysis.bpm == pytest.approx(102, rel=0.01)
    beats = np.array(track.analysis.beats_s)
    off_grid = (beats + 30 / 102) % (60 / 102) - 30 / 102
    assert abs(np.median(off_grid)) < 0.03


@pytest.mark.parametrize(
    ("name", "title", "duration_s"),
    [
        ("slow_motion_dream_excerpt.mp3", "Slow Motion Dream", 10.88),
        ("boom_boom_boom.ogg", "boom_boom_boom", 38.353),
    ],
)
def test_a_mix_is_one_stem(music: Path, tmp_path: Path, name: str, title: str, duration_s: float) -> None:
    track = bring(music / "mixes" / name, tmp_path)
    assert track.title.startswith(title)
    assert [(stem.name, stem.role) for stem in track.stems] == [("mix", "other")]
    assert track.duration_s == pytest.approx(duration_s, abs=0.01)
    assert track.analysis.bpm is not None
