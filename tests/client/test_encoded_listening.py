"""Opus and FLAC as they come: recordings are files that others read, and lie where the clock says."""

from __future__ import annotations

import av
import numpy as np
import pytest
from serving import when_heard
from shelves import TRACK
from sounds import music

from remixd import errors
from remixd.client import Recorder

SONG = music(48_000, seed=3, level=0.3)


@pytest.fixture(autouse=True)
def _a_second_waits_for_who_is_slow(monkeypatch):
    monkeypatch.setattr("remixd.control.streams.WAITING_FRAMES_MAX", 96_000)  # it is played in one go


def read(path):
    """What a file holds, as FFmpeg reads it: float32 (frames, 2)."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="stereo", rate=48_000)
        frames = [each for frame in container.decode(audio=0) for each in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in frames])


def heard(service, client, session, seconds, gap_packets=0, **options):
    def play():
        session.sound(SONG[:24_000])
        session.skip(gap_packets)
        session.sound(SONG[24_000 + gap_packets * 480 :])

    service.run(session.play, 7)
    thread = when_heard(service, session, play)
    recording = client.listen(session.id, seconds, **options)
    thread.join()
    return recording


BEGAN = 7 * 480
"""Where the song begins on the session's clock."""


@pytest.mark.parametrize("suffix", ["opus", "ogg"])
def test_opus_is_saved_as_an_ogg_file_that_begins_and_ends_on_the_sample(
    service, client, session, tmp_path, suffix
):
    path = tmp_path / f"heard.{suffix}"
    recording = heard(service, client, session, 0.7, format="opus")
    recording.save(path)
    assert (recording.frames, recording.gaps, recording.format.bitrate_bps) == (33_600, 0, 128_000)
    pcm = read(path)
    assert len(pcm) == recording.frames
    start = recording.first_sample - BEGAN
    wanted = SONG[start : start + len(pcm)]
    assert np.corrcoef(pcm.ravel(), wanted.ravel())[0, 1] > 0.99
    shifted = SONG[start + 1 : start + 1 + len(pcm)]
    assert np.sum((pcm - wanted) ** 2) < np.sum((pcm - shifted) ** 2)


def test_flac_is_saved_to_the_24th_bit(service, client, session, tmp_path):
    recording = heard(service, client, session, 0.9, format="flac")
    recording.save(tmp_path / "heard.flac")
    pcm = read(tmp_path / "heard.flac")
    assert len(pcm) == recording.frames >= 43_200
    start = recording.first_sample - BEGAN
    wanted = np.rint(SONG[start : start + len(pcm)].astype(np.float64) * 2**23)
    np.testing.assert_array_equal(pcm.astype(np.float64) * 2**23, wanted)


@pytest.mark.parametrize("form", ["opus", "flac"])
def test_after_a_gap_the_sound_is_where_it_belongs(service, client, session, tmp_path, form):
    recording = heard(service, client, session, 0.8, gap_packets=11, format=form)
    recording.save(tmp_path / f"heard.{form}")
    assert recording.gaps == 1
    pcm = read(tmp_path / f"heard.{form}")
    assert len(pcm) == recording.frames
    after = 24_000 + 11 * 480 + 4800
    at = after - (recording.first_sample - BEGAN)
    wanted = SONG[after : after + len(pcm) - at]
    assert len(wanted) > 3000
    assert np.corrcoef(pcm[at:].ravel(), wanted.ravel())[0, 1] > 0.99


def test_whole_numbers_are_asked_for_and_read_as_samples(service, client, session):
    recording = heard(service, client, session, 0.5, format="s16")
    start = recording.first_sample - BEGAN
    wanted = SONG[start : start + recording.frames]
    assert 0 < np.abs(recording.pcm - wanted).max() <= 0.5 / 32768 + 1e-9


def test_a_higher_bit_rate_takes_more(service, client):
    sizes = {}
    for rate in (64_000, 256_000):
        session = service.session(client.create_session(TRACK).id)
        recording = heard(service, client, session, 0.5, format="opus", bitrate_bps=rate)
        sizes[rate] = sum(len(packet) for _, packet in recording.encoded)
    assert sizes[256_000] > 2 * sizes[64_000]


def test_what_cannot_be_had_is_refused_in_a_sentence(service, client, session, tmp_path):
    with pytest.raises(errors.InvalidInput, match="format is 'mp3'; it must be one of f32, s16, flac, opus"):
        client.listen(session.id, 0.1, format="mp3")
    with pytest.raises(errors.InvalidInput, match="bitrate_bps is 7; it must be one of 48000"):
        client.listen(session.id, 0.1, format="opus", bitrate_bps=7)
    with pytest.raises(errors.InvalidInput, match="bitrate_bps is for Opus"):
        client.listen(session.id, 0.1, bitrate_bps=128_000)
    recording = heard(service, client, session, 0.1, format="opus")
    with pytest.raises(errors.InvalidInput, match=r"must end in .opus or .ogg"):
        recording.save(tmp_path / "heard.flac")
    assert list(tmp_path.iterdir()) == []


def test_nothing_heard_is_an_empty_recording():
    assert Recorder(10).recording().frames == 0
