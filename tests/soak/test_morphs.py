"""A thousand morphs of presets at random moments in real songs: none of them clicks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from morphs import GAP, START, morph

from remixd._kernel import fft
from remixd._kernel.stem import Stem
from remixd.analysis.decode import Source, decode
from remixd.config import user_cache_path
from remixd.director.preset_files import shipped_names

TIMES, PARTS = 20, 10
FRAMES = START + (TIMES + 1) * GAP


@pytest.mark.soak
@pytest.mark.music
@pytest.mark.timeout(3600)
def test_a_thousand_morphs_in_real_music_do_not_click(music: Path) -> None:
    fft.prepare(user_cache_path() / "fftwf.wisdom")
    names = [name for name in shipped_names() if name != "original"]
    songs = sorted((music / "mixes").glob("*.ogg"))
    assert len(songs) * PARTS * TIMES >= 1000
    for number, song in enumerate(songs):
        pcm = np.concatenate([block for block, *_ in decode(Source(path=song, name=song.name))])
        for part in range(PARTS):
            seed = number * PARTS + part
            start = part * (len(pcm) - FRAMES) // PARTS
            blended = sorted(np.random.default_rng(seed).choice(names, 3, replace=False))
            stems = {"other": Stem.of(np.float32(0.5) * pcm[start : start + FRAMES])}
            assert morph(stems, blended, TIMES, seed) == [], song.name
