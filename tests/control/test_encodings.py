"""Opus and FLAC of real sessions: they lie where they say, are made once, and outlive the encoder."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal

import av
import numpy as np
import pytest
from sounds import music

from remixd.control import encodings as module
from remixd.control.encoding import Encoding, Head
from remixd.control.session import Session
from remixd.control.sessions import Sessions
from remixd.control.streams import Listener, Packet
from remixd.errors import Exhausted, InvalidInput, Unavailable

SONG = {role: music(48_000 * 6, seed=seed) for seed, role in enumerate(("drums", "bass", "vocals", "other"))}
WHOLE = sum(SONG.values())
OPUS = Encoding("opus", 128_000)
FLAC = Encoding("flac")
CONVERGES_FRAMES = 3840


async def some(listener: Listener, seconds: float) -> list[Packet]:
    packets: list[Packet] = []
    async with asyncio.timeout(30):
        async for packet in listener:
            packets.append(packet)
            if sum(each.frames for each in packets) >= seconds * 48_000:
                break
    return packets


def decoded(codec: str, head: Head, packets: list[Packet]) -> np.ndarray:
    """What a bare decoder gives, from the first packet's sample on: float32 (frames, 2)."""
    context = av.CodecContext.create("libopus" if codec == "opus" else codec, "r")
    context.extradata = head.data if codec == "opus" else head.data[8:]
    found = []
    for packet in packets:
        for each in packet.encoded:
            for frame in context.decode(av.Packet(each)):
                samples = frame.to_ndarray()
                if frame.format.name == "s16":
                    samples = samples / np.float32(2**15)
                elif frame.format.name == "s32":
                    samples = samples / np.float32(2**31)
                planar = frame.format.is_planar
                found.append(samples.T if planar else samples.reshape(-1, 2))
    dropped = np.zeros(
        (head.pre_skip_frames, 2), np.float32
    )  # FFmpeg's does so by itself, as the header says
    pcm = np.concatenate([dropped, *found]).astype(np.float32)
    assert len(pcm) == sum(each.frames for each in packets)
    return pcm


def lag_frames(heard: np.ndarray, wanted: np.ndarray, most: int = 400) -> int:
    """By how much `heard` is late, from the peak of their correlation."""
    inner = slice(most, len(wanted) - most)
    scores = [
        float(np.dot(heard[inner, 0], wanted[inner.start - lag : inner.stop - lag, 0]))
        for lag in range(-most, most + 1)
    ]
    return int(np.argmax(scores)) - most


def likeness(heard: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.corrcoef(heard.ravel(), wanted.ravel())[0, 1])


@pytest.fixture
async def session(sessions: Sessions, shelf) -> Session:
    shelf.add("song-00000001", SONG)
    return await sessions.create("song-00000001")


def is_contiguous(packets: list[Packet]) -> bool:
    ends = [each.sample + each.frames for each in packets]
    return ends[:-1] == [each.sample for each in packets[1:]]


