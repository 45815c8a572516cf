"""The chaos bench kills real engines and a real daemon, and loses nothing."""

from __future__ import annotations

import pytest

from remixd.bench import bench_chaos
from remixd.bench.results import Bench
from remixd.bench.runner import Task


@pytest.mark.timeout(150)
def test_engines_and_a_daemon_are_killed_and_nothing_is_lost(monkeypatch):
    monkeypatch.setattr(bench_chaos, "BETWEEN_S", 2.1)
    monkeypatch.setattr(bench_chaos, "SONG_S", 4.0)
    monkeypatch.setattr(bench_chaos, "CROWD", 12)
    monkeypatch.setattr(bench_chaos, "CROWD_KILLS_QUICK", 1)
    found = Bench(name="chaos", question="?")
    bench_chaos.run(Task(found, quick=True, tell=lambda _: None, keep=lambda: None))
    figures = {each.name: each for each in found.figures}
    assert len(figures["sound again"].samples) == 2 * bench_chaos.KILLS_QUICK
    assert min(figures["sound again"].samples) > 0
    assert min(figures["signals sent"].samples) > 15 * bench_chaos.KILLS_QUICK
    assert len(figures["sound again, many on one engine"].samples) == 12
    for name in ("signals lost", "sessions not adopted", "sessions lost, many on one engine"):
        assert max(figures[name].samples) == 0, name
    assert max(map(abs, figures["clock behind"].samples)) < 2000
