"""Onsets: found where the demo song's score and sounds made here have them, and nowhere else."""

from __future__ import annotations

import json
import tracemalloc
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sounds import RATE_HZ, Audio, noise, tone

from remixd.analysis.onsets import Onsets, find_onsets
from remixd.demo import Song
from remixd.track.flac import read_flac
from remixd.units import STEM_ROLES, StemRole

SONG = Song(sections=("verse",))
EARLY = 48
"""Frames before an onset from which the stretcher copies: nothing of an attack may lie earlier."""

Frames = NDArray[np.int64]


@lru_cache
def demo_stem(name: str) -> Audio:
    return SONG.render(name)


def demo_onsets(name: str) -> Frames:
    """Where the demo's notes begin, those within 25 ms as one."""
    frames = np.rint(np.array(SONG.analysis()["onsets_s"][name]) * RATE_HZ).astype(np.int64)
    kept: list[int] = []
    for frame in frames.tolist():
        if not kept or frame - kept[-1] >= 1200:
            kept.append(frame)
    return np.array(kept)


def errors(found: Onsets, truth: Frames, *, within_ms: float = 50.0) -> NDArray[np.float64]:
    """Time in ms by which each onset of `truth` is found late; not a number where it is not found."""
    late = found.frames[np.abs(found.frames[:, None] - truth).argmin(axis=0)] - truth
    return np.where(np.abs(late) <= within_ms * 48, late / 48, np.nan)


def f_measure(found: Onsets, truth: Frames) -> float:
    hits = np.isfinite(errors(found, truth)).sum()
    return float(2 * hits / (len(truth) + len(found.frames)))


def strokes(frames: int, starts: list[int], *, decay: float = 400.0) -> Audio:
    """Bursts of noise that begin at full level and die away."""
    out = np.zeros((frames, 2), np.float32)
    for index, start in enumerate(starts):
        burst = noise(4000, seed=index, level=0.2) * np.exp(-np.arange(4000) / decay)[:, None]
        out[start : start + 4000] += burst[: frames - start].astype(np.float32)
    return out


def rich_tone(frames: int, pitch_hz: float) -> Audio:
    return sum(
        (tone(frames, pitch_hz * n, level=0.2 / n, phase=0.3 * n) for n in range(1, 9)), np.zeros((frames, 2))
    ).astype(np.float32)


def test_every_stroke_of_the_demo_that_can_be_heard_is_found_at_its_start() -> None:
    grid = SONG.grid
    loud = {grid.seconds(note.beat) for note in SONG.score.parts["drums"] if note.velocity > 0.4}
    truth = demo_onsets("drums")
    audible = truth[np.abs(truth[:, None] / RATE_HZ - np.array(sorted(loud))).min(axis=1) < 0.001]
    found = find_onsets(demo_stem("drums"), "drums")
    late_ms = errors(found, audible, within_ms=5)
    assert np.isfinite(late_ms).mean() > 0.97
    assert np.nanquantile(late_ms, 0.95) < 1.0
    assert np.nanquantile(late_ms, 0.05) > -1.0
    assert f_measure(found, truth) > 0.9


def test_the_notes_of_the_demo_are_found() -> None:
    bass, other = (find_onsets(demo_stem(name), name) for name in ("bass", "other"))
    assert f_measure(bass, demo_onsets("bass")) > 0.95
    assert f_measure(other, demo_onsets("other")) > 0.8
    assert np.nanmedian(np.abs(errors(bass, demo_onsets("bass")))) < 1.0
    assert np.nanmedian(np.abs(errors(other, demo_onsets("other")))) < 1.0


@settings(max_examples=20)
@given(gaps=st.lists(st.integers(2400, 40_000), min_size=1, max_size=12), first=st.integers(0, 3000))
def test_strokes_are_found_wherever_they_lie(gaps: list[int], first: int) -> None:
    starts = [first, *(first + np.cumsum(gaps)).tolist()]
    found = find_onsets(strokes(starts[-1] + 1000, starts), "drums")
    assert len(found.frames) == len(starts)
    late = found.frames - np.array(starts)
    assert late.max() <= 4
    assert late.min() >= -EARLY


@pytest.mark.parametrize("role", STEM_ROLES)
@pytest.mark.parametrize("start", [0, 1, 5000, 23_990, 23_999])
def test_a_click_is_found_at_the_very_edges_too(role: StemRole, start: int) -> None:
    sound = np.zeros((24_000, 2), np.float32)
    sound[start] = 1.0
    found = find_onsets(sound, role)
    assert len(found.frames) == 1
    assert 0 <= start - found.frames[0] <= EARLY


@pytest.mark.parametrize("role", STEM_ROLES)
@pytest.mark.parametrize("frames", [0, 1, 2, 100, 3000])
def test_silence_has_no_onsets_and_a_short_stem_has_one(role: StemRole, frames: int) -> None:
    assert len(find_onsets(np.zeros((frames, 2), np.float32), role).frames) == 0
    assert find_onsets(np.ones((frames, 2), np.float32), role).frames.tolist() == [0][:frames]


