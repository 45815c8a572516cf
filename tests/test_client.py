"""Both faces of the client, blocking and asynchronous, against a real server."""

from __future__ import annotations

import dataclasses
import itertools
import socket
import threading
import time
import wave

import numpy as np
import pytest
from faces import AsyncFace
from hypothesis import given
from hypothesis import strategies as st
from serving import a_track

from remixd import errors
from remixd.client import Applied, Client, Lost, Missed, Packet, Recorder, Recording, Session, Signal
from remixd.control.command import Applied as WireApplied
from remixd.control.command import Refused as WireRefused
from remixd.control.streams import ANSWERS_MAX
from remixd.mix import DIMENSIONS
from remixd.track.import_options import ImportOptions
from remixd.units import PACKET_FRAMES, RATE_HZ

TRACK = "a-song-0a1b2c3d"


@pytest.fixture(params=[Client, AsyncFace], ids=["blocking", "async"])
def connect(request):
    """One face of the client, to be opened."""
    return request.param


@pytest.fixture
def client(service, connect):
    with connect(str(service.address), timeout_s=5.0) as opened:
        yield opened


@pytest.fixture
def session(service, client):
    return service.session(client.create_session(TRACK).id)


def when_heard(service, session, act, *, listeners=1):
    """Do something once a listener has joined, as the engine would meanwhile."""

    def wait():
        until = time.monotonic() + 5
        while len(session.listeners) < listeners and time.monotonic() < until:
            time.sleep(0.002)
        service.run(act)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def a_packet(index, level=1.0, frames=PACKET_FRAMES):
    return Packet(
        sequence=index,
        sample=index * PACKET_FRAMES,
        position_s=0.0,
        bar_beat=None,
        skipped_frames=0,
        pcm=np.full((frames, 2), level, dtype=np.float32),
    )


# Tracks


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
    for name in ("bpm", "metre", "key", "beats_s", "downbeats_s", "phrases_s", "estimated", "confidence"):
        assert getattr(found, name) == getattr(track.analysis, name)
    assert [(stem.name, stem.role, stem.language, stem.plays) for stem in found.stems] == [
        (stem.name, stem.role, stem.language, stem.plays) for stem in track.stems
    ]
    assert found.library == "/music/library"


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


# Errors


def test_errors_come_back_as_what_they_were(client):
    with pytest.raises(errors.NotFound, match="did you mean a-song-0a1b2c3d"):
        client.track("a-song-0a1b2c3e")
    with pytest.raises(errors.BadAudio, match="/songs/broken holds no audio"):
        client.import_track("/songs/broken")
    with pytest.raises(errors.InvalidInput, match="track is empty"):
        client.create_session("")


@pytest.mark.parametrize(
    "kind", [errors.Exhausted, errors.Unavailable, errors.Unsupported, errors.AlreadyExists]
)
def test_every_kind_of_refusal_is_rebuilt(client, session, kind):
    session.refusal = kind("the engine says no")
    with pytest.raises(errors.RemixdError) as caught:
        client.signal(session.id, {"vocals": -6})
    assert (type(caught.value), str(caught.value)) == (kind, "the engine says no")


def test_a_fault_of_the_daemon_is_one_line_without_its_secrets(client, session):
    session.refusal = ZeroDivisionError("the secret")
    with pytest.raises(errors.RemixdError, match="INTERNAL") as caught:
        client.signal(session.id, {"vocals": -6})
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_no_daemon_is_told_with_what_to_do(connect):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (
        connect(f"127.0.0.1:{port}") as client,
        pytest.raises(
            errors.Unavailable, match=f"^no daemon at 127.0.0.1:{port}: start one with `remixd serve`$"
        ),
    ):
        client.tracks()
    with connect(f"127.0.0.1:{port}") as client:
        assert not client.is_serving()


def test_a_proxy_for_the_web_is_not_asked_for_this_machine(service, monkeypatch, connect):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("grpc_proxy", "http://127.0.0.1:9")
    with connect(str(service.address)) as client:
        assert client.is_serving()


def test_something_else_on_the_port_is_no_daemon_and_does_not_block(connect):
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        connect(f"127.0.0.1:{deaf.getsockname()[1]}", timeout_s=0.3) as client,
        pytest.raises(errors.Unavailable),
    ):
        client.tracks()


def test_the_address_comes_from_the_environment(service, monkeypatch, connect):
    monkeypatch.setenv("REMIXD_LISTEN", str(service.address))
    with connect() as client:
        assert client.is_serving()
        assert client.address == service.address


# Sessions and signals


def test_a_session_is_created_found_listed_and_deleted(client):
    made = client.create_session(TRACK)
    assert (made.track, made.state, made.sink) == (TRACK, "playing", "stream")
    assert list(made.mix) == list(DIMENSIONS)
    assert client.session(made.id) == made
    assert client.sessions() == [made]
    client.delete_session(made.id)
    assert client.sessions() == []


