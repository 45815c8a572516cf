"""Fifty engines are killed in mid-song, one after the other, and a daemon; nothing is lost."""

from __future__ import annotations

import pytest

from remixd.bench import bench_chaos
from remixd.bench.results import Bench
from remixd.bench.runner import Task


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_fifty_engines_die_and_each_time_there_is_sound_again_within_half_a_second():
    found = Bench(name="chaos", question="?")
    bench_chaos.run(Task(found, quick=False, tell=lambda _: None, keep=lambda: None))
    figures = {each.name: each for each in found.figures}
    assert len(figures["sound again"].samples) == 2 * bench_chaos.KILLS
    assert max(figures["sound again"].samples) < 500
    assert len(figures["sound again, many on one engine"].samples) == 100 * bench_chaos.CROWD_KILLS
    assert max(figures["sound again, many on one engine"].samples) < 500
    for name in (
        "signals lost",
        "other sessions disturbed",
        "sessions not adopted",
        "sessions lost, many on one engine",
    ):
        assert max(figures[name].samples) == 0, name
