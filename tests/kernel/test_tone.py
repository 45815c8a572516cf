"""Brightness, drive and the room: what they do to sound, and what they never do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sounds import RATE_HZ, Audio, level_db, music, noise, roughness, tone

from remixd._kernel.tone import RANGES, ToneChain
from remixd.analysis.loudness import LoudnessMeter

BRIGHTNESS, SPACE, DRIVE = range(3)
QUANTUM = 64
NEAR = RATE_HZ // 200
DRIVE_DELAY = 37
Move = tuple[int, float, int] | tuple[int, float, int, int]


def run(pcm: Audio, moves: Sequence[Move] = (), **standing: float) -> Audio:
    """What comes out of whole quanta of sound, some tones standing at a value from the start."""
    chain = ToneChain()
    for name, value in standing.items():
        chain.start(("brightness", "space", "drive").index(name), value)
    for move in moves:
        chain.move(*move)
    return chain.process(pcm)


def impulse(frames: int, at: int = 0, level: float = 1.0) -> Audio:
    out = np.zeros((frames, 2), dtype=np.float32)
    out[at, 0] = level
    return out


def pink(frames: int, level: float = 0.1) -> Audio:
    spectrum = np.fft.rfft(noise(frames), axis=0)
    spectrum /= np.sqrt(np.maximum(np.fft.rfftfreq(frames, 1 / RATE_HZ), 30))[:, None]
    out = np.fft.irfft(spectrum, frames, axis=0)
    return (out * (level / out.std())).astype(np.float32)


def song(frames: int, level: float) -> Audio:
    """Something like a band: strokes, a bass, and partials, at a level (rms)."""
    t = np.arange(frames) / RATE_HZ
    bass = 0.5 * np.sin(2 * np.pi * 60 * t) * (1 + np.sin(2 * np.pi * 1.0 * t))
    since_stroke = np.arange(frames) % 24_000 / RATE_HZ
    out = music(frames, level=0.6) + bass[:, None] * 0.5
    out += noise(frames, seed=9, level=0.5) * np.exp(-since_stroke / 0.03)[:, None]
    return (out * (level / out.std())).astype(np.float32)


def loudness(pcm: Audio) -> float:
    meter = LoudnessMeter(RATE_HZ)
    meter.add(pcm)
    measured = meter.finish().integrated_lufs
    assert measured is not None
    return measured


def spectrum_db(pcm: Audio) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies, and the spectrum of the left channel beside its highest line."""
    lines = np.abs(np.fft.rfft(pcm[:, 0].astype(np.float64) * np.blackman(len(pcm))))
    return np.fft.rfftfreq(len(pcm), 1 / RATE_HZ), 20 * np.log10(lines / lines.max() + 1e-12)


# All of them


def test_nothing_turned_leaves_sound_untouched_to_the_bit() -> None:
    pcm = music(QUANTUM * 50)
    np.testing.assert_array_equal(run(pcm), pcm)


@pytest.mark.parametrize("which", [BRIGHTNESS, DRIVE])
def test_what_was_turned_and_turned_back_leaves_nothing_behind(which: int) -> None:
    pcm = music(QUANTUM * 300)
    out = run(pcm, [(which, RANGES[which][1], 1000), (which, 0.0, 8000)])
    np.testing.assert_array_equal(out[:1000], pcm[:1000])
    assert np.abs(out[2000:8000] - pcm[2000:8000]).max() > 0.01
    settled = 8000 + 480 + 543
    np.testing.assert_array_equal(out[settled:], pcm[settled:])


