"""An engine is killed in the middle of its songs: another goes on with them."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time

import numpy as np
import pytest
from sounds import music

from remixd._kernel.ring import PacketEntry
from remixd.audience.signal import Signal
from remixd.control.command import Applied, Refused
from remixd.control.session import Session
from remixd.control.sessions import Sessions
from remixd.control.streams import Listener, Lost, Packet
from remixd.control.supervisor import Supervisor

pytestmark = pytest.mark.timeout(60)

SONG = {role: music(48_000 * 30, seed=seed) for seed, role in enumerate(("drums", "bass", "vocals", "other"))}


async def until(condition, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (what is waited for is in another process)
            await asyncio.sleep(0.002)


async def kill(session: Session, supervisor: Supervisor) -> int:
    """Kill the engine of a session once a spare is there; when, in ns."""
    await until(lambda: supervisor.has_spare)
    os.kill(session.engine_pid, signal.SIGKILL)
    return time.monotonic_ns()


async def first_packet(session: Session, dead_pid: int) -> PacketEntry:
    """The first packet that the engine after a dead one rendered."""
    await until(lambda: session.engine_pid != dead_pid and session.memory.ring.newest > 0)
    packet = session.memory.ring.read(1)
    assert packet is not None
    return packet


async def hear(listener: Listener) -> list[Packet]:
    return [packet async for packet in listener]


async def apply(session: Session, signal_id: str, wishes: dict[str, float]) -> Applied:
    watcher = session.watch()
    assert session.receive([Signal(id=signal_id, wishes=wishes)])[0].accepted
    async for event in watcher:
        if isinstance(event, Applied) and event.id == signal_id:
            watcher.close()
            return event
    raise AssertionError("never applied")


async def test_a_killed_engine_is_heard_again_at_the_same_place_in_the_same_mix(
    sessions: Sessions, shelf, supervisor: Supervisor
) -> None:
    shelf.add("song-00000001", SONG)
    session = await sessions.create("song-00000001")
    await apply(session, "quiet", {"vocals": -60.0})
    listener, watcher = session.listen(), session.watch()
    hearing = asyncio.create_task(hear(listener))
    await asyncio.sleep(1.2)
    dead_pid = session.engine_pid
    killed_ns = await kill(session, supervisor)
    packet = await first_packet(session, dead_pid)
    assert packet.rendered_ns - killed_ns < 5e9
    assert packet.due_ns > packet.rendered_ns - 50_000_000, "on the clock of host time"
    await asyncio.sleep(0.3)
    listener.close()
    heard = await hearing
    gaps = [each for each in heard if each.skipped_frames]
    assert len(gaps) == 1
    [gap] = gaps
    assert 0 < gap.skipped_frames < 48_000
    assert gap.sample == packet.sample
    assert [b.sequence - a.sequence for a, b in itertools.pairwise(heard)] == [1] * (len(heard) - 1)
    after = [each for each in heard if each.sample > gap.sample]
    band = sum(pcm for role, pcm in SONG.items() if role != "vocals")
    for each in after:
        pcm = np.frombuffer(each.pcm, dtype=np.float32).reshape(-1, 2)
        np.testing.assert_allclose(pcm, band[each.sample : each.sample + 480], atol=1e-6)
    assert session.status().state == "playing"
    assert session.status().mix["vocals"] == -60.0
    watcher.close()
    assert not [event async for event in watcher if isinstance(event, Lost)]


async def test_what_was_on_its_way_is_applied_by_the_heir_and_told(
    sessions: Sessions, shelf, supervisor: Supervisor
) -> None:
    shelf.add("song-00000001", SONG)
    session = await sessions.create("song-00000001")
    watcher = session.watch()
    await asyncio.sleep(0.7)
    await until(lambda: supervisor.has_spare)
    sent = []
    dead_pid = session.engine_pid
    for number in range(200):
        if number == 100:
            os.kill(dead_pid, signal.SIGKILL)
        wish = {"drums": -float(number % 7), "bass": -float(number % 5)}
        assert session.receive([Signal(id=str(number), wishes=wish)])[0].accepted
        sent.append(str(number))
        await asyncio.sleep(0.003)
    told: dict[str, Applied | Refused] = {}
    async with asyncio.timeout(10):
        async for event in watcher:
            if isinstance(event, Applied | Refused):
                told[event.id] = event
            if len(told) == len(sent):
                break
    assert session.engine_pid != dead_pid
    assert all(isinstance(event, Applied) for event in told.values())
    await asyncio.sleep(0.2)
    packet = session.memory.ring.read(session.memory.ring.newest)
    assert packet is not None
    assert packet.gains[0] == pytest.approx(10 ** (-(199 % 7) / 20), rel=1e-3), "drums, as wished last"
    assert packet.gains[1] == pytest.approx(10 ** (-(199 % 5) / 20), rel=1e-3)


async def test_it_survives_again_and_again(sessions: Sessions, shelf, supervisor: Supervisor) -> None:
    shelf.add("song-00000001", SONG)
    several = [await sessions.create("song-00000001", directed=number == 2) for number in range(3)]
    await asyncio.sleep(0.6)
    for _ in range(3):
        before = [(each.memory.ring.read(each.memory.ring.newest), each.engine_pid) for each in several]
        killed_ns = await kill(several[0], supervisor)
        again = [await first_packet(each, pid) for each, (_, pid) in zip(several, before, strict=True)]
        assert max(each.rendered_ns - killed_ns for each in again) < 5e9
        for (old, _), new in zip(before, again, strict=True):
            assert old is not None
            began_ns = [each.due_ns - each.sample * 1_000_000_000 // 48_000 for each in (old, new)]
            assert began_ns[0] == began_ns[1], "on the same clock"
        await asyncio.sleep(2.1)


async def test_many_sessions_of_one_engine_go_on_each_on_its_clock_and_with_all_its_commands(
    sessions: Sessions, shelf, supervisor: Supervisor
) -> None:
    shelf.add("song-00000001", SONG)
    many = [await sessions.create("song-00000001") for _ in range(24)]
    watchers = [each.watch() for each in many]
    for number, each in enumerate(many):
        each.receive([Signal(id="before", wishes={"bass": -float(number)})])
    await asyncio.sleep(0.4)
    old = [each.memory.ring.read(each.memory.ring.newest) for each in many]
    dead_pid = many[0].engine_pid
    await kill(many[0], supervisor)
    for number, each in enumerate(many):  # nobody has noticed yet
        assert each.receive([Signal(id="after", wishes={"drums": -float(number)})])[0].accepted
    new = [await first_packet(each, dead_pid) for each in many]
    for was, now in zip(old, new, strict=True):
        assert was is not None
        began_ns = [each.due_ns - each.sample * 1_000_000_000 // 48_000 for each in (was, now)]
        assert began_ns[0] == began_ns[1], "on the same clock"
    await asyncio.sleep(0.3)
    for number, each in enumerate(many):
        assert each.status().state == "playing"
        packet = each.memory.ring.read(each.memory.ring.newest)
        assert packet is not None
        assert packet.gains[:2] == pytest.approx([10 ** (-number / 20)] * 2, rel=1e-3)
    for watcher in watchers:
        watcher.close()
        answers = [event.id async for event in watcher if isinstance(event, Applied | Refused)]
        assert sorted(answers) == ["after", "before"], "each answered once"


async def test_a_song_of_an_empty_session_and_one_that_is_loaded_live_on(
    sessions: Sessions, shelf, supervisor: Supervisor
) -> None:
    from remixd.control.action import Action, DeckCommand

    shelf.add("song-00000001", SONG)
    session = await sessions.create(None)
    watcher = session.watch()

    async def act(number: int, verb: str, **more) -> None:
        command = DeckCommand(id=str(number), deck=1, action=Action(verb=verb, **more))
        assert sessions.perform(session, command).accepted
        async for event in watcher:
            if isinstance(event, Applied | Refused) and event.id == str(number):
                assert isinstance(event, Applied), event
                return

    await act(1, "load", name="song-00000001")
    await act(2, "play")
    await act(3, "loop", value=8.0)
    await asyncio.sleep(0.8)
    dead_pid = session.engine_pid
    await kill(session, supervisor)
    await first_packet(session, dead_pid)
    await act(4, "exit")
    await asyncio.sleep(0.1)
    [_, deck, *_] = session.status().decks
    assert deck.track_id == "song-00000001"
    assert deck.state == "playing"
    at_s = session.status().heard_sample / 48_000
    assert abs(deck.position_s - at_s) < 3.0