@pytest.mark.parametrize("role", STEM_ROLES)
@pytest.mark.parametrize(
    "steady",
    [
        tone(96_000, 441.3, level=1.0),
        tone(96_000, 58.0),
        noise(96_000),
        np.full((96_000, 2), 0.5, np.float32),
        noise(96_000, level=2e-5),
    ],
    ids=["full scale", "low", "noise", "DC", "hiss"],
)
def test_what_is_steady_begins_once_and_its_cut_end_is_no_onset(role: StemRole, steady: Audio) -> None:
    assert find_onsets(steady, role).frames.tolist() == [0]


def test_a_note_is_found_that_follows_another_without_a_gap() -> None:
    change = 30_011
    sound = rich_tone(60_000, 220.0)
    sound[change:] = rich_tone(60_000 - change, 246.9)
    found = find_onsets(sound, "other").frames
    assert len(found) == 2
    assert abs(found[1] - change) < 0.003 * RATE_HZ


def test_a_stroke_is_found_at_its_start_while_a_loud_tone_rings() -> None:
    starts = [9000, 20_003, 41_000]
    found = find_onsets(0.1 * strokes(60_000, starts) + rich_tone(60_000, 90.0), "drums").frames
    assert found[0] == 0
    np.testing.assert_allclose(found[1:], starts, atol=EARLY)


def test_vibrato_is_not_a_row_of_notes() -> None:
    t = np.arange(3 * RATE_HZ) / RATE_HZ
    angle = 2 * np.pi * 330 * t + 6 * np.sin(2 * np.pi * 5.5 * t)
    voice = sum(np.sin(n * angle) / n for n in range(1, 8))
    sound = np.repeat(0.1 * voice[:, None], 2, axis=1).astype(np.float32)
    assert find_onsets(sound, "vocals").frames.tolist() == [0]


@pytest.mark.parametrize("gain", [0.05, 0.5, 2.0])
def test_onsets_do_not_depend_on_how_loud_a_stem_is(gain: float) -> None:
    plain = find_onsets(demo_stem("drums"), "drums")
    scaled = find_onsets(demo_stem("drums") * np.float32(gain), "drums")
    common = np.intersect1d(plain.frames, scaled.frames)
    assert len(common) > 0.98 * max(len(plain.frames), len(scaled.frames))


def test_a_stroke_on_one_side_is_as_good_as_one_in_the_middle() -> None:
    sound = strokes(30_000, [7000, 21_000])
    sound[:, 1] = 0.0
    np.testing.assert_allclose(find_onsets(sound, "drums").frames, [7000, 21_000], atol=EARLY)
    opposite = np.stack([sound[:, 0], -sound[:, 0]], axis=1)
    np.testing.assert_allclose(find_onsets(opposite, "drums").frames, [7000, 21_000], atol=EARLY)


@pytest.mark.parametrize("role", STEM_ROLES)
def test_onsets_rise_inside_the_stem_and_strengths_are_shares(role: StemRole) -> None:
    sound = demo_stem("vocals.en" if role == "vocals" else role)
    found = find_onsets(sound, role)
    assert found.frames.dtype == np.int64
    assert found.strengths.dtype == np.float32
    assert found.frames.shape == found.strengths.shape
    assert found.frames.size > 10
    assert (np.diff(found.frames) > 0).all()
    assert 0 <= found.frames[0] <= found.frames[-1] < len(sound)
    assert found.strengths.min() > 0
    assert found.strengths.max() <= 1


def test_a_stroke_is_stronger_than_a_soft_one_and_a_swell_is_weak() -> None:
    sound = strokes(200_000, [10_000, 40_000]) + 1e-3 * noise(200_000)
    sound[40_000:60_000] = 0.05 * sound[40_000:60_000] + 1e-3 * noise(20_000, seed=9)
    swell = np.hanning(24_000)[:, None] * tone(24_000, 500.0)
    sound[120_000:144_000] += swell.astype(np.float32)
    found = find_onsets(sound, "other")
    strengths = [found.strengths[np.abs(found.frames - at) < 100].max(initial=0) for at in (10_000, 40_000)]
    assert strengths[0] > 1.5 * strengths[1] > 0
    swelling = (found.frames > 119_000) & (found.frames < 144_000)
    assert found.strengths[swelling].max(initial=0) < 0.5 * strengths[0]


def test_memory_stays_small_beside_a_long_stem(tmp_path: Path) -> None:
    minutes = 2
    path = tmp_path / "long.npy"
    np.save(path, strokes(minutes * 60 * RATE_HZ, list(range(0, minutes * 60 * RATE_HZ, 12_000))))
    long = np.load(path, mmap_mode="r")
    tracemalloc.start()
    find_onsets(long, "drums")
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 300e6 * minutes / 10


@pytest.mark.music
def test_the_drums_of_a_tracker_song_lie_on_its_rows(music: Path) -> None:
    folder = music / "stems" / "mod_robochickens_flac"
    truth = json.loads((folder / "truth.json").read_text())
    recorded = np.concatenate(list(read_flac(folder / "drums.flac", 1.0)))[: 30 * 44_100]
    found = find_onsets(soxr.resample(recorded, 44_100, RATE_HZ), "drums").frames / RATE_HZ
    beats = np.array(truth["beats"])
    rows = np.interp(found, beats, np.arange(len(beats))) * truth["rows_per_beat"]
    assert len(found) > 60
    assert np.mean(np.abs(rows - np.rint(rows)) < 0.1) > 0.9
