"""How fast does a crowd decide, and how far can bots move it?

Decisions are those of a phrase: every dimension, brigades looked for, turns taken; times are CPU times. Each
fan of a crowd has its own wish, or stands on a mark of the knob, or the crowd is of two minds. Bots are a
share of all fans, all at one end: they come together after the others have settled, or hide among them from
the start. The mean, a trimmed mean and a median without the artist's ballot are beside.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd.audience.crowd import NAMES, UNVERIFIED_WEIGHT, Crowd
from remixd.audience.histogram import goal_of
from remixd.audience.polls import Contest

from .results import Case, Limit
from .runner import Task

Units = NDArray[np.float64]
Taste = Callable[[np.random.Generator, int], Units]

DIMENSIONS: Final = len(NAMES)
FANS: Final = (100, 1_000, 10_000, 100_000)
ROUNDS: Final = 40
ROUNDS_QUICK: Final = 8
BATCH: Final = 64
SEEDS: Final = 20
SEEDS_QUICK: Final = 4
CROWD: Final = 1_000
TRIM: Final = 0.1
IN_TIME: Final = (Limit(statistic="median", at_most=5.0),)

TASTES: Final[Mapping[str, Taste]] = {
    "its own": lambda random, n: random.normal(0, 0.45, (n, DIMENSIONS)),
    "marks": lambda random, n: np.round(random.normal(0, 0.45, (n, DIMENSIONS)), 1),
    "two minds": lambda random, n: (
        random.choice([-0.6, 0.6], (n, 1)) + random.normal(0, 0.15, (n, DIMENSIONS))
    ),
}


def run(task: Task) -> None:
    """Measure time, then what bots do, then what is lost by merging."""
    rounds, seeds = (ROUNDS_QUICK, SEEDS_QUICK) if task.quick else (ROUNDS, SEEDS)
    task.settings(rounds=rounds, seeds=seeds, batch=BATCH, dimensions=DIMENSIONS)
    for fans in FANS:
        task.tell(f"{fans} fans")
        for taste in TASTES:
            _measure_time(task, fans, taste, rounds)
    _measure_contest(task, FANS[-1], rounds)
    task.tell("bots")
    for share in (0.1, 0.2, 0.3):
        for weight in (1.0, UNVERIFIED_WEIGHT):
            _measure_bots(task, share, weight, seeds)
    _measure_joining(task, seeds)
    _measure_merging(task, seeds)


def _values(taste: str, random: np.random.Generator, fans: int) -> Units:
    return TASTES[taste](random, fans).clip(-1.0, 1.0)


def _cast(crowd: Crowd, slots: NDArray[Any], values: Units, at_s: float, weight: float = 1.0) -> None:
    crowd.cast(slots, values, np.full(values.shape, weight), at_s)


def _measure_time(task: Task, fans: int, taste: str, rounds: int) -> None:
    random = np.random.default_rng(1)
    crowd = Crowd(np.zeros(DIMENSIONS), seed=1)
    began = time.thread_time()
    _cast(crowd, np.arange(fans), _values(taste, random, fans), 0.0)
    joined_ms = (time.thread_time() - began) * 1e3
    decided_ms, cast_us = [], []
    for turn in range(rounds):
        slots, values = random.integers(0, fans, BATCH), _values(taste, random, BATCH)
        began = time.thread_time()
        _cast(crowd, slots, values, 1.0 + turn)
        cast_us.append((time.thread_time() - began) * 1e6 / BATCH)
        began = time.thread_time()
        crowd.decide(2.0 + turn, turn)
        decided_ms.append((time.thread_time() - began) * 1e3)
    case: Case = {"fans": fans, "taste": taste}
    task.figure("a decision", "ms", decided_ms, case, limits=IN_TIME)
    task.figure("a ballot cast", "us", cast_us, case, note=f"in batches of {BATCH}")
    task.figure("all join at once", "ms", [joined_ms], case)


def _measure_contest(task: Task, fans: int, rounds: int) -> None:
    random = np.random.default_rng(1)
    contest = Contest("preset", expires_s=90.0)
    contest.vote(np.arange(fans), [f"preset {each}" for each in random.integers(0, 20, fans)], 1.0, 0.0)
    decided_ms = []
    for _ in range(rounds):
        began = time.thread_time()
        contest.decide(1.0)
        decided_ms.append((time.thread_time() - began) * 1e3)
    task.figure("a contest decided", "ms", decided_ms, {"fans": fans}, limits=IN_TIME)


def _measure_bots(task: Task, share: float, weight: float, seeds: int) -> None:
    """Where the artist is beside the crowd the median has least to hold on to: there it is measured too."""
    most = 0.1 if weight == 1.0 else 0.05
    limits = (Limit(statistic="mean", at_most=most),) if share == 0.2 else ()
    for artist in (0.0, -1.0):
        came, hid, reported = [], [], []
        for seed in range(seeds):
            honest = round(CROWD * (1.0 - share))
            values = _values("its own", np.random.default_rng(seed), honest)
            bots, slots = np.ones((CROWD - honest, DIMENSIONS)), np.arange(CROWD)
            crowd, mixed = (Crowd(np.full(DIMENSIONS, artist), seed) for _ in range(2))
            _cast(crowd, slots[:honest], values, 0.0)
            _cast(mixed, slots[:honest], values, 0.0)
            before = crowd.decide(60.0, 0).goal
            _cast(crowd, slots[honest:], bots, 61.0, weight)
            _cast(mixed, slots[honest:], bots, 0.0, weight)
            decision = crowd.decide(62.0, 1)
            came.append(float(np.mean(decision.goal - before)))
            hid.append(float(np.mean(mixed.decide(62.0, 1).goal - before)))
            reported.append(len(decision.alarms) / DIMENSIONS)
        case: Case = {"bots": share, "weight": weight, "artist": artist}
        task.figure("shift, bots who come at once", "", came, case, limits=limits)
        task.figure("shift, bots there from the start", "", hid, case)
        task.figure("brigades told", "share", reported, case)
    _measure_others(task, share, weight, seeds)


def _measure_others(task: Task, share: float, weight: float, seeds: int) -> None:
    """What the same bots do to what else one would use."""
    shifts: dict[str, list[float]] = {"mean": [], "trimmed mean": [], "median": []}
    for seed in range(seeds):
        honest = round(CROWD * (1.0 - share))
        values = _values("its own", np.random.default_rng(seed), honest)[:, 0]
        bots = round((CROWD - honest) * weight)
        mixed = np.append(values, np.ones(bots))
        for name, before, after in (
            ("mean", values.mean(), mixed.mean()),
            ("trimmed mean", _trimmed(values), _trimmed(mixed)),
            ("median", np.median(values), np.median(mixed)),
        ):
            shifts[name].append(float(after - before))
    for name, samples in shifts.items():
        case: Case = {"bots": share, "weight": weight, "by": name}
        task.figure("shift of what else there is", "", samples, case)


def _trimmed(values: Units) -> float:
    cut = round(len(values) * TRIM)
    return float(np.sort(values)[cut : len(values) - cut].mean())


def _measure_joining(task: Task, seeds: int) -> None:
    """Who comes at once with an opinion of its own is to be heard."""
    for there in TASTES:
        for come in TASTES:
            alarms = []
            for seed in range(seeds):
                random = np.random.default_rng(seed)
                crowd = Crowd(np.zeros(DIMENSIONS), seed)
                _cast(crowd, np.arange(300), _values(there, random, 300), 0.0)
                _cast(crowd, np.arange(300, 10_300), _values(come, random, 10_000), 60.0)
                alarms.append(len(crowd.decide(61.0, 1).alarms))
            case: Case = {"there": there, "come": come}
            none = (Limit(statistic="max", at_most=0.0),)
            task.figure("10,000 who join taken for a brigade", "count", alarms, case, limits=none)


def _measure_merging(task: Task, seeds: int) -> None:
    half_a_bin = (Limit(statistic="max", at_most=1 / 32 + 1e-9),)
    for taste in ("its own", "marks"):
        errors: list[float] = []
        for seed in range(seeds):
            crowd = Crowd(np.full(DIMENSIONS, 0.3), seed)
            _cast(crowd, np.arange(CROWD), _values(taste, np.random.default_rng(seed), CROWD), 0.0)
            merged = goal_of(crowd.histogram(), np.full(DIMENSIONS, 0.3))
            errors += np.abs(merged - crowd.decide(0.0, 0).goal).tolist()
        task.figure("error of merged medians", "", errors, {"taste": taste}, limits=half_a_bin)
