"""A request that is sent again is done once."""

from __future__ import annotations

import asyncio

import pytest

from remixd.api.repeats import Repeats, name_of
from remixd.errors import InvalidInput, NotFound
from remixd.v1 import sessions_pb2 as pb


class Maker:
    """Makes numbers; the first of them after `may` is set."""

    def __init__(self):
        self.made = []
        self.undone = []
        self.may = asyncio.Event()
        self.may.set()
        self.error = None

    async def make(self):
        await self.may.wait()
        if self.error:
            raise self.error
        self.made.append(len(self.made))
        return self.made[-1]

    async def undo(self, number):
        self.undone.append(number)


def request(request_id="r-1", track="a-song"):
    return pb.CreateSessionRequest(track=track, request_id=request_id)


@pytest.fixture
async def maker():
    return Maker()


async def test_the_same_request_is_done_once_and_another_callers_anew(maker):
    repeats = Repeats[int]()
    for caller, made in (("a", 0), ("a", 0), ("b", 1), ("a", 0)):
        assert await repeats.once(request(), caller, maker.make, maker.undo) == made
    assert await repeats.once(request("r-2"), "a", maker.make, maker.undo) == 2


async def test_without_an_id_every_request_is_one_of_its_own(maker):
    repeats = Repeats[int]()
    assert [await repeats.once(request(""), "", maker.make, maker.undo) for _ in range(3)] == [0, 1, 2]
    assert len(repeats) == 0


async def test_those_who_ask_at_once_wait_for_one(maker):
    repeats = Repeats[int]()
    maker.may.clear()
    asked = [asyncio.ensure_future(repeats.once(request(), "", maker.make, maker.undo)) for _ in range(5)]
    await asyncio.sleep(0)
    maker.may.set()
    assert await asyncio.gather(*asked) == [0] * 5


async def test_an_id_of_another_request_is_refused(maker):
    repeats = Repeats[int]()
    await repeats.once(request(), "", maker.make, maker.undo)
    with pytest.raises(InvalidInput, match="request_id 'r-1' was that of another request") as caught:
        await repeats.once(request(track="another"), "", maker.make, maker.undo)
    assert caught.value.field == "request_id"
    assert maker.made == [0]


async def test_a_request_that_fails_may_be_tried_again(maker):
    repeats = Repeats[int]()
    maker.error = NotFound("no such track")
    with pytest.raises(NotFound):
        await repeats.once(request(), "", maker.make, maker.undo)
    maker.error = None
    assert await repeats.once(request(), "", maker.make, maker.undo) == 0


async def test_it_is_forgotten_in_time(maker):
    repeats = Repeats[int](kept_s=0.01)
    assert await repeats.once(request(), "", maker.make, maker.undo) == 0
    await asyncio.sleep(0.05)
    assert len(repeats) == 0
    assert await repeats.once(request(), "", maker.make, maker.undo) == 1


async def leave(repeats, maker):
    """A caller that goes away before its answer."""
    asked = asyncio.ensure_future(repeats.once(request(), "", maker.make, maker.undo))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked


async def test_who_went_away_may_come_back(maker):
    repeats = Repeats[int](awaited_s=0.05)
    maker.may.clear()
    await leave(repeats, maker)
    maker.may.set()
    assert await repeats.once(request(), "", maker.make, maker.undo) == 0
    await asyncio.sleep(0.1)
    assert (maker.made, maker.undone) == ([0], [])


@pytest.mark.parametrize("ends_first", [True, False])
async def test_what_nobody_came_back_for_is_undone(maker, ends_first):
    repeats = Repeats[int](awaited_s=0.02)
    maker.may.clear()
    await leave(repeats, maker)
    if ends_first:
        maker.may.set()
    await asyncio.sleep(0.1)
    maker.may.set()
    await asyncio.sleep(0.02)
    assert (maker.made, maker.undone) == ([0], [0])
    assert len(repeats) == 0


async def test_what_one_of_several_still_waits_for_is_not_undone(maker):
    repeats = Repeats[int](awaited_s=0.02)
    maker.may.clear()
    waits = asyncio.ensure_future(repeats.once(request(), "", maker.make, maker.undo))
    await leave(repeats, maker)
    await asyncio.sleep(0.06)
    maker.may.set()
    assert await waits == 0
    assert maker.undone == []


def test_a_name_is_the_same_for_the_same_caller_alone():
    assert name_of("a", "r-1") == name_of("a", "r-1")
    assert len({name_of("a", "r-1"), name_of("b", "r-1"), name_of("a", "r-2"), name_of("ar", "-1")}) == 4


def test_the_service_makes_one_session_of_a_request_that_is_sent_again(service, sessions, refused):
    first = sessions.CreateSession(request(track="a-song-0a1b2c3d")).session
    again = sessions.CreateSession(request(track="a-song-0a1b2c3d")).session
    assert (again.id, len(service.sessions.held)) == (first.id, 1)
    code, message = refused(sessions.CreateSession, request(track=""))
    assert code.name == "INVALID_ARGUMENT"
    assert "request_id" in message


def test_a_caller_whose_line_broke_finds_its_session(service, sessions):
    service.run(service.sessions.may_create.clear)
    call = sessions.CreateSession.future(request(track="a-song-0a1b2c3d"), timeout=0.2)
    assert call.exception(5).code().name == "DEADLINE_EXCEEDED"
    service.run(service.sessions.may_create.set)
    sessions.CreateSession(request(track="a-song-0a1b2c3d"))
    assert len(service.sessions.held) == 1
