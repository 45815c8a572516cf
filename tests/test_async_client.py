"""What only the asynchronous face of the client can do: many things at a time."""

from __future__ import annotations

import asyncio

import pytest

from remixd import errors
from remixd.client import AsyncClient, Session

TRACK = "a-song-0a1b2c3d"


async def soon(awaitable):
    return await asyncio.wait_for(awaitable, 5)


async def test_calls_of_one_client_run_side_by_side(service):
    async with AsyncClient(str(service.address)) as client:
        made = await soon(asyncio.gather(*(client.create_session(TRACK) for _ in range(20))))
        answers = await soon(asyncio.gather(*(client.signal(each.id, {"vocals": -6}) for each in made)))
        assert all(answer.accepted for answer in answers)
        assert len(await client.sessions()) == 20


async def test_a_stream_closed_by_another_task_ends_quietly(service):
    async with AsyncClient(str(service.address)) as client:
        session = await client.create_session(TRACK)
        events = client.watch(session.id)
        assert isinstance(await soon(anext(events)), Session)
        waiting = asyncio.create_task(anext(events, None))
        await asyncio.sleep(0.05)
        await events.aclose()
        assert await soon(waiting) is None


async def test_a_task_that_is_cancelled_stays_cancelled(service):
    async with AsyncClient(str(service.address)) as client:
        session = await client.create_session(TRACK)
        async with client.packets(session.id) as packets:
            waiting = asyncio.create_task(anext(packets))
            await asyncio.sleep(0.05)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await soon(waiting)


async def test_a_stream_that_is_refused_says_why_when_it_is_read(service):
    async with AsyncClient(str(service.address)) as client:
        with pytest.raises(errors.NotFound, match="no session 's-9'"):
            async with client.watch("s-9") as events:
                await anext(events)
