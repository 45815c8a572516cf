"""The crowd bench counts what everybody gets, and what others feel."""

from __future__ import annotations

import pytest

from remixd.bench import bench_crowd
from remixd.bench.results import Bench
from remixd.bench.runner import Task


def test_a_small_crowd_is_counted_whole(monkeypatch):
    for name, value in {
        "CROWDS": ((3, 2),), "CROWDS_QUICK": (0,), "LAST_QUICK_S": 1.0, "SETTLE_S": 0.2,
        "SONG_S": 3.0, "CALL_EVERY_S": 0.1,
    }.items():  # fmt: skip
        monkeypatch.setattr(bench_crowd, name, value)
    found = Bench(name="crowd", question="?")
    bench_crowd.run(Task(found, quick=True, tell=lambda _: None, keep=lambda: None))
    figures = {each.name: each for each in found.figures}
    assert len(figures["packets a second"].samples) == 3
    assert figures["packets a second"].summary()["median"] == pytest.approx(100, rel=0.1)
    assert figures["heard"].summary()["median"] == pytest.approx(1.0, rel=0.1)
    assert figures["missing"].summary()["max"] == 0
    assert figures["updates a second"].summary()["median"] == pytest.approx(25, rel=0.2)
    assert figures["memory of the daemon"].samples[0] > 10
