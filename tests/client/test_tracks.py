"""Tracks: as they are, looked for, edited and imported."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from packages import write_package
from shelves import TRACK, a_track

from remixd import errors
from remixd.track.import_options import ImportOptions


def test_a_track_comes_back_as_it_is(client):
    track, found = a_track(), client.track(TRACK)
    for name in (
        "id",
        "title",
        "artist",
        "source_kind",
        "content",
        "duration_s",
        "rate_hz",
        "frames",
        "notes",
    ):
        assert getattr(found, name) == getattr(track, name)
    for name in (
        "bpm", "metre", "key", "beats_s", "downbeats_s", "phrases_s", "estimated", "confidence", "energy",
        "energy_curve", "loudness_lufs", "loudness_range_lu", "true_peak_dbtp", "constant_tempo", "onsets_s",
        "onset_strengths",
    ):  # fmt: skip
        assert getattr(found, name) == getattr(track.analysis, name)
    assert [(stem.name, stem.role, stem.language, stem.plays) for stem in found.stems] == [
        (stem.name, stem.role, stem.language, stem.plays) for stem in track.stems
    ]
    for name in ("alternatives", "singing", "sections", "chords"):
        ours, theirs = getattr(track.analysis, name), getattr(found, name)
        assert len(ours) == len(theirs) > 0
        for one, other in zip(ours, theirs, strict=True):
            assert all(getattr(one, field) == getattr(other, field) for field in one.__slots__)
    assert found.sections[0].estimated
    assert found.library == "/music/library"


def test_another_way_to_count_is_chosen_of_those_that_are_offered(client):
    offered = client.track(TRACK).alternatives
    edited = client.edit_track(TRACK, alternative=offered[1])
    assert (edited.metre, edited.downbeats_s, edited.edited) == ("3/4", (0.5, 2.0, 3.5), ("alternative",))
    assert edited.alternatives == offered
    assert client.edit_track(TRACK, reset=["alternative"]).metre == "4/4"


def test_an_overview_is_two_arrays_a_stem(service, client, tmp_path):
    service.shelf.held[TRACK] = write_package(tmp_path)
    found = client.overview(TRACK, 25)
    assert [part.stem for part in found] == ["drums", "bass"]
    assert all(part.peaks.shape == part.rms.shape == (25,) for part in found)
    assert np.all(found[0].peaks >= found[0].rms)
    with pytest.raises(errors.InvalidInput) as refused:
        client.overview(TRACK, 10**6)
    assert refused.value.field == "columns"


def test_every_page_of_the_list_is_fetched(service, client, monkeypatch):
    monkeypatch.setattr("remixd.client._plans.PAGE_SIZE", 3)
    for number in range(8):
        service.shelf.held[f"c-{number}"] = a_track(f"c-{number}")
        service.run(service.sessions.held.clear)
    assert [row.id for row in client.tracks()] == sorted(service.shelf.held)


def test_tracks_are_looked_for_and_edited(client):
    assert [row.id for row in client.tracks("b-s song")] == ["b-song-4e5f6a7b"]
    assert client.tracks(bpm=(121.0, None)) == client.tracks(key="11B") == []
    assert len(client.tracks(key="8A", bpm=(None, 120.0), energy=(6.0, 7.0))) == 2
    edited = client.edit_track(TRACK, bpm=90.0, metre="3/4", sections={3.5: "drop", 2.0: "rise"})
    assert (edited.bpm, edited.metre, edited.edited) == (90.0, "3/4", ("bpm", "metre", "sections"))
    assert [part.label for part in edited.sections] == ["chorus", "rise", "drop"]
    assert client.track(TRACK) == edited
    assert [row.edited for row in client.tracks()] == [True, False]
    assert client.edit_track(TRACK, reset=edited.edited).edited == ()
    with pytest.raises(errors.InvalidInput, match="bpm is 5") as refused:
        client.edit_track(TRACK, bpm=5.0)
    assert refused.value.field == "bpm"


def test_an_import_reports_its_progress_and_sends_an_absolute_path(service, client, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = []
    done = client.import_track("song", roles={"gtr": "bass"}, on_progress=lambda *news: told.append(news))
    assert told == [(0.5, "decoding bass.flac")]
    assert (done.id, done.added) == (TRACK, True)
    options = ImportOptions(roles={"gtr": "bass"})
    assert service.imports == [(tmp_path / "song", service.shelf.path, options, False)]


def test_an_unknown_role_is_refused_before_anything_is_sent(service, client):
    with pytest.raises(errors.NotFound, match="did you mean drums"):
        client.import_track("/song", roles={"x": "drum"})
    assert service.imports == []


def test_what_the_client_answers_cannot_be_changed(client):
    with pytest.raises(dataclasses.FrozenInstanceError):
        client.track(TRACK).title = "Another"
