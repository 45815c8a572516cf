"""A performance is as long as its tempo says, and another take is the same music, a little loose."""

from __future__ import annotations

import numpy as np
import pytest

from remixd.bench import corpus
from remixd.bench.corpus import LOOSE_S, Performance
from remixd.demo.grid import HOME_BPM
from remixd.units import RATE_HZ, STEM_ROLES


@pytest.fixture(autouse=True)
def no_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("tempo", [0.8, 1.25])
def test_a_performance_lasts_as_long_as_its_tempo_says(tempo):
    stems = Performance(tempo=tempo, bars=1).stems()
    assert set(stems) == set(STEM_ROLES)
    frames = 4 * 60 / (HOME_BPM * tempo) * RATE_HZ
    for sound in stems.values():
        assert sound.dtype == np.float32
        assert sound.shape == (pytest.approx(frames, abs=1), 2)
        assert np.abs(sound).max() > 0.01


def test_what_was_kept_is_what_was_rendered_and_older_versions_are_gone(no_cache):
    old = no_cache / "remixd" / "bench" / "corpus-of-before"
    old.mkdir(parents=True)
    rendered = Performance(bars=1).stems()
    kept = Performance(bars=1).stems()
    assert not old.exists()
    for role in STEM_ROLES:
        np.testing.assert_array_equal(kept[role], rendered[role])
    [file] = no_cache.rglob("*.npz")
    file.write_bytes(file.read_bytes()[:1000])
    np.testing.assert_array_equal(Performance(bars=1).stems()["drums"], rendered["drums"])


def test_without_a_place_to_keep_them_performances_are_rendered(monkeypatch):
    monkeypatch.setattr(corpus, "_folder", lambda: corpus.Path("/dev/null/nowhere"))
    assert np.abs(Performance(bars=1).stems()["bass"]).max() > 0.01


@pytest.mark.parametrize("tempo", [0.8, 1.25])
def test_another_take_moves_every_note_a_little_and_no_two_alike(tempo):
    first, again = Performance(tempo=tempo).song, Performance(tempo=tempo, again=True).song
    for part in first.score.parts:
        pairs = zip(first.score.parts[part], again.score.parts[part], strict=True)
        moved_s = np.array([again.grid.seconds(b.beat) - first.grid.seconds(a.beat) for a, b in pairs])
        assert np.abs(moved_s).max() <= LOOSE_S + 1e-9
        assert len(np.unique(moved_s.round(7))) > len(moved_s) // 3
        assert np.std(moved_s) > LOOSE_S / 4


def test_a_key_moves_everything_but_the_drums():
    home, higher = Performance(bars=1).stems(), Performance(semitones=3.0, bars=1).stems()
    np.testing.assert_array_equal(home["drums"], higher["drums"])
    for role in ("bass", "vocals", "other"):
        assert np.abs(home[role] - higher[role]).max() > 0.01
