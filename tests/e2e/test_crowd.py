"""Two hundred listeners on one session: each hears every sample, and nobody else notices."""

from __future__ import annotations

import asyncio
import time

import grpc
import grpc.aio
import numpy as np
import pytest

from remixd.bench.daemons import memory_bytes
from remixd.client import AsyncClient, Session
from remixd.units import RATE_HZ
from remixd.v1 import sessions_pb2, sessions_pb2_grpc

LISTENERS = 200
WATCHERS = 50
SECONDS = 3.0


@pytest.fixture
async def client(shared_daemon):
    async with AsyncClient(shared_daemon.address) as opened:
        yield opened
        for session in await opened.sessions():
            await opened.delete_session(session.id)


async def test_two_hundred_listeners_hear_the_same_and_disturb_nobody(client):
    [track] = await client.tracks()
    crowded, quiet = [(await client.create_session(track.id)).id for _ in range(2)]
    statuses = []

    async def watch():
        async for event in client.watch(crowded, seconds=SECONDS + 1):
            statuses.append(isinstance(event, Session))

    async def call():
        """Signals to the other session, and how long each took."""
        calls_s = []
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            began = time.monotonic()
            answer = await client.signal(quiet, {"vocals": -float(len(calls_s) % 6)})
            assert answer.accepted
            calls_s.append(time.monotonic() - began)
            await asyncio.sleep(0.05)
        return calls_s

    watching = [asyncio.create_task(watch()) for _ in range(WATCHERS)]
    listening = [asyncio.create_task(client.listen(crowded, SECONDS)) for _ in range(LISTENERS)]
    bystander = asyncio.create_task(client.listen(quiet, SECONDS))
    calls_s = await call()
    heard = await asyncio.gather(*listening)
    await asyncio.gather(*watching)
    assert (await bystander).gaps == 0
    assert np.median(calls_s) < 0.1
    assert {(each.frames, each.gaps) for each in heard} == {(round(SECONDS * RATE_HZ), 0)}
    reference = heard[0]
    for each in heard[1:]:
        late = each.first_sample - reference.first_sample
        ours = each.pcm[max(-late, 0) : len(each.pcm) - max(late, 0)]
        theirs = reference.pcm[max(late, 0) : len(reference.pcm) - max(-late, 0)]
        assert np.array_equal(ours, theirs)
    assert all(statuses)
    assert len(statuses) > WATCHERS * SECONDS * 10
    assert (await client.session(crowded)).underruns == 0


async def test_who_stops_reading_in_a_crowd_is_told_and_costs_the_daemon_little_memory(client, shared_daemon):
    [track] = await client.tracks()
    session = (await client.create_session(track.id)).id
    before_bytes = memory_bytes(shared_daemon.process.pid)
    options = [("grpc.http2.lookahead_bytes", 65536), ("grpc.http2.bdp_probe", 0)]
    async with grpc.aio.insecure_channel(shared_daemon.address, options=options) as channel:
        stub = sessions_pb2_grpc.SessionsStub(channel)
        asleep = [stub.Listen(sessions_pb2.ListenRequest(session=session)) for _ in range(80)]
        for call in asleep:
            assert (await call.read()).HasField("format")
        heard = await client.listen(session, 3.0)  # the others sleep meanwhile
        assert heard.gaps == 0
        assert memory_bytes(shared_daemon.process.pid) - before_bytes < 50e6
        skipped = 0
        while not skipped:
            skipped = (await asyncio.wait_for(asleep[0].read(), 5)).packet.skipped_frames
        assert skipped > RATE_HZ
        for call in asleep:
            call.cancel()