@pytest.mark.parametrize("ramp_frames", [0, 48, 480, 4800])
@pytest.mark.parametrize("which", [BRIGHTNESS, SPACE, DRIVE])
@pytest.mark.parametrize("sound", ["music", "bass", "loud tone"])
def test_a_move_from_one_end_to_the_other_makes_no_click(which: int, ramp_frames: int, sound: str) -> None:
    """In music; in deep bass alone that takes 10 ms, which is what sessions give it at least."""
    frames, at = QUANTUM * 500, 15_011
    pcm = {
        "music": lambda: music(frames, level=0.6),
        "bass": lambda: tone(frames, 55.0, level=0.5),
        "loud tone": lambda: tone(frames, 997.0, level=0.9),
    }[sound]()
    if sound == "bass":
        ramp_frames = max(ramp_frames, 480)
    low, high = RANGES[which]
    for before, after in ((low, high), (high, low), (0.0, high), (high, 0.0)):
        name = ("brightness", "space", "drive")[which]
        moved = run(pcm, [(which, after, at, ramp_frames)], **{name: before})
        part = slice(at - NEAR, at + ramp_frames + 543 + NEAR)
        steady = max(roughness(run(pcm, **{name: value})[part]).max() for value in (before, after))
        assert roughness(moved[part]).max() <= 1.5 * steady


any_moves = st.lists(
    st.integers(0, 2).flatmap(
        lambda which: st.tuples(
            st.just(which),
            st.floats(*RANGES[which]),
            st.integers(0, 19_000),
            st.sampled_from([0, 1, 480, 5000]),
        )
    ),
    max_size=12,
)


@settings(max_examples=40)
@given(moves=any_moves, cuts=st.lists(st.integers(0, QUANTUM * 300), max_size=6))
def test_any_moves_stay_bounded_and_are_the_same_however_blocks_are_cut(
    moves: list[Move], cuts: list[int]
) -> None:
    pcm = music(QUANTUM * 300, level=0.8)
    whole = run(pcm, moves)
    assert np.isfinite(whole).all()
    assert np.abs(whole).max() <= 4 * np.abs(pcm).max()
    chain = ToneChain()
    for move in moves:
        chain.move(*move)
    pieces = [chain.process(piece) for piece in np.split(pcm, sorted(cuts))]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e30])
def test_what_is_not_finite_is_gone_with_the_next_sound(wrong: float) -> None:
    pcm = music(QUANTUM * 200, level=0.3)
    pcm[1000] = wrong, -wrong
    out = run(pcm, brightness=6.0, space=1.0, drive=1.0)
    assert np.isfinite(out[1000 + 4 * QUANTUM :]).all()
    assert 0.01 < np.abs(out[6000:]).max() < 2


@pytest.mark.parametrize(("which", "value"), [(3, 0.0), (-1, 0.0), (SPACE, 1.1), (DRIVE, float("nan"))])
def test_what_makes_no_sense_is_refused(which: int, value: float) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        ToneChain().move(which, value, 0)


# Brightness


def shelves(tilt_db: float, frequencies_hz: NDArray[np.float64]) -> NDArray[np.complex128]:
    """One pole and one zero about 800 Hz, frequencies bent as by the bilinear transform; of level 1."""
    s = 1j * np.tan(np.pi * frequencies_hz / RATE_HZ) / np.tan(np.pi * 800 / RATE_HZ)
    gain = 10 ** (tilt_db / 40)
    return (1 / gain + gain * s) / (1 + s)


@pytest.mark.parametrize("tilt_db", [-12, -3, 0.01, 5, 12])
def test_the_response_is_that_of_the_analogue_tilt(tilt_db: float) -> None:
    frames = 1 << 15
    out = run(impulse(frames), brightness=tilt_db)
    frequencies_hz = np.fft.rfftfreq(frames, 1 / RATE_HZ)[4:-4]
    answer = 20 * np.log10(np.abs(np.fft.rfft(out[:, 0].astype(np.float64)))[4:-4])
    apart = answer - 20 * np.log10(np.abs(shelves(tilt_db, frequencies_hz)))
    assert np.ptp(apart) < 0.01
    assert answer[-1] - answer[0] == pytest.approx(tilt_db, abs=0.05)


