"""The Presets service over a real channel."""

from __future__ import annotations

import math
import os
from pathlib import Path

import grpc
import pytest
from shelves import TRACK

from remixd.client import AsyncClient, Client
from remixd.director.preset_files import OWN_MAX, shipped_names
from remixd.errors import AlreadyExists, Exhausted, InvalidInput, NotFound
from remixd.v1 import common_pb2, presets_pb2_grpc, sessions_pb2, sessions_pb2_grpc
from remixd.v1 import presets_pb2 as pb


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("REMIXD_PRESETS", str(tmp_path / "own"))
    return tmp_path / "own"


@pytest.fixture
def presets(channel):
    return presets_pb2_grpc.PresetsStub(channel)


@pytest.fixture
def sessions(channel):
    return sessions_pb2_grpc.SessionsStub(channel)


@pytest.fixture
def client(service):
    with Client(str(service.address)) as it:
        yield it


def test_presets_are_listed_page_by_page_and_broken_files_beside_them(presets, own: Path):
    own.mkdir()
    (own / "odd.toml").write_text('title = "Odd"\ndescription = "D"\n[mix]\nvocls = 1\n')
    first = presets.ListPresets(pb.ListPresetsRequest(page_size=10))
    second = presets.ListPresets(pb.ListPresetsRequest(page_size=10, page_token=first.next_page_token))
    names = [preset.name for preset in (*first.presets, *second.presets)]
    assert names == shipped_names()
    assert second.next_page_token == ""
    [problem] = [*first.problems, *second.problems]
    assert problem.endswith("odd.toml, line 4: mix: vocls is no dimension: did you mean vocals?")
    with pytest.raises(grpc.RpcError) as refused:
        presets.GetPreset(pb.GetPresetRequest(preset="odd"))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "odd.toml, line 4" in refused.value.details()


def test_a_preset_is_told_in_full(presets, client):
    told = presets.GetPreset(pb.GetPresetRequest(preset="stadium")).preset
    [rack] = told.racks
    assert (rack.on, rack.share) == ("master", 1.0)
    delay = next(each for each in rack.effects if each.effect == "delay")
    assert dict(delay.parameters.items()) == {"beats": 0.75, "feedback": 0.2, "mix": 0.1}
    assert told.rules.when == common_pb2.WHEN_BAR
    workout = client.preset("workout")
    assert (workout.cadence_lock, workout.explores, workout.when) == (True, False, "bar")
    assert workout.not_for == {"slower_than_bpm": 80.0}
    assert client.preset("karaoke").not_for == {"without": ("vocals",)}
    assert [each.name for each in client.presets()] == shipped_names()


def test_a_session_begins_in_a_blend(sessions, client):
    request = sessions_pb2.CreateSessionRequest(track=TRACK, preset_weights={"karaoke": 0.5, "stadium": 0.25})
    made = sessions.CreateSession(request).session
    assert dict(made.preset_weights) == {"karaoke": 0.5, "stadium": 0.25}
    assert made.preset == "karaoke:0.5,stadium:0.25"
    assert client.create_session(TRACK, preset="karaoke").preset_weights == {"karaoke": 1.0}
    both = client.create_session(TRACK, preset="karaoke:.5,lo-fi")
    assert both.preset_weights == pytest.approx({"karaoke": 1 / 3, "lo-fi": 2 / 3})


@pytest.mark.parametrize(
    ("request_fields", "code", "told"),
    [
        ({"preset": "karaoke", "preset_weights": {"stadium": 1.0}}, "INVALID_ARGUMENT", "both there"),
        ({"preset_weights": {"karaoke": -1.0}}, "INVALID_ARGUMENT", "the weight of karaoke is -1"),
        ({"preset_weights": {"karoake": 1.0}}, "NOT_FOUND", "did you mean karaoke"),
    ],
)
def test_weights_that_cannot_be_start_no_session(sessions, request_fields, code, told):
    with pytest.raises(grpc.RpcError) as refused:
        sessions.CreateSession(sessions_pb2.CreateSessionRequest(track=TRACK, **request_fields))
    assert (refused.value.code().name, told in refused.value.details()) == (code, True)


def test_presets_are_picked_and_what_becomes_of_it_is_told(service, client):
    session = client.create_session(TRACK).id
    answer = client.pick(session, "lo-fi:.5,stadium:.25", over_bars=4.0, at="phrase", wait=True)
    assert answer.accepted
    assert answer.applied is not None
    assert [clamp.dimension for clamp in answer.clamps] == ["density"]
    [pick] = service.session(session).picks
    assert (pick.id, dict(pick.weights)) == (answer.id, {"lo-fi": 0.5, "stadium": 0.25})
    assert (pick.over_bars, pick.at) == (4.0, "phrase")
    client.pick(session, {"karaoke": 1.0})
    assert (service.session(session).picks[1].over_bars, service.session(session).picks[1].at) == (None, None)
    assert client.session(session).preset == "karaoke"


def test_what_cannot_be_picked_is_refused_with_the_reason(service, client):
    session = client.create_session(TRACK).id
    for presets, words, error, told in (
        ("karoake", {}, NotFound, "did you mean karaoke"),
        ({}, {}, InvalidInput, "no preset is named"),
        ({"karaoke": 1.5}, {}, InvalidInput, "not within 0 to 1"),
        ("karaoke", {"over_bars": 99.0}, InvalidInput, "over_bars goes from 0 to 64"),
        ("karaoke:loud", {}, InvalidInput, "not a number"),
    ):
        with pytest.raises(error, match=told):
            client.pick(session, presets, **words)
    with pytest.raises(NotFound, match="there is no session"):
        client.pick("s-nowhere", "karaoke")
    assert service.session(session).picks == []


