"""Simulated fans: what they like, and what they do about it.

They do not share the form of the filter that is to learn them: what a mix costs them is a saturating power
of the distance beyond a threshold, of each dimension for itself, unlike in every direction; their judgements
have Laplace noise, thresholds of their own and lapses, their wishes stop half-way or overshoot.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from remixd.audience.ledger import EVENT, Events
from remixd.audience.space import HIGH, LOW, D
from remixd.audience.utility import Kind

Floats: TypeAlias = NDArray[np.float64]

FAMILIES: Final = ("structureless", "low-rank", "drifting", "two-peaked", "adversarial")
ACTIVITIES: Final = ("active", "casual", "implicit only")

SPREADS: Final = np.array([0.07, 0.12, 0.4, 0.4, 0.35, 0.35, 0.35, 0.35, 0.3, 0.45])
"""Standard deviations of ideals, by dimension: few want another song, many another mix of it."""

EXPONENT: Final = 1.5
COST: Final = 2.1
"""How much a mix that is wrong everywhere costs: it makes the artist's mix as good as .45 of the best."""

RANK: Final = 2
OWN: Final = 0.25
"""Of a low-rank ideal: the share of the spread that is the fan's alone."""

WANDER: Final = 0.9
"""How far a drifting ideal goes in ten minutes, in spreads: half of it in one leap."""

LIES: Final = 0.35
"""The share of judgements that an adversarial fan turns round, and of wishes taken to the far end."""

RATES: Final = {
    "active": {"wish": 0.12, "thumb": 0.2, "compare": 0.12},
    "casual": {"wish": 0.025, "thumb": 0.06, "compare": 0.03},
    "implicit only": {"wish": 0.0, "thumb": 0.0, "compare": 0.0},
}
"""How often in a phrase a fan does what."""

REPLAYS: Final = 0.1
VOLUMES: Final = 0.15


@dataclass(slots=True, kw_only=True)
class Population:
    """Fans of one family.

    Attributes:
        ideals: (phrases, n, D) what each likes best, as it goes.
        shares: (n, D) how much of the cost each dimension makes; they sum to 1.
        widths, thresholds: (n, D) distance that costs half of that, and that is not noticed.
        skews: (n, D) how much narrower the side of more is.
        demands: (n, 3) utility above which a fan skips not, likes, loves.
        noises: (n,) of judgements.
        lapses: (n,) share of judgements that say nothing.
        lies: share of what they do that is turned round.
    """

    ideals: Floats
    shares: Floats
    widths: Floats
    thresholds: Floats
    skews: Floats
    demands: Floats
    noises: Floats
    lapses: Floats
    lies: float

    def first(self, count: int) -> Population:
        """The first so many of them."""
        kept = ("shares", "widths", "thresholds", "skews", "demands", "noises", "lapses")
        return replace(
            self, ideals=self.ideals[:, :count], **{name: getattr(self, name)[:count] for name in kept}
        )

    def utilities(self, phrase: int, mixes: Floats) -> Floats:
        """How much each fan likes a mix of (n, D), or of (D,), in (0, 1]."""
        away = mixes - self.ideals[phrase]
        away = np.where(away > 0.0, away * self.skews, -away)
        powered = (np.maximum(away - self.thresholds, 0.0) / self.widths) ** EXPONENT
        liked: Floats = np.exp(-COST * (self.shares * powered / (1.0 + powered)).sum(axis=1))
        return liked


