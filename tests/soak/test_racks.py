"""A thousand switches and morphs of racks at random moments in real songs: none of them clicks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sounds import music as made_music
from switches import switch

from remixd._kernel import fft
from remixd.analysis.decode import Source, decode
from remixd.config import user_cache_path

TIMES, GAP, PARTS = 20, 9000, 10
FRAMES = 2000 + (TIMES + 1) * GAP


@pytest.fixture(scope="module", autouse=True)
def plans() -> None:
    fft.prepare(user_cache_path() / "fftwf.wisdom")


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_two_hundred_switches_and_morphs_do_not_click() -> None:
    for seed in range(10):
        assert switch(made_music(FRAMES, seed=seed, level=0.3), 20, 100 + seed, GAP) == []


@pytest.mark.soak
@pytest.mark.music
@pytest.mark.timeout(3600)
def test_a_thousand_switches_and_morphs_in_real_music_do_not_click(music: Path) -> None:
    songs = sorted((music / "mixes").glob("*.ogg"))
    assert len(songs) * PARTS * TIMES >= 1000
    for number, song in enumerate(songs):
        pcm = np.concatenate([block for block, *_ in decode(Source(path=song, name=song.name))])
        for part in range(PARTS):
            start = part * (len(pcm) - FRAMES) // PARTS
            assert switch(pcm[start : start + FRAMES], TIMES, number * PARTS + part, GAP) == [], song.name
