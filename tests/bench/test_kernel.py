"""The kernel bench measures every case, and its costs are of the size that sound allows."""

from __future__ import annotations

from remixd.bench import bench_kernel
from remixd.bench.results import Bench
from remixd.bench.runner import Task


def test_every_case_has_its_cost_and_a_stretch_costs_more_than_a_copy(monkeypatch):
    monkeypatch.setattr(bench_kernel, "BLOCKS", (512,))
    monkeypatch.setattr(bench_kernel, "ROUNDS_QUICK", 1)
    found = Bench(name="kernel", question="?")
    bench_kernel.run(Task(found, quick=True, tell=lambda _: None, keep=lambda: None))
    cost = {
        figure.case["case"]: figure.samples[0]
        for figure in found.figures
        if figure.name == "CPU a second of sound"
    }
    assert 0 < cost["copy"] < cost["tempo"] < 1
    assert cost["copy"] < cost["limiter working"]
    blocks = [figure for figure in found.figures if figure.name == "block over mean block"]
    assert {figure.case["case"] for figure in blocks} == {name for name in cost if "floor" not in name}
    assert all(abs(figure.summary()["mean"] - 1) < 1e-6 for figure in blocks)
