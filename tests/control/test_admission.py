"""New sessions go where there is most room, and no further than an engine's figure allows."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from remixd.control import admission
from remixd.control.admission import Admission
from remixd.errors import Exhausted, Unavailable


class Measured:
    """An engine that answers what it is told to have measured."""

    def __init__(self, number: int, mean: float, costs: dict[int, float] | None = None) -> None:
        self.number = number
        self.mean = mean
        self.measured = costs or {}
        self.costs = {"summed": 0.01, "apart": 0.02}
        self.dead = False

    async def ask(self, **request: Any) -> dict[str, Any]:
        assert request == {"op": "measure"}
        if self.dead:
            raise Unavailable("the engine has died")
        return {"mean": self.mean, "worst": 0.0, "late": 0, "costs": list(self.measured.items())}


async def place(admitted: Admission, *engines: Any, kind: Any = "apart", **more: Any) -> Any:
    async with admitted.place(
        list(engines), kind, more.pop("kinds", {}), paced=more.pop("paced", True)
    ) as it:
        return it


async def test_the_engine_with_most_room_takes_a_session() -> None:
    busy, idle = Measured(1, 0.5), Measured(2, 0.1)
    assert await place(Admission(), busy, idle) is idle


async def test_one_that_is_too_full_refuses_and_names_the_figures() -> None:
    full = Measured(1, 0.76, {256: 0.05, 257: 0.07, 258: 0.001})
    kinds = {256: "apart", 257: "apart", 258: "summed"}
    with pytest.raises(Exhausted, match=r"engine 1 is at 76 % of its core, a session takes 6\.0 %"):
        await place(Admission(), full, kinds=kinds)
    assert await place(Admission(), full, kind="summed", kinds=kinds) is full, "a cheap one still fits"
    assert await place(Admission(), full, paced=False) is full, "what has no deadlines takes what is left"


async def test_before_any_was_measured_the_rehearsal_says_what_a_session_takes() -> None:
    with pytest.raises(Exhausted, match=r"a session takes 2\.0 %"):
        await place(Admission(), Measured(1, 0.79))
    assert await place(Admission(), Measured(1, 0.785), kind="summed")


async def test_many_at_once_are_all_counted_before_any_is_measured(monkeypatch) -> None:
    engines = [Measured(1, 0.0, {1: 0.1}), Measured(2, 0.0, {2: 0.1})]
    kinds = {1: "apart", 2: "apart"}
    admitted = Admission()
    now_s = 1000.0
    monkeypatch.setattr(admission, "monotonic", lambda: now_s)
    outcomes = await asyncio.gather(
        *(place(admitted, *engines, kinds=kinds) for _ in range(40)), return_exceptions=True
    )
    placed = [outcome for outcome in outcomes if isinstance(outcome, Measured)]
    assert [sum(each is engine for each in placed) for engine in engines] == [8, 8]
    assert all(isinstance(each, Exhausted) for each in outcomes if each not in placed)
    now_s += 10.0  # by now they are in what is measured
    engines[0].mean = engines[1].mean = 0.65
    assert await place(admitted, *engines, kinds=kinds) in engines


async def test_what_came_to_nothing_is_not_counted() -> None:
    engine, admitted = Measured(1, 0.7, {1: 0.1}), Admission()
    for _ in range(5):
        with pytest.raises(RuntimeError):
            async with admitted.place([engine], "apart", {1: "apart"}, paced=True):
                raise RuntimeError("it could not be made")
    assert await place(admitted, engine, kinds={1: "apart"}) is engine


async def test_engines_that_have_died_are_passed_over() -> None:
    dead, alive = Measured(1, 0.0), Measured(2, 0.5)
    dead.dead = True
    assert await place(Admission(), dead, alive) is alive
    with pytest.raises(Unavailable):
        await place(Admission(), dead)
