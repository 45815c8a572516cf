"""The runner: what it keeps of benches that end well, fail, cannot run, or are interrupted."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from remixd.bench import runner
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
    assert (bench.state, bench.question, bench.settings) == ("done", "Why?", {"size": 3})
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
