"""The kernel bench measures every case, and its costs are of the size that sound allows."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.bench import bench_kernel, costs, ours
from remixd.bench.floors import Idle
from remixd.bench.results import Bench
from remixd.bench.runner import Task


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What a short run without real peers finds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        for name, value in {"BLOCKS": (512,), "ROUNDS_QUICK": 1, "CROWD": 3, "QUICK_S": 0.1}.items():
            patch.setattr(bench_kernel, name, value)
        patch.setattr(bench_kernel, "available_peers", lambda: ([Idle()], {"Absent": "pip install absent"}))
        bench = Bench(name="kernel", question="?")
        bench_kernel.run(Task(bench, quick=True, tell=lambda _: None, keep=lambda: None))
    return bench


def test_every_case_has_its_cost_and_a_stretch_costs_more_than_a_copy(found):
    cost = {
        figure.case["case"]: figure.samples[0]
        for figure in found.figures
        if figure.name == "CPU a second of sound"
    }
    assert 0 < cost["copy"] < cost["tempo"] < 1
    assert cost["copy"] < cost["limiter working"]


def test_peers_are_compared_in_both_settings_and_one_that_does_nothing_costs_least(found):
    ratio = {
        (figure.case["system"], figure.case["setting"], figure.case["over"]): figure.samples[0]
        for figure in found.figures
        if figure.name == "times the cost"
    }
    variants = [f"{ours.NAME}, {variant}" for variant in ours.VARIANTS]
    paths = [f"{variant}, {bench_kernel.STRETCH_PATH}" for variant in variants]
    assert set(ratio) == {("idle", name, over) for name in bench_kernel.SETTINGS for over in variants + paths}
    assert all(0 < value < 1 for (_, _, over), value in ratio.items() if over in variants)
    assert found.skips == [{"part": "Absent", "reason": "pip install absent"}]


def test_single_blocks_are_timed_for_a_crowd_and_for_one(found):
    blocks = [figure for figure in found.figures if figure.name == "block over mean block"]
    assert {(figure.case["sessions"], figure.case["block"]) for figure in blocks} == {(3, 128), (1, 64)}
    assert all(figure.summary()["mean"] == pytest.approx(1) for figure in blocks)


class _Scripted:
    """A player whose blocks cost what they are told to, on a clock that only it moves."""

    def __init__(self, clock, costs_ns):
        self.clock, self.costs_ns = clock, iter(costs_ns)

    def render(self, _frames):
        self.clock[0] += next(self.costs_ns)


@given(
    true_ns=st.lists(st.integers(1, 1000), min_size=1, max_size=20),
    noise_ns=st.lists(st.lists(st.integers(0, 10_000), min_size=20, max_size=20), min_size=1, max_size=4),
    warm_up=st.integers(0, 3),
)
def test_what_the_machine_adds_is_filtered_if_one_repeat_is_free_of_it(true_ns, noise_ns, warm_up):
    clock, repeats = [0], [*noise_ns, [0] * 20]
    runs = iter(repeats)

    def make():
        noise = next(runs)
        spent = [true + noise[at] for at, true in enumerate(true_ns)]
        return [_Scripted(clock, [7] * warm_up + spent), _Scripted(clock, [5] * len(true_ns))]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "thread_time_ns", lambda: clock[0])
        found_s = costs.measure_blocks(make, 64, len(true_ns), [warm_up, 0], len(repeats))
    np.testing.assert_allclose(found_s * 1e9, np.array(true_ns) + 5)


def test_players_take_turns_and_the_first_round_is_dropped(monkeypatch):
    clock, order = [0], []

    class Player:
        def __init__(self, name, cost_ns):
            self.name, self.cost_ns, self.first = name, cost_ns, True

        def render(self, _frames):
            if order[-1:] != [self.name]:
                order.append(self.name)
            clock[0] += self.cost_ns

    monkeypatch.setattr(time, "thread_time_ns", lambda: clock[0])
    found = costs.measure_seconds({"a": Player("a", 1000), "b": Player("b", 3000)}, 480, 3)
    assert order == ["a", "b"] * 4
    np.testing.assert_allclose(found["a"], [0.1] * 3)
    np.testing.assert_allclose(found["b"], [0.3] * 3)
