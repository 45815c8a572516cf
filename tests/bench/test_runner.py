"""The runner: what it keeps of benches that end well, fail, cannot run, or are interrupted."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.bench import runner, shares
from remixd.bench.results import Result
from remixd.errors import NotFound


@pytest.fixture
def benches(monkeypatch):
    """Benches made up by the test, by name; the noise floor is measured for a moment only."""
    made = {}
    monkeypatch.setattr(runner, "NOISE_QUICK_S", 0.01)
    monkeypatch.setattr(runner, "bench_names", lambda: sorted(made))
    monkeypatch.setattr(
        runner, "_module", lambda name: SimpleNamespace(run=made[name], __doc__="Why?\n\nBecause.")
    )
    return made


def run(name="all", path=None):
    return runner.run(name, quick=True, path=path, tell=lambda _doing: None)


def measure(task):
    task.settings(size=3)
    task.figure("cost", "ms", [1, 2, 3], {"block": 64})


def test_a_run_names_the_machine_the_versions_and_its_noise(benches, tmp_path):
    benches["thing"] = measure
    result = run(path=tmp_path / "r.json")
    assert result.complete
    assert not result.interrupted
    assert result.machine["cores_usable"] >= 1
    assert {"python", "numpy", "remixd", "simd"} <= set(result.versions)
    assert {figure.case["when"] for figure in result.noise} == {"before", "after"}
    assert result.started_at <= result.ended_at
    [bench] = result.benches
    took = {name: bench.settings[name] for name in ("took_s", "took_cpu_s")}
    assert (bench.state, bench.question, bench.settings) == ("done", "Why?", {"size": 3, **took})
    assert [figure.samples for figure in bench.figures] == [(1.0, 2.0, 3.0)]
    assert Result.load(tmp_path / "r.json").to_json() == result.to_json()


def test_a_bench_that_fails_or_cannot_run_does_not_hold_back_the_others(benches):
    def break_down(task):
        measure(task)
        raise ZeroDivisionError("by nothing")

    def decline(_task):
        raise runner.Skipped("there is no jackd")

    benches.update(a=break_down, b=decline, c=measure)
    result = run()
    assert [(each.state, each.reason) for each in result.benches] == [
        ("failed", "ZeroDivisionError: by nothing"),
        ("skipped", "there is no jackd"),
        ("done", ""),
    ]
    assert not result.complete
    assert len(result.benches[0].figures) == 1


def test_an_interrupted_run_keeps_what_it_found_and_is_marked(benches, tmp_path):
    def stop(task):
        measure(task)
        raise KeyboardInterrupt

    benches.update(a=measure, b=stop, c=measure)
    run(path=tmp_path / "r.json")
    result = Result.load(tmp_path / "r.json")
    assert result.interrupted
    assert not result.complete
    assert [each.state for each in result.benches] == ["done", "interrupted"]
    assert all(each.figures for each in result.benches)


def test_a_bench_whose_packages_are_not_installed_is_skipped_with_the_command(monkeypatch):
    def refuse(name):
        raise ModuleNotFoundError(f"No module named {name}", name="river")

    monkeypatch.setattr(runner, "NOISE_QUICK_S", 0.01)
    monkeypatch.setattr(runner, "bench_names", lambda: ["audience"])
    monkeypatch.setattr(runner, "_module", refuse)
    result = run()
    assert result.complete
    [bench] = result.benches
    assert (bench.state, bench.reason) == ("skipped", "river is not installed: pip install 'remixd[bench]'")


def test_what_is_measured_is_on_disk_at_once(benches, tmp_path):
    def look(task):
        measure(task)
        kept = Result.load(tmp_path / "r.json")
        assert kept.benches[0].state == "running"
        assert len(kept.benches[0].figures) == 1
        task.skip("the rest", "no need")
        assert Result.load(tmp_path / "r.json").benches[0].skips

    benches["thing"] = look
    assert run(path=tmp_path / "r.json").complete


def test_an_unknown_bench_is_named_with_the_nearest_and_nothing_runs():
    with pytest.raises(NotFound, match="did you mean kernel"):
        run("kernal")


def test_every_bench_asks_a_question():
    names = runner.bench_names()
    assert {"kernel", "latency", "load"} <= set(names)
    for name in names:
        assert runner.question_of(name).endswith("?"), name


def test_a_bench_whose_time_is_over_ends_and_keeps_what_it_found_and_the_others_run(benches, monkeypatch):
    def endless(task):
        measure(task)
        try:
            while True:
                time.sleep(0.01)
        except Exception:  # a broad handler does not hold it
            measure(task)

    async def wait():
        await asyncio.gather(*(asyncio.sleep(60) for _ in range(3)))

    monkeypatch.setattr(shares, "SHARES_S", {"a": 0.1, "b": 0.1, "c": 5.0})
    benches.update(a=endless, b=lambda _task: asyncio.run(wait()), c=measure)
    result = run()
    assert [each.state for each in result.benches] == ["interrupted", "interrupted", "done"]
    assert "its time, 0 s, was over" in result.benches[0].reason
    assert len(result.benches[0].figures) == 1
    assert not result.complete
    assert not result.interrupted
    assert run("c").complete


def test_a_run_that_is_terminated_keeps_what_it_found(benches, tmp_path):
    def terminated(task):
        measure(task)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

    benches.update(a=terminated, b=measure)
    before = signal.getsignal(signal.SIGTERM)
    run(path=tmp_path / "r.json")
    assert signal.getsignal(signal.SIGTERM) is before
    result = Result.load(tmp_path / "r.json")
    assert (result.interrupted, len(result.benches), len(result.benches[0].figures)) == (True, 1, 1)


@given(spent_s=st.lists(st.floats(0.0, 60.0), min_size=1, max_size=16))
def test_all_quick_benches_end_within_five_minutes_and_each_has_its_share(spent_s):
    now_s, clock = 0.0, shares.Clock(0.0)
    for name, wanted_s in zip(shares.SHARES_S, spent_s, strict=False):
        given_s = clock.begin(name, now_s)
        assert given_s >= shares.SHARES_S[name]
        now_s += min(wanted_s, given_s)
    assert now_s <= 290.001


def test_every_bench_has_a_share_and_the_nine_come_first():
    assert runner.bench_names() == sorted(shares.SHARES_S)
    first = shares.in_order(runner.bench_names())[:9]
    assert first[:2] == ["kernel", "quality"]
    assert {"audience", "load", "analysis", "rack", "chaos", "latency", "decks"} <= set(first)


def test_an_alarm_that_was_set_before_goes_on():
    rang = []
    before = signal.signal(signal.SIGALRM, lambda *_: rang.append(1))
    timer = signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with shares.stopped_after(5.0):
            pass
        time.sleep(0.3)
        assert rang
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGALRM])
def test_what_ends_a_run_is_not_lost_in_a_callback_from_c(benches, tmp_path, number):
    @ctypes.CFUNCTYPE(None)
    def callback():
        signal.raise_signal(number)
        time.sleep(0)

    def called_back(task):
        measure(task)
        with shares.held_back():
            callback()
        task.figure("beyond", "s", [1.0], {})

    benches.update(a=called_back)
    result = run(path=tmp_path / "r.json")
    assert result.benches[0].state == "interrupted"
    assert [each.name for each in result.benches[0].figures] == ["cost"]
