"""The result format: raw samples come back as they were, and what they come to is made from them."""

from __future__ import annotations

import json
import math
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remixd.bench.results import FORMAT, VERSION, Bench, Figure, Limit, Result
from remixd.cli import run
from remixd.errors import InvalidInput

samples = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50)


def a_result(*figures: Figure) -> Result:
    bench = Bench(name="thing", question="How?", state="done", settings={"n": 1}, figures=list(figures))
    bench.skips.append({"part": "half", "reason": "there is no other half"})
    return Result(
        started_at="2030-01-31T12:00:00Z", machine={"cpu": "x"}, versions={"python": "3"},
        commit={"id": "abc", "changed": False}, noise=[a_figure(1.0)], benches=[bench],
    )  # fmt: skip


def a_figure(*values: float, **changed: object) -> Figure:
    return Figure(**({"name": "cost", "unit": "ms", "samples": values, "case": {"block": 64}} | changed))  # type: ignore[arg-type]


@given(values=samples)
def test_a_result_comes_back_from_its_file_as_it_was(values, tmp_path_factory):
    path = tmp_path_factory.mktemp("results") / "r.json"
    result = a_result(a_figure(*values, limits=(Limit(statistic="p99", at_most=10.0),), note="so"))
    result.save(path)
    assert Result.load(path) == result
    assert [entry.name for entry in path.parent.iterdir()] == ["r.json"]


@given(values=samples)
def test_quantiles_are_in_order_and_within_the_samples(values):
    summary = a_figure(*values).summary()
    order = [summary[name] for name in ("min", "q1", "median", "q3", "p90", "p99", "p999", "max")]
    assert order == sorted(order)
    assert (order[0], order[-1]) == pytest.approx((min(values), max(values)), rel=1e-8)
    assert summary["count"] == len(values)
    assert summary["mean"] == pytest.approx(np.mean(values), rel=1e-6, abs=1e-2)


def test_the_spread_is_the_distance_of_the_quartiles_over_the_median():
    assert a_figure(8.0, 9.0, 10.0, 11.0, 12.0).summary()["spread"] == pytest.approx(0.2)


@pytest.mark.parametrize(("statistic", "least"), [("p90", 10), ("p95", 20), ("p99", 100), ("max", 1)])
def test_a_quantile_is_judged_from_as_many_samples_as_it_needs(statistic, least):
    limits = (Limit(statistic=statistic, at_most=0.5),)
    assert a_figure(*[1.0] * least, limits=limits).met is False
    if least > 1:
        assert a_figure(*[1.0] * (least - 1), limits=limits).met is None
        both = (*limits, Limit(statistic="median", at_most=2.0))
        assert a_figure(*[1.0] * (least - 1), limits=both).met is True


def test_a_figure_is_met_when_every_limit_is_kept():
    limits = (Limit(statistic="median", at_most=2.0), Limit(statistic="max", at_most=9.0))
    assert a_figure(1.0, 2.0, 9.0, limits=limits).met is True
    assert a_figure(1.0, 2.0, 9.1, limits=limits).met is False
    assert a_figure(1.0).met is None


@pytest.mark.parametrize("values", [(), (1.0, math.nan), (math.inf,)])
def test_samples_that_are_no_numbers_are_refused(values):
    with pytest.raises(InvalidInput, match="cost"):
        a_figure(*values)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "Expecting"),
        ("[" * 100_000, "recursion"),
        ("[]", "attribute"),
        ("{}", "no result of `remixd bench`"),
        (
            json.dumps({"format": FORMAT, "version": VERSION + 1}),
            f"of version {VERSION + 1}; this remixd reads",
        ),
        (json.dumps({"format": FORMAT, "version": VERSION}), "started_at"),
    ],
)
def test_a_file_that_is_no_result_is_refused_by_name(tmp_path, text, told):
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=rf"r\.json: .*{told}"):
        Result.load(path)


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"cannot read .*nowhere\.json"):
        Result.load(tmp_path / "nowhere.json")
    with pytest.raises(InvalidInput, match=r"cannot write .*r\.json"):
        a_result().save(tmp_path / "nowhere" / "r.json")


def places(value: object, at: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Where everything in a JSON value is."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for name, part in parts for place in places(part, (*at, name)))]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda parts: st.lists(parts, max_size=2) | st.dictionaries(st.text(max_size=9), parts, max_size=2),
    max_leaves=4,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_with_anything_in_any_place_is_read_or_refused_and_never_a_fault(
    data, tmp_path_factory, monkeypatch
):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    folder = tmp_path_factory.mktemp("results")
    figures = [a_figure(1.0, 2.0, limits=(Limit(statistic="p99", at_most=10.0),)), a_figure(3.0, name="x")]
    a_result(*figures).save(folder / "a.json")
    value = json.loads((folder / "a.json").read_text())
    *path, last = data.draw(st.sampled_from(places(value)[1:]))
    within = value
    for name in path:
        within = within[name]
    within[last] = data.draw(anything)
    (folder / "b.json").write_text(json.dumps(value))
    assert run(["bench", "compare", str(folder / "a.json"), str(folder / "b.json")]) in (0, 1)
    assert run(["bench", "report", str(folder / "b.json"), "-o", str(folder / "r.html")]) in (0, 1)
    assert run(["bench", "record", str(folder / "b.json"), "--history", str(folder / "h")]) in (0, 1)
    assert run(["bench", "check", str(folder / "b.json")]) == 1