def draw(rng: np.random.Generator, family: str, centre: Centre, count: int, phrases: int) -> Population:
    """Fans of a family whose population has a centre."""
    ideals = centre.draw(rng, count)
    course = np.repeat(ideals[None], phrases, axis=0)
    if family == "drifting":
        steps = rng.normal(0.0, 1.0, (phrases, count, D)) / np.sqrt(phrases)
        leaps = np.arange(phrases)[:, None, None] >= rng.integers(phrases // 4, phrases, (1, count, 1))
        far = rng.normal(0.0, 1.0, (1, count, D))
        course = course + 0.5 * WANDER * SPREADS * (np.cumsum(steps, axis=0) + leaps * far)
    shares = rng.lognormal(0.0, 0.7, (count, D))
    demands = np.sort(rng.normal([0.25, 0.55, 0.8], 0.08, (count, 3)), axis=1)
    return Population(
        ideals=np.clip(course, LOW, HIGH),
        shares=shares / shares.sum(axis=1, keepdims=True),
        widths=SPREADS * rng.lognormal(-0.1, 0.25, (count, D)),
        thresholds=SPREADS * rng.uniform(0.0, 0.3, (count, D)),
        skews=rng.lognormal(0.0, 0.25, (count, D)),
        demands=demands,
        noises=rng.uniform(0.05, 0.12, count),
        lapses=rng.uniform(0.0, 0.08, count),
        lies=LIES if family == "adversarial" else 0.0,
    )


@dataclass(slots=True, kw_only=True)
class Centre:
    """Where the ideals of a population lie: peaks (k, D), and axes (k, RANK or D, D) about them."""

    peaks: Floats
    axes: Floats
    own: float

    @classmethod
    def of(cls, rng: np.random.Generator, family: str) -> Centre:
        """The centre of a new population of a family."""
        peak = rng.normal(0.0, 0.35, D) * SPREADS
        if family == "structureless":
            return cls(peaks=peak[None] * 0.0, axes=np.zeros((1, RANK, D)), own=1.0)
        count = 2 if family == "two-peaked" else 1
        away = rng.choice([-1.0, 1.0], D) * 0.8 * SPREADS
        peaks = np.stack([peak - away, peak + away]) if count == 2 else peak[None]
        axes = rng.normal(0.0, 1.0, (count, RANK, D))
        axes /= np.linalg.norm(axes, axis=1, keepdims=True)
        size = 0.45 if count == 2 else 1.0
        return cls(peaks=peaks, axes=axes * SPREADS * size * np.sqrt(1.0 - OWN**2), own=OWN)

    def draw(self, rng: np.random.Generator, count: int) -> Floats:
        """Ideals of (count, D), in taste space."""
        which = rng.integers(0, len(self.peaks), count)
        along = np.einsum("nr,nrd->nd", rng.normal(0.0, 1.0, (count, RANK)), self.axes[which])
        alone = self.own * SPREADS * rng.normal(0.0, 1.0, (count, D))
        ideals: Floats = np.clip(self.peaks[which] + along + alone, LOW, HIGH)
        return ideals


class Behaviour:
    """What fans do, phrase by phrase. The same draws serve every policy, so that these can be compared.

    Args:
        population: who.
        activity: one of ACTIVITIES.
        seed: of the draws.
    """

    def __init__(self, population: Population, activity: str, seed: Sequence[int]) -> None:
        rng = np.random.default_rng(seed)
        self.population, self.rates = population, RATES[activity]
        phrases, self.count = population.ideals.shape[:2]
        self._uniform = rng.uniform(size=(phrases, self.count, 8))
        self._noise = rng.laplace(0.0, 1.0, (phrases, self.count, 4)) * population.noises[:, None]
        self._slip = rng.standard_t(4, (phrases, self.count)) * 0.09
        self._choice = rng.gumbel(0.0, 1.0, (phrases, self.count, D))
        self._slides = rng.choice([0.5, 0.8, 1.0, 1.0, 1.1], (phrases, self.count))

    def first(self, count: int) -> Behaviour:
        """That of the first so many of them."""
        few = copy.copy(self)
        few.population, few.count = self.population.first(count), min(count, self.count)
        for name in ("_uniform", "_noise", "_slip", "_choice", "_slides"):
            setattr(few, name, getattr(self, name)[:, :count])
        return few

    def act(self, phrase: int, heard: Floats, before: Floats) -> Events:
        """What they did in a phrase about what they heard (n, D) and, to compare, heard before.

        Every fan is a slot, in order; `heard` and `before` of the events are left to whom they are told.
        """
        fans, uniform, noise = self.population, self._uniform[phrase], self._noise[phrase]
        felt = fans.utilities(phrase, heard)
        told = felt[:, None] + noise[:, :3]
        lapsed = uniform[:, 0] < fans.lapses
        told[lapsed] = uniform[lapsed, 1:4]
        turned = uniform[:, 4] < fans.lies
        told[turned] = 1.0 - told[turned]
        gain = felt - fans.utilities(phrase, before) + noise[:, 3]
        gain[turned] *= -1.0
        stays = told[:, 0] > fans.demands[:, 0]
        thumbs = uniform[:, 5] < self.rates["thumb"]
        likes, loves = told[:, 1] > fans.demands[:, 1], told[:, 1] > fans.demands[:, 2]
        compares = (uniform[:, 6] < self.rates["compare"]) & (np.abs(gain) > 0.05)
        replays = (uniform[:, 7] < REPLAYS) & (told[:, 2] > fans.demands[:, 2])
        turns = (uniform[:, 7] > 1.0 - VOLUMES) & (np.abs(told[:, 2] - fans.demands[:, 1]) > 0.15)
        louder = told[:, 2] > fans.demands[:, 1]
        acts = [
            _acts(Kind.DWELL, stays), _acts(Kind.SKIP, ~stays & (uniform[:, 2] < 0.6)),
            _acts(Kind.LIKE, thumbs & likes & ~loves), _acts(Kind.LOVE, thumbs & loves),
            _acts(Kind.DISLIKE, thumbs & ~likes & (uniform[:, 3] < 0.7)),
            _acts(Kind.BETTER, compares & (gain > 0)), _acts(Kind.WORSE, compares & (gain < 0)),
            _acts(Kind.REPLAY, replays), _acts(Kind.VOLUME_UP, turns & louder),
            _acts(Kind.VOLUME_DOWN, turns & ~louder), self._wishes(phrase, heard, turned),
        ]  # fmt: skip
        return np.concatenate(acts)

    def _wishes(self, phrase: int, heard: Floats, turned: NDArray[np.bool_]) -> Events:
        """Sliders: mostly of what is most wrong, mostly to about where it should be."""
        fans = self.population
        wrong = np.abs(fans.ideals[phrase] - heard) / fans.widths * np.sqrt(fans.shares)
        chosen = (2.0 * wrong + self._choice[phrase] * 0.5).argmax(axis=1)
        rows = np.arange(self.count)
        now, ideal = heard[rows, chosen], fans.ideals[phrase][rows, chosen]
        wished = now + (ideal - now) * self._slides[phrase] + self._slip[phrase] * SPREADS[chosen] / 0.35
        wished = np.where(turned, np.where(self._slip[phrase] > 0, HIGH[chosen], LOW[chosen]), wished)
        wished = np.round(np.clip(wished, LOW[chosen], HIGH[chosen]), 2)
        acts = _acts(Kind.WISH, self._uniform[phrase, :, 1] < self.rates["wish"])
        acts["dimension"], acts["value"] = chosen[acts["slot"]], wished[acts["slot"]]
        return acts


def _acts(kind: Kind, who: NDArray[np.bool_]) -> Events:
    slots = np.flatnonzero(who)
    acts: NDArray[Any] = np.zeros(len(slots), EVENT)
    acts["kind"], acts["slot"], acts["weight"] = kind, slots, 1.0
    return acts
