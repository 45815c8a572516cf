"""Frames are taken a few a turn of the loop, in order, and nobody who left takes a turn."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from remixd.web.pace import Pace


async def _let_in(at_once: int, count: int, gone: frozenset[int]) -> tuple[list[int], list[int]]:
    """Who was let in, and how many in each turn of the loop."""
    pace, order, turns = Pace(at_once), [], []

    async def come(number: int) -> None:
        await pace.turn()
        order.append(number)

    comers = [asyncio.create_task(come(number)) for number in range(count)]
    before = 0
    for turn in range(2 * count + 4):
        await asyncio.sleep(0)
        turns.append(len(order) - before)
        before = len(order)
        if turn == 1:
            for number in gone:
                comers[number].cancel()
    return order, turns


@given(at_once=st.integers(1, 4), count=st.integers(0, 40), gone=st.frozensets(st.integers(0, 39)))
def test_no_more_than_a_few_a_turn_in_order_and_all_of_them(at_once, count, gone):
    gone = frozenset(number for number in gone if number < count)
    order, turns = asyncio.run(_let_in(at_once, count, gone))
    assert max(turns, default=0) <= at_once
    assert order == sorted(order)
    assert set(range(count)) - gone <= set(order)
