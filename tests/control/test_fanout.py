"""A crowd gets fewer and larger messages, in turns; everybody still hears every sample."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.control.command import Applied, Refused
from remixd.control.fanout import SERVED_AT_ONCE, STATUS_EVERY_S, TURNS_MAX, Listeners, Watchers
from remixd.control.streams import Lost, Packet, SessionStatus
from remixd.errors import Unavailable

STATUS = SessionStatus(
    session="s", track_id="t", state="playing", sink="stream", engine_pid=1, sample=0, position_s=0.0,
    bar_beat=None, mix={}, peak_db=-60.0, limiter_db=0.0, underruns=0,
)  # fmt: skip


def packet(number: int) -> Packet:
    return Packet(
        sequence=number + 1, sample=number * 480, frames=480, pcm=bytes([number % 256]) * 8, position_s=0.0,
        bar_beat=None,
    )  # fmt: skip


async def taken(listener) -> list[Packet]:
    """What waits for a listener that has been closed."""
    return [each async for each in listener]


@given(
    crowd=st.integers(1, 12 * SERVED_AT_ONCE),
    numbers=st.lists(st.integers(0, 60), unique=True, min_size=1).map(sorted),
)
async def test_everybody_hears_every_packet_in_order_however_many_listen(crowd, numbers):
    listeners = Listeners()
    ears = [listeners.join() for _ in range(crowd)]
    for number in numbers[-40:]:
        listeners.put(packet(number))
    listeners.close()
    wanted = b"".join(packet(number).pcm for number in numbers[-40:])
    for ear in ears[:: max(crowd // 12, 1)]:
        packets = await taken(ear)
        assert b"".join(each.pcm for each in packets) == wanted
        for each in packets:
            assert len(each.pcm) * 480 == each.frames * 8
            assert each.sample == (each.sequence - 1) * 480
    assert len(listeners) == 0


async def test_a_few_get_every_packet_at_once_and_it_is_the_same_object_for_all():
    listeners = Listeners()
    ears = [listeners.join() for _ in range(SERVED_AT_ONCE)]
    listeners.put(sent := packet(0))
    assert all([await anext(ear) is sent for ear in ears])


@pytest.mark.parametrize(("crowd", "joined"), [(51, 2), (200, 4), (500, 10), (2000, 10)])
async def test_a_crowd_gets_joined_packets_made_once_a_turn_and_never_all_at_a_time(crowd, joined):
    listeners = Listeners()
    ears = [listeners.join() for _ in range(crowd)]
    for number in range(2 * TURNS_MAX):  # by then everybody had a turn
        listeners.put(packet(number))
    waiting = [len(ear._packets) for ear in ears]
    served = []
    for number in range(2 * TURNS_MAX, 3 * TURNS_MAX):
        listeners.put(packet(number))
        now = [len(ear._packets) for ear in ears]
        served.append(sum(after > before for before, after in zip(waiting, now, strict=True)))
        waiting = now
    assert max(served) <= max(-(-crowd // joined), crowd * 3 // TURNS_MAX)
    listeners.close()
    packets = [(await taken(ear))[-2] for ear in ears]
    assert {each.frames for each in packets} == {480 * joined}
    assert len({id(each) for each in packets}) <= joined


async def test_packets_are_not_joined_over_a_gap():
    listeners = Listeners()
    ears = [listeners.join() for _ in range(200)]
    for number in (0, 1, 5, 6, 7, 8):
        listeners.put(packet(number))
    listeners.close()
    for ear in ears:
        packets = await taken(ear)
        assert sum(each.skipped_frames for each in packets) == 3 * 480
        assert all(each.sample + each.frames <= 960 or each.sample >= 2400 for each in packets)


async def test_who_leaves_is_forgotten_and_a_loss_is_told_to_all_after_what_waits():
    listeners = Listeners()
    ears = [listeners.join() for _ in range(120)]
    gone = ears.pop()
    gone.close()
    gone.close()
    assert len(listeners) == 119
    listeners.put(packet(0))
    listeners.lose("the engine died")
    for ear in ears:
        assert (await anext(ear)).sample == 0
        with pytest.raises(Unavailable, match="the engine died"):
            await anext(ear)


@pytest.mark.parametrize(
    ("crowd", "rate_hz"), [(1, 25), (50, 25), (51, 12.5), (200, 6.25), (500, 2.5), (3000, 2.5)]
)
async def test_statuses_come_25_times_a_second_to_a_few_and_less_often_to_many(crowd, rate_hz):
    watchers = Watchers()
    eyes = [watchers.join(STATUS) for _ in range(crowd)]
    for eye in eyes:
        await anext(eye)
    seen = dict.fromkeys(eyes, 0)
    at_once = []
    for tick in range(2000):  # 8 s, polled every 4 ms
        if watchers.want_status(100.0 + tick * 0.004):
            watchers.put_status(replace(STATUS, sample=tick))
            told = [eye for eye in eyes if eye._status is not None]
            at_once.append(len(told))
            for eye in told:
                await anext(eye)
                seen[eye] += 1
    assert set(seen.values()) <= {round(8 * rate_hz) + off for off in (-1, 0, 1)}
    assert len(at_once) == pytest.approx(8 / STATUS_EVERY_S, abs=1)
    assert max(at_once) <= max(SERVED_AT_ONCE + 10, -(-crowd // TURNS_MAX) + 1)


async def test_a_pause_is_not_made_up_for():
    watchers = Watchers()
    watchers.join(STATUS)
    assert watchers.want_status(10.0)
    assert not watchers.want_status(10.01)
    assert watchers.want_status(20.0)
    assert not watchers.want_status(20.03)


async def test_nobody_watches_nothing_is_due():
    assert not Watchers().want_status(1.0)


@pytest.mark.parametrize("last", [1, 2, 8])
async def test_whoever_awaits_no_more_leaves_while_the_others_are_told(last):
    watchers = Watchers()
    leaving = [watchers.join(STATUS, only={"a"}) for _ in range(last)]
    for watcher in leaving:
        watcher.end_when_told()
    others = [watchers.join(STATUS) for _ in range(20)]
    watchers.put_answer(Refused(id="a", reason="no"))
    assert len(watchers) == len(others)
    watchers.close()
    for watcher in (*leaving, *others):
        assert Refused(id="a", reason="no") in [event async for event in watcher]


async def test_answers_and_losses_are_told_to_every_watcher():
    watchers = Watchers()
    eyes = [watchers.join(STATUS) for _ in range(130)]
    applied = Applied(id="x", sample=1, settled_sample=2, bar_beat="", late_frames=0, moves=())
    watchers.put_answer(applied)
    watchers.lose("killed")
    assert len(watchers) == 0
    for eye in eyes:
        assert [each async for each in eye] == [applied, Lost(reason="killed")]