async def test_opus_lies_on_the_sample_that_it_says_for_late_joiners_too(sessions, session) -> None:
    first, head = await sessions.encodings.listen(session, OPUS)
    assert head.data.startswith(b"OpusHead")
    assert (head.pre_skip_frames, head.packet_frames) == (120, 960)
    packets = await some(first, 0.5)
    late, _ = await sessions.encodings.listen(session, OPUS)
    for heard in (packets, await some(late, 1.0)):
        assert is_contiguous(heard)
        assert all(each.skipped_frames == 0 for each in heard)
        assert all(each.sequence == each.sample // 480 + 1 for each in heard)
        assert all(abs(each.position_s - each.sample / 48_000) < 1e-6 for each in heard)
        pcm = decoded("opus", head, heard)
        pcm = pcm[CONVERGES_FRAMES:]
        at = heard[0].sample + CONVERGES_FRAMES
        wanted = WHOLE[at : at + len(pcm)]
        assert lag_frames(pcm, wanted) == 0
        assert likeness(pcm, wanted) > 0.99


async def test_flac_is_the_sound_to_the_24th_bit(sessions, session) -> None:
    listener, head = await sessions.encodings.listen(session, FLAC)
    plain = session.listen()
    packets, samples = await asyncio.gather(some(listener, 0.5), some(plain, 0.5))
    assert is_contiguous(packets)
    pcm = np.concatenate([np.frombuffer(each.pcm, "<f4").reshape(-1, 2) for each in samples])
    heard = decoded("flac", head, packets)
    start = max(packets[0].sample, samples[0].sample)
    end = min(packets[-1].sample + packets[-1].frames, samples[-1].sample + 480)
    assert end - start > 10_000
    wanted = np.rint(pcm[start - samples[0].sample : end - samples[0].sample].astype(np.float64) * 2**23)
    got = heard[start - packets[0].sample : end - packets[0].sample].astype(np.float64) * 2**23
    np.testing.assert_array_equal(got, wanted)


async def test_a_hundred_listeners_share_one_encoding_which_ends_with_the_session(sessions, session) -> None:
    ears = [await sessions.encodings.listen(session, OPUS) for _ in range(100)]
    assert len(sessions.encodings) == 1
    assert session.listeners_count == 100
    heard = [await some(listener, 0.4) for listener, _ in ears]
    made = {id(each) for packets in heard for packet in packets for each in packet.encoded}
    samples = {
        packet.sample + at * 960
        for packets in heard
        for packet in packets
        for at in range(len(packet.encoded))
    }
    assert len(made) == len(samples), "one object for each 20 ms, whoever hears it"
    assert all(is_contiguous(packets) for packets in heard)
    assert all(packet.frames == 960 * len(packet.encoded) for packets in heard for packet in packets)
    await sessions.delete(session.id)
    async with asyncio.timeout(5):  # everybody's iteration ends
        for (listener, _), before in zip(ears, heard, strict=True):
            assert is_contiguous([before[-1], *[packet async for packet in listener]])
    with pytest.raises(Unavailable):
        await sessions.encodings.listen(session, OPUS)


async def test_a_killed_encoder_is_replaced_after_a_gap_that_is_told(sessions, session) -> None:
    listener, head = await sessions.encodings.listen(session, OPUS)
    plain = asyncio.ensure_future(some(session.listen(), 1.0))
    before = await some(listener, 0.1)
    os.kill(sessions.encodings.pid, signal.SIGKILL)
    packets = before + await some(listener, 1.0)
    gaps = [each for each in packets if each.skipped_frames]
    assert len(gaps) == 1
    at = packets.index(gaps[0])
    gap = gaps[0].sample - packets[at - 1].sample - packets[at - 1].frames
    assert gaps[0].skipped_frames == gap > 0
    rest = packets[at:]
    pcm = decoded("opus", head, rest)[CONVERGES_FRAMES:]
    start = rest[0].sample + CONVERGES_FRAMES
    assert likeness(pcm, WHOLE[start : start + len(pcm)]) > 0.99
    assert is_contiguous(await plain), "others did not notice"


async def test_an_encoder_that_hangs_is_replaced(sessions, session, monkeypatch) -> None:
    monkeypatch.setattr(module, "SILENT_TICKS_MAX", 3)
    listener, _ = await sessions.encodings.listen(session, OPUS)
    await some(listener, 0.1)
    hanging = sessions.encodings.pid
    os.kill(hanging, signal.SIGSTOP)
    packets = await some(listener, 1.5)
    assert sessions.encodings.pid not in (None, hanging)
    assert sum(each.skipped_frames > 0 for each in packets) == 1


async def test_listeners_go_on_when_the_engine_dies(sessions, session) -> None:
    listener, _ = await sessions.encodings.listen(session, OPUS)
    await some(listener, 0.2)
    dead = session.engine_pid
    os.kill(dead, signal.SIGKILL)
    packets = await some(listener, 1.5)
    assert session.engine_pid != dead
    for each, after in itertools.pairwise(packets):
        assert after.sample == each.sample + each.frames + after.skipped_frames
        assert after.sequence > each.sequence


async def test_an_encoding_ends_a_little_after_its_last_listener_and_so_does_the_process(
    sessions, session, monkeypatch
) -> None:
    monkeypatch.setattr(module, "TICK_S", 0.05)
    monkeypatch.setattr(module, "SILENT_TICKS_MAX", 100)
    listener, _ = await sessions.encodings.listen(session, OPUS)
    pid = sessions.encodings.pid
    listener.close()
    again, _ = await sessions.encodings.listen(session, OPUS)
    await some(again, 0.1)
    assert len(sessions.encodings) == 1
    again.close()
    async with asyncio.timeout(20):
        while sessions.encodings.pid is not None:  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0.02)
    assert len(sessions.encodings) == 0
    listener, _ = await sessions.encodings.listen(session, FLAC)
    assert await some(listener, 0.05)
    assert sessions.encodings.pid != pid


async def test_an_encoder_that_cannot_be_had_is_told(sessions, session, monkeypatch) -> None:
    monkeypatch.setattr(module, "STREAMS_MAX", 0)
    with pytest.raises(Exhausted, match="0 encodings"):
        await sessions.encodings.listen(session, OPUS)
    monkeypatch.setattr(module, "STREAMS_MAX", 1)
    monkeypatch.setattr(module, "START_S", 0.5)
    monkeypatch.setattr(module.sys, "executable", "/nowhere/python")
    with pytest.raises(Unavailable, match="has not begun"):
        await sessions.encodings.listen(session, OPUS)
    assert await some(session.listen(), 0.05), "who hears samples does not notice"


@pytest.mark.parametrize(
    ("codec", "rate"), [("opus", 0), ("opus", 1), ("opus", 2**31 - 1), ("flac", 128_000)]
)
def test_a_bit_rate_that_is_not_to_be_had_is_refused(codec, rate) -> None:
    with pytest.raises(InvalidInput, match="bitrate_bps"):
        Encoding(codec, rate)
