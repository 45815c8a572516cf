"""The Sessions service."""

from __future__ import annotations

import time

import grpc
import numpy as np
import pytest
from hand_played import ENGINE_PID
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from remixd.api.convert import samples_to_s16
from remixd.control.command import Applied
from remixd.control.streams import WAITING_FRAMES_MAX
from remixd.mix import DIMENSIONS
from remixd.units import PACKET_FRAMES
from remixd.v1 import sessions_pb2 as pb

PACKETS_MAX = WAITING_FRAMES_MAX // PACKET_FRAMES


@pytest.fixture
def session(service, sessions):
    created = sessions.CreateSession(pb.CreateSessionRequest(track="a-song-0a1b2c3d")).session
    return service.session(created.id)


def eventually(condition, within_s=5.0):
    """Whether something comes true in time."""
    until = time.monotonic() + within_s
    while not condition() and time.monotonic() < until:
        time.sleep(0.005)
    return condition()


def test_a_session_plays_from_its_creation_and_tells_how_it_stands(service, sessions, session):
    service.run(session.play, 100)
    found = sessions.GetSession(pb.GetSessionRequest(session=session.id)).session
    assert (found.id, found.track, found.sink) == ("s-1", "a-song-0a1b2c3d", "stream")
    assert found.state == pb.SESSION_STATE_PLAYING
    assert found.engine_pid == ENGINE_PID
    assert (found.clock.sample, found.clock.position_s, found.clock.bar_beat) == (48_000, 1.0, "1:1.00")
    assert dict(found.mix) == {name: row.neutral for name, row in DIMENSIONS.items()}


def test_sessions_are_listed_in_pages_in_the_order_of_creation(sessions):
    made = [
        sessions.CreateSession(pb.CreateSessionRequest(track="a-song-0a1b2c3d")).session.id for _ in range(12)
    ]
    first = sessions.ListSessions(pb.ListSessionsRequest(page_size=10))
    rest = sessions.ListSessions(pb.ListSessionsRequest(page_size=10, page_token=first.next_page_token))
    assert [found.id for found in (*first.sessions, *rest.sessions)] == made
    assert rest.next_page_token == ""


def test_a_deleted_session_is_gone_and_its_streams_end_well(sessions, session):
    heard = sessions.Listen(pb.ListenRequest(session=session.id))
    seen = sessions.Watch(pb.WatchRequest(session=session.id))
    next(heard), next(seen)
    sessions.DeleteSession(pb.DeleteSessionRequest(session=session.id))
    assert list(heard) == []
    assert list(seen) == []
    assert heard.code() is seen.code() is grpc.StatusCode.OK
    assert not sessions.ListSessions(pb.ListSessionsRequest()).sessions


def test_a_session_has_the_mode_the_sink_and_the_preset_it_was_asked_for(sessions):
    plain = sessions.CreateSession(pb.CreateSessionRequest(track="a-song-0a1b2c3d")).session
    assert (plain.mode, plain.sink, plain.preset) == (pb.SESSION_MODE_HANDS_ON, "stream", "original")
    request = pb.CreateSessionRequest(
        track="a-song-0a1b2c3d", mode=pb.SESSION_MODE_DIRECTED, sink="null", preset="karaoke"
    )
    made = sessions.CreateSession(request).session
    assert (made.mode, made.sink, made.preset) == (pb.SESSION_MODE_DIRECTED, "null", "karaoke")


@pytest.mark.parametrize(
    ("asked", "code", "told"),
    [
        ({"mode": 7}, grpc.StatusCode.INVALID_ARGUMENT, "mode is 7, which is none"),
        (
            {"preset": "nightcor"},
            grpc.StatusCode.NOT_FOUND,
            "there is no preset 'nightcor': did you mean nightcore?",
        ),
        (
            {"preset": "p" * 200},
            grpc.StatusCode.INVALID_ARGUMENT,
            "preset has 200 characters; at most 128 are taken",
        ),
        (
            {"sink": "strem"},
            grpc.StatusCode.INVALID_ARGUMENT,
            "there is no sink 'strem': did you mean stream?",
        ),
    ],
)
def test_a_session_that_cannot_be_as_asked_is_not_made(sessions, service, refused, asked, code, told):
    request = pb.CreateSessionRequest(track="a-song-0a1b2c3d", **asked)
    assert refused(sessions.CreateSession, request) == (code, told)
    assert not service.sessions.held


