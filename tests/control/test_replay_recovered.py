"""An engine is killed in mid-song, another goes on: the journal tells both, bit for bit."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from sounds import music

from remixd.audience.signal import Signal
from remixd.control.journals import Journals
from remixd.control.recording import read_recording
from remixd.control.replay import Replay
from remixd.control.sessions import Sessions
from remixd.control.streams import Listener, Packet
from remixd.control.supervisor import Supervisor

SONG = {role: music(48_000 * 8, seed=seed) for seed, role in enumerate(("drums", "bass", "vocals", "other"))}


async def hear(listener: Listener) -> list[Packet]:
    return [packet async for packet in listener]


@pytest.mark.timeout(60)
async def test_what_was_heard_before_and_after_a_crash_is_replayed(
    shelf, supervisor: Supervisor, tmp_path: Path
) -> None:
    track = shelf.add("song-00000001", SONG)
    async with Journals(tmp_path / "journals", tmp_path) as journals:
        sessions = Sessions(shelf, supervisor, journals=journals)
        session = await sessions.create(track.id)
        hearing = asyncio.create_task(hear(session.listen()))
        path = session.journal.path
        assert path
        for number in range(40):
            if number == 20:
                async with asyncio.timeout(20):
                    while not supervisor.has_spare:  # noqa: ASYNC110 (nobody tells)
                        await asyncio.sleep(0.01)
                os.kill(session.engine_pid, signal.SIGKILL)
            wish = {"tempo": 1 + 0.01 * (number % 9)} if number % 3 else {"bass": -number / 2}
            session.receive([Signal(id=f"w{number}", fan="Mina", wishes=wish)])
            await asyncio.sleep(0.05)
        await sessions.delete(session.id)
        packets = await hearing
        await sessions.close()
    recording = read_recording(path)
    assert len(recording.segments) == 2
    assert recording.doubts == []
    caches = {(track.id, stem.stem): stem for stem in (tmp_path / "cache" / track.id).glob("*.pcm")}
    replay = Replay(recording, caches)
    again = np.concatenate(list(replay.blocks(1000)))
    assert replay.strayed is None
    for packet in packets:
        heard = np.frombuffer(packet.pcm, np.float32).reshape(-1, 2)
        np.testing.assert_array_equal(again[packet.sample : packet.sample + len(heard)], heard)
    gap = max(b.sample - a.sample - a.frames for a, b in itertools.pairwise(packets))
    assert gap > 0, "there was a moment when nobody played"
