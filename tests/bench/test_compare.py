"""Two runs compared: what is called, what is not, and what is kept and guarded."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remixd.bench import guards, runner
from remixd.bench.compare import Noise, compare
from remixd.bench.guards import GUARDS, Guard, check
from remixd.bench.history import fingerprint, read_lines, record
from remixd.bench.results import Bench, Figure, Limit, Result
from remixd.cli import run
from remixd.errors import InvalidInput


def samples(middle, spread=0.02, count=40, seed=0):
    return tuple(middle * np.exp(np.random.default_rng(seed).normal(0.0, spread, count)))


CALM = samples(1.0)


def noise(*, uneven=0.02, round_ms=1.0, late_us=60.0):
    work = (*[round_ms] * 8, *[round_ms * (1 + uneven)] * 4)
    return [
        Figure(name="fixed work: a round", unit="ms", samples=work, case={"when": "before"}),
        Figure(name="sleep of 1 ms: late by", unit="us", samples=(late_us,), case={"when": "before"}),
    ]


def a_run(values=CALM, *, name="a block", unit="us", bench="decks", limits=(), machine="x",
          started="2030-01-31T12:00:00Z", complete=True, case=None, **floors):  # fmt: skip
    figure = Figure(name=name, unit=unit, samples=tuple(values), limits=tuple(limits), case=case or {})
    return Result(
        started_at=started, complete=complete, machine={"cpu": machine, "cores": 2}, settings={"quick": True},
        commit={"id": "abcdef0123456789", "changed": False}, noise=noise(**floors),
        benches=[Bench(name=bench, question="?", state="done", figures=[figure])],
    )  # fmt: skip


def verdict(before, after):
    return compare(before, after).changes[0].verdict


@settings(max_examples=30, deadline=None)
@given(seeds=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), spread=st.floats(0.001, 0.3))
def test_runs_of_the_same_are_never_called_different(seeds, spread):
    runs = [a_run(samples(1.0, spread, seed=seed)) for seed in seeds]
    assert verdict(*runs) == "within noise"


@given(factor=st.floats(1.4, 10.0), spread=st.floats(0.001, 0.1))
@settings(max_examples=30, deadline=None)
def test_what_costs_a_half_more_is_a_regression_and_the_other_way_round_is_none(factor, spread):
    before, after = a_run(samples(1.0, spread)), a_run(samples(factor, spread, seed=1))
    [change] = compare(before, after).regressions
    assert change.low <= change.ratio <= change.high
    assert change.ratio == pytest.approx(factor, rel=0.2)
    assert verdict(after, before) == "better"


def test_of_a_noisy_run_no_winner_is_called():
    before, after = a_run(), a_run(samples(1.5, seed=1))
    assert verdict(before, after) == "worse"
    assert verdict(before, a_run(samples(1.5, seed=1), uneven=0.6)) == "within noise"
    assert verdict(before, a_run(samples(1.5, seed=1), round_ms=1.5)) == "within noise"


def test_a_machine_that_was_slower_says_nothing_of_a_ratio_to_what_ran_beside():
    words = {"name": "times the cost", "unit": "ratio"}
    slow = a_run(samples(50.0, seed=1), round_ms=3.0, **words)
    assert verdict(a_run(samples(100.0), **words), slow) == "worse"


def test_sleeps_that_are_late_widen_what_waits_and_nothing_else():
    words = {"name": "signal call", "unit": "ms"}
    late = {"late_us": 1000.0}
    runs = [a_run(samples(value, seed=value), bench=bench, **words, **late)
            for bench in ("load", "rack") for value in (1, 2)]  # fmt: skip
    assert (verdict(*runs[:2]), verdict(*runs[2:])) == ("within noise", "worse")


def test_few_samples_are_told_and_not_judged():
    change = compare(a_run((1.0, 1.0, 1.0)), a_run((9.0, 9.0, 9.0))).changes[0]
    assert (change.verdict, change.ratio) == ("too few", 9.0)


def test_the_tail_is_compared_too():
    before = samples(1.0, count=1000)
    after = tuple(value * (8.0 if at % 30 == 0 else 1.0) for at, value in enumerate(before))
    found = {each.statistic: each.verdict for each in compare(a_run(before), a_run(after)).changes}
    assert found == {"median": "within noise", "p99": "worse"}


def test_what_is_computed_is_the_same_or_it_is_called():
    words = {
        "bench": "quality",
        "name": "LSD 2048",
        "unit": "dB",
        "case": {"system": "remixd"},
        "uneven": 2.0,
    }
    assert verdict(a_run((3.0, 4.0), **words), a_run((3.0, 4.2), **words)) == "worse"
    assert verdict(a_run((3.0, 4.0), **words), a_run((3.0, 4.02), **words)) == "within noise"
    peer = words | {"case": {"system": "Peer"}}
    assert verdict(a_run((3.0, 4.0), **peer), a_run((4.0, 5.0), **peer)) == "differs"


def test_a_count_that_must_be_none_is_called_once_there_are_too_many_for_chance():
    words = {"name": "gaps in a stream", "unit": "count", "limits": (Limit(statistic="max", at_most=0.0),)}
    none = a_run((0.0,) * 10, **words)
    few, many = (a_run((float(each),) * 10, **words) for each in (0.1, 3))
    assert not compare(none, few).regressions
    assert [each.statistic for each in compare(none, many).regressions] == ["max"]
    assert not compare(many, none).regressions


def test_runs_of_other_machines_or_of_nothing_in_common_are_told():
    found = compare(a_run(), a_run(samples(9.0), machine="y"))
    assert found.changes[0].verdict == "differs"
    assert "machines differ" in found.remarks[0]
    with pytest.raises(InvalidInput, match="no figure in common"):
        compare(a_run(), a_run(name="another"))


@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40),
    unit=st.sampled_from(["ms", "dB", "count"]),
)
@settings(max_examples=60, deadline=None)
def test_any_two_results_can_be_compared_and_written_as_json(values, unit):
    found = compare(a_run(values, unit=unit), a_run(values[::-1], unit=unit))
    assert not found.regressions
    for change in found.changes:
        assert change.ratio is None or change.low <= change.ratio * (1 + 1e-9)


def test_a_bench_that_was_set_up_otherwise_is_told_and_not_judged():
    def of(bench, **settings):
        runs = a_run(bench=bench), a_run(samples(3.0), bench=bench)
        for each, (name, value) in zip(runs, settings.items(), strict=True):
            each.benches[0].settings = {"rounds": value, "took_s": value, name.rstrip("_"): value}
        return compare(*runs)

    assert of("decks", x=1, x_=2).changes[0].verdict == "differs"
    assert of("decks", x=1, x_=2).remarks == ("decks was set up otherwise (x)",)
    assert of("decks", blocks=1, blocks_=2).regressions
    assert of("quality", blocks=1, blocks_=2).remarks == ("quality was set up otherwise (blocks, rounds)",)


def test_a_run_without_floors_is_as_noisy_as_can_be():
    bare = a_run()
    bare.noise = []
    assert Noise.of(bare).uneven == float("inf")
    assert verdict(bare, a_run(samples(9.0))) == "within noise"


def test_the_command_exits_with_one_on_a_regression_and_says_how_noisy_both_were(tmp_path, capsys):
    a, b = tmp_path / "a.json", tmp_path / "b.json"
    a_run().save(a)
    a_run(samples(2.0, seed=1), uneven=0.05).save(b)
    assert run(["bench", "compare", str(a), str(b)]) == 1
    told = capsys.readouterr().out
    assert "A was calm: fixed work uneven by 2%" in told
    assert "B was calm: fixed work uneven by 5%" in told
    assert "1 worse" in told
    assert run(["bench", "compare", str(b), str(a)]) == 0
    assert run(["bench", "compare", str(a), str(b), "--json"]) == 1
    capsys.readouterr()
    (tmp_path / "c.json").write_text('{"format": "remixd-bench", "version": 99}')
    assert run(["bench", "compare", str(a), str(tmp_path / "c.json")]) == 1
    assert "version 99" in capsys.readouterr().err


def test_a_history_keeps_results_and_finds_the_last_complete_one_of_an_equal_machine(tmp_path, capsys):
    days = [f"2030-01-0{day}T00:00:00Z" for day in range(1, 6)]
    runs = [
        a_run(started=days[0]), a_run(started=days[1], complete=False), a_run(started=days[2], machine="y"),
        a_run(samples(3.0), started=days[3]),
    ]  # fmt: skip
    kept = [record(each, tmp_path) for each in runs]
    assert [before for _, before in kept] == [None, kept[0][0], None, kept[0][0]]
    assert Result.load(kept[3][0]) == runs[3]
    with (tmp_path / "history.jsonl").open("a") as file:
        file.write('{"file": "cut o')
    assert [line["file"] for line in read_lines(tmp_path)] == [path.name for path, _ in kept]
    assert fingerprint(runs[0]) == fingerprint(runs[3]) != fingerprint(runs[2])
    runs[3].save(tmp_path / "r.json")
    assert run(["bench", "record", str(tmp_path / "r.json"), "--history", str(tmp_path)]) == 0
    assert "1 worse" in capsys.readouterr().out
    assert len(read_lines(tmp_path)) == 4


def test_a_history_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="cannot write"):
        record(a_run(), tmp_path / "file")


GUARD = Guard(bench="decks", figure="times", case={"of": "x"}, at_least=10.0, why="it is slow")


def test_a_guard_is_kept_broken_or_not_measured():
    def state(value, **changed):
        words = {"name": "times", "unit": "ratio", "case": {"of": "x", "block": 64}} | changed
        [guarded] = check([a_run((value,), **words)], [GUARD])
        return guarded

    assert state(10.0).state == "kept"
    assert (state(9.9).state, "it is slow" in state(9.9).told) == ("broken", True)
    assert state(9.9, case={"of": "y"}).state == state(9.9, name="else").state == "not measured"


def test_every_guard_has_one_limit_on_a_ratio_of_a_bench_that_is_there():
    for guard in GUARDS:
        assert (guard.at_least is None) != (guard.at_most is None)
        assert guard.bench in runner.bench_names()


def test_the_command_exits_with_one_if_a_guard_is_broken_or_none_was_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(guards, "GUARDS", (GUARD,))
    monkeypatch.setattr(check, "__defaults__", ((GUARD,),))
    for value, code in ((12.0, 0), (2.0, 1)):
        a_run((value,), name="times", unit="ratio", case={"of": "x"}).save(tmp_path / "r.json")
        assert run(["bench", "check", str(tmp_path / "r.json")]) == code
    a_run().save(tmp_path / "r.json")
    assert run(["bench", "check", str(tmp_path / "r.json"), "--json"]) == 1
    told = capsys.readouterr()
    assert "nothing that is guarded was measured" in told.err
    assert json.loads(told.out[told.out.index("[") :])[0]["state"] == "not measured"
