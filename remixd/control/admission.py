"""Admission: a new session goes where there is most room for it, or is refused with the figure.

Engines measure what their sessions take. What was admitted a moment ago is not in that figure yet: so it is
reserved, and fades as the measured mean takes it in. Thread: [control].
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean
from time import monotonic
from typing import Final, Literal

from remixd.control.engine import Engine
from remixd.errors import Exhausted, Unavailable

FULL: Final = 0.8
"""The share of its core that an engine is given to do at the most."""
MEAN_S: Final = 1.0
"""The time constant of the mean that an engine measures."""

ANSWER_S: Final = 1.0

Kind = Literal["summed", "apart"]
"""What sessions cost differs: with stems summed in the spectrum, or each by itself."""


@dataclass(frozen=True, slots=True)
class Load:
    """What an engine has to do: shares of its core.

    Attributes:
        mean: over about a second.
        worst: of the worst 10 ms since it was last measured.
        late: packets that were late so far.
        costs: of each session, by its key.
    """

    mean: float
    worst: float
    late: int
    costs: Mapping[int, float]

    @classmethod
    async def of(cls, engine: Engine) -> Load:
        """Ask an engine. Raises Unavailable if it is gone, or does not answer soon."""
        try:
            async with asyncio.timeout(ANSWER_S):
                told = await engine.ask(op="measure")
        except TimeoutError:
            raise Unavailable(f"engine {engine.number} does not answer") from None
        return cls(told["mean"], told["worst"], told["late"], {int(key): cost for key, cost in told["costs"]})


@dataclass(slots=True, eq=False)
class _Reserved:
    engine: Engine
    cost: float
    since_s: float = math.inf

    def share(self, now_s: float) -> float:
        """What of it is not in the measured mean yet."""
        return self.cost * math.exp(-max(now_s - self.since_s, 0.0) / MEAN_S)


class Admission:
    """What is admitted to which engine.

    Attributes:
        closed: why nothing is admitted any more; empty while something may be.
    """

    def __init__(self) -> None:
        self.closed = ""
        self._reserved: list[_Reserved] = []

    @contextlib.asynccontextmanager
    async def place(
        self, engines: list[Engine], kind: Kind, kinds: Mapping[int, Kind], *, paced: bool
    ) -> AsyncIterator[Engine]:
        """The engine that takes one more session, while it is made.

        Args:
            engines: to choose from.
            kind: of the new session.
            kinds: of those that play, by key.
            paced: whether it has deadlines; else it only takes what is left.

        Raises Exhausted with the figures if it would be too much for each of them; Unavailable without
        any, or once it is closed.
        """
        if self.closed:
            raise Unavailable(self.closed)
        found = await asyncio.gather(*(Load.of(engine) for engine in engines), return_exceptions=True)
        loads = {engine: load for engine, load in zip(engines, found, strict=True) if isinstance(load, Load)}
        if not loads:
            raise Unavailable("no engine answers now")
        engine = min(loads, key=lambda each: loads[each].mean + self._share(each))
        busy, cost = loads[engine].mean + self._share(engine), _cost(engine, loads[engine], kind, kinds)
        if paced and busy + cost > FULL:
            raise Exhausted(
                f"engine {engine.number} is at {busy * 100:.0f} % of its core, a session takes "
                f"{cost * 100:.1f} %: no more than {FULL * 100:.0f} % are given away"
            )
        self._reserved.append(reserved := _Reserved(engine, cost if paced else 0.0))
        try:
            yield engine
        except BaseException:
            self._reserved.remove(reserved)
            raise
        reserved.since_s = monotonic()

    def _share(self, engine: Engine) -> float:
        now_s = monotonic()
        self._reserved = [each for each in self._reserved if now_s - each.since_s < 8 * MEAN_S]
        return sum(each.share(now_s) for each in self._reserved if each.engine is engine)


def _cost(engine: Engine, load: Load, kind: Kind, kinds: Mapping[int, Kind]) -> float:
    """What a session of a kind takes: as those that play do, else as in the rehearsal."""
    measured = list(_of_kind(load, kind, kinds))
    return fmean(measured) if measured else engine.costs[kind]


def _of_kind(load: Load, kind: Kind, kinds: Mapping[int, Kind]) -> Iterator[float]:
    return (cost for key, cost in load.costs.items() if cost > 0.0 and kinds.get(key) == kind)