async def test_the_client_of_event_loops_does_the_same(service):
    async with AsyncClient(str(service.address)) as client:
        session = (await client.create_session(TRACK, preset={"karaoke": 0.5})).id
        answer = await client.pick(session, "sleep", wait=True)
        assert answer.applied is not None
        saved = await client.save_preset(session, "my-night")
        assert saved.name in {each.name for each in await client.presets()}


def test_a_session_is_saved_and_can_be_gone_to(client, own: Path):
    session = client.create_session(TRACK, preset="lo-fi:.5,stadium:.25").id
    client.signal(session, {"drums": -4.5})
    saved = client.save_preset(session, "late-night", title="Late night", description="For two.")
    assert (own / "late-night.toml").is_file()
    assert saved.mix == {"drums": -4.5}
    assert [(rack.on, rack.share) for rack in saved.racks] == [("master", 0.5), ("master", 0.25)]
    assert client.preset("late-night") == saved
    assert client.pick(session, "late-night").accepted
    with pytest.raises(AlreadyExists, match="there is a preset late-night already"):
        client.save_preset(session, "late-night")
    assert client.save_preset(session, "late-night", replace=True).title == ""
    with pytest.raises(AlreadyExists, match="a preset that comes with remixd"):
        client.save_preset(session, "karaoke", replace=True)
    with pytest.raises(InvalidInput, match="not a preset's name"):
        client.save_preset(session, "../etc/passwd")


def test_presets_of_ones_own_are_deleted_and_others_stay(client, own: Path, tmp_path: Path):
    session = client.create_session(TRACK, preset="karaoke").id
    client.save_preset(session, "mine")
    assert client.pick(session, "mine").accepted
    client.delete_preset("mine")
    assert not list(own.iterdir())
    assert client.session(session).preset == "mine", "it goes on"
    outside = tmp_path / "secret.toml"
    outside.write_text("")
    for name, error, told in (
        ("mine", NotFound, "there is no preset 'mine'"),
        ("karaoke", InvalidInput, "karaoke comes with remixd: only presets of your own can be deleted"),
        ("../secret", NotFound, "there is no preset '../secret'"),
        ("", InvalidInput, "preset is empty"),
        ("..", NotFound, "there is no preset"),
    ):
        with pytest.raises(error, match=told):
            client.delete_preset(name)
    assert outside.exists()


def test_a_link_is_deleted_and_replaced_rather_than_what_it_leads_to(client, own: Path, tmp_path: Path):
    own.mkdir()
    outside = tmp_path / "outside.toml"
    outside.write_text("theirs")
    (own / "link.toml").symlink_to(outside)
    (own / "dangling.toml").symlink_to(tmp_path / "nowhere")
    session = client.create_session(TRACK).id
    for name in ("link", "dangling"):
        with pytest.raises(AlreadyExists):
            client.save_preset(session, name)
    client.save_preset(session, "link", replace=True)
    client.delete_preset("dangling")
    assert outside.read_text() == "theirs"
    assert not (own / "link.toml").is_symlink()
    assert [each.name for each in own.iterdir()] == ["link.toml"]


def test_what_is_no_file_is_not_waited_for(client, own: Path):
    own.mkdir()
    os.mkfifo(own / "pipe.toml")
    (own / "endless.toml").symlink_to("/dev/zero")
    (own / "folder.toml").mkdir()
    (own / "large.toml").write_bytes(b"#" * (1 << 22))
    session = client.create_session(TRACK).id
    for name in ("pipe", "endless", "folder"):
        with pytest.raises(InvalidInput, match=f"{name}.toml: it is not a file"):
            client.pick(session, name)
    with pytest.raises(InvalidInput, match="more than 262144 bytes"):
        client.pick(session, "large")
    assert [each.name for each in client.presets()] == shipped_names()


@pytest.mark.parametrize("weight", [math.nan, math.inf, -math.inf, -1e-9, 1.0000001, 1e9, 1e308])
def test_weights_that_are_none_are_refused(client, weight: float):
    session = client.create_session(TRACK).id
    with pytest.raises(InvalidInput, match="the weight of karaoke is"):
        client.pick(session, {"karaoke": weight})
    with pytest.raises(InvalidInput, match="the weight of karaoke is"):
        client.create_session(TRACK, preset={"karaoke": weight})


def test_many_presets_are_listed_in_pages_and_no_more_are_saved(client, own: Path):
    own.mkdir()
    for number in range(OWN_MAX):
        (own / f"p-{number}.toml").write_text('title = "T"\ndescription = "D"\n[mix]\n')
    assert len(client.presets()) == OWN_MAX + len(shipped_names())
    session = client.create_session(TRACK).id
    with pytest.raises(Exhausted, match="no more are kept"):
        client.save_preset(session, "another")
    assert client.save_preset(session, "p-7", replace=True).name == "p-7"
    with pytest.raises(InvalidInput, match="1000 presets are too many: 32"):
        client.pick(session, {f"p-{number}": 0.001 for number in range(OWN_MAX)})
