"""A stream reads every packet of a ring, however often it looks, and begins anew after a gap."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.encoder.codec import Codec, make_codec
from remixd.encoder.stream import Stream
from remixd.encoder.wire import Kind


class Plain(Codec):
    """Keeps the samples, so that what went where can be seen; 20 ms packets, late by `delay_frames`."""

    header, packet_frames, delay_frames = b"", 960, 120

    def encode(self, sound):
        return sound.tobytes()


class Ring:
    def __init__(self, slots=64):
        self.entries, self.slots = [], slots

    @property
    def newest(self):
        return len(self.entries)

    @property
    def oldest(self):
        return max(1, self.newest - self.slots + 2)

    def read(self, sequence):
        return self.entries[sequence - 1] if self.oldest <= sequence <= self.newest else None

    def render(self, sample):
        ramp = np.repeat(np.arange(sample, sample + 480, dtype=np.float32), 2)
        self.entries.append(
            SimpleNamespace(
                sequence=self.newest + 1, sample=sample, position=sample << 25, tempo=2.0, pcm=ramp.tobytes()
            )
        )


def ramp_of(message):
    return np.frombuffer(message.data, np.float32).reshape(-1, 2)[:, 0]


@given(
    looks=st.lists(st.integers(0, 7), max_size=20),
    skips=st.sets(st.integers(0, 60)),
    before=st.integers(0, 99),
)
def test_every_packet_says_where_its_sound_is_however_often_one_looks(looks, skips, before):
    ring, found, number = Ring(), [], 0
    stream = Stream(5, Plain, ring, before)
    for count in looks:
        for _ in range(count):
            if number not in skips:
                ring.render(number * 480)
            number += 1
        found += stream.take()
    for message in found:
        assert (message.kind, message.stream, message.frames) == (Kind.SOUND, 5, 960)
        np.testing.assert_array_equal(ramp_of(message), message.sample + 120 + np.arange(960))
        position = message.position / 2**24 + message.offset_frames * message.tempo
        assert position == message.sample * 2, "of a song that plays at twice its tempo"
        [made_of] = [each for each in ring.entries if 0 <= message.sample + 120 - each.sample < 480]
        assert message.sequence == made_of.sequence + before - (message.sample < made_of.sample)
    heard = {sample for message in found for sample in ramp_of(message)[::480]}
    runs, run = 0, []
    for entry in [*ring.entries, SimpleNamespace(sample=-1)]:
        if run and entry.sample != run[-1] + 480:
            runs += len(run) // 2 * 2
            run = []
        run.append(entry.sample)
    assert len(heard) == runs, "all but what is too short to fill a packet before a gap"


def test_a_reader_that_was_overtaken_goes_on_with_what_is_there():
    ring = Ring(slots=10)
    stream = Stream(1, Plain, ring, 0)
    for number in range(30):
        ring.render(number * 480)
    found = list(stream.take())
    assert [message.sample + 120 for message in found] == [(30 - 9 + 1 + at * 2 - 1) * 480 for at in range(4)]


def test_a_stream_that_moves_loses_nothing_that_was_rendered():
    old, new = Ring(), Ring()
    stream = Stream(1, Plain, old, 0)
    for number in range(3):
        old.render(number * 480)
    found = list(stream.move(new, 3))
    for number in range(3, 8):
        new.render(number * 480)
    found += stream.take()
    assert [message.sample for message in found] == [960 * at - 120 for at in range(4)]
    assert [message.sequence for message in found] == [2 * at for at in range(4)]


@pytest.mark.parametrize("codec", ["opus", "flac"])
def test_nothing_from_before_a_gap_sounds_after_it(codec):
    def fresh():
        return make_codec(codec, 128_000)

    def packets(stream, ring, samples):
        for sample in samples:
            ring.render(sample)
        return [message.data for message in stream.take()]

    ring, other = Ring(), Ring()
    gapped, whole = Stream(1, fresh, ring, 0), Stream(1, fresh, other, 0)
    packets(gapped, ring, range(0, 9600, 480))
    after = range(48_000, 57_600, 480)
    assert packets(gapped, ring, after) == packets(whole, other, after)


def test_there_is_no_other_codec():
    with pytest.raises(ValueError, match="there is no codec 'mp3'"):
        make_codec("mp3", 128_000)
