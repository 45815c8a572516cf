"""Files that were damaged at random: each is a clear error or a good track, and nothing is left behind.

A few of each kind; `make soak` tries thousands.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mutations import (
    SPECIMENS,
    Specimen,
    check_library,
    check_outcome,
    children,
    damaged,
    make_originals,
    open_files,
    outcome,
)

from remixd.analysis.ingest import ingest
from remixd.track.import_options import ImportOptions
from remixd.track.library import Library
from remixd.track.package import Track

EACH = 5


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    make_originals(folder)
    return folder


@pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda specimen: specimen.name)
def test_what_is_not_damaged_is_imported(tmp_path: Path, originals: Path, specimen: Specimen) -> None:
    options = ImportOptions(grid=originals / specimen.name if specimen.grid else None)
    with Library(tmp_path / "library") as library:
        track = ingest(originals / specimen.song, library, options, lambda _share, _doing: None).track
        assert (track.analysis.source == "grid") == specimen.grid
        assert (track.artist == "B") == (specimen.song == "song")


@pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda specimen: specimen.name)
def test_what_is_damaged_is_an_error_or_a_good_track(
    tmp_path: Path, originals: Path, specimen: Specimen, monkeypatch: pytest.MonkeyPatch
) -> None:
    spare = tmp_path / "spare"
    spare.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spare))
    with Library(tmp_path / "library") as library:
        before = open_files()
        for seed in range(EACH):
            folder = tmp_path / str(seed)
            folder.mkdir()
            song, options = damaged(originals, folder, specimen, seed)
            listed = {row.id for row in library.tracks()}
            found = outcome(song, options, library)
            check_outcome(found, song, options)
            check_library(library)
            new = {found.id} if isinstance(found, Track) else set()
            assert {row.id for row in library.tracks()} == listed | new
        assert open_files() == before
    assert list(spare.iterdir()) == []
    assert children(os.getpid()) == []
