"""Listeners and watchers: bounded, in order, told what they missed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from remixd.control.command import Applied
from remixd.control.streams import (
    ANSWERS_MAX,
    WAITING_FRAMES_MAX,
    Listener,
    Lost,
    Missed,
    Packet,
    SessionStatus,
    Watcher,
)
from remixd.errors import Unavailable

PACKETS_MAX = WAITING_FRAMES_MAX // 480


def packet(number: int) -> Packet:
    return Packet(
        sequence=number, sample=(number - 1) * 480, frames=480, pcm=b"", position_s=0.0, bar_beat=None
    )


STATUS = SessionStatus(
    session="s-1", track_id="t", state="playing", sink="stream", engine_pid=1, sample=0, position_s=0.0,
    bar_beat=None, mix={}, peak_db=-60.0, limiter_db=0.0, underruns=0,
)  # fmt: skip
APPLIED = Applied(id="a", sample=1, settled_sample=2, bar_beat="1:1.00", late_frames=0, moves=())


def ignore(_: object) -> None:
    pass


async def test_packets_arrive_in_order_and_end_when_closed() -> None:
    listener = Listener(ignore)
    for number in (1, 2, 3):
        listener.put(packet(number))
    listener.close()
    assert [each.sequence async for each in listener] == [1, 2, 3]


async def test_a_slow_listener_skips_to_the_newest_and_is_told_how_much() -> None:
    listener = Listener(ignore)
    listener.put(packet(1))
    assert (await anext(listener)).skipped_frames == 0
    for number in range(2, 2 + 3 * PACKETS_MAX):
        listener.put(packet(number))
    listener.close()
    rest = [each async for each in listener]
    assert len(rest) <= PACKETS_MAX
    assert rest[-1].sequence == 1 + 3 * PACKETS_MAX
    assert rest[0].skipped_frames == rest[0].sample - 480 > 0
    assert all(each.skipped_frames == 0 for each in rest[1:])


async def test_a_listener_of_a_lost_session_gets_what_waits_then_the_reason() -> None:
    listener = Listener(ignore)
    listener.put(packet(1))
    listener.lose("the engine died")
    assert (await anext(listener)).sequence == 1
    with pytest.raises(Unavailable, match="the engine died"):
        await anext(listener)


async def test_closing_leaves_the_session_and_wakes_who_waits() -> None:
    left: list[object] = []
    listener = Listener(left.append)
    waiting = asyncio.ensure_future(anext(listener, None))
    await asyncio.sleep(0)
    listener.close()
    assert await asyncio.wait_for(waiting, 1) is None
    assert left == [listener]


async def test_statuses_coalesce_and_answers_do_not() -> None:
    watcher = Watcher(STATUS, ignore)
    for sample in range(100):
        watcher.put_status(replace(STATUS, sample=sample))
        watcher.put_answer(replace(APPLIED, id=str(sample)))
    first = [await anext(watcher) for _ in range(101)]
    assert [each.id for each in first[:100] if isinstance(each, Applied)] == [str(i) for i in range(100)]
    assert first[100] == replace(STATUS, sample=99)


async def test_a_watcher_that_never_reads_stays_small() -> None:
    watcher = Watcher(STATUS, ignore)
    for number in range(3 * ANSWERS_MAX):
        watcher.put_answer(replace(APPLIED, id=str(number)))
    watcher.close()
    rest = [each async for each in watcher]
    assert rest.pop(0) == Missed(answers=2 * ANSWERS_MAX)
    assert len(rest) == ANSWERS_MAX
    assert isinstance(rest[-1], Applied)
    assert rest[-1].id == str(3 * ANSWERS_MAX - 1)


async def test_the_loss_of_an_engine_is_the_last_thing_a_watcher_hears() -> None:
    watcher = Watcher(STATUS, ignore)
    watcher.put_answer(APPLIED)
    watcher.lose("killed")
    assert [each async for each in watcher] == [APPLIED, Lost(reason="killed")]
