"""Events that fans may send, hostile ones too, and the formulas of the taste model on plain matrices."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from remixd.audience.ledger import EVENT
from remixd.audience.prior import Prior
from remixd.audience.space import D
from remixd.audience.taste import Tastes
from remixd.audience.utility import (
    DRIFT_PER_S,
    KAPPAS,
    MEANINGS,
    REACH,
    SURPRISE,
    WISH_DEVIATION,
    Kind,
)

JUDGING = frozenset(Kind) - {Kind.WISH, Kind.RECENTRE}
COMPARING = frozenset({Kind.BETTER, Kind.WORSE})
MIXES = 20
SLOTS = (0, 1, 5)


def some_prior(seed=1):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(0, 0.2, (D, D))
    return Prior.about(rng.uniform(-0.3, 0.3, D), mixing @ mixing.T + 0.02 * np.eye(D))


def crowd(prior=None, slots=SLOTS, seed=2):
    """Tastes with some fans, and some mixes heard."""
    tastes = Tastes(prior or some_prior())
    tastes.heard.add(np.random.default_rng(seed).uniform(-1, 1, (MIXES, D)))
    for slot in slots:
        tastes.join(slot)
    return tastes


def random_events(rng, count, slots=SLOTS, span_s=100.0):
    """Any events, in any order, also at the same time and with the same id."""
    events = np.zeros(count, EVENT)
    events["id"] = rng.integers(0, 4 * count, count)
    events["at_s"] = np.round(rng.uniform(-span_s, span_s, count), rng.integers(0, 3))
    events["value"] = np.clip(rng.normal(0, 1, count), -1, 1)
    events["weight"] = np.clip(rng.uniform(-0.2, 1.2, count), 0, 1)
    events["slot"] = rng.choice(slots, count)
    events["heard"] = rng.integers(0, MIXES, count)
    events["before"] = rng.integers(0, MIXES, count)
    events["kind"] = rng.integers(0, len(Kind), count)
    events["dimension"] = rng.integers(0, D, count)
    return events


@st.composite
def histories(draw, least=0, most=100):
    """Ticks of events: a list of arrays."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    events = random_events(rng, draw(st.integers(least, most)), span_s=draw(st.sampled_from([0.0, 5.0, 1e5])))
    cuts = draw(st.lists(st.integers(0, len(events)), max_size=6).map(sorted))
    return np.split(events, cuts)


ORDER = ("slot", "at_s", "id", "kind", "dimension", "value", "heard", "before", "weight")


def in_order(tick):
    """A tick's events as they are to be learnt from."""
    return sorted(tick, key=lambda event: [event[name].item() for name in ORDER])


class Reference:
    """One fan, by the formulas of the design, on full matrices."""

    def __init__(self, prior):
        self.prior = prior
        self.mean, self.covariance = prior.mean.copy(), prior.covariance.copy()
        self.at_s = None

    def observe(self, event, heard):
        kind = Kind(event["kind"])
        weight = MEANINGS[kind].trust * float(event["weight"])
        if self.at_s is not None and event["at_s"] > self.at_s:
            self.drift(event["at_s"] - self.at_s)
        self.at_s = event["at_s"]
        if kind is Kind.RECENTRE:
            self.recentre(1 + event["dimension"], event["value"])
        elif weight > 0 and kind is Kind.WISH:
            noise = (WISH_DEVIATION * REACH[event["dimension"]]) ** 2 / weight
            self.wish(1 + event["dimension"], event["value"], noise)
        elif weight > 0 and kind in JUDGING:
            before = heard[event["before"]] if kind in COMPARING else None
            self.judge(MEANINGS[kind].outcome, weight, heard[event["heard"]], before)
        self.mean[1:] = np.clip(self.mean[1:], -1, 1)

    def drift(self, passed_s):
        room = np.maximum(np.diag(self.prior.covariance) - np.diag(self.covariance), 0)
        self.covariance += np.diag(np.minimum(passed_s * DRIFT_PER_S * np.append(1, REACH) ** 2, room))

    def recentre(self, d, value):
        self.covariance[d] = self.covariance[:, d] = 0
        self.covariance[d, d] = self.prior.covariance[d, d]
        self.mean[d] = value

    def wish(self, d, value, noise):
        surprise = (value - self.mean[d]) ** 2 - self.covariance[d, d] - noise
        self.covariance[d, d] += SURPRISE * max(surprise, 0)
        gain = self.covariance[:, d] / (self.covariance[d, d] + noise)
        self.mean = self.mean + gain * (value - self.mean[d])
        self.covariance = self.covariance - np.outer(gain, self.covariance[d])

    def judge(self, outcome, weight, a, b):
        phi = np.concatenate([[1.0], 2 * KAPPAS * a])
        offset = -KAPPAS @ a**2
        if b is not None:
            phi, offset = np.concatenate([[0.0], 2 * KAPPAS * (a - b)]), -KAPPAS @ (a**2 - b**2)
        spread = phi @ self.covariance @ phi
        likely = 1 / (1 + np.exp(-(phi @ self.mean + offset) / np.sqrt(1 + np.pi * spread / 8)))
        curve = weight * likely * (1 - likely)
        gain = self.covariance @ phi
        self.covariance = self.covariance - np.outer(gain, gain) * curve / (1 + curve * spread)
        self.mean = self.mean + self.covariance @ phi * weight * (outcome - likely)
