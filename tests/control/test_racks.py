"""Racks of a session in a real engine, and in its journal: used, let go of, taken over, and played again."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sounds import music
from takes import RACKS, Take, chance_order, library, session_score

from remixd._kernel import fft
from remixd.control.command import Applied
from remixd.control.journal import Journal
from remixd.control.order import EVERY_DECK, rack_order
from remixd.control.provenance import wisdom_path
from remixd.control.receipts import Receipt
from remixd.control.recording import read_recording
from remixd.control.session import Session
from remixd.control.sessions import Sessions
from remixd.control.supervisor import Supervisor
from remixd.errors import InvalidInput
from remixd.units import STEM_ROLES

pytestmark = pytest.mark.timeout(60)

SONG = {role: music(48_000 * 10, seed=seed) for seed, role in enumerate(STEM_ROLES)}
MUTE = [{"effect": "gain", "gain_db": -100}, {"effect": "gain", "gain_db": -100}]
ids = itertools.count()


async def until(condition: Any, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (what is waited for is in another process)
            await asyncio.sleep(0.005)


async def weigh(session: Session, key: int, weight: float, **place: Any) -> Applied:
    """Use a rack, and wait until it is told."""
    command = f"rack {next(ids)}"
    watcher = session.watch({command})
    session.desk.receipts.send(rack_order(key, weight, **place), [Receipt(command)])
    async with asyncio.timeout(10):
        async for event in watcher:
            if isinstance(event, Applied):
                watcher.close()
                return event
    raise AssertionError("never applied")


async def is_silent(session: Session) -> bool:
    """Whether what is rendered from now on is, but for what was on its way."""
    begun = session.memory.ring.newest
    await until(lambda: session.memory.ring.newest > begun + 8)
    packet = session.memory.ring.read(session.memory.ring.newest)
    return packet is not None and max(packet.peaks) < 1e-6


async def test_a_rack_is_heard_as_long_as_it_has_weight_and_let_go_of_after(
    sessions: Sessions, shelf
) -> None:
    shelf.add("song-00000001", SONG)
    session = await sessions.create("song-00000001")
    ready = await sessions._holding.make_rack_ready(session, MUTE)
    assert ready.delay_frames == 0
    assert 0 < ready.cost_ns < 333_000
    assert not await is_silent(session)
    told = await weigh(session, ready.key, 1.0)
    assert (told.moves[0].dimension, told.moves[0].value) == ("rack", 1.0)
    assert await is_silent(session)
    assert list(session.racks) == [ready.key]
    await weigh(session, ready.key, 0.0)
    assert not await is_silent(session)
    await until(lambda: not session.racks)
    assert session.status().underruns == 0
    assert session.status().state == "playing"


async def test_what_cannot_be_built_is_refused_with_the_reason(sessions: Sessions, shelf) -> None:
    shelf.add("song-00000001", SONG)
    session = await sessions.create("song-00000001")
    with pytest.raises(InvalidInput, match="no effect 'wah'"):
        await sessions._holding.make_rack_ready(session, [{"effect": "wah"}])
    with pytest.raises(InvalidInput, match="100 ms"):
        await sessions._holding.make_rack_ready(session, [{"effect": "pitch_shift", "semitones": 2}])
    assert not session.racks


async def test_a_rack_that_turns_out_faulty_is_passed_by_and_told(sessions: Sessions, shelf) -> None:
    shelf.add("song-00000001", {"other": music(480_000) + np.float32(0.3)})
    session = await sessions.create("song-00000001")
    chain = [{"effect": "lowpass", "cutoff_frequency_hz": 20}, *({"effect": "gain", "gain_db": 100},) * 8]
    ready = await sessions._holding.make_rack_ready(session, chain)
    await weigh(session, ready.key, 1.0)
    await until(lambda: session.status().degraded)
    assert session.status().degraded == "a rack is passed by: it gave what is no sound"
    assert not await is_silent(session)
    assert session.status().nonfinite == 0
    await weigh(session, ready.key, 0.0)
    await until(lambda: not session.racks)
    assert session.status().degraded == "", "it is gone"


async def test_the_engine_that_takes_over_has_the_racks_too(
    sessions: Sessions, shelf, supervisor: Supervisor
) -> None:
    shelf.add("song-00000001", SONG)
    session = await sessions.create("song-00000001")
    for role in STEM_ROLES:
        ready = await sessions._holding.make_rack_ready(session, MUTE)
        await weigh(session, ready.key, 1.0, deck=0, role=role)
    await asyncio.sleep(0.6)  # a checkpoint has them
    assert await is_silent(session)
    await until(lambda: supervisor.has_spare)
    dead = session.engine_pid
    os.kill(dead, signal.SIGKILL)
    await until(lambda: session.engine_pid != dead and session.memory.ring.newest > 3)
    assert await is_silent(session)
    assert len(session.racks) == 4


# Replays


CHAINS: list[list[dict[str, Any]]] = [
    [{"effect": "reverb"}, {"effect": "compressor", "threshold_db": -30, "ratio": 4}],
    [{"effect": "delay", "beats": 0.75}, {"effect": "tremolo"}],
    [{"effect": "distortion"}, {"effect": "chorus"}, {"effect": "phaser"}],
]


def perform(take: Take, seed: int, frames: int, crashes: list[int]) -> np.ndarray:
    """Racks come, move and go at random, between commands of all kinds."""
    chance, keys, on = random.Random(seed), itertools.count(RACKS), []
    while take.session.clock < frames:
        clock = take.session.clock
        if crashes and clock >= crashes[0] and take.checkpoints.read():
            del crashes[0]
            take.crash(chance.randrange(0, 10_000))
        if chance.random() < 0.3:
            place = chance.choice([{}, {"deck": 0}, {"deck": 0, "role": chance.choice(STEM_ROLES)}])
            take.lay(chance.choice(CHAINS), key := next(keys))
            on.append((key, place))
            when = chance.choice([{}, {}, {"when": 1}, {"sample": clock + 3000}])
            take.tell(rack_order(key, chance.choice([0.3, 1.0]), **place, **when))
        if on and chance.random() < 0.5:
            key, place = chance.choice(on)
            take.tell(rack_order(key, chance.choice([0.0, 0.0, 0.5]), **place))
        if chance.random() < 0.3:
            take.tell(chance_order(chance, clock))
        take.play(min(chance.choice([100, 480, 3000]), frames - clock))
    return take.end()


@pytest.mark.parametrize(("seed", "crashes"), [(1, []), (2, []), (3, [40_000]), (4, [30_000, 60_000])])
def test_a_session_with_racks_is_replayed_bit_for_bit(tmp_path: Path, seed: int, crashes: list[int]) -> None:
    fft.prepare(wisdom_path())
    songs = library(tmp_path / "cache", songs=1, frames=96_000)
    take = Take(tmp_path, session_score(songs[0]), Journal(tmp_path / "unused"))
    heard = perform(take, seed, 90_000, crashes)
    used = {
        int(order.extra) for _, order in read_recording(take.path).segments[0].posts() if order.kind == 22
    }
    assert len(used) > 3
    for block in (64, 1000):
        np.testing.assert_array_equal(take.replayed(block), heard)


def test_an_order_for_a_rack_names_its_place() -> None:
    master, deck, role = (
        rack_order(7, 0.5),
        rack_order(7, 0.5, deck=2),
        rack_order(7, 0.5, deck=1, role="bass"),
    )
    assert [(each.deck, each.dimension, each.extra) for each in (master, deck, role)] == [
        (EVERY_DECK, 0xFFFF, 7), (2, 0xFFFF, 7), (1, STEM_ROLES.index("bass"), 7),
    ]  # fmt: skip
