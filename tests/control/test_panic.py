"""Panic: the artist's own mix is back within one bar, whatever else is going on."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from sounds import Audio, music

from remixd.audience.signal import Signal
from remixd.control.command import Applied, Refused
from remixd.control.desk import PANIC_ROOM
from remixd.control.receipts import WAITING_MAX
from remixd.control.session import Session
from remixd.control.sessions import Sessions
from remixd.control.streams import Lost, Packet, SessionStatus, Watcher
from remixd.errors import Exhausted, Unavailable
from remixd.mix import NEUTRAL, PLAYABLE

BAR_FRAMES = 96_000
SONG = {role: music(48_000 * 8, seed=seed) for seed, role in enumerate(("drums", "bass", "vocals", "other"))}
WHOLE = sum(SONG[role] for role in ("drums", "bass", "vocals", "other"))


@pytest.fixture
async def make(sessions: Sessions, shelf):
    shelf.add("song-00000001", SONG, bpm=120.0)

    async def made(**asked) -> Session:
        session = await sessions.create("song-00000001", **asked)
        await until(session.watch(), 9_600)
        return session

    return made


async def until(watcher: Watcher, sample: int) -> None:
    async for event in watcher:
        if isinstance(event, SessionStatus) and event.sample >= sample:
            return


async def outcome(watcher: Watcher, signal_id: str) -> Applied | Refused:
    async for event in watcher:
        if not isinstance(event, SessionStatus | Lost) and event.id == signal_id:
            return event
    raise AssertionError("never heard of again")


async def packets(session: Session, seconds: float) -> list[Packet]:
    listener = session.listen()
    taken: list[Packet] = []
    async for packet in listener:
        taken.append(packet)
        if len(taken) * 480 >= seconds * 48_000:
            break
    listener.close()
    return taken


def check_original(heard: list[Packet], settled: int) -> int:
    """Make sure that what was heard from a sample on is the sum of the stems; how many frames that were."""
    compared = 0
    for packet in heard:
        if packet.sample < settled:
            continue
        sound: Audio = np.frombuffer(packet.pcm, dtype=np.float32).reshape(-1, 2)
        at = round(packet.position_s * 48_000) + np.arange(len(sound))
        np.testing.assert_allclose(sound, WHOLE[at % len(WHOLE)], atol=1e-6)
        compared += len(sound)
    return compared


async def test_the_original_is_back_within_a_bar_to_the_bit(make) -> None:
    session = await make(presets={"nightcore": 1.0})
    wishes = {"tempo": 0.9, "pitch": -2.0, "drums": -60.0, "vocals": -20.0, "brightness": 6.0, "drive": 0.5}
    session.receive([Signal(id="a", wishes=wishes)])
    watcher = session.watch()
    listening = asyncio.ensure_future(packets(session, 2.5))
    await until(watcher, session.status().sample + 9_600)
    asked_at = session.status().sample
    answer = session.panic("help")
    assert answer.accepted
    assert 0 < answer.planned_sample - asked_at <= 960
    applied = await outcome(watcher, "help")
    assert isinstance(applied, Applied)
    assert {move.dimension: move.value for move in applied.moves} == {
        "tempo": 1.0, "pitch": 0.0, "drums": 0.0, "bass": 0.0, "vocals": 0.0, "other": 0.0,
        "brightness": 0.0, "space": 0.0, "drive": 0.0,
    }  # fmt: skip
    assert applied.settled_sample - asked_at < BAR_FRAMES
    assert check_original(await listening, applied.settled_sample) > 40_000
    status = session.status()
    assert (status.preset, status.mix) == ("original", dict(NEUTRAL))


async def test_a_move_that_is_posted_already_does_not_come_after_a_panic(make) -> None:
    session = await make(directed=True)
    watcher = session.watch()
    planned = session.receive([Signal(id="a", fan="mina", wishes={"bass": -20.0, "drums": -20.0})])[0]
    session.receive([Signal(id="b", fan="jun", wishes={"tempo": 1.05})])
    while session.status().mix["bass"] == 0.0:  # noqa: ASYNC110 (statuses come too seldom)
        await asyncio.sleep(0.002)
    assert session.status().sample < planned.planned_sample, "the move is on its way"
    listening = asyncio.ensure_future(packets(session, 3.0))
    session.panic("help")
    told = {}
    for _ in range(3):
        event = await anext(event async for event in watcher if not isinstance(event, SessionStatus))
        told[event.id] = event
    assert isinstance(told["a"], Refused)
    assert isinstance(told["b"], Refused)
    assert "panic" in told["a"].reason
    heard = await listening
    assert heard[-1].sample > planned.planned_sample + 48_000
    assert check_original(heard, told["help"].settled_sample) > 48_000
    assert session.status().mix == dict(NEUTRAL)


async def test_wishes_count_again_after_a_panic(make) -> None:
    session = await make(directed=True, presets={"nightcore": 1.0})
    watcher = session.watch()
    session.receive([Signal(id="a", fan="mina", wishes={"drums": -20.0})])
    session.panic("help")
    await outcome(watcher, "help")
    [answer] = session.receive([Signal(id="b", fan="mina", wishes={"bass": -3.0, "tempo": 1.2})])
    assert answer.clamps[0].given == pytest.approx(1.08), "counted from the original now"
    applied = await outcome(watcher, "b")
    assert [move.dimension for move in applied.moves] == ["bass"]
    assert session.status().mix["drums"] == 0.0


async def test_panic_gets_through_a_full_mailbox(make) -> None:
    session = await make()
    full = WAITING_MAX - PANIC_ROOM
    for number in range(full):
        session.receive([Signal(id=str(number), wishes={"drums": -60.0})])
    with pytest.raises(Exhausted):
        session.receive([Signal(id="one more", wishes={"drums": -6.0})])
    watcher = session.watch()
    session.panic("help")
    applied = await outcome(watcher, "help")
    listening = await packets(session, 1.0)
    assert check_original(listening, applied.settled_sample) > 24_000


async def test_a_flood_of_panics_is_refused_and_the_first_ones_hold(make) -> None:
    session = await make()
    watcher = session.watch()
    for number in range(WAITING_MAX // len(PLAYABLE) - 1):
        session.panic(f"help {number}")
    with pytest.raises(Exhausted, match="other panics"):
        session.panic("one more")
    assert isinstance(await outcome(watcher, f"help {number}"), Applied)


async def test_a_lost_session_cannot_panic(make) -> None:
    session = await make()
    session.lose("its engine died")
    with pytest.raises(Unavailable, match="lost"):
        session.panic("help")
