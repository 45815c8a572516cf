"""What others may rely on."""

from __future__ import annotations

import importlib

import pytest

import remixd

PUBLIC = {
    "remixd.client": {
        "Alternative", "Answer", "Applied", "AppliedMove", "AsyncClient", "AsyncConsole", "AsyncStream",
        "Chord", "Clamp", "Client", "Console", "Deck", "Event", "ImportedTrack", "JoinLink", "Lost", "Missed",
        "NullTest", "Packet", "Preset", "Rack", "Recorder", "Recording", "Refused",
        "Rights", "Section", "Session", "Signal", "Span", "Stem", "StemNull", "StemOverview",
        "Stream", "StreamFormat", "Track", "TrackSummary", "AsyncSignalStream", "Crowd", "CrowdDimension",
        "Explanation", "Forgotten", "PlannedMove", "Reason", "Reconnected", "Said", "SignalStream", "Taste",
        "DaemonStats", "EngineStats", "Timeline", "TimelineBeat", "TimelineEvent",
        "Trace", "TraceEvent", "WorstBlock",
    },
    "remixd.cli": {"main"},
}  # fmt: skip
METHODS = {
    "close", "console", "create_session", "delete_preset", "delete_session", "delete_track", "edit_track",
    "import_track", "is_serving", "join_link", "listen", "overview", "packets", "panic", "pick", "preset",
    "presets", "save_preset", "send", "session", "sessions", "signal",
    "track", "tracks",
    "watch", "stats", "watch_stats", "signals", "taste", "explain", "undo", "forget_fan", "crowd", "plan",
    "trace",
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLIC)
def test_a_module_offers_exactly_what_it_promises(name):
    module = importlib.import_module(name)
    assert set(module.__all__) == PUBLIC[name]
    assert len(module.__all__) == len(set(module.__all__))
    for offered in module.__all__:
        assert hasattr(module, offered)


@pytest.mark.parametrize("face", ["Client", "AsyncClient"])
def test_both_faces_of_the_client_offer_exactly_what_they_promise(face):
    client = getattr(importlib.import_module("remixd.client"), face)
    assert {name for name in vars(client) if not name.startswith("_")} == METHODS


def test_everything_public_says_what_it_is():
    client = importlib.import_module("remixd.client")
    for name in client.__all__:
        if name != "Event":
            assert getattr(client, name).__doc__, name
    for name in METHODS:
        assert getattr(client.Client, name).__doc__, name
        assert getattr(client.AsyncClient, name).__doc__, name


def test_the_version_is_a_version():
    assert [part.isdigit() for part in remixd.__version__.split(".")] == [True] * 3
