"""An engine that has too much to do is relieved a step at a time, and back again; the sound goes on."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from sounds import music

from remixd.control import ladder as ladder_module
from remixd.control.admission import Load
from remixd.control.ladder import Ladder
from remixd.control.session import Session
from remixd.control.sessions import Sessions

pytestmark = pytest.mark.timeout(60)

SONG = {role: music(48_000 * 20, seed=seed) for seed, role in enumerate(("drums", "bass", "vocals", "other"))}


class Climbing:
    """A ladder under a load that is told rather than measured."""

    def __init__(self, sessions: Sessions, monkeypatch) -> None:
        sessions._watch.cancel()
        self.now_s = 100.0
        self._sessions = sessions
        self._ladder = Ladder(sessions._holding)
        self._late = 0
        monkeypatch.setattr(ladder_module, "monotonic", lambda: self.now_s)

    async def feel(self, mean: float, seconds: float, late: int = 0) -> None:
        """Let the load be so for so long, looked at four times a second."""
        for _ in range(round(seconds * 4)):
            self.now_s += 0.25
            self._late += late
            sessions = self._sessions.all()
            await self._ladder.take(sessions[0].engine, Load(mean, mean, self._late, {}), sessions)


def summed(session: Session) -> list[bool]:
    [deck, *_] = session.memory.ring.read(session.memory.ring.newest).decks
    return [session.players[deck.player]["summed"]]


async def settle() -> None:
    await asyncio.sleep(0.4)


async def test_the_steps_are_taken_told_and_taken_back_in_turn(
    sessions: Sessions, shelf, monkeypatch
) -> None:
    shelf.add("song-00000001", SONG)
    several = [await sessions.create("song-00000001", directed=number == 3) for number in range(4)]
    heard = several[0].listen()
    climbing = Climbing(sessions, monkeypatch)
    await climbing.feel(0.85, 5.0)
    assert not any(each.status().degraded for each in several)
    await climbing.feel(0.95, 0.75)
    assert [each.score["lead_ns"] for each in several] == [60_000_000] * 3 + [100_000_000]
    assert "rendered 60 ms ahead: engine 1 is at 95 % of its core" in several[0].status().degraded
    assert several[3].status().degraded == ""
    await climbing.feel(0.95, 0.5)
    assert {each.score["lead_ns"] for each in several} == {100_000_000}
    await climbing.feel(0.95, 0.5)
    await settle()
    assert [summed(each) for each in several] == [[False], [False], [True], [True]], (
        "the newest unheard first"
    )
    for _ in range(2):
        await climbing.feel(0.95, 0.5)
        await settle()
    assert [summed(each) for each in several] == [[True]] * 4
    assert "stems summed" in several[0].status().degraded
    heard.close()
    packets = [packet async for packet in heard]
    assert not any(packet.skipped_frames for packet in packets[1:])
    await climbing.feel(0.5, 9.5)
    await settle()
    assert [summed(each) for each in several] == [[True]] * 4, "it waits until it is sure"
    for _ in range(3):
        await climbing.feel(0.5, 10.0)
        await settle()
    assert [summed(each) for each in several] == [[False]] * 3 + [[True]]
    await climbing.feel(0.5, 20.5)
    assert [each.score["lead_ns"] for each in several] == [20_000_000] * 3 + [100_000_000]
    assert not any(each.status().degraded for each in several)


async def test_late_packets_lengthen_the_lead_and_cost_no_quality(
    sessions: Sessions, shelf, monkeypatch
) -> None:
    shelf.add("song-00000001", SONG)
    session = await sessions.create("song-00000001")
    climbing = Climbing(sessions, monkeypatch)
    await climbing.feel(0.2, 5.0, late=2)
    assert session.score["lead_ns"] == 20_000_000, "one now and then is nobody's fault"
    await climbing.feel(0.2, 2.0, late=20)
    assert session.score["lead_ns"] == 100_000_000
    await settle()
    assert summed(session) == [False]
    first, last = (
        session.memory.ring.read(at) for at in (session.memory.ring.oldest, session.memory.ring.newest)
    )
    assert last.sample - first.sample == 480 * (last.sequence - first.sequence)
    assert last.due_ns - last.rendered_ns > 60_000_000


async def test_a_swap_to_summed_stems_is_the_same_music(sessions: Sessions, shelf) -> None:
    shelf.add("song-00000001", SONG)
    session = await sessions.create("song-00000001")
    listener = session.listen()
    await asyncio.sleep(0.2)
    assert (await sessions._holding.swap(session, summed=True)).done
    await asyncio.sleep(0.2)
    assert not (await sessions._holding.swap(session, summed=True)).done, "it is already"
    listener.close()
    whole = sum(SONG.values())
    async for packet in listener:
        pcm = np.frombuffer(packet.pcm, dtype=np.float32).reshape(-1, 2)
        np.testing.assert_allclose(pcm, whole[packet.sample : packet.sample + 480], atol=2e-6)