@pytest.mark.parametrize("tilt_db", [-12, -6, 6, 12])
def test_what_has_the_spectrum_of_music_is_as_loud_tilted(tilt_db: float) -> None:
    """It falls by 5 dB an octave from 100 Hz on, by 9 above 4 kHz (after Pestana et al. 2013)."""
    frames = RATE_HZ * 4
    octaves = np.log2(np.maximum(np.fft.rfftfreq(frames, 1 / RATE_HZ), 20) / 100)
    slopes_db = np.interp(
        octaves, [-3, 0, np.log2(40), 8], [-18, 0, -5 * np.log2(40), -5 * np.log2(40) - 24.1]
    )
    spectrum = np.fft.rfft(noise(frames), axis=0) * 10 ** (slopes_db / 20)[:, None]
    pcm = np.fft.irfft(spectrum, frames, axis=0).astype(np.float32)
    pcm *= np.float32(0.1 / pcm.std())
    assert loudness(run(pcm, brightness=tilt_db)) == pytest.approx(loudness(pcm), abs=0.5)


# Drive


@pytest.mark.parametrize("level", [0.05, 0.25, 1.0])
def test_a_driven_sine_has_odd_harmonics_and_no_aliases(level: float) -> None:
    out = run(tone(QUANTUM * 900, 5000, level=level), drive=1.0)[-RATE_HZ:]
    frequencies_hz, lines_db = spectrum_db(out)
    near = np.abs(frequencies_hz - np.round(frequencies_hz / 10_000 - 0.5) * 10_000 - 5000)
    assert lines_db[near > 20].max() < -60
    third_db = lines_db[np.abs(frequencies_hz - 15_000) < 20].max()
    assert third_db > (-25 if level > 0.2 else -60)


def test_more_drive_means_more_harmonics() -> None:
    thirds = []
    for drive in (0.0, 0.1, 0.3, 0.6, 1.0):
        frequencies_hz, lines_db = spectrum_db(run(tone(QUANTUM * 400, 1000), drive=drive)[9600:])
        thirds.append(lines_db[np.abs(frequencies_hz - 3000) < 20].max())
    assert (np.diff(thirds) > 3).all()
    assert thirds[0] < -100
    assert thirds[-1] > -25


@pytest.mark.parametrize("level", [0.03, 0.15, 0.4])
@pytest.mark.parametrize("drive", [0.3, 1.0])
def test_music_is_as_loud_driven(level: float, drive: float) -> None:
    for pcm in (song(RATE_HZ * 4, level), pink(RATE_HZ * 4, level)):
        assert loudness(run(pcm, drive=drive)) == pytest.approx(loudness(pcm), abs=1.5)


def test_soft_sound_is_only_late_and_flat_to_20_khz() -> None:
    out = run(impulse(QUANTUM * 200, at=6400, level=1e-3), drive=1e-3)[6400:, 0].astype(np.float64) * 1e3
    assert np.abs(out).argmax() == DRIVE_DELAY
    np.testing.assert_allclose(out[:DRIVE_DELAY], out[2 * DRIVE_DELAY : DRIVE_DELAY : -1], atol=1e-5)
    lines_db = 20 * np.log10(np.abs(np.fft.rfft(out[:4800])))
    assert np.abs(lines_db[:2000]).max() < 0.2


# Space


@pytest.fixture(scope="module")
def room() -> Audio:
    """The answer of the room to a click on the left, without the click."""
    return run(impulse(RATE_HZ * 6, at=QUANTUM), space=1.0)[QUANTUM + 1 :].astype(np.float64)


def reverberation_s(answer: NDArray[np.float64]) -> float:
    """By the slope of what is still to come, from -5 to -35 dB (ISO 3382)."""
    left = np.cumsum(np.square(answer[::-1]).sum(axis=1))[::-1]
    left_db = 10 * np.log10(left / left[0] + 1e-15)
    return 2 * float((left_db < -35).argmax() - (left_db < -5).argmax()) / RATE_HZ


def octave(answer: NDArray[np.float64], middle_hz: float) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(answer, axis=0)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(answer), 1 / RATE_HZ), 1) / middle_hz)
    return np.fft.irfft(spectrum * np.exp(-np.square(octaves / 0.35))[:, None], len(answer), axis=0)


def test_the_room_rings_for_two_seconds_and_less_in_the_highs(room: Audio) -> None:
    for middle_hz in (500, 1000, 2000):
        assert reverberation_s(octave(room, middle_hz)) == pytest.approx(2.0, rel=0.2)
    assert reverberation_s(octave(room, 8000)) < 1.2


