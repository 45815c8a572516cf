"""One trial: fans alike, each with a mix of their own, under one policy after another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from remixd.audience.prior import Prior
from remixd.audience.utility import EXPLORE

from .audience_fans import ACTIVITIES, FAMILIES, Behaviour, Centre, Floats, Population, draw
from .audience_policies import LINUCB, ORACLE, Policy, make
from .audience_stage import Stage, movements

PHRASES: Final = 150
"""Ten minutes of 4 s."""

LAST: Final = 30
"""The last two minutes."""

COMPARED: Final = 2
"""How many phrases before lies what `better than before` means."""

SAMPLE: Final = 200
SAMPLE_DEVIATION: Final = 0.2
"""The prior is made of so many other fans, and of them so noisily."""

LINUCB_FANS: Final = 10
"""A bandit of river's takes milliseconds a phrase: it serves the first of the fans only."""

NEAR: Final = 0.9
"""A fan whose mix is this near to the best that was possible is served."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """What one policy came to: of each fan, (n,).

    Attributes:
        late: mean utility of the last two minutes, the oracle's 1.
        regret: utility lost against the oracle, summed over phrases.
        reached: the phrase in which the fan was first served; PHRASES if never.
        moves, reversals: of dimensions, a minute.
        violations: of slew and rights, in all.
    """

    late: Floats
    regret: Floats
    reached: Floats
    moves: Floats
    reversals: Floats
    violations: int


def prior_of(rng: np.random.Generator, centre: Centre) -> Prior:
    """What a disjoint sample of the population teaches, each fan of it known with noise."""
    drawn = centre.draw(rng, SAMPLE)
    seen = np.clip(drawn + rng.normal(0.0, SAMPLE_DEVIATION, drawn.shape), -1.0, 1.0)
    return Prior.of(seen, np.full(seen.shape, SAMPLE_DEVIATION**2))


def run_trial(
    family: str, activity: str, seed: int, count: int, policies: Iterable[str], *, eps: float = EXPLORE
) -> dict[str, Course]:
    """Play ten minutes to `count` fans under every policy; these see the same draws."""
    key = (seed, FAMILIES.index(family), ACTIVITIES.index(activity))
    rng = np.random.default_rng(key)
    centre = Centre.of(rng, family)
    prior = prior_of(rng, centre)
    population = draw(rng, family, centre, count, PHRASES)
    behaviour = Behaviour(population, activity, (*key, 1))
    best = _play(make(ORACLE, prior, population, key, eps=eps), behaviour)
    courses = {}
    for name in policies:
        some = behaviour.first(LINUCB_FANS) if name == LINUCB else behaviour
        policy = make(name, prior, some.population, (*key, 2), eps=eps)
        courses[name] = _course(_play(policy, some), best)
    return courses


def _play(policy: Policy, behaviour: Behaviour) -> tuple[Floats, Floats, int]:
    """Utilities (phrases, n), mixes (phrases, n, D), violations."""
    population: Population = behaviour.population
    stage = Stage(behaviour.count)
    utilities, mixes = [], [stage.mixes] * COMPARED
    for phrase in range(len(population.ideals)):
        stage.play(policy.goals(phrase))
        heard = stage.mixes
        utilities.append(population.utilities(phrase, heard))
        acts = behaviour.act(phrase, heard, mixes[-COMPARED])
        policy.learn(phrase, acts, heard, mixes[-COMPARED])
        mixes.append(heard)
    return np.array(utilities), np.array(mixes), stage.violations


def _course(played: tuple[Floats, Floats, int], best: tuple[Floats, Floats, int]) -> Course:
    utilities, mixes, violations = played
    bests = best[0][:, : utilities.shape[1]]
    share = utilities / bests
    moves, reversals = movements(mixes)
    minutes = len(utilities) / 15.0
    served = share >= NEAR
    return Course(
        late=share[-LAST:].mean(axis=0),
        regret=(bests - utilities).sum(axis=0),
        reached=np.where(served.any(axis=0), served.argmax(axis=0), len(utilities)).astype(np.float64),
        moves=moves / minutes,
        reversals=reversals / minutes,
        violations=violations,
    )
