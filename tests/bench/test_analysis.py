"""The analysis bench scores what is known, and says so where nothing is."""

from __future__ import annotations

import json

import numpy as np
import pytest

from remixd.bench import bench_analysis
from remixd.bench.bench_analysis import area_under_curve, constant_offset_s
from remixd.bench.results import Bench
from remixd.bench.runner import Skipped, Task
from remixd.control.encoder import write_audio

RATE_HZ = 22_050
BPM = 120.0


def task() -> tuple[Bench, Task]:
    bench = Bench(name="analysis", question="?")
    return bench, Task(bench, quick=True, tell=lambda _: None, keep=lambda: None)


def test_without_songs_it_says_where_it_looked(tmp_path, monkeypatch):
    pytest.importorskip("mir_eval")
    monkeypatch.setenv("REMIXD_MUSIC", str(tmp_path))
    with pytest.raises(Skipped, match=tmp_path.name):
        bench_analysis.run(task()[1])


def test_clicks_are_found_in_every_way_they_are_heard(tmp_path, monkeypatch):
    pytest.importorskip("mir_eval")
    folder = tmp_path / "stems" / "clicks"
    folder.mkdir(parents=True)
    beats_s = np.arange(0.5, 30.0, 60 / BPM)
    sound = np.zeros((30 * RATE_HZ, 2), np.float32)
    for index, at_s in enumerate(beats_s):
        start = round((at_s + 0.012) * RATE_HZ)
        sound[start : start + 300] += (0.3 if index % 4 else 0.9) * np.exp(-np.arange(300) / 60)[:, None]
    write_audio(folder / "drums.wav", iter([sound]), RATE_HZ)
    truth = {"beats": beats_s.tolist(), "downbeats": beats_s[::4].tolist()}
    (folder / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "MANIFEST.json").write_text("[]")
    monkeypatch.setenv("REMIXD_MUSIC", str(tmp_path))
    monkeypatch.setattr(bench_analysis, "_peers", lambda _: {})
    bench, asked = task()
    bench_analysis.run(asked)
    told = {(one.name, one.case.get("heard")): one.samples[0] for one in bench.figures}
    for heard in ("stems", "mix", "cut"):
        assert told["beat F", heard] == 1.0
        assert told["constant offset", heard] == pytest.approx(12, abs=4)
        assert told["beat error, median", heard] < 1.0
    assert [skip["part"] for skip in bench.skips] == ["confidence"]


def test_an_offset_is_what_all_beats_share_and_no_more_than_30_ms():
    true_s = np.arange(0.0, 20.0, 0.5)
    assert constant_offset_s(true_s + 0.02, true_s) == pytest.approx(0.02)
    assert constant_offset_s(true_s - 0.06, true_s) == pytest.approx(-0.03)
    assert constant_offset_s(true_s + 0.25, true_s) == 0.0
    assert constant_offset_s(np.zeros(0), true_s) == 0.0


def test_the_area_tells_how_well_confidence_orders():
    assert area_under_curve([(0.9, True), (0.8, True), (0.1, False)]) == 1.0
    assert area_under_curve([(0.1, True), (0.9, False)]) == 0.0
    assert area_under_curve([(0.5, True), (0.5, False)]) == 0.5
    assert area_under_curve([(0.5, True)]) is None
