"""Trials of crowds: one mix for all of them, and bots among them who pull at two dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from remixd.audience.crowd import UNVERIFIED_WEIGHT, Crowd
from remixd.audience.ledger import EVENT, Events
from remixd.audience.prior import Prior
from remixd.audience.space import HIGH, LOW, NAMES, D
from remixd.audience.taste import Tastes
from remixd.audience.utility import PHRASE_S, Kind

from .audience_fans import FAMILIES, Behaviour, Centre, Floats, draw
from .audience_policies import EXPONENTIAL, ORACLE, OURS, Average, Policy
from .audience_stage import Stage
from .audience_trial import LAST, PHRASES, prior_of

PULLED: Final = (NAMES.index("drums"), NAMES.index("brightness"))
"""What bots want all of."""

BOT_RATE: Final = 0.3
"""How often in a phrase a bot wishes."""

SECTION: Final = 8
"""Phrases of a section."""

POLICIES: Final = (ORACLE, "artist's mix", "population mean", EXPONENTIAL, OURS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CrowdCourse:
    """What became of a crowd.

    Attributes:
        late: (n,) utility of each honest fan in the last two minutes.
        regret: (n,) utility lost against the median of all ideals, summed over phrases; below 0 for a fan
            whom that serves less.
        goals: (LAST, D) where the mix was to go in the last two minutes.
        violations: of slew and rights, in all.
    """

    late: Floats
    regret: Floats
    goals: Floats
    violations: int


class _Known:
    """One goal for all, known beforehand: (phrases, D) or (1, D)."""

    def __init__(self, goals: Floats) -> None:
        self._goals = goals

    def goals(self, phrase: int, /) -> Floats:
        return self._goals[[min(phrase, len(self._goals) - 1)]]

    def learn(self, phrase: int, acts: Events, heard: Floats, before: Floats, /) -> None:
        pass


class _Averages:
    """The mean of everybody's exponential average."""

    def __init__(self, prior: Prior, count: int) -> None:
        self._each = Average(prior, count, 1.0, 0.05)

    def goals(self, phrase: int, /) -> Floats:
        return np.asarray(self._each.goals(phrase).mean(axis=0, keepdims=True))

    def learn(self, phrase: int, acts: Events, heard: Floats, before: Floats, /) -> None:
        self._each.learn(phrase, acts, heard, before)


class _Ours:
    """Tastes are ballots, renewed by whatever a fan does; the crowd's median decides.

    A fan of whom nothing is known but the prior votes for that, and in full: the many who only listen hold
    what the few who are sure would pull along.
    """

    def __init__(self, prior: Prior, trusts: Floats, seed: int) -> None:
        self._tastes, self._trusts = Tastes(prior), trusts
        for slot in range(len(trusts)):
            self._tastes.join(slot)
        self._crowd = Crowd(np.zeros(D), seed)

    def goals(self, phrase: int, /) -> Floats:
        return self._crowd.decide(phrase * PHRASE_S, phrase // SECTION).goal[None]

    def learn(self, phrase: int, acts: Events, heard: Floats, before: Floats, /) -> None:
        row, earlier = self._tastes.heard.add(np.stack([heard[0], before[0]]))
        events = acts.copy()
        events["at_s"], events["heard"], events["before"] = phrase * PHRASE_S, row, earlier
        self._tastes.observe(events)
        slots = np.unique(acts["slot"])
        weights = np.repeat(self._trusts[slots, None], D, axis=1)
        means = np.clip(self._tastes.mean(slots), LOW, HIGH)
        self._crowd.cast(slots, means, weights, np.full(len(slots), phrase * PHRASE_S))


def run_crowd(
    family: str, activity: str, seed: int, count: int, bots: float, *, verified: bool
) -> dict[str, CrowdCourse]:
    """Play ten minutes to a crowd of `count` honest fans, and bots that are a share of all.

    The honest fans of a seed are the same ones whatever the bots do: a share of all, below 1, who pass for
    persons if they are `verified`.
    """
    rng = np.random.default_rng((seed, FAMILIES.index(family), 7))
    centre = Centre.of(rng, family)
    prior = prior_of(rng, centre)
    population = draw(rng, family, centre, count, PHRASES)
    behaviour = Behaviour(population, activity, (seed, FAMILIES.index(family), 8))
    more = round(count * bots / (1.0 - bots))
    trusts = np.concatenate([np.ones(count), np.full(more, 1.0 if verified else UNVERIFIED_WEIGHT)])
    policies: dict[str, Policy] = {
        ORACLE: _Known(np.median(population.ideals, axis=1)),
        "artist's mix": _Known(np.zeros((1, D))),
        "population mean": _Known(np.clip(prior.mean[None, 1:], LOW, HIGH)),
        EXPONENTIAL: _Averages(prior, count + more),
        OURS: _Ours(prior, trusts, seed),
    }
    played = {name: _play(policy, behaviour, more, seed) for name, policy in policies.items()}
    best = played[ORACLE][0]
    return {
        name: CrowdCourse(
            late=utilities[-LAST:].mean(axis=0),
            regret=(best - utilities).sum(axis=0),
            goals=goals[-LAST:],
            violations=violations,
        )
        for name, (utilities, goals, violations) in played.items()
    }


def shift(attacked: CrowdCourse, alone: CrowdCourse) -> float:
    """How far bots moved the goal in what they pull at, at most, in the mean of the last two minutes."""
    away = attacked.goals.mean(axis=0) - alone.goals.mean(axis=0)
    return float(np.abs(away[list(PULLED)]).max())


def _play(policy: Policy, behaviour: Behaviour, bots: int, seed: int) -> tuple[Floats, Floats, int]:
    """Utilities (phrases, n) of the honest, goals (phrases, D), violations."""
    population, stage = behaviour.population, Stage(1)
    rng = np.random.default_rng((seed, 9))
    utilities, goals, before = [], [], stage.mixes
    for phrase in range(PHRASES):
        goal = policy.goals(phrase)
        stage.play(goal)
        everybody = np.repeat(stage.mixes, behaviour.count + bots, axis=0)
        earlier = np.repeat(before, behaviour.count + bots, axis=0)
        honest = slice(behaviour.count)
        utilities.append(population.utilities(phrase, everybody[honest]))
        acts = behaviour.act(phrase, everybody[honest], earlier[honest])
        acts = np.concatenate([acts, _pulls(rng, behaviour.count, bots)])
        policy.learn(phrase, acts, everybody, earlier)
        goals.append(goal[0])
        before = stage.mixes
    return np.array(utilities), np.array(goals), stage.violations


def _pulls(rng: np.random.Generator, first: int, bots: int) -> Events:
    """What the bots do in a phrase: some wish all of one of the dimensions that they pull at."""
    who = np.flatnonzero(rng.uniform(size=bots) < BOT_RATE)
    acts: Events = np.zeros(len(who), EVENT)
    acts["kind"], acts["slot"], acts["weight"] = Kind.WISH, first + who, 1.0
    acts["dimension"] = rng.choice(PULLED, len(who))
    acts["value"] = HIGH[acts["dimension"]]
    return acts
