"""Density in a render without a daemon: generated on the beats, or taken away; the same each time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from performing import SECOND, track
from sounds import Audio, level_db, tone

from remixd._kernel import fft
from remixd._kernel.stem import Stem
from remixd.config import user_cache_path
from remixd.control import offline
from remixd.mix import NEUTRAL
from remixd.track.analysis import Chord

SILENCE = np.zeros((12 * SECOND, 2), np.float32)


def rendered(monkeypatch: pytest.MonkeyPatch, pcm: Audio, density: float, start_s: float = 0.0) -> Audio:
    fft.prepare(user_cache_path() / "fftwf.wisdom")
    stem = Stem.of(pcm)
    song = track("song", {"other": pcm})
    chords = (Chord(start_s=0.0, end_s=12.0, name="Am"),)
    song = replace(song, analysis=replace(song.analysis, bpm=120.0, chords=chords))
    monkeypatch.setattr(offline, "Stem", _Opened(stem))
    blocks = offline.render(song, [Path("other")], NEUTRAL.moved(density=density), start_s, 6.0)
    return np.concatenate(list(blocks))


class _Opened:
    """What stands for a cache file."""

    def __init__(self, stem: Stem) -> None:
        self._stem = stem

    def open(self, _path: Path) -> Stem:
        return self._stem


def test_density_adds_to_a_render_what_is_the_same_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = rendered(monkeypatch, SILENCE, 1.0)
    np.testing.assert_array_equal(first, rendered(monkeypatch, SILENCE, 1.0))
    for second in range(6):
        assert level_db(first[second * SECOND : (second + 1) * SECOND]) > -45


def test_it_begins_where_the_render_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert level_db(rendered(monkeypatch, SILENCE, 1.0, start_s=5.0)[:SECOND]) > -45


def test_density_takes_from_an_offline_render(monkeypatch: pytest.MonkeyPatch) -> None:
    pcm = tone(12 * SECOND, 1000.0, level=0.1)
    thin = rendered(monkeypatch, pcm, -1.0)[SECOND:]
    assert level_db(thin) == pytest.approx(level_db(pcm) - 12, abs=0.2)


def test_at_neutral_it_is_the_stems_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    pcm = tone(12 * SECOND, 1000.0, level=0.1)
    np.testing.assert_array_equal(rendered(monkeypatch, pcm, 0.0), pcm[: 6 * SECOND])
