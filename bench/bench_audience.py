"""Does what we learn of fans serve them better than what is simpler, and does it stand bots?

Simulated fans (`audience_fans`) hear ten minutes of a mix that follows one policy after another, within the
director's limits and the default rights. Every policy has the same prior, made of a disjoint sample that is
known with noise, and sees the same draws. The seeds are not those with which the constants were tuned.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from remixd._kernel.taste import STATE_BYTES
from remixd.audience.ledger import EVENT
from remixd.audience.prior import Prior
from remixd.audience.space import D
from remixd.audience.taste import Tastes
from remixd.audience.utility import Kind

from . import audience_crowds as crowds
from .audience_fans import ACTIVITIES, FAMILIES, Floats
from .audience_policies import EXPONENTIAL, LINUCB, ORACLE, OURS, POLICIES
from .audience_scores import LEVEL, chance_not_worse, holm, ratios
from .audience_trial import PHRASES, Course, run_trial
from .results import Case, Figure, Limit
from .runner import Task

SEEDS: Final = (1, 2, 3, 4)
FANS: Final = 60
FANS_QUICK: Final = 30
FAMILIES_QUICK: Final = ("structureless", "low-rank")
CROWD_SEEDS: Final = (1, 2, 3)
BOTS: Final = (0.0, 0.1, 0.2, 0.3)
BOTS_QUICK: Final = (0.0, 0.2)
LIMITED: Final = 0.2
PHRASES_A_MINUTE: Final = 15.0

REACHED: Final[Mapping[tuple[str, str], float]] = {("low-rank", "active"): 0.8, ("low-rank", "casual"): 0.9}
SHIFTS: Final = {True: 0.1, False: 0.05}
"""The shift to which a fifth of bots may bring a crowd: verified ones, and others."""

LATE: Final = "of a fan in the last two minutes, the oracle's 1"
REGRET: Final = "phrases' worth of the best mix, in ten minutes"
OVER: Final = "regret over the exponential average's"
NO_MORE: Final = (Limit(statistic="max", at_most=0.0),)
STATE_LIMIT: Final = (Limit(statistic="max", at_most=1024.0),)
EVENT_US: Final = (Limit(statistic="median", at_most=10.0),)
TICK: Final = 1024
TICKS: Final = 200
FANS_TIMED: Final = 10_000


def run(task: Task) -> None:
    """Single fans, crowds, and what an event costs."""
    fans, seeds = (FANS_QUICK, SEEDS[:1]) if task.quick else (FANS, SEEDS)
    task.settings(fans=fans, seeds=list(seeds), phrases=PHRASES)
    _measure_cost(task)
    policies = _policies(task)
    chances: list[float] = []
    families = [each for each in FAMILIES if each in FAMILIES_QUICK or not task.quick]
    for family in families:
        for activity in ACTIVITIES:
            task.tell(f"{family} fans, {activity}")
            trials = [run_trial(family, activity, seed, fans, policies) for seed in seeds]
            chances.append(_tell_cell(task, {"family": family, "activity": activity}, trials))
    corrected = holm(chances)
    worse = sum(chance < LEVEL for chance in corrected)
    note = (
        f"than the exponential average, of {len(chances)}; the least chance is {min(corrected):.3g}, by Holm"
    )
    task.figure("cells significantly worse", "count", [worse], {}, limits=NO_MORE, note=note)
    _measure_crowds(task, families, fans, CROWD_SEEDS[:1] if task.quick else CROWD_SEEDS)


def _policies(task: Task) -> list[str]:
    try:
        import river.bandit  # noqa: F401
    except ImportError:
        task.skip(LINUCB, "river is not installed: pip install 'remixd[bench]'")
        return [name for name in POLICIES if name != LINUCB]
    return list(POLICIES)


def _tell_cell(task: Task, case: Case, trials: Sequence[Mapping[str, Course]]) -> float:
    """Keep what became of a cell's fans; the chance that ours does not worse than the average there."""
    regrets: dict[str, Floats] = {}
    figures: list[Figure] = []
    for name in trials[0]:
        courses = [trial[name] for trial in trials]
        regrets[name] = np.concatenate([each.regret for each in courses])
        figures += _figures(courses, {**case, "system": name})
    bound = REACHED.get((str(case["family"]), str(case["activity"])))
    drawn = ratios(regrets[OURS], regrets[EXPONENTIAL], 0)
    limits = () if bound is None else (Limit(statistic="median", at_most=bound),)
    task.figures([*figures, _figure(OVER, "ratio", drawn, case, limits, "bootstrap over fans, paired")])
    return chance_not_worse(regrets[OURS], regrets[EXPONENTIAL])


