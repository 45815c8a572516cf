"""What is asked of an import, and what is told of it."""

from __future__ import annotations

import json

from shelves import TRACK

from remixd.track.import_options import ImportOptions


def test_songs_are_imported_into_the_daemons_library(service, told, tmp_path):
    song = tmp_path / "song"
    [done] = told("import", song, "--map", "gtr=bass")
    assert (done["id"], done["title"], done["new"]) == (TRACK, "A Song", True)
    assert [stem["role"] for stem in done["stems"]] == ["vocals", "vocals", "drums"]
    assert done["notes"] == ["drums was 12 ms shorter: padded"]
    assert service.imports == [(song, service.shelf.path, ImportOptions(roles={"gtr": "bass"}), False)]


def test_a_grid_is_sent_as_an_absolute_path_and_a_splitter_by_its_name(service, told, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    told("import", "/songs/one", "--grid", "a.csv", "--splitter", "None")
    options = service.imports[-1][2]
    assert (options.grid, options.splitter) == (tmp_path / "a.csv", "none")


def test_a_grid_is_for_one_song(service, remixd):
    refused = remixd("import", "/songs/one", "/songs/two", "--grid", "a.csv")
    assert "--grid has the beats of one song" in refused.err
    assert service.imports == []


def test_a_song_that_cannot_be_imported_does_not_hold_back_the_others(remixd, service):
    done = remixd("import", "/songs/broken", "/songs/good", "--json")
    assert done.code == 1
    assert [song["id"] for song in json.loads(done.out)] == [TRACK]
    assert done.err == "remixd: /songs/broken holds no audio\n"
    assert len(service.imports) == 2


def test_an_import_may_build_the_cache_too(told, service, tmp_path):
    told("import", tmp_path, "--warm")
    assert service.imports[-1][-1] is True
