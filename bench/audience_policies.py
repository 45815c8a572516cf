"""What may decide where the mix of each fan goes: ours, and what it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np

from remixd.audience.ledger import Events
from remixd.audience.prior import Prior
from remixd.audience.space import HIGH, LOW, D
from remixd.audience.taste import Tastes
from remixd.audience.utility import MEANINGS, PHRASE_S, Kind

from .audience_fans import Floats, Population

ORACLE: Final = "oracle"
EXPONENTIAL: Final = "exponential average"
OURS: Final = "remixd"
LINUCB: Final = "LinUCB of river"

WISH_STEP: Final = 1.0
JUDGED_STEP: Final = 0.05
"""How far an exponential average goes to a wish, and to a mix that is liked."""

ARMS: Final = 12


class Policy(Protocol):
    """Decides a goal for every fan's mix, a phrase at a time."""

    def goals(self, phrase: int, /) -> Floats:
        """Where the mixes should go, (n, D) in taste space."""

    def learn(self, phrase: int, acts: Events, heard: Floats, before: Floats, /) -> None:
        """Take in what the fans did in a phrase about what they heard, and heard before."""


class Fixed:
    """Knows where to go beforehand: the artist's mix, the population's mean, or, as an oracle, all ideals."""

    def __init__(self, courses: Floats) -> None:
        self._courses = courses

    def goals(self, phrase: int) -> Floats:
        """Thread: any."""
        goals: Floats = self._courses[min(phrase, len(self._courses) - 1)]
        return goals

    def learn(self, phrase: int, acts: Events, heard: Floats, before: Floats) -> None:
        """It learns nothing."""


class Random:
    """A new mix every minute, drawn from the prior."""

    EVERY: Final = 15

    def __init__(self, prior: Prior, count: int, seed: Sequence[int]) -> None:
        self._rng, self._prior, self._count = np.random.default_rng(seed), prior, count
        self._goals = np.zeros((count, D))

    def goals(self, phrase: int) -> Floats:
        """Thread: any."""
        if phrase % self.EVERY == 0:
            drawn = self._rng.multivariate_normal(
                self._prior.mean[1:], self._prior.covariance[1:, 1:], self._count
            )
            self._goals = np.clip(drawn, LOW, HIGH)
        return self._goals

    def learn(self, phrase: int, acts: Events, heard: Floats, before: Floats) -> None:
        """It learns nothing."""


class Average:
    """An exponential average of wishes and of mixes that were liked; off those that were not.

    With `wish_step` 1 and `judged_step` 0 these are sliders and nothing else.
    """

    def __init__(self, prior: Prior, count: int, wish_step: float, judged_step: float) -> None:
        self._goals = np.tile(prior.mean[1:], (count, 1))
        self._wish_step, self._judged_step = wish_step, judged_step

    def goals(self, _phrase: int) -> Floats:
        """Thread: any."""
        return self._goals

    def learn(self, _phrase: int, acts: Events, heard: Floats, before: Floats) -> None:
        """A step for every act."""
        for kind in np.unique(acts["kind"]):
            some = acts[acts["kind"] == kind]
            slots, meaning = some["slot"], MEANINGS[Kind(kind)]
            if kind == Kind.WISH:
                places = slots, some["dimension"]
                self._goals[places] += self._wish_step * (some["value"] - self._goals[places])
                continue
            away = heard[slots] - (before[slots] if kind in (Kind.BETTER, Kind.WORSE) else self._goals[slots])
            side = 1.0 if meaning.outcome > 0 else -1.0
            self._goals[slots] += side * self._judged_step * meaning.trust * away
        self._goals = np.clip(self._goals, LOW, HIGH)


