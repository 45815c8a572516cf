import numpy as np
import pytest
from recordings import hits, sine

from remixd.analysis import beats
from remixd.analysis.beats import ANALYSIS_HZ, Beats, Mono, find_beats


def mono(samples: np.ndarray) -> Mono:
    return samples.mean(axis=1).astype(np.float32)


@pytest.mark.parametrize("bpm", [90.0, 120.0, 150.0])
def test_the_beats_of_drums_are_found(bpm: float) -> None:
    found = find_beats(mono(hits(16.0, bpm)))
    assert found.bpm == pytest.approx(bpm, rel=0.01)
    assert 0 < found.confidence <= 1
    period = 60 / bpm
    off_grid = [abs(time / period - round(time / period)) * period for time in found.times_s]
    assert np.median(off_grid) < 0.03
    assert len(found.times_s) == pytest.approx(16.0 / period, abs=4)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("seconds", [4, 12])
def test_noise_has_no_beat(seconds: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    white = (rng.standard_normal(seconds * ANALYSIS_HZ) * 0.1).astype(np.float32)
    assert find_beats(white) == Beats()
    assert find_beats((np.cumsum(white) * 0.01).astype(np.float32)) == Beats()


@pytest.mark.parametrize(
    "mix",
    [
        np.zeros(0, np.float32),
        np.zeros(1, np.float32),
        np.zeros(12 * ANALYSIS_HZ, np.float32),
        np.full(12 * ANALYSIS_HZ, 0.5, np.float32),
        mono(hits(0.25, 120)),
        mono(hits(2.0, 120)),
        mono(sine(12.0, 220.0)),
    ],
    ids=["nothing", "one frame", "silence", "constant", "0.25 s", "2 s", "tone"],
)
def test_where_there_is_no_beat_none_is_made_up(mix: Mono) -> None:
    assert find_beats(mix) == Beats()


def test_a_long_song_is_taken_in_pieces_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    mix = mono(hits(40.0, 120.0))
    whole = find_beats(mix)
    monkeypatch.setattr(beats, "PIECE_S", 10)
    pieces = find_beats(mix)
    assert pieces.bpm == pytest.approx(whole.bpm, rel=0.01)
    assert len(pieces.times_s) == pytest.approx(len(whole.times_s), abs=6)
    assert np.diff(pieces.times_s).min() > 0.3
