"""What a codec gives decodes to what it was given: FLAC to the bit, Opus nearly, also after a loss."""

from __future__ import annotations

import av
import numpy as np
import pytest
from sounds import music, noise

from remixd.encoder.codec import Flac, Opus

SONG = music(96_000, seed=2, level=0.3)


def encoded(codec, sound):
    size = codec.packet_frames
    return [codec.encode(sound[at : at + size]) for at in range(0, len(sound) - size + 1, size)]


def decoded(name, header, packets):
    context = av.CodecContext.create(name, "r")
    context.extradata = header
    for packet in packets:
        for frame in context.decode(av.Packet(packet)):
            yield frame.to_ndarray().reshape(-1, 2)


@pytest.mark.parametrize("level", [0.0, 0.1, 3.0], ids=["silence", "noise", "far beyond full scale"])
def test_flac_is_exact_to_24_bits_and_clips_at_full_scale(level):
    codec, sound = Flac(), noise(23_040, level=level)
    got = np.concatenate(list(decoded("flac", codec.header[8:], encoded(codec, sound)))) >> 8
    wanted = np.clip(np.rint(sound.astype(np.float64) * 2**23), -(2**23), 2**23 - 1)
    np.testing.assert_array_equal(got, wanted[: len(got)])


@pytest.mark.parametrize("lost", [range(0), range(20, 45), [30]])
def test_opus_goes_on_where_packets_were_lost(lost):
    codec = Opus(128_000)
    packets = {number: each for number, each in enumerate(encoded(codec, SONG)) if number not in lost}
    frames = list(decoded("libopus", codec.header, packets.values()))
    last = max(lost, default=-1)
    following = [number for number in packets if number > last + 4]  # 80 ms later
    pcm = np.concatenate(frames[-len(following) :]) / 2.0**15
    end = 960 * len(encoded(Opus(128_000), SONG)) - codec.delay_frames
    wanted = SONG[end - len(pcm) : end]
    assert np.corrcoef(pcm[960:].ravel(), wanted[960:].ravel())[0, 1] > 0.99


def test_opus_takes_about_what_it_is_given():
    for rate in (48_000, 256_000):
        sizes = [len(packet) for packet in encoded(Opus(rate), SONG)]
        assert 0.6 * rate < 8 * np.mean(sizes) * 50 < 1.4 * rate