class Ours:
    """The tastes of `remixd.audience`."""

    def __init__(self, prior: Prior, count: int, eps: float) -> None:
        self.tastes, self._eps = Tastes(prior), eps
        self._slots = np.arange(count)
        for slot in self._slots:
            self.tastes.join(int(slot))
        self._before = self.tastes.heard.add(np.zeros((count, D)))

    def goals(self, phrase: int) -> Floats:
        """Thread: any."""
        return self.tastes.targets(self._slots, phrase, self._eps)

    def learn(self, phrase: int, acts: Events, heard: Floats, before: Floats) -> None:
        """All acts of the phrase are one tick."""
        rows, earlier = self.tastes.heard.add(heard), self.tastes.heard.add(before)
        events = acts.copy()
        events["at_s"] = phrase * PHRASE_S
        events["heard"], events["before"] = rows[acts["slot"]], earlier[acts["slot"]]
        self.tastes.observe(events)


class LinUcb:
    """A bandit a fan over mixes that the prior makes likely, and over what the fan wished last.

    Li, Chu, Langford and Schapire 2010, as river has it (disjoint arms). Its context is the last wishes.
    """

    def __init__(self, prior: Prior, count: int, seed: Sequence[int]) -> None:
        from river.bandit import LinUCBDisjoint

        rng = np.random.default_rng(seed)
        arms = rng.multivariate_normal(prior.mean[1:], prior.covariance[1:, 1:], ARMS)
        arms[0] = prior.mean[1:]
        self._arms = np.clip(arms, LOW, HIGH)
        self._wished = np.tile(prior.mean[1:], (count, 1))
        self._bandits: list[Any] = [LinUCBDisjoint(alpha=1.0, beta=4.0, seed=slot) for slot in range(count)]
        self._pulled: list[tuple[int, dict[str, float]]] = []

    def goals(self, phrase: int) -> Floats:
        """Thread: any."""
        if phrase % 2 == 0 or not self._pulled:
            self._pulled = []
            for bandit, wished in zip(self._bandits, self._wished, strict=True):
                context = {"1": 1.0} | {str(at): float(value) for at, value in enumerate(wished)}
                self._pulled.append((bandit.pull(range(ARMS + 1), context=context), context))
        return np.stack(
            [
                self._arms[arm] if arm < ARMS else wished
                for (arm, _), wished in zip(self._pulled, self._wished, strict=True)
            ]
        )

    def learn(self, _phrase: int, acts: Events, _heard: Floats, _before: Floats) -> None:
        """The reward is the trust in what was liked, less that in what was not."""
        wishes = acts[acts["kind"] == Kind.WISH]
        self._wished[wishes["slot"], wishes["dimension"]] = wishes["value"]
        rewards: dict[int, float] = {}
        for act in acts[acts["kind"] != Kind.WISH]:
            meaning = MEANINGS[Kind(act["kind"])]
            slot = int(act["slot"])
            rewards[slot] = rewards.get(slot, 0.0) + meaning.trust * (1.0 if meaning.outcome > 0 else -1.0)
        for slot, reward in rewards.items():
            arm, context = self._pulled[slot]
            self._bandits[slot].update(arm, context, reward)


def make(name: str, prior: Prior, population: Population, seed: Sequence[int], *, eps: float) -> Policy:
    """A policy by name, for a population."""
    count = population.ideals.shape[1]
    if name == ORACLE:
        return Fixed(population.ideals)
    if name == "artist's mix":
        return Fixed(np.zeros((1, count, D)))
    if name == "population mean":
        return Fixed(np.tile(np.clip(prior.mean[1:], LOW, HIGH), (1, count, 1)))
    if name == "random":
        return Random(prior, count, seed)
    if name == "sliders only":
        return Average(prior, count, 1.0, 0.0)
    if name == EXPONENTIAL:
        return Average(prior, count, WISH_STEP, JUDGED_STEP)
    if name == LINUCB:
        return LinUcb(prior, count, seed)
    return Ours(prior, count, eps)


POLICIES: Final = (
    ORACLE, "artist's mix", "population mean", "random", "sliders only", EXPONENTIAL, LINUCB, OURS,
)  # fmt: skip
