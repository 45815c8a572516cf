"""What changed between two runs, and whether it is more than the machines' noise.

Ratios are of a statistic of B over that of A, with a 95 % interval: percentiles of a bootstrap by moving
blocks (Kuensch 1989), since what is measured one after the other is alike. A change is called if an interval
that holds for all figures together (Bonferroni, normal in the logarithm) lies wholly beyond the noise: how
uneven fixed work was in either run, how much faster it was in one than in the other, 5 % for what the place
of code in memory alone does (Mytkowicz et al. 2009), and, where something was waited for, how late sleeps
were.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from remixd.errors import InvalidInput

from .meaning import SEEDED, WAITING, better_of, in_seconds, is_relative, set_up_otherwise
from .results import QUANTILES, Bench, Figure, Result, Statistic

Floats = NDArray[np.float64]
Apart = Literal["", "machine", "set-up"]
"""What two runs of a bench do not share."""
Verdict = Literal["worse", "better", "within noise", "too few", "differs"]

RESAMPLES: Final = 1000
RESAMPLES_LARGE: Final = 300
"""Of more than a hundred samples."""
DRAWN_MOST: Final = 2000
LEVEL: Final = 0.05
LEAST: Final = 5
"""Samples of each run below which nothing is called: three busy seconds could have made them."""
TAIL_LEAST: Final = 200
"""Samples of each run from which the 99th percentile is compared too."""
WIDTH_MOST: Final = 300.0
"""Of an interval, in the logarithm: all there is."""
CODE: Final = 0.05
EXACT: Final = 0.02
"""What is computed from the same seeds is the same but for rounding; less than this nobody hears."""
WORK, SLEEP = "fixed work: a round", "sleep of 1 ms: late by"
LOUD: Final = 0.25
"""Noise from which a run is called noisy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What a machine did to a run.

    Attributes:
        uneven: the 90th percentile of rounds of fixed work over their median, less one.
        round_ms: the median of such a round; None in runs that did not keep it.
        late_s: the 90th percentile of how late sleeps of a millisecond were.
    """

    uneven: float
    round_ms: float | None
    late_s: float

    @classmethod
    def of(cls, result: Result) -> Noise:
        """The floors of a run, before and after it together. Without any the run is as noisy as can be."""
        work = [sample for each in result.noise if each.name == "fixed work" for sample in each.samples]
        rounds = [sample for each in result.noise if each.name == WORK for sample in each.samples]
        late_us = [sample for each in result.noise if each.name == SLEEP for sample in each.samples]
        return cls(
            uneven=_uneven(rounds or work) if rounds or work else math.inf,
            round_ms=float(np.median(rounds)) if rounds else None,
            late_s=max(float(np.quantile(late_us, 0.9)) / 1e6, 0.0) if late_us else math.inf,
        )

    def __str__(self) -> str:
        loud = "noisy" if self.uneven > LOUD else "calm"
        return f"{loud}: fixed work uneven by {self.uneven:.0%}, sleeps late by {self.late_s * 1e6:.0f} us"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A statistic of one figure in both runs.

    Attributes:
        before, after: of A and B, in the figure's unit.
        ratio: B over A; None where one is zero or their signs differ.
        low, high: its 95 % interval; the ratio itself where there is none to be had.
        noise: by how much it may differ for nothing, as a share.
        limit: the limit that B breaks and A kept, in words; empty if none.
    """

    bench: str
    name: str
    case: str
    unit: str
    statistic: Statistic
    before: float
    after: float
    ratio: float | None
    low: float
    high: float
    noise: float
    verdict: Verdict
    limit: str = ""

    @property
    def is_regression(self) -> bool:
        """Whether it is worse beyond noise."""
        return self.verdict == "worse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All changes, both runs' noise, what one of them lacks, and what to know before reading them."""

    changes: tuple[Change, ...]
    noise: tuple[Noise, Noise]
    only: tuple[int, int]
    remarks: tuple[str, ...]

    @property
    def regressions(self) -> list[Change]:
        """What is worse beyond noise."""
        return [each for each in self.changes if each.is_regression]


