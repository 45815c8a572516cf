"""What is written down of sessions meanwhile holds nobody up."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from types import SimpleNamespace

import pytest

from remixd.control.rounds import Rounds


class Papers:
    """Notes who was written down, and how often others had their turn by then."""

    def __init__(self):
        self.turns = 0
        self.written = []
        self.pieces = []

    def write(self, session):
        self.written.append((session.id, self.turns))
        if session.id == "s-1":
            raise ValueError("a fault in one of them")
        if session.id == "s-2":
            session.neighbour.playing = False

    def write_fans(self, session):
        for piece in range(3 if session.id == "s-4" else 0):
            self.pieces.append((piece, self.turns))
            yield

    async def take_turns(self):
        while True:
            self.turns += 1
            await asyncio.sleep(0)


@pytest.fixture
def sessions():
    made = [SimpleNamespace(id=f"s-{number}", playing=True, neighbour=None) for number in range(6)]
    for one, other in itertools.pairwise(made):
        one.neighbour = other
    return made


async def written(sessions, papers):
    """One round of writing; nobody is looked after in it."""
    rounds = Rounds(lambda: list(sessions), None, None, papers)
    awake = asyncio.Event()
    awake.set()
    tasks = [asyncio.create_task(papers.take_turns()), asyncio.create_task(rounds._write(awake))]
    async with asyncio.timeout(5):
        while not papers.written or papers.written[-1][0] != "s-5":  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_others_have_their_turn_between_two_sessions_that_are_written_down(sessions):
    papers = Papers()
    await written(sessions, papers)
    turns = [turns for _, turns in papers.written]
    assert all(before < after for before, after in itertools.pairwise(turns))


async def test_one_that_has_ended_meanwhile_is_not_written_down_and_a_fault_keeps_nobody_from_it(sessions):
    papers = Papers()
    await written(sessions, papers)
    assert [name for name, _ in papers.written] == ["s-0", "s-1", "s-2", "s-4", "s-5"]


async def test_others_have_their_turn_between_two_pieces_of_what_fans_wish(sessions):
    papers = Papers()
    await written(sessions, papers)
    assert [piece for piece, _ in papers.pieces] == [0, 1, 2]
    turns = [turns for _, turns in papers.pieces]
    assert turns == sorted(set(turns))
