"""Octave bands, singing and energy."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import noise, tone

from remixd.analysis.activity import find_energy, find_singing, rate_energy
from remixd.analysis.bands import BandLevels, Bands
from remixd.analysis.loudness import Loudness, LoudnessMeter
from remixd.demo import Song

RATE_HZ = 48_000
Cuts = list[int]


def blocks_of(pcm: np.ndarray, cuts: Cuts) -> list[np.ndarray]:
    edges = sorted({0, len(pcm), *(min(cut, len(pcm)) for cut in cuts)})
    return [pcm[a:b] for a, b in pairwise(edges)]


def bands_of(pcm: np.ndarray, cuts: Cuts | None = None, rate_hz: int = RATE_HZ) -> Bands:
    levels = BandLevels(rate_hz)
    for block in blocks_of(pcm, cuts or [65_536, 131_072]):
        levels.add(block)
    return levels.finish()


def loudness_of(pcm: np.ndarray) -> Loudness:
    meter = LoudnessMeter(RATE_HZ)
    meter.add(pcm)
    return meter.finish()


@pytest.mark.parametrize(
    ("hz", "band"), [(60, 0), (141, 1), (283, 2), (566, 3), (1131, 4), (2263, 5), (9000, 7)]
)
def test_a_tone_lies_in_its_octave_with_its_power(hz: float, band: int) -> None:
    energies = bands_of(tone(RATE_HZ, hz, level=0.5)).energies[5:-5].mean(axis=0)
    assert energies.argmax() == band
    assert energies.sum() == pytest.approx(0.25, rel=0.05)  # mean square .125 a channel
    assert energies[band] > 0.8 * energies.sum()


@given(cuts=st.lists(st.integers(0, 30_000), max_size=8), rate_hz=st.sampled_from([11_025, 44_100, 96_000]))
@settings(max_examples=10)
def test_blocks_do_not_matter_to_bands(cuts: Cuts, rate_hz: int) -> None:
    pcm = noise(30_000, seed=1, level=0.1)
    whole = bands_of(pcm, [0], rate_hz)
    np.testing.assert_array_equal(bands_of(pcm, cuts, rate_hz).energies, whole.energies)
    assert len(whole.energies) * whole.step_s == pytest.approx(len(pcm) / rate_hz, abs=0.025)


def voice(spans: list[tuple[float, float]], seconds: float, *, bleed: float = 0.0) -> np.ndarray:
    out = bleed * noise(round(seconds * RATE_HZ), seed=9, level=1.0)
    for start_s, end_s in spans:
        frames = slice(round(start_s * RATE_HZ), round(end_s * RATE_HZ))
        out[frames] += tone(frames.stop - frames.start, 330.0, level=0.1)
    return out.astype(np.float32)


@pytest.mark.parametrize("gain", [0.05, 1.0])
@pytest.mark.parametrize("bleed", [0.0, 0.003])
def test_singing_is_found_where_it_is(gain: float, bleed: float) -> None:
    spans = [(1.0, 2.5), (4.0, 4.4), (6.0, 7.0)]
    found = find_singing(bands_of(gain * voice(spans, 8.0, bleed=bleed)))
    assert found is not None
    assert len(found) == len(spans)
    for sung, (start_s, end_s) in zip(found, spans, strict=True):
        assert sung.start_s == pytest.approx(start_s, abs=0.04)
        assert sung.end_s == pytest.approx(end_s, abs=0.04)


def test_a_breath_does_not_end_a_phrase() -> None:
    found = find_singing(bands_of(voice([(1.0, 2.0), (2.2, 3.0)], 4.0)))
    assert found is not None
    assert len(found) == 1


def test_no_vocals_is_not_the_same_as_silent_vocals() -> None:
    assert find_singing(None) is None
    assert find_singing(bands_of(np.zeros((RATE_HZ, 2), np.float32))) == ()
    assert find_singing(bands_of(np.zeros((0, 2), np.float32))) == ()


def test_energy_follows_loudness_and_not_gain() -> None:
    pcm = noise(9 * RATE_HZ, seed=2, level=0.3)
    pcm[: 3 * RATE_HZ] *= 0.3
    pcm[6 * RATE_HZ :] = 0.0
    edges_s = np.array([0.5, 2.5, 3.5, 5.5, 6.5, 8.5])
    energy = find_energy(loudness_of(pcm), edges_s)
    assert energy[2] == pytest.approx(1.0, abs=0.02)
    assert 0.1 < energy[0] < 0.7
    assert energy[4] == 0.0
    assert ((energy >= 0) & (energy <= 1)).all()
    np.testing.assert_allclose(find_energy(loudness_of(pcm / 4), edges_s), energy, atol=0.01)


def test_silence_has_no_energy() -> None:
    silence = np.zeros((2 * RATE_HZ, 2), np.float32)
    assert not find_energy(loudness_of(silence), np.array([0.0, 1.0, 2.0])).any()
    assert rate_energy({"other": bands_of(silence)}, loudness_of(silence)) is None


def rating_of(pcm: np.ndarray) -> float:
    rating = rate_energy({"other": bands_of(pcm)}, loudness_of(pcm))
    assert rating is not None
    return rating


def test_a_busy_song_is_rated_above_a_calm_one_whatever_the_gain() -> None:
    calm = tone(4 * RATE_HZ, 220.0, level=0.1)
    busy = np.tile(noise(4000, seed=1, level=0.1) * np.geomspace(1, 0.01, 4000)[:, None], (48, 1)).astype(
        np.float32
    )
    ratings = [rating_of(pcm) for pcm in (calm, busy, busy / 8)]
    assert all(1 <= rating <= 10 for rating in ratings)
    assert ratings[1] > ratings[0] + 1
    assert ratings[2] == pytest.approx(ratings[1], abs=0.05)


def test_the_demo_singer_is_heard() -> None:
    song = Song(sections=("verse", "chorus"), space=0.0)
    found = find_singing(bands_of(song.render("vocals.en")))
    assert found
    sung = np.zeros(round(song.duration_s * 50), bool)
    for span in found:
        sung[round(span.start_s * 50) : round(span.end_s * 50)] = True
    truth = np.zeros_like(sung)
    for breath in song.score.sung["vocals.en"]:
        start, end = breath.syllables[0].beat, breath.syllables[-1].end_beat
        truth[round(song.grid.seconds(start) * 50) : round(song.grid.seconds(end) * 50)] = True
    assert (sung & truth).sum() > 0.95 * truth.sum()
    assert (sung & truth).sum() > 0.85 * sung.sum()