def compare(before: Result, after: Result) -> Comparison:
    """Compare run B (`after`) with run A (`before`). Raises InvalidInput if they have no figure in common."""
    here, there = _figures(before), _figures(after)
    both = [key for key in here if key in there]
    if not both:
        raise InvalidInput("these runs have no figure in common")
    noises = Noise.of(before), Noise.of(after)
    same = before.machine.get("cpu") == after.machine.get("cpu")
    work = [(key, statistic) for key in both for statistic in _statistics(here[key], there[key])]
    level = LEVEL / len(work)
    otherwise = _otherwise(before, after)
    changes = [
        _change(key[0], here[key], there[key], stat, noises, level, _apart(key[0] in otherwise, same))
        for key, stat in work
    ]
    remarks = [*_remarks(before, after, same=same)]
    remarks += [f"{name} was set up otherwise ({', '.join(told)})" for name, told in otherwise.items()]
    return Comparison(
        changes=tuple(changes),
        noise=noises,
        only=(len(here) - len(both), len(there) - len(both)),
        remarks=tuple(remarks),
    )


def _apart(otherwise: bool, same: bool) -> Apart:
    return "set-up" if otherwise else "" if same else "machine"


def _otherwise(before: Result, after: Result) -> dict[str, list[str]]:
    """Benches that measured different things, and the settings that tell."""
    here = {bench.name: bench.settings for bench in before.benches}
    found = {
        bench.name: set_up_otherwise(bench.name, here[bench.name], bench.settings)
        for bench in after.benches
        if bench.name in here
    }
    return {name: told for name, told in found.items() if told}


def _figures(result: Result) -> dict[tuple[str, str, str], Figure]:
    return {
        (bench.name, figure.name, case_text(figure)): figure
        for bench in result.benches
        for figure in bench.figures
    }


def case_text(figure: Figure) -> str:
    """The case of a figure as one text."""
    return ", ".join(f"{name} {value}" for name, value in figure.case.items())


def _remarks(before: Result, after: Result, *, same: bool) -> Iterator[str]:
    if not same:
        yield "the machines differ: only ratios to what ran beside are judged"
    if before.settings.get("quick") != after.settings.get("quick"):
        yield "one run was quick, the other was not"
    if before.versions.get("simd") != after.versions.get("simd"):
        yield "the kernels are built for different instruction sets"
    for name, result in (("A", before), ("B", after)):
        if not result.complete:
            cut = ", ".join(_unfinished(bench) for bench in result.benches if bench.state not in DONE)
            yield f"{name} is not complete: {cut or 'it was interrupted'}"


DONE: Final = ("done", "skipped")


def _unfinished(bench: Bench) -> str:
    return f"{bench.name} {bench.state}"


def _statistics(one: Figure, other: Figure) -> list[Statistic]:
    """Of each figure the median, of large ones the tail too, and what limits are set for."""
    found: list[Statistic] = ["median"]
    if min(len(one.samples), len(other.samples)) >= TAIL_LEAST:
        found.append("p99")
    return list(dict.fromkeys([*found, *(limit.statistic for limit in other.limits)]))


