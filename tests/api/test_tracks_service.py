"""The Tracks service."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest
from packages import write_package
from shelves import a_track, an_analysis

from remixd.errors import BadAudio
from remixd.track.import_options import ImportOptions
from remixd.v1 import common_pb2
from remixd.v1 import tracks_pb2 as pb


def test_a_track_crosses_the_wire_whole(service, tracks):
    track = a_track()
    response = tracks.GetTrack(pb.GetTrackRequest(track=track.id))
    sent = response.track
    assert response.library == str(service.shelf.path)
    for name in (
        "id",
        "title",
        "artist",
        "isrc",
        "language",
        "source_name",
        "content",
        "duration_s",
        "rate_hz",
    ):
        assert getattr(sent, name) == getattr(track, name)
    assert sent.source_kind == pb.SOURCE_KIND_FOLDER
    assert sent.length_frames == track.frames
    assert [(stem.name, stem.language, stem.plays) for stem in sent.stems] == [
        (stem.name, stem.language, stem.plays) for stem in track.stems
    ]
    assert sent.stems[2].role == common_pb2.STEM_ROLE_DRUMS
    assert tuple(sent.notes) == track.notes
    analysis = track.analysis
    for name in ("beats_s", "downbeats_s", "phrases_s", "estimated"):
        assert tuple(getattr(sent.analysis, name)) == getattr(analysis, name)
    assert (sent.analysis.bpm, sent.analysis.metre, sent.analysis.key) == (120.0, "4/4", "A minor")
    assert sent.analysis.sections[0].label == "chorus"
    assert sent.analysis.chords[0].name == "Am"
    assert dict(sent.analysis.confidence) == {"bpm": 0.9}


def test_what_nobody_knows_is_absent_and_not_zero(service, tracks):
    silent = a_track("silence-00000000", analysis=an_analysis(bpm=None, key=None, metre=None, beats_s=()))
    service.shelf.held[silent.id] = silent
    sent = tracks.GetTrack(pb.GetTrackRequest(track=silent.id)).track
    assert not any(sent.analysis.HasField(name) for name in ("bpm", "key", "metre"))
    row = next(row for row in tracks.ListTracks(pb.ListTracksRequest()).tracks if row.id == silent.id)
    assert not any(row.HasField(name) for name in ("bpm", "key"))


def test_the_list_comes_in_pages_that_hold_every_track_once(service, tracks):
    for number in range(7):
        service.shelf.held[f"c-{number}"] = a_track(f"c-{number}")
    found, token = [], ""
    while True:
        page = tracks.ListTracks(pb.ListTracksRequest(page_size=2, page_token=token))
        found += [row.id for row in page.tracks]
        token = page.next_page_token
        if not token:
            break
    assert found == sorted(service.shelf.held)


def test_the_list_holds_what_is_looked_for_on_every_page(service, tracks):
    for number in range(6):
        changed = an_analysis(bpm=118.0 + number, energy=float(number + 1))
        service.shelf.held[f"c-{number}"] = a_track(f"c-{number}", title=f"Café {number}", analysis=changed)

    def found(**filters):
        rows, token = [], ""
        while True:
            page = tracks.ListTracks(pb.ListTracksRequest(page_size=2, page_token=token, **filters))
            rows += [row.id for row in page.tracks]
            token = page.next_page_token
            if not token:
                return rows

    assert found(text="CAFE") == [f"c-{number}" for number in range(6)]
    assert found(text="cafe", min_bpm=119.0, max_bpm=121.0) == ["c-1", "c-2", "c-3"]
    assert found(text="cafe", max_energy=2.0) == ["c-0", "c-1"]
    assert found(text="cafe 3", key="9A") == ["c-3"]
    assert found(text="cafe", key="9B") == []
    [row] = tracks.ListTracks(pb.ListTracksRequest(text="c-5")).tracks
    assert (row.camelot, row.energy, row.loudness_lufs, row.edited) == ("8A", 6.0, -9.0, False)


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (pb.ListTracksRequest(key="H"), "key: 'H' is not a key such as A minor, F# major or 8A"),
        (pb.ListTracksRequest(min_bpm=2.0, max_bpm=1.0), "bpm goes from 2 to 1: nothing is in there"),
        (
            pb.ListTracksRequest(min_energy=float("nan")),
            "energy goes from nan to inf: nothing is in there",
        ),
        (pb.ListTracksRequest(text="x" * 201), "text is longer than 200 characters"),
    ],
)
def test_a_filter_that_cannot_be_is_named(tracks, refused, request_, told):
    assert refused(tracks.ListTracks, request_) == (grpc.StatusCode.INVALID_ARGUMENT, told)


def test_another_way_to_count_that_was_offered_can_be_chosen(tracks, refused):
    track = a_track().id
    offered = tracks.GetTrack(pb.GetTrackRequest(track=track)).track.analysis.alternatives
    chosen = pb.Edits(alternative=offered[0])
    edited = tracks.EditTrack(pb.EditTrackRequest(track=track, edits=chosen)).track
    assert (edited.analysis.bpm, list(edited.edited)) == (60.0, ["alternative"])
    assert list(edited.analysis.beats_s) == [0.5, 1.5, 2.5, 3.5]
    assert edited.analysis.alternatives == offered
    absurd = pb.Edits(alternative=pb.Alternative(bpm=60.0, metre="4/4", first_beat_s=-1.0))
    code, told = refused(tracks.EditTrack, pb.EditTrackRequest(track=track, edits=absurd))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert told.startswith("alternative.first_beat_s is -1")


def test_a_song_without_vocals_is_not_one_in_which_nobody_sings(service, tracks):
    for singing in ((), None):
        service.shelf.held[a_track().id] = a_track(analysis=an_analysis(singing=singing))
        known = tracks.GetTrack(pb.GetTrackRequest(track=a_track().id)).track.analysis
        assert known.HasField("singing") == (singing is not None)
        assert not known.singing.spans


def test_an_overview_is_given_at_the_columns_that_are_asked_for(service, tracks, refused, tmp_path):
    track = write_package(tmp_path, frames=48_000)
    service.shelf.held[track.id] = track
    whole = tracks.GetOverview(pb.GetOverviewRequest(track=track.id))
    assert [stem.stem for stem in whole.stems] == ["drums", "bass"]
    assert {len(stem.peaks) for stem in whole.stems} == {len(stem.rms) for stem in whole.stems} == {1000}
    assert whole.column_s == pytest.approx(0.001)
    few = tracks.GetOverview(pb.GetOverviewRequest(track=track.id, columns=4))
    assert few.stems[0].peaks == pytest.approx([0.5] * 4, abs=0.01)
    assert few.stems[0].rms == pytest.approx([0.5 / 3**0.5] * 4, rel=0.02)  # of even noise
    for columns in (-1, 16_385):
        request = pb.GetOverviewRequest(track=track.id, columns=columns)
        assert refused(tracks.GetOverview, request) == (
            grpc.StatusCode.INVALID_ARGUMENT, f"columns is {columns}: not within 1 to 16384",
        )  # fmt: skip
    (tmp_path / "overview.bin").unlink()
    track.file_of(track.stems[1]).unlink()
    code, told = refused(tracks.GetOverview, pb.GetOverviewRequest(track=track.id))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "bass.flac is missing" in told


def test_an_edit_is_answered_with_the_track_as_it_is_then(service, tracks, refused):
    track = a_track().id
    edits = pb.Edits(bpm=100.0, key="8B", sections=[pb.SectionEdit(start_s=2.0, label="drop")])
    edited = tracks.EditTrack(pb.EditTrackRequest(track=track, edits=edits))
    assert edited.library == str(service.shelf.path)
    assert (edited.track.analysis.bpm, edited.track.analysis.key) == (100.0, "C major")
    assert list(edited.track.edited) == ["bpm", "key", "sections"]
    assert tracks.GetTrack(pb.GetTrackRequest(track=track)).track == edited.track
    undone = tracks.EditTrack(pb.EditTrackRequest(track=track, reset=["bpm", "sections"])).track
    assert (undone.analysis.bpm, list(undone.edited)) == (120.0, ["key"])
    for request, told in (
        (pb.EditTrackRequest(track=track, edits=pb.Edits(bpm=0.0)), "bpm is 0: not within 20 to 400"),
        (
            pb.EditTrackRequest(track=track, reset=["tempo"]),
            "reset: 'tempo' is no field: there are "
            "alternative, artist, bpm, first_downbeat_s, key, metre, sections, title",
        ),
        (pb.EditTrackRequest(), "track is empty"),
    ):
        assert refused(tracks.EditTrack, request) == (grpc.StatusCode.INVALID_ARGUMENT, told)
    assert refused(tracks.EditTrack, pb.EditTrackRequest(track="none"))[0] is grpc.StatusCode.NOT_FOUND


def test_an_unknown_track_is_named_with_the_nearest(tracks, refused):
    code, told = refused(tracks.GetTrack, pb.GetTrackRequest(track="a-sing-0a1b2c3d"))
    assert code is grpc.StatusCode.NOT_FOUND
    assert told == "there is no track 'a-sing-0a1b2c3d': did you mean a-song-0a1b2c3d?"


def test_an_import_tells_how_far_it_is_and_then_the_track(service, tracks):
    request = pb.ImportTrackRequest(path="/songs/one", roles={"gtr": common_pb2.STEM_ROLE_BASS})
    responses = list(tracks.ImportTrack(request))
    assert [response.WhichOneof("event") for response in responses] == ["progress", "track"]
    assert (responses[0].progress.done, responses[0].progress.doing) == (0.5, "decoding bass.flac")
    assert responses[-1].track.id == "a-song-0a1b2c3d"
    assert responses[-1].track.added
    assert [stem.name for stem in responses[-1].track.stems] == ["vocals-ko", "vocals-en", "drums"]
    assert service.imports == [
        (Path("/songs/one"), service.shelf.path, ImportOptions(roles={"gtr": "bass"}), False)
    ]


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (pb.ImportTrackRequest(), "path is empty"),
        (pb.ImportTrackRequest(path="songs"), "path must be absolute, not 'songs'"),
        (pb.ImportTrackRequest(path="/a\0b"), "path must be at most 4096 characters, none of them NUL"),
        (
            pb.ImportTrackRequest(path="/" + "a" * 5000),
            "path must be at most 4096 characters, none of them NUL",
        ),
        (
            pb.ImportTrackRequest(path="/a", roles={"x": 0}),
            "roles[x] is not a role: they are drums, bass, vocals, other",
        ),
        (
            pb.ImportTrackRequest(path="/a", roles={"x": 99}),
            "roles[x] is not a role: they are drums, bass, vocals, other",
        ),
        (
            pb.ImportTrackRequest(path="/a", roles={str(name): 1 for name in range(65)}),
            "roles has 65 entries; at most 64 are taken",
        ),
        (pb.ImportTrackRequest(path="/songs/broken"), "/songs/broken holds no audio"),
    ],
)
def test_an_import_that_cannot_be_is_told_why(tracks, refused, request_, told):
    assert refused(tracks.ImportTrack, request_) == (grpc.StatusCode.INVALID_ARGUMENT, told)


def test_an_import_builds_the_cache_when_asked(service, tracks):
    list(tracks.ImportTrack(pb.ImportTrackRequest(path="/songs/one", warm=True)))
    assert service.imports[-1][-1] is True


def test_a_slow_reader_of_an_import_gets_the_newest_and_nothing_piles_up(service, tracks, monkeypatch):
    async def chatty(_path, _library, _roles, tell, _warm):
        for number in range(100_000):
            tell(number / 100_000, "decoding " + "a" * 1000)
            if number % 1000 == 0:
                await asyncio.sleep(0)
        raise BadAudio("there is no end")

    monkeypatch.setattr(service, "import_path", chatty)
    call = tracks.ImportTrack(pb.ImportTrackRequest(path="/songs/chatty"))
    told = []
    with pytest.raises(grpc.RpcError):
        told.extend(response.progress.done for response in call)
    assert told == sorted(told)
    assert 0 < len(told) <= 200
    assert told[-1] == 0.99999


def test_a_deleted_track_is_gone(service, tracks, refused):
    track = a_track().id
    tracks.DeleteTrack(pb.DeleteTrackRequest(track=track))
    assert track not in service.shelf.held
    for method, request in (
        (tracks.DeleteTrack, pb.DeleteTrackRequest(track=track)),
        (tracks.GetTrack, pb.GetTrackRequest(track=track)),
    ):
        code, told = refused(method, request)
        assert code is grpc.StatusCode.NOT_FOUND
        assert "there is no track 'a-song-0a1b2c3d'" in told
    assert refused(tracks.DeleteTrack, pb.DeleteTrackRequest())[0] is grpc.StatusCode.INVALID_ARGUMENT


def test_an_import_ends_when_its_caller_goes_away(service, tracks, monkeypatch):
    ended = asyncio.Event()

    async def endless(_path, _library, _roles, tell, _warm):
        tell(0.1, "decoding")
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr(service, "import_path", endless)
    call = tracks.ImportTrack(pb.ImportTrackRequest(path="/songs/endless"))
    assert next(call).progress.doing == "decoding"
    call.cancel()
    service.wait(asyncio.wait_for(ended.wait(), 5))
