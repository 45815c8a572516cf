"""An engine that has too much to do is relieved a step at a time, and back again; the sound goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from sounds import music, tone

from remixd.control import ladder as ladder_module
from remixd.control.admission import Load
from remixd.control.journals import Journals
from remixd.control.ladder import RACKS, Ladder
from remixd.control.presets import Pick
from remixd.control.recording import read_recording
from remixd.control.replay import Replay
from remixd.control.session import Session
from remixd.control.sessions import Sessions
from remixd.control.streams import Listener, Packet
from remixd.control.supervisor import Supervisor
from remixd.director.preset_files import save_preset
from remixd.director.preset_reading import read_preset

pytestmark = pytest.mark.timeout(60)

HUM = tone(48_000 * 10, 240.0, level=0.2)
SONG = {role: music(48_000 * 20, seed=seed) for seed, role in enumerate(("drums", "bass", "vocals", "other"))}


class Climbing:
    """A ladder under a load that is told rather than measured."""

    def __init__(self, sessions: Sessions, monkeypatch) -> None:
        sessions._watch.cancel()
        self.now_s = 100.0
        self._sessions = sessions
        self._ladder = Ladder(sessions._holding, sessions.picking)
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


async def hear(listener: Listener) -> list[Packet]:
    return [packet async for packet in listener]


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


async def test_effects_are_passed_by_before_stems_are_summed_and_come_back(
    shelf, supervisor: Supervisor, tmp_path: Path, monkeypatch
) -> None:
    """Heard, told, written down, without a click, and the replay is what was heard."""
    monkeypatch.setenv("REMIXD_PRESETS", str(tmp_path / "own"))
    softer = '[[rack]]\non = "master"\neffect = "gain"\ngain_db = -6.0\n'
    save_preset(read_preset(f'title = "T"\ndescription = "D."\n[mix]\n{softer}', "softer", "softer"))
    track = shelf.add("song-00000001", {"other": HUM})
    async with Journals(tmp_path / "journals", tmp_path) as journals:
        sessions = Sessions(shelf, supervisor, journals=journals)
        session = await sessions.create(track.id, presets={"softer": 1.0})
        climbing = Climbing(sessions, monkeypatch)
        await settle()
        hearing = asyncio.create_task(hear(session.listen()))
        await settle()
        await climbing.feel(0.95, 1.25)
        assert "racks" not in session.degraded, "sound comes first"
        await climbing.feel(0.95, 0.5)
        assert "effects are passed by: engine 1 is at 95 %" in session.status().degraded
        assert "summed" not in session.degraded
        await settle()
        presets = session.desk.presets
        assert not presets.places.keys
        answer = sessions.pick(session, Pick(id="less", weights={"softer": 0.5}, at="now"))
        assert answer.accepted
        await settle()
        assert not presets.places.keys, "not while there is no room"
        await climbing.feel(0.5, 10.25)
        await settle()
        assert presets.places.keys
        assert "racks" not in session.degraded
        await settle()
        path = session.journal.path
        await sessions.delete(session.id)
        packets = await hearing
        await sessions.close()
    replay = Replay(read_recording(path), {(track.id, "other"): tmp_path / "cache" / track.id / "other.pcm"})
    again = np.concatenate(list(replay.blocks()))
    assert replay.strayed is None
    told = " ".join(replay.recording.notes)
    assert RACKS in told
    assert "no longer racks" in told
    sound = np.concatenate([np.frombuffer(each.pcm, np.float32).reshape(-1, 2) for each in packets[:-1]])
    first = packets[0].sample
    assert len(sound) == packets[-1].sample - first, "no gap"
    np.testing.assert_array_equal(again[first : first + len(sound)], sound)
    levels = [20 * np.log10(np.abs(part).max() / 0.2) for part in np.array_split(sound, len(sound) // 4800)]
    assert levels[0] == pytest.approx(-6.0, abs=0.1)
    assert max(levels) == pytest.approx(0.0, abs=0.1)
    assert levels[-2] == pytest.approx(20 * np.log10(0.75), abs=0.1)
    assert np.abs(np.diff(sound, 2, axis=0)).max() < 1.5 * np.abs(np.diff(HUM, 2, axis=0)).max()


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


async def test_a_session_whose_stems_are_handed_out_keeps_them_apart(
    sessions: Sessions, shelf, monkeypatch
) -> None:
    shelf.add("song-00000001", {"drums": SONG["drums"], "bass": SONG["bass"]})
    session = await sessions.create("song-00000001", directed=True, apart=True)
    listener = session.stems.join()
    climbing = Climbing(sessions, monkeypatch)
    for _ in range(6):
        await climbing.feel(0.95, 0.75)
        await settle()
    assert summed(session) == [False]
    assert "summed" not in session.status().degraded
    assert "one file" not in session.status().degraded
    packets = [await anext(listener) for _ in range(20)]
    pcm = np.frombuffer(packets[-1].pcm, "<f4").reshape(-1, 5, 2)
    assert pcm[:, :2].any()
    assert not pcm[:, 2:].any()
    listener.close()
