"""The audience bench: its fans, its stage, its statistics, and what it keeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remixd.audience.space import HIGH, LOW, D
from remixd.audience.utility import Kind
from remixd.bench import audience_crowds, audience_report, audience_trial, bench_audience
from remixd.bench.audience_fans import ACTIVITIES, FAMILIES, Behaviour, Centre, draw
from remixd.bench.audience_policies import EXPONENTIAL, LINUCB, ORACLE, OURS, POLICIES
from remixd.bench.audience_scores import chance_not_worse, holm, ratios
from remixd.bench.audience_stage import LEAST, MOST, Stage, movements, units_of, values_of
from remixd.bench.audience_trial import PHRASES, prior_of, run_trial
from remixd.bench.results import Bench
from remixd.bench.runner import Task
from remixd.bench.tables import tables_of


@pytest.fixture
def short(monkeypatch):
    """Trials of three minutes."""
    for module in (audience_trial, audience_crowds, bench_audience):
        monkeypatch.setattr(module, "PHRASES", 45)


def some_fans(family="low-rank", count=20, phrases=10, seed=1):
    rng = np.random.default_rng(seed)
    return draw(rng, family, Centre.of(rng, family), count, phrases)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_fan_likes_nothing_better_than_the_ideal(family):
    fans = some_fans(family)
    rng = np.random.default_rng(2)
    at_best = fans.utilities(9, fans.ideals[9])
    np.testing.assert_array_equal(at_best, 1.0)
    for _ in range(50):
        elsewhere = fans.utilities(9, rng.uniform(LOW, HIGH, (20, D)))
        assert ((elsewhere > 0) & (elsewhere < 1)).all()


def test_ideals_drift_in_the_family_that_drifts_only():
    for family in FAMILIES:
        ideals = some_fans(family, phrases=150).ideals
        assert (np.abs(ideals[-1] - ideals[0]).max() > 0.1) == (family == "drifting")


def test_low_rank_tastes_go_together_and_structureless_ones_do_not():
    explained = {}
    for family in ("low-rank", "structureless"):
        ideals = some_fans(family, count=2000, phrases=1).ideals[0]
        widths = np.linalg.eigvalsh(np.corrcoef(ideals, rowvar=False))
        explained[family] = widths[-2:].sum() / widths.sum()
    assert explained["low-rank"] > 0.45
    assert explained["structureless"] < 0.25


def test_fans_do_the_same_about_the_same_whoever_asks_and_however_many():
    fans = some_fans()
    heard, before = np.zeros((20, D)), np.full((20, D), 0.2)
    one, other = (Behaviour(fans, "active", (1, 2)) for _ in range(2))
    for phrase in range(10):
        acts = one.act(phrase, heard, before)
        np.testing.assert_array_equal(acts, other.act(phrase, heard, before))
        few = other.first(5).act(phrase, heard[:5], before[:5])
        np.testing.assert_array_equal(few, acts[acts["slot"] < 5])


def test_the_activities_are_what_they_are_called():
    counts = {}
    for activity in ACTIVITIES:
        behaviour = Behaviour(some_fans(count=200), activity, (3,))
        acts = np.concatenate(
            [behaviour.act(p, np.zeros((200, D)), np.ones((200, D)) * 0.1) for p in range(10)]
        )
        counts[activity] = len(acts[~np.isin(acts["kind"], [Kind.DWELL, Kind.SKIP, Kind.REPLAY, 7, 8])])
    assert counts["active"] > 3 * counts["casual"] > 0
    assert counts["implicit only"] == 0


@given(seed=st.integers(0, 2**32), phrases=st.integers(1, 12))
@settings(max_examples=20)
def test_the_stage_keeps_the_slew_and_the_rights_whatever_is_asked(seed, phrases):
    rng, stage = np.random.default_rng(seed), Stage(4)
    for _ in range(phrases):
        before = values_of(stage.mixes)
        stage.play(rng.uniform(-1, 1, (4, D)) * 2.0)
        now = values_of(stage.mixes)
        assert ((now >= LEAST - 1e-9) & (now <= MOST + 1e-9)).all()
        assert np.abs(now[:, 2:7] - before[:, 2:7]).max() <= 2 * 3.0 + 1e-9
        assert (np.abs(now[:, 0] / before[:, 0] - 1) <= 0.02 + 1e-9).all()
        assert (now[:, 2] <= now[:, 3:6].max(axis=1) + 12 + 1e-9).all()
    assert stage.violations == 0


def test_the_stage_goes_where_it_is_asked_to_and_counts_what_is_broken():
    stage = Stage(1)
    goal = np.array([[0.1, 0.25, -0.5, 0.5, -0.2, 0.3, 0.4, 0.5, 0.6, 1.0]])
    for _ in range(40):
        stage.play(goal)
    np.testing.assert_allclose(stage.mixes, goal, atol=1e-9)
    np.testing.assert_allclose(units_of(values_of(goal)), goal)
    stage._values[0, 3] = 7.0
    stage._look(values_of(goal))
    assert stage.violations == 2  # a leap, and out of range


def test_movements_and_reversals_are_counted():
    course = np.zeros((5, 2, D))
    course[:, 0, 3] = [0.0, 0.1, 0.2, 0.1, 0.3]
    course[:, 1, 4] = [0.0, 0.001, 0.002, 0.001, 0.0]
    moves, reversals = movements(course)
    assert moves.tolist() == [4, 0]
    assert reversals.tolist() == [2, 0]


def test_holm_corrects_for_the_number_of_cells():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]


def test_the_paired_test_sees_what_is_worse_and_the_ratio_what_is_less():
    rng = np.random.default_rng(4)
    theirs = rng.uniform(10, 90, 100)
    assert chance_not_worse(theirs + rng.normal(1, 1, 100), theirs) < 1e-6
    assert chance_not_worse(theirs - rng.normal(1, 1, 100), theirs) > 0.99
    assert chance_not_worse(theirs, theirs) == 1.0
    low, high = np.quantile(ratios(0.7 * theirs + rng.normal(0, 5, 100), theirs, 0), [0.01, 0.99])
    assert low < 0.7 < high < 0.75


def test_the_prior_comes_from_others_and_is_near_the_truth():
    rng = np.random.default_rng(5)
    centre = Centre.of(rng, "low-rank")
    prior = prior_of(rng, centre)
    truth = centre.draw(rng, 5000)
    assert np.abs(prior.mean[1:] - truth.mean(axis=0)).max() < 0.15
    deviations = np.sqrt(np.diag(prior.covariance)[1:])
    assert (deviations[2:] / truth.std(axis=0)[2:] < 2.0).all()


def test_nobody_beats_the_oracle_and_listening_beats_not_listening():
    courses = run_trial("low-rank", "active", 11, 12, [name for name in POLICIES if name != LINUCB])
    assert (courses[ORACLE].regret == 0).all()
    for name, course in courses.items():
        assert course.violations == 0, name
        assert course.regret.mean() >= 0, name
    assert courses[OURS].regret.mean() < courses["population mean"].regret.mean()
    assert courses[EXPONENTIAL].regret.mean() < courses["random"].regret.mean()
    assert ((courses[OURS].reached >= 0) & (courses[OURS].reached <= PHRASES)).all()


@pytest.mark.usefixtures("short")
def test_the_bandit_of_river_serves_the_first_fans():
    pytest.importorskip("river")
    course = run_trial("low-rank", "active", 12, 11, [LINUCB])[LINUCB]
    assert course.regret.shape == (10,)
    assert course.moves.mean() > 0


@pytest.mark.usefixtures("short")
def test_bots_shift_an_average_more_than_a_median():
    alone = audience_crowds.run_crowd("low-rank", "casual", 3, 20, 0.0, verified=True)
    attacked = audience_crowds.run_crowd("low-rank", "casual", 3, 20, 0.2, verified=False)
    shifts = {name: audience_crowds.shift(attacked[name], alone[name]) for name in alone}
    assert shifts["artist's mix"] == shifts[ORACLE] == 0.0
    assert shifts[EXPONENTIAL] > 0.1 > shifts[OURS]


@pytest.mark.usefixtures("short")
def test_what_is_found_is_kept_tabled_and_drawn(monkeypatch, tmp_path):
    for name, value in {
        "FANS_QUICK": 4, "FAMILIES": ("low-rank",), "ACTIVITIES": ("active", "casual"), "TICKS": 8,
        "FANS_TIMED": 10, "_policies": lambda _: [ORACLE, EXPONENTIAL, OURS],
    }.items():  # fmt: skip
        monkeypatch.setattr(bench_audience, name, value)
    found = Bench(name="audience", question="?")
    bench_audience.run(Task(found, quick=True, tell=lambda _: None, keep=lambda: None))
    names = {each.name for each in found.figures}
    assert {"utility", "regret", "served", "shift by bots", "cells significantly worse"} <= names
    assert {each.met for each in found.figures if each.name in ("violations", "state of a fan")} == {True}
    tables = tables_of(found)
    assert [table.title for table in tables] == [
        "low-rank fans, active", "low-rank fans, casual", "Crowds of casual fans",
    ]  # fmt: skip
    assert len(tables[-1].rows) == 3
    pytest.importorskip("matplotlib")
    audience_report.draw([each for each in found.figures if "system" in each.case]).savefig(
        tmp_path / "p.png"
    )
    assert (tmp_path / "p.png").stat().st_size > 10_000
