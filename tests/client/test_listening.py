"""Listening: packets lie where the clock says, and recordings are written whole."""

from __future__ import annotations

import itertools
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import when_heard

from remixd import errors
from remixd.client import Packet, Recorder, Recording
from remixd.units import PACKET_FRAMES, RATE_HZ


def a_packet(index, level=1.0, frames=PACKET_FRAMES):
    return Packet(
        sequence=index,
        sample=index * PACKET_FRAMES,
        position_s=0.0,
        bar_beat=None,
        skipped_frames=0,
        pcm=np.full((frames, 2), level, dtype=np.float32),
    )


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
