"""The bench of ballots finds what bots do, and that who merely comes at once is heard."""

from __future__ import annotations

import pytest

from remixd.bench import bench_ballots
from remixd.bench.results import Bench
from remixd.bench.runner import Task


def test_bots_move_a_crowd_less_than_a_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_ballots, "FANS", (50,))
    monkeypatch.setattr(bench_ballots, "SEEDS_QUICK", 1)
    found = Bench(name="ballots", question="?")
    bench_ballots.run(Task(found, quick=True, tell=lambda _: None, keep=lambda: None))
    by_case = {(each.name, *each.case.values()): each for each in found.figures}
    for share in (0.1, 0.2, 0.3):
        came = by_case["shift, bots who come at once", share, 1.0, 0.0].samples[0]
        hid = by_case["shift, bots there from the start", share, 1.0, 0.0].samples[0]
        others = [
            by_case["shift of what else there is", share, 1.0, name].samples[0] for name in ("median", "mean")
        ]
        assert came <= hid < min(others)
        assert others[1] == pytest.approx(share, rel=0.15)  # of ends at 0 and 1
    judged = [each for each in found.figures if each.limits and each.unit != "ms"]
    assert len(judged) == 15
    assert all(each.met for each in judged)
