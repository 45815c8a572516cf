"""An engine that really has too much to do: it gets a small part of its time, in slices, from the system."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from sounds import music

from remixd.analysis.phase_tree import write_cached
from remixd.audience.signal import Signal
from remixd.control import ladder as ladder_module
from remixd.control.action import Action, DeckCommand
from remixd.control.journals import Journals
from remixd.control.ladder import WHOLE
from remixd.control.recording import read_recording
from remixd.control.replay import Replay
from remixd.control.session import Session
from remixd.control.sessions import Sessions
from remixd.control.streams import Listener, Packet
from remixd.control.supervisor import Supervisor
from remixd.track.package import Track
from remixd.track.variants import as_one

pytestmark = pytest.mark.timeout(120)

SONG = {role: music(48_000 * 6, seed=seed) for seed, role in enumerate(("drums", "bass", "vocals", "other"))}
DECKS = 3


@contextmanager
def slowed(pid: int, times: float = 60.0) -> Iterator[None]:
    """Let a process work in slices, and rest for many `times` as long after each."""
    over = threading.Event()

    def slow() -> None:
        while not over.is_set():
            began_s = time.monotonic()
            time.sleep(0.0004)
            os.kill(pid, signal.SIGSTOP)
            time.sleep(min(times * (time.monotonic() - began_s), 0.2))
            os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=slow)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


async def until(condition, seconds: float = 100.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (what is waited for is in another process)
            await asyncio.sleep(0.02)


def with_its_sum(track: Track, cache: Path) -> None:
    [one] = as_one(track).playing_stems
    write_cached(
        cache / track.id / f"{one.name}.pcm", np.sum(list(SONG.values()), axis=0, dtype=np.float32), "other"
    )


async def busy(sessions: Sessions, track: Track, number: int) -> Session:
    """A session of several stretched decks."""
    session = await sessions.create(track.id)
    session.receive([Signal(id=f"fast {number}", wishes={"tempo": 1.1, "pitch": 2.0})])
    for deck in range(1, DECKS):
        for verb in ("load", "play"):
            action = Action(verb=verb, name=track.id if verb == "load" else "")
            command = DeckCommand(id=f"{verb} {deck}", deck=deck, action=action)
            assert sessions.perform(session, command).accepted
            await until(
                lambda d=deck: session.desk.decks.all[d].loaded is not None and session.desk.decks.is_settled
            )
    return session


async def hear(listener: Listener) -> list[Packet]:
    return [packet async for packet in listener]


def is_whole(session: Session) -> bool:
    return session.desk.wholes.any and session.degraded.get("whole", "").startswith(WHOLE)


@pytest.mark.soak  # it takes the engine its time, and needs a machine that has some
async def test_each_step_is_taken_told_heard_written_down_and_taken_back(
    shelf, supervisor: Supervisor, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(ladder_module, "CALM_S", 0.4)
    track = shelf.add("song-00000001", SONG)
    with_its_sum(track, tmp_path / "cache")
    async with Journals(tmp_path / "journals", tmp_path) as journals:
        sessions = Sessions(shelf, supervisor, journals=journals)
        several = [await busy(sessions, track, number) for number in range(3)]
        several[0].receive([Signal(id="stems", wishes={"drums": -12.0})])
        hearing = [asyncio.create_task(hear(each.listen())) for each in several]
        with slowed(supervisor.engine.pid):
            await until(lambda: any(is_whole(each) for each in several))
            assert all("summed" in each.degraded and "lead" in each.degraded for each in several)
            assert not several[0].desk.wholes.any, "whose stems were moved"
            steered = next(each for each in several if is_whole(each))
            assert "engine 1 is at" in steered.status().degraded
            steered.receive([Signal(id="quiet", wishes={"vocals": -60.0})])
            await until(lambda: "whole" not in steered.degraded)
        await until(lambda: not any(each.degraded for each in several))
        assert all(
            not each.players[deck.loaded.key]["summed"] and len(each.players[deck.loaded.key]["stems"]) == 4
            for each in several
            for deck in each.desk.decks.all[:DECKS]
        )
        paths = [each.journal.path for each in several]
        for each in several:
            await sessions.delete(each.id)
        heard = [await each for each in hearing]
        await sessions.close()
    caches = {(track.id, stem.stem): stem for stem in (tmp_path / "cache" / track.id).glob("*.pcm")}
    for path, packets in zip(paths, heard, strict=True):
        check(Replay(read_recording(path), caches), packets)


def check(replay: Replay, packets: list[Packet]) -> None:
    """Never silent, every step written down, and the replay is what was heard."""
    notes = " ".join(replay.recording.notes)
    assert all(
        step in notes for step in ("60 ms ahead", "stems summed", "no longer summed", "no longer lead")
    )
    again = np.concatenate(list(replay.blocks()))
    assert replay.strayed is None
    for packet in packets[:-1]:
        pcm = np.frombuffer(packet.pcm, np.float32).reshape(-1, 2)
        assert np.abs(pcm).max() > 1e-3, f"silent at {packet.sample}"
        np.testing.assert_array_equal(again[packet.sample : packet.sample + len(pcm)], pcm)
