"""The load bench counts what fans miss and how late it comes, and reads the CPU time of processes."""

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


def test_a_small_load_is_heard_and_every_figure_is_there(monkeypatch):
    for name, value in {
        "FANS_LEAST": 2, "FANS_MOST_QUICK": 3, "FANS_STEP": 1, "FILL": 99.0, "SONG_S": 3.0,
        "IDLE_QUICK_S": 0.4,
        "IDLE_WINDOW_S": 0.2, "SETTLE_S": 0.1, "LOOK_S": 0.2, "WATCHERS": 4, "WATCHED_SESSIONS": 1,
        "WATCHED_QUICK_S": 0.3, "QUIET_S": 0.3, "SPIN_S": 0.1,
    }.items():  # fmt: skip
        monkeypatch.setattr(bench_load, name, value)
    found = Bench(name="load", question="?")
    bench_load.run(Task(found, quick=True, tell=lambda _: None, keep=lambda: None, seconds=1.5))
    figures = {(each.name, *each.case.values()): each.samples for each in found.figures}
    assert figures[("fans",)] == (3.0,)
    assert len(figures[("gaps in a stream",)]) == len(figures[("packets late, p99",)]) == 3
    assert min(figures[("heard",)]) > 0.5
    assert all(-500 < late < 5000 for late in figures[("packets late, p99",)]), "on the same clock"
    assert 20 < figures[("signals a second",)][0] < 100
    assert figures[("signals refused",)] == (0.0,)
    for process in ("daemon", "engine", "encoder", "fans", "nothing"):
        assert 0 <= figures[("CPU under load", process)][0] < 2
    for beside in ("all fans", "nothing else"):
        assert figures[("call over echo, p99", beside)][0] > 0
    assert figures[("block cost when watched", 4, 1)][0] > 0
    assert figures[("updates of who got the fewest", 4, 1)][0] > 0
