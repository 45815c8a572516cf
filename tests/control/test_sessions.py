"""Sessions on a real engine: what is wished is heard, what dies is told."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from sounds import music, noise, share_db

from remixd._kernel.host import SESSIONS_MAX
from remixd.audience.signal import Signal
from remixd.control.command import Applied
from remixd.control.desk import PANIC_ROOM
from remixd.control.receipts import WAITING_MAX
from remixd.control.session import Session
from remixd.control.sessions import Sessions
from remixd.control.streams import Lost, Packet
from remixd.control.supervisor import DEATHS_MAX, Supervisor
from remixd.errors import Exhausted, InvalidInput, NotFound, Unavailable

WISHES_MAX = WAITING_MAX - PANIC_ROOM
SONG = {role: music(48_000 * 6, seed=seed) for seed, role in enumerate(("drums", "bass", "vocals", "other"))}


async def hear(session: Session, seconds: float) -> tuple[int, np.ndarray]:
    """The first sample heard, and the sound from there on."""
    listener = session.listen()
    packets: list[Packet] = []
    async for packet in listener:
        packets.append(packet)
        if len(packets) * 480 >= seconds * 48_000:
            break
    listener.close()
    assert [each.skipped_frames for each in packets] == [0] * len(packets)
    pcm = np.concatenate([np.frombuffer(each.pcm, dtype=np.float32).reshape(-1, 2) for each in packets])
    return packets[0].sample, pcm


async def applied(session: Session, signal_id: str, wishes: dict[str, float]) -> Applied:
    watcher = session.watch()
    assert session.receive([Signal(id=signal_id, wishes=wishes)])[0].accepted
    async for event in watcher:
        if isinstance(event, Applied) and event.id == signal_id:
            watcher.close()
            return event
    raise AssertionError("never applied")


async def test_a_new_session_plays_the_artists_own_mix_to_the_bit(sessions: Sessions, shelf) -> None:
    shelf.add("song-00000001", SONG)
    session = await sessions.create("song-00000001")
    first, heard = await hear(session, 0.5)
    whole = sum(SONG[role] for role in ("drums", "bass", "vocals", "other"))
    np.testing.assert_allclose(heard, whole[first : first + len(heard)], atol=1e-7)
    status = session.status()
    assert status.state == "playing"
    assert status.bar_beat is not None
    assert status.engine_pid == session.engine_pid != os.getpid()
    assert abs(status.position_s - status.sample / 48_000) < 1e-6


@pytest.mark.parametrize("role", ["drums", "bass", "vocals", "other"])
async def test_a_stem_wished_away_is_gone_from_the_settled_sample_on(sessions, shelf, role: str) -> None:
    shelf.add("song-00000001", SONG)
    session = await sessions.create("song-00000001")
    done = await applied(session, "a", {role: -60.0})
    first, heard = await hear(session, 1.0)
    at = max(first, done.settled_sample)
    settled = heard[at - first :]
    assert len(settled) > 20_000
    assert share_db(SONG[role][at : at + len(settled)], settled) < -40
    others = sum(pcm for name, pcm in SONG.items() if name != role)
    np.testing.assert_allclose(settled, others[at : at + len(settled)], atol=1e-6)


async def test_an_answer_tells_every_move_and_the_latest_of_them(sessions: Sessions, shelf) -> None:
    shelf.add("song-00000001", SONG)
    session = await sessions.create("song-00000001")
    done = await applied(session, "both", {"vocals": -18.0, "tempo": 1.06})
    moves = {move.dimension: move for move in done.moves}
    assert set(moves) == {"vocals", "tempo"}
    assert moves["tempo"].value == 1.06
    assert done.sample == max(move.sample for move in done.moves) == moves["tempo"].sample
    assert done.settled_sample == max(move.settled_sample for move in done.moves)
    assert session.status().mix["vocals"] == -18.0


async def test_the_status_tells_what_is_heard_beside_what_is_rendered(sessions: Sessions, shelf) -> None:
    shelf.add("song-00000001", SONG)
    session = await sessions.create("song-00000001")
    await hear(session, 0.5)
    for _ in range(20):
        status = session.status()
        ahead_s = (status.sample - status.heard_sample) / 48_000
        assert 0.0 <= ahead_s < 0.2, "rendered the lead before it is heard, on a machine that is not too busy"
        assert abs(status.heard_position_s - status.heard_sample / 48_000) < 1e-4
        await asyncio.sleep(0.007)


async def test_the_status_reads_the_meters(sessions: Sessions, shelf) -> None:
    shelf.add("song-00000001", {"other": noise(48_000 * 4, level=0.1)})
    session = await sessions.create("song-00000001")
    async with asyncio.timeout(20):
        while session.status().sample < 0.6 * 48_000:  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0.01)
    status = session.status()
    assert -20 < status.momentary_lufs < -12, "white noise of -20 dBFS in both channels, K-weighted"
    assert status.peak_db <= status.true_peak_db < 0
    assert (status.nonfinite, status.limiter_db) == (0, 0.0)


async def test_a_track_without_beats_says_no_bars(sessions: Sessions, shelf) -> None:
    shelf.add("song-00000002", {"other": noise(48_000)}, bpm=None)
    session = await sessions.create("song-00000002")
    await hear(session, 0.05)
    assert session.status().bar_beat is None


async def test_unknown_tracks_and_sessions_are_named_with_the_nearest(sessions: Sessions, shelf) -> None:
    shelf.add("song-00000001", SONG)
    with pytest.raises(NotFound, match="did you mean song-00000001"):
        await sessions.create("song-00000002")
    with pytest.raises(NotFound, match="there is no session 's-1'"):
        sessions.get("s-1")


async def test_a_deleted_session_ends_its_listeners_in_order_and_frees_its_place(sessions, shelf) -> None:
    shelf.add("song-00000001", SONG)
    session = await sessions.create("song-00000001")
    listener, watcher = session.listen(), session.watch()
    await asyncio.sleep(0.2)
    await sessions.delete(session.id)
    packets = [packet async for packet in listener]
    last = np.frombuffer(packets[-1].pcm, dtype=np.float32)
    assert abs(last[-1]) < 1e-6, "it fades out"
    assert not any(isinstance(event, Lost) for event in [event async for event in watcher])
    assert sessions.all() == []
    assert not list(session.engine.directory.glob("session-*"))
    again = await sessions.create("song-00000001")
    assert again.key != session.key


async def answers_to(watcher, ids: set[str]) -> dict[str, Applied]:
    told: dict[str, Applied] = {}
    async for event in watcher:
        if isinstance(event, Applied) and event.id in ids:
            told[event.id] = event
            if len(told) == len(ids):
                break
    return told


async def test_in_a_batch_the_last_wish_wins_and_every_other_is_told_so(sessions: Sessions, shelf) -> None:
    shelf.add("song-00000001", SONG)
    session = await sessions.create("song-00000001")
    batch = [Signal(id=str(i), wishes={"drums": -float(i % 30), "bass": -3.0}) for i in range(1024)]
    watcher = session.watch()
    assert all(answer.accepted for answer in session.receive(batch))
    told = await answers_to(watcher, {each.id for each in batch})
    for each in batch[:-1]:
        drums = next(move for move in told[each.id].moves if move.dimension == "drums")
        assert drums.superseded
        assert drums.value == each.wishes["drums"]
    assert not any(move.superseded for move in told["1023"].moves)
    assert session.status().mix["drums"] == -float(1023 % 30)


async def test_more_than_a_session_can_take_is_refused_whole(sessions: Sessions, shelf) -> None:
    shelf.add("song-00000001", SONG)
    session = await sessions.create("song-00000001")
    watcher = session.watch()
    for number in range(WISHES_MAX):
        session.receive([Signal(id=str(number), wishes={"drums": -float(number % 30)})])
    with pytest.raises(Exhausted, match="dimensions now"):
        session.receive([Signal(id="more", wishes={"drums": -59.0, "bass": -59.0})])
    assert session.status().mix["bass"] == 0.0, "nothing of it was taken"
    assert len(await answers_to(watcher, {str(number) for number in range(WISHES_MAX)})) == WISHES_MAX


async def lose(session: Session, supervisor: Supervisor) -> None:
    """Let its engine die once too often."""
    supervisor._deaths, supervisor._died_s = DEATHS_MAX, time.monotonic()
    os.kill(session.engine_pid, signal.SIGKILL)


async def test_what_dies_again_and_again_is_given_up_and_that_is_told_at_once(
    sessions: Sessions, shelf, supervisor: Supervisor
) -> None:
    shelf.add("song-00000001", SONG)
    session = await sessions.create("song-00000001")
    listener, watcher = session.listen(), session.watch()
    await anext(listener)
    pid = session.engine_pid
    killed_at = time.monotonic()
    await lose(session, supervisor)
    with pytest.raises(Unavailable, match=r"lost: it was killed by SIGKILL, the 4th in a row"):
        async for _ in listener:
            pass
    assert time.monotonic() - killed_at < 0.2
    assert isinstance([event async for event in watcher][-1], Lost)
    assert session.status().state == "lost"
    with pytest.raises(Unavailable, match="lost"):
        session.receive([Signal(id="b", wishes={"drums": -3.0})])
    with pytest.raises(Unavailable, match="lost"):
        await anext(session.listen())
    fresh = await until_created(sessions)
    assert fresh.engine_pid != pid
    assert fresh.key % SESSIONS_MAX == session.key % SESSIONS_MAX, "what is lost takes no place"
    await hear(fresh, 0.05)
    await sessions.delete(session.id)
    assert sessions.all() == [fresh]


async def until_created(sessions: Sessions) -> Session:
    for _ in range(1000):
        try:
            return await sessions.create("song-00000001")
        except Unavailable:
            await asyncio.sleep(0.01)
    raise AssertionError("no engine came")


async def test_an_engine_that_hangs_is_noticed_and_replaced(sessions: Sessions, shelf) -> None:
    shelf.add("song-00000001", SONG)
    session = await sessions.create("song-00000001")
    pid = session.engine_pid
    os.kill(pid, signal.SIGSTOP)
    stopped_at = time.monotonic()
    while session.engine_pid == pid:
        assert time.monotonic() - stopped_at < 10
        await asyncio.sleep(0.01)
    await hear(session, 0.05)


async def test_a_session_with_a_fault_is_told_lost_and_the_others_play_on(
    sessions: Sessions, shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.add("song-00000001", SONG)
    faulty, other = [await sessions.create("song-00000001") for _ in range(2)]
    watcher = faulty.watch()

    def fail(sample: int) -> None:
        raise RuntimeError(f"at {sample}")

    monkeypatch.setattr(faulty.journal, "tick", fail)
    *_, last = [event async for event in watcher]
    assert isinstance(last, Lost)
    assert "RuntimeError" in last.reason
    assert faulty.status().state == "lost"
    await hear(other, 0.05)
    for _ in range(500):
        outputs = (await other.engine.ask(op="outputs"))["outputs"]
        if len(outputs) == 1:
            break
        await asyncio.sleep(0.01)
    assert [key for key, *_ in outputs] == [other.key], "its sound has ended"
    await sessions.delete(faulty.id)


async def test_a_cache_that_is_damaged_is_refused_by_name_and_nothing_stays(sessions, shelf) -> None:
    shelf.add("song-00000001", SONG)
    os.truncate(shelf.path / "cache" / "song-00000001" / "bass.pcm", 10_000)
    with pytest.raises(InvalidInput, match=r"bass\.pcm: a cache file cut short"):
        await sessions.create("song-00000001")
    assert sessions.all() == []


async def test_a_caller_that_gives_up_leaves_no_session_behind(sessions: Sessions, shelf) -> None:
    shelf.add("song-00000001", SONG)
    for pause_s in (0.0, 0.001, 0.003, 0.01):
        making = asyncio.ensure_future(sessions.create("song-00000001"))
        await asyncio.sleep(pause_s)
        making.cancel()
        await asyncio.gather(making, return_exceptions=True)
        await asyncio.sleep(0.1)
        if not making.cancelled():
            await sessions.delete(making.result().id)
        assert sessions.all() == []
    session = await sessions.create("song-00000001")
    await hear(session, 0.05)
    assert not [
        path
        for path in session.engine.directory.glob("session-*")
        if path != session.engine.memory_path(session.key)
    ]


async def test_a_daemon_that_was_killed_leaves_nothing_that_stays(runtime: Path) -> None:
    left = runtime / "instance" / "engine-7"
    left.mkdir(parents=True)
    (left / "ring-1").write_bytes(bytes(1000))
    supervisor = Supervisor(runtime / "instance")
    await supervisor.start()
    assert not left.exists()
    await supervisor.stop()
    assert not runtime.exists()


async def test_a_runtime_folder_that_others_may_write_to_is_not_used(runtime: Path) -> None:
    runtime.chmod(0o777)
    with pytest.raises(Unavailable, match="not a folder of this user alone"):
        await Supervisor(runtime / "instance").start()


async def test_the_engine_ends_in_order_and_leaves_no_files(runtime: Path) -> None:
    supervisor = Supervisor(runtime / "instance")
    await supervisor.start()
    pid = supervisor.engine.pid
    await supervisor.stop()
    assert not (runtime / "instance").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
