"""The Tracks service."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest
from serving import a_track, an_analysis

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