def test_panic_needs_an_id_and_is_told_under_it(service, sessions, session, refused):
    seen = sessions.Watch(pb.WatchRequest(session=session.id), timeout=5)
    next(seen)
    service.run(session.play, 3)
    answer = sessions.Panic(pb.PanicRequest(session=session.id, id="help"))
    assert answer.planned_sample == session.sample
    assert next(seen).applied.id == "help"
    assert refused(sessions.Panic, pb.PanicRequest(session=session.id)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "id is empty",
    )


@pytest.mark.parametrize("name", ["GetSession", "DeleteSession", "Panic", "Listen", "Watch"])
def test_an_unknown_session_is_named_with_the_nearest(sessions, session, refused, name):
    assert session.id == "s-1"
    request = getattr(pb, f"{name}Request")
    assert refused(getattr(sessions, name), request(session="s-2")) == (
        grpc.StatusCode.NOT_FOUND,
        "there is no session 's-2': did you mean s-1?",
    )
    for odd, told in (
        ("", "session is empty"),
        ("s" * 200, "session has 200 characters; at most 128 are taken"),
    ):
        assert refused(getattr(sessions, name), request(session=odd)) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            told,
        )


def test_an_unknown_track_starts_nothing_and_none_starts_empty_decks(sessions, refused):
    code, told = refused(sessions.CreateSession, pb.CreateSessionRequest(track="b-song"))
    assert code is grpc.StatusCode.NOT_FOUND
    assert "b-song-4e5f6a7b" in told
    assert sessions.ListSessions(pb.ListSessionsRequest()).sessions == []
    made = sessions.CreateSession(pb.CreateSessionRequest()).session
    assert made.track == ""
    assert [(deck.name, deck.state) for deck in made.decks] == [(n, pb.DECK_STATE_EMPTY) for n in "ABCD"]


def test_a_listener_hears_every_sample_from_the_moment_its_metadata_came(service, sessions, session):
    service.run(session.play, 5)
    call = sessions.Listen(pb.ListenRequest(session=session.id), timeout=5)
    call.initial_metadata()
    service.run(session.play, 3, level=0.5)
    opening = next(call).format
    assert (opening.rate_hz, opening.channels, opening.format) == (48_000, 2, pb.SAMPLE_FORMAT_F32)
    packets = [next(call).packet for _ in range(3)]
    assert [packet.clock.sample for packet in packets] == [2400, 2880, 3360]
    assert {packet.length_frames for packet in packets} == {PACKET_FRAMES}
    pcm = np.frombuffer(b"".join(packet.pcm for packet in packets), dtype="<f4")
    np.testing.assert_array_equal(pcm, np.full(3 * PACKET_FRAMES * 2, 0.5, dtype="<f4"))


def test_a_listener_may_ask_for_integers_and_for_nothing_unknown(service, sessions, session, refused):
    call = sessions.Listen(pb.ListenRequest(session=session.id, format=pb.SAMPLE_FORMAT_S16), timeout=5)
    assert next(call).format.format == pb.SAMPLE_FORMAT_S16
    service.run(session.play, 1, level=0.25)
    pcm = np.frombuffer(next(call).packet.pcm, dtype="<i2")
    assert pcm.shape == (PACKET_FRAMES * 2,)
    assert set(pcm) == {8192}
    code, told = refused(sessions.Listen, pb.ListenRequest(session=session.id, format=7))
    assert (code, told) == (grpc.StatusCode.INVALID_ARGUMENT, "format is 7, which is none")


@given(samples=npst.arrays("<f4", st.integers(0, 64), elements=st.floats(width=32)))
def test_integers_are_within_half_a_step_of_the_floats_and_clipped_at_full_scale(samples):
    integers = np.frombuffer(samples_to_s16(samples.tobytes()), dtype="<i2").astype(np.float64)
    full_scale = np.clip(np.nan_to_num(samples.astype(np.float64), nan=0.0), -1.0, 1.0)
    wanted = np.minimum(full_scale * 32768, 32767)
    assert np.all(np.abs(integers - wanted) <= 0.5)


def test_a_listener_that_fell_behind_is_told_what_it_missed(service, sessions, session):
    call = sessions.Listen(pb.ListenRequest(session=session.id), timeout=5)
    next(call)
    service.run(session.play, 1)
    assert next(call).packet.skipped_frames == 0
    service.run(session.play, PACKETS_MAX + 10)  # more than waits, in one go
    heard = next(call).packet
    assert heard.skipped_frames == PACKETS_MAX * PACKET_FRAMES
    assert heard.clock.sample == (PACKETS_MAX + 1) * PACKET_FRAMES


