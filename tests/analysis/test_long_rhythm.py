"""Long songs are heard in pieces: the same beats, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from recordings import hits, sine

from remixd.analysis import long_rhythm
from remixd.analysis.long_rhythm import RhythmFinder
from remixd.analysis.rhythm import Rhythm, find_rhythm
from remixd.analysis.rhythm_features import RhythmFeatures

RATE_HZ = 22_050
SECONDS = 100.0


@pytest.fixture(autouse=True)
def soon_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_rhythm, "LONG_S", 60.0)
    monkeypatch.setattr(long_rhythm, "_PIECE_S", 40.0)
    monkeypatch.setattr(long_rhythm, "_BESIDE_S", 8.0)


def heard(stems: dict[Any, np.ndarray], find: Any = find_rhythm, block: int = 30_000) -> Rhythm:
    """Stems read side by side, block by block."""
    finder = RhythmFinder(RATE_HZ, max(map(len, stems.values())), len(stems), find)
    for _ in zip(*(finder.tap(blocks(pcm, block), role) for role, pcm in stems.items()), strict=True):
        pass
    return finder.find()


def blocks(pcm: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for at in range(0, len(pcm), size):
        yield pcm[at : at + size].astype(np.float32)


def test_beats_go_on_over_the_seams() -> None:
    """One after the other at 123 beats a minute, none double and none missing."""
    rhythm = heard({"drums": hits(SECONDS, 123, RATE_HZ), "bass": sine(SECONDS, 60, RATE_HZ)})
    assert rhythm.bpm == pytest.approx(123, rel=1e-3)
    steps = np.diff(rhythm.beats_s)
    np.testing.assert_allclose(steps, 60 / 123, atol=0.01)
    assert rhythm.beats_s[0] < 0.6
    assert rhythm.beats_s[-1] > SECONDS - 0.6
    assert set(rhythm.downbeats_s) <= set(rhythm.beats_s)
    assert rhythm.downbeats_s
    assert 0.0 < rhythm.confidence["beats"] <= 1.0


def test_each_piece_has_its_own_tempo() -> None:
    first, second = hits(50.0, 100, RATE_HZ), hits(50.0, 130, RATE_HZ, seed=5)
    rhythm = heard({"drums": np.concatenate([first, second])})
    beats = np.array(rhythm.beats_s)
    for low, high, bpm in ((2, 31, 100), (69, 98, 130)):
        inside = beats[(beats > low) & (beats < high)]
        np.testing.assert_allclose(np.diff(inside), 60 / bpm, atol=0.012)


@pytest.mark.parametrize("block", [7_001, 400_000])
def test_what_a_piece_hears_is_what_is_there_and_is_let_go_of(block: int) -> None:
    """Every piece is read as soon as it is through, in its own sound, whatever the blocks."""
    given: list[float] = []
    seen: list[tuple[int, float, float]] = []
    ramp = np.linspace(0, 1, round(SECONDS * RATE_HZ))[:, None] * np.ones(2)

    def find(features: RhythmFeatures) -> Rhythm:
        seen.append((len(features.stems), features.duration_s, given[-1] if given else 0.0))
        return Rhythm()

    def counted(pcm: np.ndarray) -> Iterator[np.ndarray]:
        for part in blocks(pcm, block):
            given.append((given[-1] if given else 0.0) + len(part) / RATE_HZ)
            yield part

    finder = RhythmFinder(RATE_HZ, len(ramp), 1, find)
    passed = np.concatenate(list(finder.tap(counted(ramp), "other")))
    np.testing.assert_array_equal(passed, ramp.astype(np.float32))
    assert finder.find() == Rhythm()
    third = SECONDS / 3
    for (stems, length_s, at_s), expected_s, end_s in zip(
        seen, (third + 8, third + 16, third + 8), (third + 8, 2 * third + 8, SECONDS), strict=True
    ):
        assert stems == 1
        assert length_s == pytest.approx(expected_s, abs=0.001)
        assert end_s - 0.001 <= at_s <= end_s + block / RATE_HZ


def test_a_song_that_is_not_long_is_heard_as_a_whole() -> None:
    pcm = hits(20.0, 100, RATE_HZ)
    features = RhythmFeatures(RATE_HZ)
    features.add(pcm.astype(np.float32), "drums")
    assert heard({"drums": pcm}) == find_rhythm(features)


def test_stems_of_which_one_ends_early_are_heard_to_the_end() -> None:
    finder = RhythmFinder(RATE_HZ, round(SECONDS * RATE_HZ), 2)
    for role, seconds in (("drums", SECONDS), ("bass", 12.0)):
        for _ in finder.tap(blocks(hits(seconds, 120, RATE_HZ), 50_000), role):  # type: ignore[arg-type]
            pass
    assert finder.find().beats_s[-1] > SECONDS - 1


def test_silence_has_no_beats() -> None:
    assert heard({"other": np.zeros((round(SECONDS * RATE_HZ), 2))}) == Rhythm()
