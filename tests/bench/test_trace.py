"""The bench of traces: what is compared differs in its trace alone, and sounds the same."""

from __future__ import annotations

import math

import pytest

from remixd.bench import bench_trace, ours
from remixd.bench.results import Bench
from remixd.bench.runner import Task
from remixd.bench.songs import make_music


def test_both_feeds_sound_the_same():
    ours.prepare()
    with ours.cached(make_music(1.0, 0.1), 1.0) as files:
        traced, plain = (ours.Fed(files, tempo=1.06, pitch=2.0, traced=each) for each in (True, False))
        for frames in (32, 480, 500):
            assert traced.render(frames) == plain.render(frames)


def test_every_figure_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bench_trace, "ROUNDS_QUICK", 2)
    monkeypatch.setattr(bench_trace, "SONG_S", 1.0)
    bench = Bench(name="trace", question="?")
    bench_trace.run(Task(bench, quick=True, tell=lambda _: None, keep=lambda: None))
    cases = {(figure.case["case"], figure.case["block"]) for figure in bench.figures}
    assert len(cases) == len(bench_trace.SETTINGS) * len(bench_trace.BLOCKS)
    limited = [figure for figure in bench.figures if figure.limits]
    assert len(limited) == len(cases)
    for figure in limited:
        assert figure.unit == "share"
        assert all(math.isfinite(each) for each in figure.samples)
