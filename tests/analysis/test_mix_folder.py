"""A folder that holds nothing but a mix is that mix."""

from __future__ import annotations

from pathlib import Path

import pytest
from recordings import hits, write_wav

from remixd.analysis.ingest import ingest
from remixd.track.import_options import ImportOptions, SplitterName
from remixd.track.library import Library
from remixd.track.package import Track


@pytest.fixture
def library(tmp_path: Path):
    with Library(tmp_path / "library") as opened:
        yield opened


def cast(track: Track) -> dict[str, str]:
    return {stem.name: stem.role for stem in track.stems}


@pytest.mark.parametrize("splitter", ["harmonic", "none"])
@pytest.mark.parametrize("name", ["mix", "Final Master"])
def test_a_folder_of_nothing_but_a_mix_is_the_track_that_its_file_is(
    tmp_path: Path, library: Library, name: str, splitter: SplitterName
) -> None:
    folder = tmp_path / "moon"
    folder.mkdir()
    file = write_wav(folder / f"{name}.wav", hits(1.0, 120))
    options = ImportOptions(splitter=splitter)
    track = ingest(folder, library, options, lambda _share, _doing: None).track
    assert (track.title, track.master) == ("moon", None)
    assert cast(track) == (
        {"mix": "other"} if splitter == "none" else {r: r for r in ("drums", "bass", "other")}
    )
    again = ingest(file, library, options, lambda _share, _doing: None)
    assert (again.new, again.track.id) == (False, track.id)


def test_a_mix_in_a_folder_whose_role_is_said_is_whole(tmp_path: Path, library: Library) -> None:
    write_wav(tmp_path / "mix.wav", hits(1.0, 120))
    assert cast(ingest(tmp_path, library, ImportOptions(roles={"mix": "drums"}), lambda *_: None).track) == {
        "mix": "drums"
    }
