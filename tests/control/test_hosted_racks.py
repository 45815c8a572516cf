"""Racks with third-party plug-ins in a real engine: whatever their process does, the session sounds on."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sounds import music
from takes import RACKS, Take, library, session_score
from vst3s import zam

from remixd._kernel import fft
from remixd.control.command import Applied
from remixd.control.journal import Journal
from remixd.control.order import rack_order
from remixd.control.provenance import wisdom_path
from remixd.control.receipts import Receipt
from remixd.control.recording import read_recording
from remixd.control.replaying import plugins_played
from remixd.control.session import Session
from remixd.control.sessions import Sessions
from remixd.control.supervisor import Supervisor
from remixd.errors import InvalidInput

pytestmark = pytest.mark.timeout(90)

QUIET = 0.02
ids = itertools.count()


def hushed() -> list[dict[str, Any]]:
    """A rack that lets next to nothing through."""
    parameters = {"dry_wet": 1.0, "output_gain_db": -60.0}
    return [{"effect": "vst3", "path": str(zam("ZamDelay")), "parameters": parameters}]


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (what is waited for is in another process)
            await asyncio.sleep(0.01)


async def weigh(session: Session, key: int, weight: float) -> None:
    """Use a rack on the master, and wait until it is told."""
    command = f"plug-in {next(ids)}"
    watcher = session.watch({command})
    session.desk.receipts.send(rack_order(key, weight), [Receipt(command)])
    async with asyncio.timeout(10):
        async for event in watcher:
            if isinstance(event, Applied):
                watcher.close()
                return


def is_quiet(session: Session) -> bool:
    """Whether the newest packets are."""
    ring = session.memory.ring
    packets = [ring.read(sequence) for sequence in range(max(ring.newest - 4, 1), ring.newest + 1)]
    return len(packets) > 4 and all(packet is not None and max(packet.peaks) < QUIET for packet in packets)


def is_loud(session: Session) -> bool:
    packet = session.memory.ring.read(session.memory.ring.newest)
    return packet is not None and max(packet.peaks) > QUIET


def hosts(pid: int) -> list[int]:
    """The processes of plug-ins that an engine has."""
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text("utf-8").split():
            if b"remixd.pluginhost" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(int(child))
    return found


async def test_a_plug_in_whose_process_dies_is_bypassed_told_and_heard_again(
    sessions: Sessions, shelf: Any
) -> None:
    shelf.add("song-00000001", {"other": music(480_000)})
    session = await sessions.create("song-00000001")
    ready = await sessions._holding.make_rack_ready(session, hushed())
    assert ready.delay_frames == 512
    await weigh(session, ready.key, 1.0)
    await until(lambda: is_quiet(session))
    [host] = hosts(session.engine_pid)
    os.kill(host, signal.SIGKILL)
    await until(lambda: is_loud(session))
    await until(lambda: "bypassed: it crashed (SIGKILL)" in session.status().degraded)
    await until(lambda: is_quiet(session))
    await until(lambda: session.status().degraded == "")
    assert session.status().state == "playing"
    assert session.status().underruns == 0
    await weigh(session, ready.key, 0.0)
    await until(lambda: hosts(session.engine_pid) == [])
    assert is_loud(session)


async def test_the_engine_that_takes_over_plays_at_once_and_has_the_plug_ins_again(
    sessions: Sessions, shelf: Any, supervisor: Supervisor
) -> None:
    shelf.add("song-00000001", {"other": music(480_000)})
    session = await sessions.create("song-00000001")
    ready = await sessions._holding.make_rack_ready(session, hushed())
    await weigh(session, ready.key, 1.0)
    await until(lambda: is_quiet(session))
    await asyncio.sleep(0.6)  # a checkpoint has it
    await until(lambda: supervisor.has_spare)
    dead = session.engine_pid
    os.kill(dead, signal.SIGKILL)
    await until(lambda: session.engine_pid != dead and is_loud(session))
    await until(lambda: is_quiet(session))
    assert list(session.racks) == [ready.key]


async def test_plug_ins_that_cannot_be_had_are_refused_with_the_reason(
    sessions: Sessions, shelf: Any
) -> None:
    shelf.add("song-00000001", {"other": music(480_000)})
    session = await sessions.create("song-00000001")
    with pytest.raises(InvalidInput, match=r"/nowhere\.vst3 is not there"):
        await sessions._holding.make_rack_ready(session, [{"effect": "vst3", "path": "/nowhere.vst3"}])
    with pytest.raises(InvalidInput, match="has a path"):
        await sessions._holding.make_rack_ready(session, [{"effect": "vst3", "file": "a.vst3"}])
    apart = [{"effect": "vst3", "path": "/a"}, {"effect": "gain"}, {"effect": "vst3", "path": "/b"}]
    with pytest.raises(InvalidInput, match="share a process"):
        await sessions._holding.make_rack_ready(session, apart)
    assert hosts(session.engine_pid) == []


def test_a_session_with_a_plug_in_is_replayed_bit_for_bit(tmp_path: Path) -> None:
    fft.prepare(wisdom_path())
    songs = library(tmp_path / "cache", songs=1, frames=96_000)
    take = Take(tmp_path, session_score(songs[0]), Journal(tmp_path / "unused"))
    chain = [
        {"effect": "highpass", "cutoff_frequency_hz": 200},
        {"effect": "vst3", "path": str(zam("ZamEQ2"))},
        {"effect": "vst3", "path": str(zam("ZaMaximX2"))},
    ]
    take.lay(chain, RACKS)
    take.tell(rack_order(RACKS, 1.0))
    for _ in range(20):
        take.play(1000)
    heard = take.end()
    np.testing.assert_array_equal(take.replayed(480), heard)
    assert plugins_played(read_recording(take.path)) == ["ZaMaximX2", "ZamEQ2"]
