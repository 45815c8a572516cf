"""A feed gives a device what an offline render gives, and listeners the same."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import music, noise

from remixd._kernel import bus, mailbox
from remixd._kernel.feed import Feed
from remixd._kernel.mailbox import Mailbox
from remixd._kernel.ring import PacketRing, size_bytes
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem


class Device:
    """What a sound device does: asks for blocks."""

    def __init__(self, pcm: np.ndarray) -> None:
        self.commands = Mailbox(bytearray(mailbox.size_bytes(64)), 64)
        self.reports = Mailbox(bytearray(mailbox.size_bytes(1024)), 1024)
        self.ring = PacketRing(bytearray(size_bytes(64, 480)), 64, 480)
        self.session = Session([Stem.of(pcm)], [3], reports=self.reports, key=256)
        self.feed = Feed(self.session, self.commands, self.ring)

    def ask(self, frames: int, **kwargs: object) -> np.ndarray:
        return np.frombuffer(self.feed.fill(frames, 0.01, **kwargs), dtype=np.float32).reshape(-1, 2)


@settings(max_examples=20, deadline=None)
@given(blocks=st.lists(st.integers(16, 2048), min_size=1, max_size=20))
def test_the_device_gets_what_an_offline_render_gives(blocks: list[int]) -> None:
    pcm = music(20_000)
    device = Device(pcm)
    device.commands.post_command(1, 256, 0, 1.1, sample=0)
    heard = np.concatenate([device.ask(frames) for frames in blocks])
    offline = Session([Stem.of(pcm)], [3])
    offline.post(1, 0, 1.1, sample=0)
    np.testing.assert_array_equal(heard, offline.render(sum(blocks)))


def test_listeners_get_the_same_sound_in_packets() -> None:
    pcm = noise(48_000)
    device = Device(pcm)
    before_ns = time.monotonic_ns()
    for _ in range(20):
        device.ask(128)
    assert device.ring.newest == 20 * 128 // 480
    for sequence in range(1, device.ring.newest + 1):
        packet = device.ring.read(sequence)
        assert packet is not None
        heard = np.frombuffer(packet.pcm, dtype=np.float32).reshape(-1, 2)
        np.testing.assert_array_equal(heard, pcm[packet.sample : packet.sample + 480])
        assert packet.sample == packet.position >> 24 == (sequence - 1) * 480
        assert 0.009 < (packet.due_ns - before_ns) / 1e9 < 1.0, "due when it is heard: the latency later"


def test_a_wish_is_in_the_very_next_block() -> None:
    device = Device(np.full((48_000, 2), 0.5))
    assert (device.ask(128) == 0.5).all()
    device.commands.post_command(7, 256, 5, -60.0, ramp_frames=480)
    heard = device.ask(128)
    report = device.reports.take_reports()[0]
    assert (report.id, report.sample) == (7, 128 + bus.DELAY_FRAMES)
    assert (heard[: bus.DELAY_FRAMES] == 0.5).all()
    assert (heard[bus.DELAY_FRAMES :] < 0.5).all()


def test_an_underrun_is_counted_and_told() -> None:
    device = Device(noise(48_000))
    for index in range(8):
        device.ask(128, underrun=index == 3)
    packet = device.ring.read(device.ring.newest)
    assert packet is not None
    assert packet.underruns == 1
    assert [report.kind for report in device.reports.take_reports()] == [mailbox.UNDERRUN]


def test_it_fades_out_over_one_block_and_stays_silent() -> None:
    device = Device(np.full((48_000, 2), 0.5))
    device.ask(128)
    device.feed.leave()
    fading = device.ask(128)[:, 0]
    assert (np.diff(fading) < 0).all()
    assert fading[-1] == 0.0
    assert device.feed.fade == (256, 128)
    assert not device.ask(128).any()
    assert device.feed.fade == (256, 128), "silence is no part of it"


def test_what_a_callback_takes_is_measured_as_a_share_of_a_core() -> None:
    device = Device(noise(48_000))
    assert device.feed.cost == 0.0
    most = 0.0
    for _ in range(50):
        began_ns = time.perf_counter_ns()
        device.ask(128)
        most = max(most, (time.perf_counter_ns() - began_ns) * 48_000 / (128 * 1e9))
        assert 0.0 < device.feed.cost <= most, "a mean of shares that the clock beside it has seen"


def test_what_a_device_asks_for_in_one_go_is_told_however_many_callbacks_that_are() -> None:
    device = Device(noise(48_000))
    for _ in range(3):
        device.ask(2400)
        device.ask(2400)
        time.sleep(0.11)
    assert device.feed.frames_together == 4800
    device = Device(noise(48_000))
    assert device.feed.frames_together == 0
    for _ in range(3):
        device.ask(480)
        time.sleep(0.011)
    assert device.feed.frames_together == 480


@pytest.mark.parametrize("frames", [0, -5, 1 << 20])
def test_impossible_blocks_are_refused(frames: int) -> None:
    with pytest.raises(ValueError, match="cannot fill"):
        Device(noise(100)).feed.fill(frames, 0.0)


@pytest.mark.parametrize("latency_s", [float("nan"), -1.0, 1e9])
def test_a_device_that_tells_nonsense_of_its_latency_plays_all_the_same(latency_s: float) -> None:
    device = Device(noise(4800))
    device.feed.fill(480, latency_s)
    packet = device.ring.read(1)
    assert packet is not None
    assert abs(packet.due_ns - time.monotonic_ns()) < 1_000_000_000


def test_each_time_the_mix_comes_above_full_scale_is_one_clip() -> None:
    pcm = np.zeros((48_000, 2), np.float32)
    wave = np.sin(np.arange(2400) / 20.0).astype(np.float32)[:, None]
    for start in (4_000, 20_000, 36_000):
        pcm[start : start + 2400] = 1.4 * wave
    pcm[30_000:32_400] = 0.99 * wave
    device = Device(pcm)
    for _ in range(100):
        heard = device.ask(480)
        assert np.abs(heard).max() <= 10 ** (-1 / 20) + 1e-6
    packet = device.ring.read(device.ring.newest)
    assert packet is not None
    assert packet.clips == 3
