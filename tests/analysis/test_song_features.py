"""One reading of all stems gives what each would give alone."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from harmonies import tones_of
from sounds import noise, tone

from remixd.analysis.bands import BandLevels
from remixd.analysis.key import find_key
from remixd.analysis.loudness import LoudnessMeter
from remixd.analysis.song_features import SongFeatures, StemSource, listen
from remixd.units import STEM_ROLES, StemRole

RATE_HZ = 48_000
FRAMES = 3 * RATE_HZ
STEMS: dict[str, tuple[StemRole, np.ndarray]] = {
    "kit": ("drums", noise(FRAMES, seed=1, level=0.1)),
    "low": ("bass", tone(FRAMES, 55.0, level=0.2)),
    "keys": ("other", tone(FRAMES, 440.0, level=0.1)),
    "pad": ("other", tone(FRAMES - 5000, 660.0, level=0.1)),
    "voice": ("vocals", tone(FRAMES, 330.0, level=0.1)),
}


def heard() -> SongFeatures:
    sources = {
        name: StemSource(role=role, blocks=[pcm[:40_000], pcm[40_000:]])
        for name, (role, pcm) in STEMS.items()
    }
    return listen(sources, RATE_HZ)


FOUND = heard()


def padded(pcm: np.ndarray) -> np.ndarray:
    return np.pad(pcm, ((0, FRAMES - len(pcm)), (0, 0)))


def loudness(pcm: np.ndarray) -> float | None:
    meter = LoudnessMeter(RATE_HZ)
    meter.add(pcm)
    return meter.finish().integrated_lufs


def test_the_mix_is_the_sum_of_what_plays() -> None:
    mix = sum(padded(pcm) for _, pcm in STEMS.values())
    assert FOUND.mix.integrated_lufs == pytest.approx(loudness(mix), abs=1e-3)


@pytest.mark.parametrize("name", STEMS)
def test_every_stem_is_measured(name: str) -> None:
    levels = BandLevels(RATE_HZ)
    levels.add(padded(STEMS[name][1]))
    np.testing.assert_allclose(FOUND.bands[name].energies, levels.finish().energies, rtol=1e-5, atol=1e-9)


def test_tones_are_those_of_a_role_together_without_drums() -> None:
    tones = FOUND.tones
    assert set(tones) == {"bass", "other", "vocals"}
    together = tones_of(padded(STEMS["keys"][1]) + padded(STEMS["pad"][1]), RATE_HZ)
    np.testing.assert_allclose(tones["other"].amplitudes, together.amplitudes, atol=0.05)
    np.testing.assert_allclose(
        FOUND.vocals.energies,
        FOUND.bands["voice"].energies,
        rtol=1e-5,
    )
    find_key(tones)


def test_without_vocals_none_are_told() -> None:
    source = StemSource(role="other", blocks=[STEMS["keys"][1]])
    assert listen({"keys": source}, RATE_HZ).vocals is None


def test_memory_grows_by_a_little_a_second() -> None:
    def blocks(count: int) -> Iterator[np.ndarray]:
        return (noise(RATE_HZ, seed=1, level=0.1) for _ in range(count))

    kept = []
    for seconds in (10, 40):
        tracemalloc.start()
        try:
            sources = {role: StemSource(role=role, blocks=blocks(seconds)) for role in STEM_ROLES}
            found = listen(sources, RATE_HZ)
            kept.append(tracemalloc.get_traced_memory()[1])
            del found
        finally:
            tracemalloc.stop()
    assert (kept[1] - kept[0]) / 30 < 60_000  # 3 hours: 650 MB at the very most while joining