def test_a_wish_is_answered_at_once_and_awaited_if_asked(client, session):
    quick = client.signal(session.id, {"vocals": -90.0}, fan="mina")
    assert quick.accepted
    assert quick.applied is None
    assert [(clamp.asked, clamp.given) for clamp in quick.clamps] == [(-90.0, -60.0)]
    patient = client.signal(session.id, {"tempo": 1.06, "drums": -3}, wait=True)
    assert patient.applied == Applied(
        id=patient.id,
        sample=session.sample,
        settled_sample=480,
        bar_beat="1:1.00",
        late_frames=3,
        moves=patient.applied.moves,
    )
    assert {move.dimension: move.value for move in patient.applied.moves} == {"tempo": 1.06, "drums": -3.0}
    assert [signal.fan for signal in session.received] == ["mina", ""]


def test_who_waits_is_not_misled_by_what_others_sent(service, client, session):
    session.applies = False

    def answer_others_first():
        mine = session.received[0].id
        for name in ("another", mine):
            session.tell(
                WireApplied(id=name, sample=1, settled_sample=2, bar_beat="", late_frames=0, moves=())
            )

    def later():
        while not session.received:
            time.sleep(0.002)
        service.run(answer_others_first)

    thread = threading.Thread(target=later)
    thread.start()
    answer = client.signal(session.id, {"vocals": -1}, wait=True)
    thread.join()
    assert answer.applied.id == answer.id
    assert answer.applied.bar_beat is None


@pytest.mark.parametrize("end", ["refused", "lost", "deleted", "nothing"])
def test_who_waits_for_what_never_comes_is_told(service, session, end, connect):
    session.applies = False

    def later():
        while not session.received:
            time.sleep(0.002)
        if end == "refused":
            refused = WireRefused(id=session.received[0].id, reason="the engine could not take vocals")
            service.run(session.tell, refused)
        elif end == "lost":
            service.run(session.die)
        elif end == "deleted":
            service.run(session.end)

    thread = threading.Thread(target=later)
    thread.start()
    with connect(str(service.address), timeout_s=0.5) as client:
        if end == "refused":
            answer = client.signal(session.id, {"vocals": -1}, wait=True)
            assert not answer.accepted
            assert answer.reason == "the engine could not take vocals"
        else:
            told = {"lost": "is lost", "deleted": "its session ended", "nothing": "in time"}[end]
            with pytest.raises(errors.Unavailable, match=f"was accepted, but .*{told}"):
                client.signal(session.id, {"vocals": -1}, wait=True)
    thread.join()


def test_a_batch_is_answered_in_its_order(client, session):
    answers = client.send(
        session.id, [Signal(id=str(number), wishes={"bass": -number}) for number in range(100)]
    )
    assert [answer.id for answer in answers] == [str(number) for number in range(100)]
    assert session.mix["bass"] == -60.0


def test_a_wish_that_cannot_be_is_refused_before_it_is_sent(client, session):
    with pytest.raises(errors.NotFound, match="did you mean vocals"):
        client.signal(session.id, {"vocls": 1.0})
    with pytest.raises(errors.InvalidInput, match="infinite"):
        client.signal(session.id, {"vocals": float("inf")})
    assert session.received == []


def test_a_watcher_misses_nothing_sent_after_it_was_there(client, session):
    with client.watch(session.id) as events:
        sent = [client.signal(session.id, {"bass": -level}).id for level in range(20)]
        applied = []
        while len(applied) < 20:
            event = next(events)
            if isinstance(event, Applied):
                applied.append(event.id)
    assert applied == sent


def test_a_watcher_that_fell_behind_is_told_how_many_answers_it_missed(service, client, session):
    def answer_many():
        for number in range(ANSWERS_MAX + 5):
            session.tell(
                WireApplied(id=str(number), sample=1, settled_sample=2, bar_beat="", late_frames=0, moves=())
            )

    with client.watch(session.id) as events:
        next(events)
        service.run(answer_many)
        assert next(events) == Missed(answers=5)
        assert next(events).id == "5"


def test_a_watch_ends_in_time_or_with_its_session(service, client, session):
    began = time.monotonic()
    events = list(client.watch(session.id, seconds=0.2))
    assert 0.1 < time.monotonic() - began < 3
    assert [type(event) for event in events] == [Session]
    with client.watch(session.id) as watching:
        service.run(session.die)
        assert isinstance(list(watching)[-1], Lost)


def test_a_stream_that_was_closed_ends_quietly(client, session):
    events = client.watch(session.id)
    next(events)
    events.close()
    assert list(events) == []


def test_a_stopped_daemon_is_told_to_who_listens(service, client, session):
    with client.packets(session.id) as packets:
        service.stop()
        with pytest.raises(errors.Unavailable, match="the daemon is stopping"):
            next(packets)


