"""What a caller may say of an import: its grid and its splitter."""

from pathlib import Path

import grpc
import pytest
from shelves import a_stem, a_track

from remixd.api import convert
from remixd.client import _convert as at_the_caller
from remixd.track.import_options import DEFAULT_SPLITTER
from remixd.v1 import tracks_pb2 as pb


def test_a_grid_and_a_splitter_are_passed_on(service, tracks):
    list(tracks.ImportTrack(pb.ImportTrackRequest(path="/a", grid="/grids/a.csv", splitter="none")))
    options = service.imports[-1][2]
    assert (options.grid, options.splitter) == (Path("/grids/a.csv"), "none")


def test_nothing_said_is_no_grid_and_the_default_splitter(service, tracks):
    list(tracks.ImportTrack(pb.ImportTrackRequest(path="/a")))
    options = service.imports[-1][2]
    assert (options.grid, options.splitter) == (None, DEFAULT_SPLITTER)


@pytest.mark.parametrize(
    ("request_", "code", "told"),
    [
        (pb.ImportTrackRequest(path="/a", grid="a.csv"), "INVALID_ARGUMENT", "grid must be absolute"),
        (pb.ImportTrackRequest(path="/a", grid="/" + 5000 * "a"), "INVALID_ARGUMENT", "grid must be at most"),
        (pb.ImportTrackRequest(path="/a", splitter="demux"), "NOT_FOUND", "did you mean demucs"),
    ],
)
def test_what_cannot_be_is_refused_before_the_import(service, tracks, refused, request_, code, told):
    found, words = refused(tracks.ImportTrack, request_)
    assert found is getattr(grpc.StatusCode, code)
    assert told in words
    assert service.imports == []


def test_a_stems_colour_and_that_it_is_a_guess_cross_the_wire():
    stem = a_stem("drums", "drums", colour="#009e73", estimated=True)
    [sent] = at_the_caller.track(convert.track_to_proto(a_track(stems=(stem,))), "/library").stems
    assert (sent.colour, sent.estimated) == ("#009e73", True)
