"""The bench of plug-ins plays one both ways, and counts what came too late."""

from __future__ import annotations

import numpy as np
import pytest
from vst3s import zam

from remixd.bench import bench_plugins
from remixd.bench.results import Bench
from remixd.bench.runner import Skipped, Task


def measure() -> Bench:
    found = Bench(name="plugins", question="?")
    bench_plugins.run(Task(found, quick=True, tell=lambda _: None, keep=lambda: None))
    return found


def test_each_way_has_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    zam(bench_plugins.PLUGIN)
    monkeypatch.setattr(bench_plugins, "SECONDS_QUICK", 0.1)
    least = np.finfo(np.float64).smallest_subnormal
    figures = {(each.name, *each.case.values()): each.samples for each in measure().figures}
    for cores in ("idle", "busy"):
        for case in ((2, "hosted"), (8, "hosted"), ("direct",)):
            calls = figures["call", cores, 1, *case]
            assert len(calls) >= 0.1 * 750
            assert min(calls) > 0
        for blocks in (2, 8):
            [late] = figures["late", cores, 1, blocks]
            assert 0 <= late <= 1
    assert least * np.ones(1) > 0, "what comes after it computes with other numbers"


def test_without_the_plug_in_it_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_plugins, "find_files", list)
    with pytest.raises(Skipped, match="apt install zam-plugins"):
        measure()
