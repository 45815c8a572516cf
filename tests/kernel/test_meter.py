"""The meters read what the standards say of known signals, and what a second reader reads of music."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter, upfirdn
from sounds import audible_noise, music, tone, true_peak_db

from remixd._kernel import bus, mailbox
from remixd._kernel.feed import Feed
from remixd._kernel.mailbox import Mailbox
from remixd._kernel.ring import PacketEntry, PacketRing, size_bytes
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem


def readings(pcm: np.ndarray) -> list[PacketEntry]:
    commands = Mailbox(bytearray(mailbox.size_bytes(64)), 64)
    ring = PacketRing(bytearray(size_bytes(1024, 480)), 1024, 480)
    feed = Feed(Session([Stem.of(pcm)], [3], loop=False), commands, ring)
    for _ in range(len(pcm) // 480):
        feed.fill(480, 0.0)
    return [packet for number in range(1, ring.newest + 1) if (packet := ring.read(number))]


@pytest.mark.parametrize(("level_dbfs", "lufs"), [(-23.0, -23.0), (-33.0, -33.0)])
def test_a_stereo_sine_at_1_khz_reads_its_level(level_dbfs: float, lufs: float) -> None:
    """EBU Tech 3341, test signals 1 and 2, at 997 Hz in both channels, within .1 LU."""
    last = readings(tone(4 * 48_000, 997.0, level=10 ** (level_dbfs / 20), phase=0.0))[-1]
    assert last.momentary_lufs == pytest.approx(lufs, abs=0.1)
    assert last.short_term_lufs == pytest.approx(lufs, abs=0.1)


def test_the_windows_are_400_ms_and_3_s() -> None:
    loud = tone(8 * 48_000, 997.0, level=0.1, phase=0.0)
    loud[4 * 48_000 :] = 0
    packets = readings(loud)
    full = packets[399].momentary_lufs
    after = [packet.momentary_lufs for packet in packets[400:]]
    assert after[5] > -100
    assert after[55] < -100, "after 400 ms and a step of silence"
    half = packets[399 + 150].short_term_lufs
    assert half == pytest.approx(full - 3.0, abs=0.3), "half of 3 s is silent"


def test_low_frequencies_weigh_less_and_high_ones_more() -> None:
    low, middle, high = (readings(tone(48_000, hz, level=0.1))[-1].momentary_lufs for hz in (40, 997, 8000))
    assert low < middle - 3
    assert high > middle + 2.5


def test_silence_reads_as_silence() -> None:
    last = readings(np.zeros((48_000, 2)))[-1]
    assert last.momentary_lufs == -120.0
    assert last.true_peak == 0.0


@pytest.mark.parametrize(
    "pcm", [audible_noise(24_000, level=0.12), music(24_000, level=0.3)], ids=["noise", "music"]
)
def test_true_peaks_agree_with_an_independent_oversampler(pcm: np.ndarray) -> None:
    edge = np.minimum(np.arange(24_000), np.arange(24_000)[::-1])
    pcm = (pcm * np.minimum(1, edge / 1000)[:, None]).astype(np.float32)
    read_db = 20 * np.log10(max(packet.true_peak for packet in readings(pcm)))
    assert read_db == pytest.approx(true_peak_db(pcm), abs=0.15)
    assert max(max(packet.peaks) for packet in readings(pcm)) == np.abs(pcm).max()


def test_true_peaks_of_every_packet_are_those_of_reading_between_all_samples() -> None:
    """What is passed over, for having no room for a higher peak, would not have been the highest."""
    pcm = np.concatenate(
        [audible_noise(9600, level=0.1), music(9600, level=0.5), tone(9600, 11_000, level=0.8)]
    )
    x = np.arange(-63, 64) / 8
    kernel = np.sinc(x) * (0.5 + 0.5 * np.cos(2 * np.pi * x / 17))
    dense = np.abs(upfirdn(kernel, pcm.astype(np.float64), up=8, axis=0)).max(axis=1)
    between = (
        dense[63 : 63 + 8 * (len(pcm) - 8)].reshape(-1, 8).max(axis=1)
    )  # from each frame to just before the next
    between = np.concatenate([np.zeros(8), between])  # known 8 frames later
    for number, packet in enumerate(readings(pcm)):
        first, last = (64 * -(-480 * at // 64) for at in (number, number + 1))  # quanta rendered for it
        if last <= len(pcm):
            assert packet.true_peak == pytest.approx(between[first:last].max(), rel=1e-5), number


@pytest.mark.parametrize(
    "pcm",
    [
        pytest.param(music(4 * 48_000, level=0.3), id="music"),
        pytest.param(audible_noise(4 * 48_000, level=0.1), id="noise"),
        pytest.param(tone(4 * 48_000, 30, level=0.5), id="bass"),
        pytest.param(0.4 + 0.4 * tone(4 * 48_000, 997, level=0.01), id="a whisper on an offset"),
    ],
)
def test_loudness_is_that_of_the_standards_filters_run_one_after_the_other(pcm: np.ndarray) -> None:
    """ITU-R BS.1770-4, Annex 1, tables 1 and 2."""
    measured = np.concatenate([np.zeros((bus.DELAY_FRAMES, 2)), pcm])[: len(pcm)].astype(np.float32)
    shelved = lfilter(
        [1.53512485958697, -2.69169620938640, 1.19839281085285],
        [1.0, -1.69065929318241, 0.73248077421585],
        measured.astype(np.float64),
        axis=0,
    )
    weighed = lfilter([1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621], shelved, axis=0)
    energy = np.square(weighed).sum(axis=1).reshape(-1, 4800).mean(axis=1)
    last = readings(pcm)[-1]
    for read, blocks in ((last.momentary_lufs, 4), (last.short_term_lufs, 30)):
        expected = -0.691 + 10 * np.log10(energy[-blocks:].mean())
        assert read == pytest.approx(expected, abs=0.001)
