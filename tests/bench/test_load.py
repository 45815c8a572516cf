"""The load bench counts what listeners miss, and reads the CPU time of processes."""

from __future__ import annotations

import os
import time

import pytest

from remixd.bench import bench_load
from remixd.bench.daemons import cpu_s
from remixd.bench.results import Bench
from remixd.bench.runner import Task


def test_the_cpu_time_of_a_process_grows_as_it_works():
    before, began = cpu_s(os.getpid()), time.process_time()
    while time.process_time() - began < 0.1:
        pass
    assert cpu_s(os.getpid()) - before == pytest.approx(0.1, abs=0.05)


def test_a_small_load_is_heard_whole_and_every_figure_is_there(monkeypatch):
    for name, value in {
        "SESSIONS": 2, "SIGNALS_A_SECOND": 50, "SONG_S": 3.0,
        "LOAD_QUICK_S": 1.0, "IDLE_QUICK_S": 0.4, "IDLE_WINDOW_S": 0.2,
    }.items():  # fmt: skip
        monkeypatch.setattr(bench_load, name, value)
    found = Bench(name="load", question="?")
    bench_load.run(Task(found, quick=True, tell=lambda _: None, keep=lambda: None))
    figures = {(each.name, *each.case.values()): each for each in found.figures}
    assert len(figures[("signal call",)].samples) == 50
    assert figures[("signals refused",)].samples == (0.0,)
    assert len(figures[("gaps in a stream",)].samples) == 2
    for process in ("daemon", "engine"):
        assert len(figures[("CPU when idle", process)].samples) == 2
        assert 0 <= figures[("CPU under load", process)].samples[0] < 2
