"""Blends of presets whose weights move live do not click."""

from __future__ import annotations

import numpy as np
import pytest
from morphs import GAP, START, morph
from sounds import music, tone

from remixd._kernel import fft
from remixd._kernel.stem import Stem
from remixd.config import user_cache_path
from remixd.director.preset_files import shipped_names
from remixd.units import STEM_ROLES

TIMES = 6
FRAMES = START + TIMES * GAP + 5000
LEVEL = 0.12
SOFT = ["headphone-wide", "karaoke", "slowed-reverb", "stadium", "stripped"]
"""No compressor is in them: those bend a pure tone where it comes above their threshold, morph or not."""


@pytest.fixture(scope="module", autouse=True)
def plans() -> None:
    fft.prepare(user_cache_path() / "fftwf.wisdom")


@pytest.mark.parametrize("seed", range(5))
def test_the_weights_of_presets_move_in_music_without_a_click(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = sorted(rng.choice([name for name in shipped_names() if name != "original"], 3, replace=False))
    stems = {
        role: Stem.of(music(FRAMES, seed=seed * 4 + part, level=LEVEL), tonal=role != "drums")
        for part, role in enumerate(STEM_ROLES)
    }
    assert morph(stems, names, TIMES, seed) == []


@pytest.mark.parametrize("seed", range(4))
def test_the_weights_of_presets_move_in_pure_tones_without_a_click(seed: int) -> None:
    """Each switch without a ramp stands out of these by far."""
    names = sorted(np.random.default_rng(seed).choice(SOFT, 3, replace=False))
    stems = {
        role: Stem.of(tone(FRAMES, frequency_hz, level=LEVEL), tonal=role != "drums")
        for role, frequency_hz in zip(STEM_ROLES, (61.0, 113.0, 223.0, 331.0), strict=True)
    }
    assert morph(stems, names, TIMES, seed) == []
