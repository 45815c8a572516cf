"""What may not get worse, as ratios to what ran beside it in the same run, never as one machine's seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from . import ours
from .results import Bench, Figure, Result, Statistic

State = Literal["kept", "broken", "not measured"]
SUMMED: Final = f"{ours.NAME}, summed in the spectrum"
APART: Final = f"{ours.NAME}, an inverse FFT a stem"
PLAIN: Final = "tempo 1.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A ratio that has to stay within a limit.

    Attributes:
        bench, figure, case: which; every part of the case that is given must be as it is given.
        statistic: of its samples.
        at_least, at_most: the limit; one of them.
        why: what it would mean to break it.
    """

    bench: str
    figure: str
    case: Mapping[str, str | int]
    statistic: Statistic = "median"
    at_least: float | None = None
    at_most: float | None = None
    why: str

    def fits(self, figure: Figure) -> bool:
        """Whether it is about a figure."""
        return figure.name == self.figure and all(
            figure.case.get(name) == value for name, value in self.case.items()
        )

    def keeps(self, value: float) -> bool:
        """Whether a value is within the limit."""
        return (self.at_least is None or value >= self.at_least) and (
            self.at_most is None or value <= self.at_most
        )

    @property
    def limit(self) -> str:
        """The limit in words."""
        return f"at least {self.at_least:g}" if self.at_most is None else f"at most {self.at_most:g}"


COPY: Final[Mapping[str, str | int]] = {"case": "copy", "block": 512}
STRETCHED: Final[Mapping[str, str | int]] = {"case": "tempo and pitch", "block": 512}
SIXTY: Final[Mapping[str, str | int]] = {"system": APART, "sessions": 60, "block": 128}
LOADED: Final[Mapping[str, str | int]] = {"block": 128, "load": 2000}
BY_64: Final[Mapping[str, str | int]] = {"called": "64 frames a call"}


def _against(peer: str, over: str) -> dict[str, str | int]:
    return {"system": peer, "setting": PLAIN, "over": over}


GUARDS: Final = (
    Guard(bench="kernel", figure="over its floor", case=COPY, at_most=1.5,
          why="a session at rest costs too much beside summing its stems in numpy"),
    Guard(bench="kernel", figure="over its floor", case=STRETCHED, at_most=0.6,
          why="stretching costs too much beside the bare FFTs of a phase vocoder in numpy"),
    Guard(bench="kernel", figure="times the cost", case=_against("Rubber Band R3", f"{APART}, stretch path"),
          at_least=160.0, why="the stretch path must cost an 80th of Rubber Band R3's; it cost a 250th"),
    Guard(bench="kernel", figure="times the cost", case=_against("Rubber Band R3", f"{SUMMED}, stretch path"),
          at_least=240.0, why="summed in the spectrum it must cost a 100th; it cost a 390th"),
    Guard(bench="kernel", figure="times the cost", case=_against("Signalsmith Stretch", APART), at_least=12.0,
          why="a whole session costs too much beside Signalsmith's stretching alone; it cost a 19th"),
    Guard(bench="kernel", figure="block over mean block", case=SIXTY, statistic="p99", at_most=1.8,
          why="the cost of blocks is uneven"),
    Guard(bench="rack", figure="a rack over the effects alone, as a ratio", case=BY_64, at_most=1.3,
          why="our way of calling effects costs too much beside the effects"),
    Guard(bench="latency", figure="median under load over idle", case=LOADED, at_most=1.5,
          why="a crowd's signals hold up the wishes of others; the medians were 1.02 to 1.19 apart"),
)  # fmt: skip
"""The short list: a quick run on a busy machine keeps them all, and what costs a half more breaks one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """What became of a guard: the values are of every figure that fits."""

    guard: Guard
    state: State
    values: tuple[float, ...]

    @property
    def told(self) -> str:
        """What was found and what the limit is, and if it is broken what that means."""
        found = ", ".join(f"{value:.3g}" for value in self.values) or "nothing"
        case = " ".join(map(str, self.guard.case.values()))
        told = f"{self.guard.bench}: {self.guard.figure}, {case}: {self.guard.statistic} {found}"
        told += f", {self.guard.limit}"
        return f"{told}: {self.guard.why}" if self.state == "broken" else told


def guarded_benches() -> list[str]:
    """The benches that have to run for the guards."""
    return list(dict.fromkeys(guard.bench for guard in GUARDS))


def check(results: Sequence[Result], guards: Sequence[Guard] = GUARDS) -> Iterator[Guarded]:
    """Hold results against the guards. What was not measured, such as a peer that is not here, is told."""
    benches: list[Bench] = [bench for result in results for bench in result.benches]
    for guard in guards:
        figures = [each for bench in benches if bench.name == guard.bench for each in bench.figures]
        values = tuple(each.summary()[guard.statistic] for each in figures if guard.fits(each))
        state: State = "kept" if all(map(guard.keeps, values)) else "broken"
        yield Guarded(guard=guard, state=state if values else "not measured", values=values)
