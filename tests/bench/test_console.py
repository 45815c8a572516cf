"""The bench of the console: one that keeps the browser from its frames is found out."""

from __future__ import annotations

import shutil

import pytest

from remixd.bench import bench_console
from remixd.bench.browsers import CHROMIUM
from remixd.bench.results import Bench
from remixd.bench.runner import Task

SLOW = """(remixdConsole.draw = () => {
  const until = performance.now() + 50;
  while (performance.now() < until);
}) && true"""


@pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="no chromium")
def test_a_console_that_draws_for_50_ms_a_frame_breaks_the_limit(monkeypatch):
    pytest.importorskip("playwright")
    for name, value in {"ROUNDS_QUICK": 1, "ROUND_QUICK_S": 1.0, "SETTLE_S": 0.3}.items():
        monkeypatch.setattr(bench_console, name, value)
    monkeypatch.setattr(bench_console, "PLAYS", f"({bench_console.PLAYS}) && {SLOW}")
    found = Bench(name="console", question="?")
    bench_console.run(Task(found, quick=True, tell=lambda _: None, keep=lambda: None))
    ratios = [each.samples[0] for each in found.figures if each.unit == "ratio"]
    assert len(ratios) == 2
    assert min(ratios) > 2.0
