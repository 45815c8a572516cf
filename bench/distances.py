"""How far a figure is from what it could be: its limits, the floor of its run, the best of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from .audience_policies import ORACLE
from .bench_kernel import HARNESS
from .bench_latency import FLOOR_ECHO, FLOOR_PORT
from .bench_quality import FLOOR, UNSTRETCHED
from .latency_cells import BUT_LIMITER, CALL, TOTAL
from .lost_blocks import NATIVE as NATIVE_CLIENT
from .meaning import WAITING, better_of, in_seconds, is_ours
from .results import Bench, Case, Figure, Result

NATIVE: Final = "native thread"
SUM, FFTS = "floor: numpy sum", "floor: numpy FFTs"
NONE_SET: Final = "no limit is set"
COPIES: Final = ("copy", "gains moving", "limiter working")


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """From a figure to something.

    Attributes:
        told: a sentence of a few words.
        at: where that is, in the figure's unit; None where it is not on its axis.
        kept: whether a limit is kept; None for what is no limit.
    """

    told: str
    at: float | None = None
    kept: bool | None = None


def distances(bench: Bench, figure: Figure, result: Result) -> list[Distance]:
    """Everything that a figure can be held against, limits first; one that says so if that is nothing."""
    found = [*_to_limits(figure), *_to_floor(bench, figure), *_to_others(bench, figure)]
    found += [*_to_whole(figure), *_to_sleep(bench, figure, result)]
    return found or [Distance(told=NONE_SET)]


def quantity(value: float, unit: str) -> str:
    """Three digits that count, with the unit; shares as per cent."""
    if unit == "share":
        return f"{value * 100:.3g} %"
    digits = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return digits if unit in ("count", "ratio", "") else f"{digits} {unit}"


def _to_limits(figure: Figure) -> Iterator[Distance]:
    told = figure.summary()
    for limit in figure.limits:
        value = told[limit.statistic]
        allowed = quantity(limit.at_most, figure.unit)
        if limit.at_most > 0:
            words = f"{limit.statistic} {value / limit.at_most:.0%} of the {allowed} allowed"
        else:
            words = f"{limit.statistic} {quantity(value, figure.unit)}, {allowed} allowed"
        yield Distance(told=words, at=limit.at_most, kept=value <= limit.at_most)


def _sum_or_ffts(case: Case) -> Case:
    return {**case, "case": SUM if case.get("case") in COPIES else FFTS}


def _at_the_port(case: Case) -> Case:
    if case.get("sink") != "device":
        return case
    return {"sink": "device", "block": case["block"], "case": FLOOR_PORT}


FLOORS: Final[Mapping[tuple[str, str], Callable[[Case], Case]]] = {
    ("kernel", "CPU a second of sound"): _sum_or_ffts,
    ("kernel", "CPU of four stems"): lambda case: {**case, "system": HARNESS},
    ("decks", "late blocks"): lambda case: {**case, "system": NATIVE},
    ("decks", "late stalls"): lambda case: {**case, "system": NATIVE},
    ("latency", TOTAL): _at_the_port,
    ("latency", BUT_LIMITER): _at_the_port,
    ("latency", CALL): lambda _case: {"case": FLOOR_ECHO},
    ("latency", "lost blocks"): lambda case: {**case, "system": NATIVE_CLIENT},
}
"""Figures that were measured beside the least that is possible: where that is."""
FLOOR_SYSTEMS: Final = {"quality": FLOOR, "audience": ORACLE}
"""Of these benches every figure has one."""
NO_PEERS: Final = (FLOOR, UNSTRETCHED, HARNESS, ORACLE, NATIVE, NATIVE_CLIENT)


def floor_of(bench: Bench, figure: Figure) -> Figure | None:
    """The floor of a figure, measured in the same run; None if it has none or is one."""
    if str(figure.case.get("case", "")).startswith("floor"):
        return None
    where = FLOORS.get((bench.name, figure.name))
    case = where(figure.case) if where else None
    if case is None and "system" in figure.case and bench.name in FLOOR_SYSTEMS:
        case = {**figure.case, "system": FLOOR_SYSTEMS[bench.name]}
    if case is None or case == figure.case:
        return None
    return next((each for each in bench.figures if each.name == figure.name and each.case == case), None)


def _to_floor(bench: Bench, figure: Figure) -> Iterator[Distance]:
    floor = floor_of(bench, figure)
    if floor is None:
        return
    here, there = _median(figure), _median(floor)
    name = str(floor.case.get("system", floor.case.get("case", ""))).removeprefix("floor: ")
    if here * there > 0:
        yield Distance(told=f"{here / there:.3g} times the floor ({name})", at=there)
    else:
        yield Distance(told=f"the floor ({name}) is at {quantity(there, figure.unit)}", at=there)


def _to_others(bench: Bench, figure: Figure) -> Iterator[Distance]:
    """Of ours: the best of the other systems in the same case."""
    better = better_of(figure)
    if not better or "system" not in figure.case or "over" in figure.case:
        return
    rest = {name: value for name, value in figure.case.items() if name != "system"}
    others = [
        each for each in bench.figures
        if each.name == figure.name and "system" in each.case and not is_ours(each)
        and each.case["system"] not in NO_PEERS
        and {name: value for name, value in each.case.items() if name != "system"} == rest
    ]  # fmt: skip
    if not others:
        return
    best = (min if better == "lower" else max)(others, key=_median)
    here, there = _median(figure), _median(best)
    ratio = f"{here / there:.3g} times" if here * there > 0 else f"beside {quantity(there, figure.unit)} of"
    yield Distance(told=f"{ratio} the best other ({best.case['system']})", at=None)


def _to_whole(figure: Figure) -> Iterator[Distance]:
    """Shares of something whole, which has an end of its own."""
    if figure.unit != "share" or figure.limits:
        return
    better, value = better_of(figure), _median(figure)
    if better == "higher":
        yield Distance(told=f"{1.0 - value:.3g} short of 1, which is perfect", at=None)
    elif better == "lower":
        yield Distance(told=f"{value:.3g} of all there is", at=None)


def _to_sleep(bench: Bench, figure: Figure, result: Result) -> Iterator[Distance]:
    """Of what was waited for: how late this machine wakes up who sleeps."""
    late_us = [sample for each in result.noise if each.unit == "us" for sample in each.samples]
    if bench.name not in WAITING or not in_seconds(figure.unit) or not late_us:
        return
    late_s = float(np.median(late_us)) / 1e6
    if late_s > 0:
        value = _median(figure) * in_seconds(figure.unit)
        at = late_s / in_seconds(figure.unit)
        yield Distance(told=f"{value / late_s:.3g} times what a sleep is late by ({at:.3g} {figure.unit})")


def _median(figure: Figure) -> float:
    return float(np.median(figure.samples))