def _figures(courses: Sequence[Course], case: Case) -> list[Figure]:
    """What one policy came to, in all trials of a cell."""
    reached = np.concatenate([each.reached for each in courses])
    minutes = np.minimum(reached, PHRASES) / PHRASES_A_MINUTE
    return [
        _figure("utility", "ratio", np.concatenate([each.late for each in courses]), case, (), LATE),
        _figure("regret", "count", np.concatenate([each.regret for each in courses]), case, (), REGRET),
        _figure("served", "share", reached < PHRASES, case, (), "of fans: ever within 90 % of the best"),
        _figure("minutes until served", "count", minutes, case, (), "ten if never"),
        _figure("moves a minute", "count", np.concatenate([each.moves for each in courses]), case),
        _figure("reversals a minute", "count", np.concatenate([each.reversals for each in courses]), case),
        _figure("violations", "count", [each.violations for each in courses], case, NO_MORE),
    ]


def _figure(
    name: str, unit: str, samples: Iterable[float], case: Case, limits: Sequence[Limit] = (), note: str = ""
) -> Figure:
    taken = tuple(map(float, samples))
    return Figure(name=name, unit=unit, samples=taken, case=case, limits=tuple(limits), note=note)


def _measure_crowds(task: Task, families: Sequence[str], fans: int, seeds: Sequence[int]) -> None:
    bots_shares = BOTS_QUICK if task.quick else BOTS
    for family in families:
        task.tell(f"crowds of {family} fans")
        alone = {seed: crowds.run_crowd(family, "casual", seed, fans, 0.0, verified=True) for seed in seeds}
        figures = _crowd_figures({"family": family, "bots": 0.0, "verified": "-"}, alone, alone)
        for bots in bots_shares[1:]:
            for verified in (True, False):
                attacked = {
                    seed: crowds.run_crowd(family, "casual", seed, fans, bots, verified=verified)
                    for seed in seeds
                }
                case: Case = {"family": family, "bots": bots, "verified": "yes" if verified else "no"}
                figures += _crowd_figures(case, attacked, alone)
        task.figures(figures)


def _crowd_figures(
    case: Case,
    attacked: Mapping[int, Mapping[str, crowds.CrowdCourse]],
    alone: Mapping[int, Mapping[str, crowds.CrowdCourse]],
) -> list[Figure]:
    """What every policy came to, in crowds by seed, with bots and without."""
    figures: list[Figure] = []
    for name in crowds.POLICIES:
        here: Case = {**case, "system": name}
        courses = [each[name] for each in attacked.values()]
        late = np.concatenate([each.late for each in courses])
        figures += [
            _figure("utility in a crowd", "ratio", late, here),
            _figure("violations", "count", [each.violations for each in courses], here, NO_MORE),
        ]
        if case["bots"] and name != ORACLE:
            bound = SHIFTS[case["verified"] == "yes"] if name == OURS and case["bots"] == LIMITED else None
            limits = () if bound is None else (Limit(statistic="median", at_most=bound),)
            shifts = [crowds.shift(attacked[seed][name], alone[seed][name]) for seed in alone]
            figures.append(
                _figure("shift by bots", "ratio", shifts, here, limits, "of a range of 2, a crowd")
            )
    return figures


def _measure_cost(task: Task) -> None:
    """What a fan takes, and what an event of each sort costs, ledger included."""
    task.figure("state of a fan", "bytes", [STATE_BYTES], {}, limits=STATE_LIMIT, note="without the ledger")
    rng = np.random.default_rng(0)
    for name, kinds in {"wishes": [Kind.WISH], "likes": [Kind.LIKE], "all kinds": list(Kind)}.items():
        tastes = Tastes(Prior.neutral())
        for slot in range(FANS_TIMED):
            tastes.join(slot)
        rows = tastes.heard.add(rng.uniform(-1.0, 1.0, (100, D)))
        spent_us = []
        for tick in range(TICKS // 4 if task.quick else TICKS):
            events = np.zeros(TICK, EVENT)
            events["kind"] = rng.choice(kinds, TICK)
            events["slot"], events["dimension"] = rng.integers(0, FANS_TIMED, TICK), rng.integers(0, D, TICK)
            events["heard"], events["before"] = rng.choice(rows, (2, TICK))
            events["value"], events["weight"], events["at_s"] = rng.uniform(-1.0, 1.0, TICK), 1.0, float(tick)
            began = time.perf_counter()
            tastes.observe(events)
            spent_us.append((time.perf_counter() - began) * 1e6 / TICK)
        task.figure("an event learnt from", "us", spent_us, {"of": name}, limits=EVENT_US, note=f"by {TICK}")