def _change(
    bench: str, one: Figure, other: Figure, statistic: Statistic,
    noises: tuple[Noise, Noise], level: float, apart: Apart,
) -> Change:  # fmt: skip
    before, after = one.summary()[statistic], other.summary()[statistic]
    exact = bench in SEEDED and not in_seconds(one.unit)
    margin = EXACT if exact else _margin(bench, one, noises, before)
    ratio = after / before if before * after > 0.0 and math.isfinite(after / before) else None
    low = high = wide_low = wide_high = ratio if ratio is not None else math.nan
    enough = min(len(one.samples), len(other.samples)) >= LEAST
    if ratio is not None and not exact and enough:
        (low, high), (wide_low, wide_high) = _intervals(one, other, statistic, ratio, level)
    alike = not apart or (apart == "machine" and (exact or is_relative(one)))
    judged = alike and (exact or enough)
    verdict: Verdict = "too few" if alike else "differs"
    broken = _broken(one, other, statistic)
    if before == after:
        verdict = "within noise"
    elif judged and ratio is not None:
        better = better_of(one) if before > 0.0 else ""  # below zero more is less
        verdict = _verdict(better, wide_low, wide_high, margin)
    elif alike and broken and one.unit == "count":
        chance = 0.0 if exact else 0.5 ** max(sum(other.samples), 0.0)
        verdict = "worse" if chance < level and margin < LOUD else "within noise"
    elif judged:
        verdict = "differs"
    return Change(
        bench=bench, name=one.name, case=case_text(one), unit=one.unit, statistic=statistic,
        before=before, after=after, ratio=ratio, low=low, high=high, noise=margin, verdict=verdict,
        limit=broken,
    )  # fmt: skip


def _verdict(better: str, low: float, high: float, margin: float) -> Verdict:
    if not math.isfinite(margin) or (low <= 1.0 + margin and high >= 1.0 / (1.0 + margin)):
        return "within noise"
    if not better:
        return "differs"
    return "worse" if (low > 1.0) == (better == "lower") else "better"


def _margin(bench: str, figure: Figure, noises: tuple[Noise, Noise], value: float) -> float:
    """By how much a figure may differ for nothing, as a share."""
    margin = CODE + max(each.uneven for each in noises)
    if is_relative(figure):
        return margin
    rounds = [each.round_ms for each in noises if each.round_ms]
    if len(rounds) == len(noises):
        margin += max(rounds) / min(rounds) - 1.0
    if bench in WAITING and in_seconds(figure.unit) and value:
        margin += max(each.late_s for each in noises) / abs(value * in_seconds(figure.unit))
    return margin


def _intervals(
    one: Figure, other: Figure, statistic: Statistic, ratio: float, level: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The 95 % interval of a ratio, and one for a level of all figures together."""
    rng = np.random.default_rng(0)
    drawn = [_drawn(np.asarray(figure.samples), statistic, rng) for figure in (one, other)]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratios = drawn[1] / drawn[0]
    ratios = ratios[np.isfinite(ratios) & (ratios > 0.0)]
    if not ratios.size:
        return (0.0, math.inf), (0.0, math.inf)
    low, high = np.quantile(ratios, [0.025, 0.975])
    width = min(NormalDist().inv_cdf(1.0 - level / 2.0) * float(np.log(ratios).std()), WIDTH_MOST)
    wide = min(ratio * math.exp(-width), float(low)), max(ratio * math.exp(width), float(high))
    return (float(low), float(high)), wide


def _drawn(samples: Floats, statistic: Statistic, rng: np.random.Generator) -> Floats:
    """A statistic of samples drawn anew by blocks, as often as RESAMPLES; of many samples from fewer."""
    times = RESAMPLES if len(samples) <= 100 else RESAMPLES_LARGE
    count = min(len(samples), DRAWN_MOST)
    length = max(round(len(samples) ** (1 / 3)), 1)
    starts = rng.integers(0, len(samples), (times, -(-count // length)))
    places = (starts[:, :, None] + np.arange(length)).reshape(times, -1)[:, :count] % len(samples)
    drawn = samples[places]
    found = drawn.mean(axis=1) if statistic == "mean" else np.quantile(drawn, QUANTILES[statistic], axis=1)
    return np.asarray(found)


def _uneven(rounds: list[float]) -> float:
    return float(np.quantile(rounds, 0.9) / np.median(rounds)) - 1.0


def _broken(one: Figure, other: Figure, statistic: Statistic) -> str:
    """The limit that the second breaks and the first kept."""
    told = other.summary()
    for limit in other.limits:
        if limit.statistic == statistic and told[statistic] > limit.at_most >= one.summary()[statistic]:
            return f"{statistic} at most {limit.at_most:g} {other.unit}".strip()
    return ""