def test_echoes_are_dense_within_150_ms(room: Audio) -> None:
    """Abel and Huang 2006: as many samples beyond a deviation as noise has."""
    for at_s in (0.15, 0.3, 0.6, 1.0):
        part = room[round(at_s * RATE_HZ) :][:960]
        beyond = np.mean(np.abs(part) > part.std(axis=0))
        assert beyond / 0.317 == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("from_s", [0.2, 1.0, 2.0])
def test_no_mode_rings_above_the_others(room: Audio, from_s: float) -> None:
    part = room[round(from_s * RATE_HZ) :][: 2 * RATE_HZ]
    part = part * 10 ** (1.5 * np.arange(len(part)) / RATE_HZ)[:, None]  # without its decay
    power = np.square(np.abs(np.fft.rfft(part * np.hanning(len(part))[:, None], axis=0))).sum(axis=1)
    frequencies_hz = np.fft.rfftfreq(len(part), 1 / RATE_HZ)
    band = np.floor(12 * np.log2(np.maximum(frequencies_hz, 1) / 100))
    bands_db = np.array([10 * np.log10(power[band == number].mean()) for number in range(66)])
    for index in range(4, len(bands_db) - 4):
        around = np.median(np.r_[bands_db[index - 4 : index], bands_db[index + 1 : index + 5]])
        assert bands_db[index] < around + 10


def test_the_room_is_clearly_heard_and_the_whole_as_loud() -> None:
    pcm = pink(RATE_HZ * 6)
    out = run(pcm, space=1.0)
    dry_gain = float(np.sum(out * pcm) / np.sum(pcm * pcm))
    room_only = (out - dry_gain * pcm)[2 * RATE_HZ :]
    assert -1.5 < 20 * np.log10(dry_gain) < 0
    assert -8 < level_db(room_only) - level_db(pcm) < -2
    assert level_db(out[2 * RATE_HZ :]) == pytest.approx(level_db(pcm), abs=1.0)


@pytest.mark.parametrize("is_mono", [False, True])
def test_the_room_is_wide_and_still_there_in_mono(is_mono: bool) -> None:
    pcm = pink(RATE_HZ * 4)
    if is_mono:
        pcm[:, 1] = pcm[:, 0]
    room_only = run(pcm, [(SPACE, 0.0, 3 * RATE_HZ, 0)], space=1.0)[-RATE_HZ + 4096 :]
    room_only = room_only - pcm[-len(room_only) :]
    left, right = room_only.T
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.4
    assert level_db((left + right) / 2) - level_db(room_only) > -5
    assert abs(level_db(left) - level_db(right)) < 2


def test_a_tail_dies_to_exact_silence_and_costs_nothing_then() -> None:
    chain = ToneChain()
    chain.start(SPACE, 1.0)
    chain.process(noise(RATE_HZ, level=0.3))
    chain.move(SPACE, 0.0, RATE_HZ, 480)
    silence = np.zeros((QUANTUM * 750, 2), dtype=np.float32)
    assert not chain.is_neutral
    tail = np.concatenate([chain.process(silence) for _ in range(8)])
    assert chain.is_neutral
    assert np.abs(tail[RATE_HZ : RATE_HZ + 4800]).max() > 1e-4
    assert not tail[-9600:].any()
    last = int(np.flatnonzero(tail.any(axis=1))[-1])
    assert np.abs(tail[last - 2400 : last]).max() < 1e-5
    pcm = music(QUANTUM * 50)
    np.testing.assert_array_equal(chain.process(pcm), pcm)


def test_the_room_is_the_same_at_the_same_sample_whatever_sounded_before() -> None:
    """What was there is forgotten once it is silent: only the clock tells how its lines swing."""
    at = QUANTUM * 6000
    fresh = run(impulse(at + RATE_HZ, at=at), space=1.0)[at:]
    used = impulse(at + RATE_HZ, at=at)
    used[: RATE_HZ // 2] = noise(RATE_HZ // 2)
    np.testing.assert_array_equal(run(used, space=1.0)[at:], fresh)