# Listening


def test_frame_i_of_a_recording_is_sample_first_plus_i(service, client, session):
    service.run(session.play, 7)

    def play():
        for level in (0.1, 0.2, 0.3):
            session.play(1, level=level)

    thread = when_heard(service, session, play)
    heard = client.listen(session.id, 0.025)
    thread.join()
    assert (heard.first_sample, heard.frames, heard.gaps) == (7 * PACKET_FRAMES, 1200, 0)
    wanted = np.repeat(np.float32([0.1, 0.2, 0.3]), PACKET_FRAMES)[:1200]
    np.testing.assert_array_equal(heard.pcm, np.stack([wanted, wanted], axis=1))


def test_what_was_skipped_is_silence_and_counted(service, client, session):
    def play():
        session.play(1)
        session.skip(2)
        session.play(1)
        session.skip(1)
        session.play(1)

    thread = when_heard(service, session, play)
    heard = client.listen(session.id, 0.06)
    thread.join()
    assert (heard.frames, heard.gaps) == (6 * PACKET_FRAMES, 2)
    sounding = heard.pcm[::PACKET_FRAMES, 0] > 0
    assert sounding.tolist() == [True, False, False, True, False, True]


def test_a_listener_of_a_lost_session_is_told(service, client, session):
    thread = when_heard(service, session, session.die)
    with pytest.raises(errors.Unavailable, match="is lost"):
        client.listen(session.id, 1.0)
    thread.join()


def test_a_recording_of_a_deleted_session_is_as_long_as_was_heard(service, client, session):
    def play():
        session.play(2)
        session.end()

    thread = when_heard(service, session, play)
    assert client.listen(session.id, 1.0).frames == 2 * PACKET_FRAMES
    thread.join()


def test_a_session_that_gives_no_sound_does_not_block_for_ever(service, session, connect):
    with (
        connect(str(service.address), timeout_s=0.2) as client,
        pytest.raises(errors.Unavailable, match="in time"),
    ):
        client.listen(session.id, 0.1)


@given(
    missing=st.sets(st.integers(1, 19)),
    frames=st.integers(1, 20 * PACKET_FRAMES),
)
def test_any_packets_lie_where_the_clock_says(missing, frames):
    recorder = Recorder(frames)
    there = [index for index in range(20) if index not in missing]
    for index in there:
        recorder.add(a_packet(index, level=index + 1.0))
    heard = recorder.recording()
    wanted = np.zeros(20 * PACKET_FRAMES, dtype=np.float32)
    for index in there:
        wanted[index * PACKET_FRAMES : (index + 1) * PACKET_FRAMES] = index + 1.0
    assert heard.frames == min(frames, (there[-1] + 1) * PACKET_FRAMES)
    np.testing.assert_array_equal(heard.pcm[:, 0], wanted[: heard.frames])
    inside = [index for index in there if index * PACKET_FRAMES < heard.frames]
    jumps = sum(later - earlier > 1 for earlier, later in itertools.pairwise(inside))
    ends_silent = heard.frames > (inside[-1] + 1) * PACKET_FRAMES
    assert heard.gaps == jumps + ends_silent


def test_a_recording_is_written_in_24_bits_to_the_step_and_clipped(tmp_path):
    random = np.random.default_rng(1)
    pcm = random.uniform(-1.2, 1.2, (70_000, 2)).astype(np.float32)
    Recording(first_sample=5, frames=len(pcm), gaps=0, pcm=pcm).save(tmp_path / "heard.wav")
    with wave.open(str(tmp_path / "heard.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE_HZ, 2, 3)
        raw = np.frombuffer(file.readframes(file.getnframes()), dtype=np.uint8).reshape(-1, 3)
    integers = (raw.astype(np.int32) * [1, 256, 65536]).sum(axis=1)
    integers -= (integers >= 1 << 23) * (1 << 24)
    wanted = np.clip(pcm.astype(np.float64).reshape(-1) * 2**23, -(2**23), 2**23 - 1)
    assert np.max(np.abs(integers - wanted)) <= 0.5
    assert [path.name for path in tmp_path.iterdir()] == ["heard.wav"]


def test_a_recording_that_cannot_be_written_is_told_and_leaves_nothing(tmp_path):
    recording = Recording(first_sample=0, frames=1, gaps=0, pcm=np.zeros((1, 2), dtype=np.float32))
    with pytest.raises(errors.InvalidInput, match=r"cannot write .*nowhere/heard.wav: No such file"):
        recording.save(tmp_path / "nowhere" / "heard.wav")
    (tmp_path / "folder").mkdir()
    with pytest.raises(errors.InvalidInput, match="cannot write"):
        recording.save(tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_what_the_client_answers_cannot_be_changed(client):
    with pytest.raises(dataclasses.FrozenInstanceError):
        client.track(TRACK).title = "Another"