def test_a_listener_that_goes_away_is_let_go(service, sessions, session):
    calls = [sessions.Listen(pb.ListenRequest(session=session.id)) for _ in range(3)]
    watcher = sessions.Watch(pb.WatchRequest(session=session.id))
    for call in (*calls, watcher):
        next(call)
    calls[0].cancel()
    watcher.cancel()
    assert eventually(lambda: (len(session.listeners), len(session.watchers)) == (2, 0))
    service.run(session.play, 1)
    assert [next(call).packet.clock.sample for call in calls[1:]] == [0, 0]


def test_a_lost_engine_is_told_to_listeners_and_watchers(service, sessions, session):
    heard = sessions.Listen(pb.ListenRequest(session=session.id))
    seen = sessions.Watch(pb.WatchRequest(session=session.id))
    next(heard), next(seen)
    service.run(session.die)
    with pytest.raises(grpc.RpcError) as caught:
        next(heard)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert caught.value.details() == "the engine of session s-1 is lost"
    assert [event.lost.reason for event in seen] == ["the engine of session s-1 is lost"]
    assert seen.code() is grpc.StatusCode.OK
    found = sessions.GetSession(pb.GetSessionRequest(session=session.id)).session
    assert found.state == pb.SESSION_STATE_LOST


def test_a_watcher_is_told_how_it_stands_and_what_was_applied(service, sessions, session):
    call = sessions.Watch(pb.WatchRequest(session=session.id), timeout=5)
    assert next(call).status.id == session.id
    applied = Applied(id="x", sample=7, settled_sample=9, bar_beat="1:2.00", late_frames=1, moves=())
    service.run(session.tell, applied)
    told = next(call).applied
    assert (told.id, told.sample, told.settled_sample, told.late_frames) == ("x", 7, 9, 1)
    assert told.bar_beat == "1:2.00"
    service.run(session.play, 10)
    service.run(session.tell_status)
    assert next(call).status.clock.sample == 10 * PACKET_FRAMES


@pytest.mark.parametrize(("form", "begins"), [("OPUS", b"OpusHead"), ("FLAC", b"fLaC\x80\x00\x00\x22")])
def test_a_listener_may_ask_for_packets_of_a_codec_and_is_told_how_to_begin(
    service, sessions, session, form, begins
):
    wanted = pb.SampleFormat.Value(f"SAMPLE_FORMAT_{form}")
    call = sessions.Listen(pb.ListenRequest(session=session.id, format=wanted), timeout=5)
    opening = next(call).format
    assert (opening.format, opening.rate_hz, opening.channels) == (wanted, 48_000, 2)
    assert opening.codec_header.startswith(begins)
    service.run(session.play, 20)
    packets = [next(call).packet for _ in range(3)]
    for at, packet in enumerate(packets):
        assert not packet.pcm
        assert len(packet.encoded) == 1
        assert packet.length_frames == opening.codec_frames
        assert packet.clock.sample == at * opening.codec_frames - opening.pre_skip_frames
        assert packet.clock.position_s == pytest.approx(max(packet.clock.sample, 0) / 48_000)
    service.run(session.end)
    assert all(response.packet.encoded for response in call)
    assert call.code() is grpc.StatusCode.OK


@pytest.mark.parametrize("form", [-1, 5, 7, 2**31 - 1, -(2**31)])
@pytest.mark.parametrize("rate", [0, -1, 128_000])
def test_formats_that_are_none_are_refused(sessions, session, refused, form, rate):
    request = pb.ListenRequest(session=session.id, format=form, bitrate_bps=rate)
    assert refused(sessions.Listen, request) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        f"format is {form}, which is none",
    )


@pytest.mark.parametrize(
    ("form", "rate"), [(4, -1), (4, 1), (4, 2**31 - 1), (3, 64_000), (2, 64_000), (0, 1)]
)
def test_bit_rates_that_are_not_to_be_had_are_refused(sessions, session, refused, form, rate):
    request = pb.ListenRequest(session=session.id, format=form, bitrate_bps=rate)
    code, told = refused(sessions.Listen, request)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "bitrate_bps" in told


def test_a_request_whose_session_has_ended_brings_no_other_and_not_that_one(service, sessions, refused):
    request = pb.CreateSessionRequest(track="a-song-0a1b2c3d", request_id="once")
    made = sessions.CreateSession(request).session
    held = service.session(made.id)
    sessions.DeleteSession(pb.DeleteSessionRequest(session=made.id))
    code, _ = refused(sessions.CreateSession, request)
    assert code is grpc.StatusCode.NOT_FOUND
    assert held.id == made.id
