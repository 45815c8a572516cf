"""Read masks: an answer holds what was asked for, and nothing else."""

from __future__ import annotations

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from hypothesis import given
from hypothesis import strategies as st

from remixd.api.masks import PATHS_MAX, check_mask, masked
from remixd.errors import InvalidInput
from remixd.v1 import common_pb2, presets_pb2, presets_pb2_grpc, tracks_pb2
from remixd.v1 import sessions_pb2 as pb

TRACK = "a-song-0a1b2c3d"


def names_of(message):
    return {field.name for field, _ in message.ListFields()}


@given(st.sets(st.sampled_from(sorted(pb.Session.DESCRIPTOR.fields_by_name)), min_size=1))
def test_what_is_named_is_there_and_nothing_else(names):
    full = pb.Session(
        id="s-1", track=TRACK, clock=common_pb2.Clock(sample=48_000), mix={"drums": -3.0}, underruns=2,
        decks=[pb.Deck(name="A")], latency_s=0.5,
    )  # fmt: skip
    mask = check_mask(FieldMask(paths=sorted(names)), pb.Session)
    left = masked(full, mask)
    assert names_of(left) == names_of(full) & names
    for name in names_of(left):
        assert getattr(left, name) == getattr(full, name)


def test_a_path_goes_into_a_message():
    full = pb.Session(id="s-1", clock=common_pb2.Clock(sample=48_000, position_s=1.0))
    left = masked(full, check_mask(FieldMask(paths=["clock.sample"]), pb.Session))
    assert left == pb.Session(clock=common_pb2.Clock(sample=48_000))


@pytest.mark.parametrize("paths", [[], ["*"]])
def test_no_mask_is_all(paths):
    assert check_mask(FieldMask(paths=paths), pb.Session) is None


@pytest.mark.parametrize(
    ("paths", "told"),
    [
        (["clok"], "Session has no field 'clok': did you mean clock?"),
        (["clock.sampel"], "Clock has no field 'sampel'"),
        (["id.length"], "goes into what has no fields"),
        (["mix.drums"], "goes into what has no fields"),
        (["decks.name"], "goes into what has no fields"),
        ([""], "Session has no field ''"),
        (["id", "*"], "Session has no field '*'"),
        (["clock."], "Clock has no field ''"),
        (["id"] * (PATHS_MAX + 1), "65 paths; at most 64"),
    ],
)
def test_what_names_no_field_is_refused(paths, told):
    with pytest.raises(InvalidInput) as caught:
        check_mask(FieldMask(paths=paths), pb.Session)
    assert told in str(caught.value)
    assert caught.value.field == "read_mask"


def test_every_method_that_reads_keeps_to_its_mask(sessions, tracks, channel):
    presets = presets_pb2_grpc.PresetsStub(channel)
    made = sessions.CreateSession(pb.CreateSessionRequest(track=TRACK)).session.id
    mask = FieldMask(paths=["id"])
    assert names_of(sessions.GetSession(pb.GetSessionRequest(session=made, read_mask=mask)).session) == {"id"}
    listed = sessions.ListSessions(pb.ListSessionsRequest(read_mask=mask)).sessions
    assert [names_of(each) for each in listed] == [{"id"}]
    assert names_of(tracks.GetTrack(tracks_pb2.GetTrackRequest(track=TRACK, read_mask=mask)).track) == {"id"}
    rows = tracks.ListTracks(tracks_pb2.ListTracksRequest(read_mask=mask)).tracks
    assert rows
    assert all(names_of(row) == {"id"} for row in rows)
    mask = FieldMask(paths=["name"])
    found = presets.GetPreset(presets_pb2.GetPresetRequest(preset="karaoke", read_mask=mask)).preset
    assert found == presets_pb2.Preset(name="karaoke")
    for preset in presets.ListPresets(presets_pb2.ListPresetsRequest(read_mask=mask)).presets:
        assert names_of(preset) == {"name"}


def test_statuses_keep_to_the_mask_of_their_watcher(sessions):
    made = sessions.CreateSession(pb.CreateSessionRequest(track=TRACK)).session.id
    wanted = sessions.Watch(pb.WatchRequest(session=made, read_mask=FieldMask(paths=["id", "mix"])))
    whole = sessions.Watch(pb.WatchRequest(session=made))
    assert names_of(next(iter(wanted)).status) == {"id", "mix"}
    assert {"id", "mix", "state", "clock"} <= names_of(next(iter(whole)).status)
    wanted.cancel()
    whole.cancel()
