"""`remixd bench` prints a table, or JSON; a result that is kept can be shown again."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from remixd.bench import runner
from remixd.bench.results import Bench, Figure, Limit, Result
from remixd.cli import run


@pytest.fixture(name="ran")
def made_up_run(monkeypatch):
    """What a run comes to, without running it."""
    figure = Figure(
        name="gain wish to sound", unit="ms", samples=(1.0, 2.0, 3.0), case={"block": 128},
        limits=(Limit(statistic="median", at_most=4.0), Limit(statistic="max", at_most=2.5)),
    )  # fmt: skip
    bench = Bench(name="latency", question="How long?", state="done", figures=[figure])
    bench.skips.append({"part": "device", "reason": "jackd is not installed"})
    result = Result(
        started_at="2030-01-31T12:00:00Z", benches=[bench],
        machine={"cpu": "a CPU", "cores": 8, "cores_usable": 2, "kernel": "6"},
    )  # fmt: skip

    def pretend(_name, *, path, **_rest):
        if path is not None:
            result.save(path)
        return result

    monkeypatch.setattr(runner, "run", pretend)
    return result


@pytest.mark.usefixtures("ran")
def test_the_table_has_every_figure_its_limits_and_what_was_skipped(capsys, tmp_path):
    assert run(["bench", "latency", "--quick", "--json", str(tmp_path / "r.json")]) == 0
    told = capsys.readouterr().out
    assert "latency  gain wish to sound  128" in told
    assert "median 4 ms yes, max 2.5 ms NO" in told
    assert "latency skipped device: jackd is not installed" in told
    assert "a CPU, 2 of 8 cores" in told
    assert run(["bench", "--show", "--json", str(tmp_path / "r.json")]) == 0
    assert capsys.readouterr().out == told


def test_json_goes_to_stdout_if_asked(ran, capsys):
    assert run(["bench", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out) == ran.to_json()


def test_an_interrupted_run_and_a_failed_bench_have_their_exit_codes(ran, capsys):
    ran.interrupted = True
    assert run(["bench"]) == 130
    ran.interrupted = False
    ran.benches[0].state, ran.benches[0].reason = "failed", "the daemon did not start"
    assert run(["bench"]) == 1
    assert capsys.readouterr().err == "remixd: bench latency failed: the daemon did not start\n"


def test_what_cannot_be_is_told_in_a_line(capsys):
    assert run(["bench", "--show"]) == 2
    assert run(["bench", "kernal"]) == 1
    assert "did you mean kernel" in capsys.readouterr().err


def test_quick_and_full_exclude_each_other_and_full_reaches_the_benches(monkeypatch, capsys):
    asked = []

    def measure(task):
        asked.append((task.quick, task.full))

    monkeypatch.setattr(runner, "NOISE_S", 0.01)
    monkeypatch.setattr(runner, "bench_names", lambda: ["thing"])
    monkeypatch.setattr(runner, "_module", lambda _name: SimpleNamespace(run=measure, __doc__="Why?"))
    assert run(["bench", "thing", "--full"]) == 0
    assert asked == [(False, True)]
    assert run(["bench", "thing", "--quick", "--full"]) == 2
    assert "give one" in capsys.readouterr().err
