"""Decks of a session on a real engine: what hands do is heard, within rights, and told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sounds import Audio, music, share_db

from remixd.analysis.phase_tree import write_cached
from remixd.audience.signal import Signal
from remixd.control.action import Action, DeckCommand
from remixd.control.caches import Caches
from remixd.control.command import Answer, Applied, Refused
from remixd.control.session import Session
from remixd.control.sessions import Sessions
from remixd.control.streams import DeckStatus
from remixd.errors import InvalidInput
from remixd.track.quota import Lease
from remixd.track.rights import Rights

ROLES = ("drums", "bass", "vocals", "other")
BEAT = 24_000
LENGTH = 24 * BEAT
A = {role: music(LENGTH, seed=seed) for seed, role in enumerate(ROLES)}
B = {role: music(LENGTH, seed=seed + 10) for seed, role in enumerate(ROLES)}
IDS = count()
pytestmark = pytest.mark.usefixtures("songs")


def whole(stems: dict[str, Audio]) -> Audio:
    return sum(stems[role] for role in ROLES)


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cached")
    for name, stems in (("a", A), ("b", B)):
        (folder / name).mkdir()
        for role, pcm in stems.items():
            write_cached(folder / name / f"{role}.pcm", pcm, role)
    return folder


@pytest.fixture
def songs(shelf, cached):
    shelf.add("song-0000000a", A, cached=cached / "a")
    shelf.add("song-0000000b", B, cached=cached / "b")
    shelf.add("song-0000000c", B, bpm=None, cached=cached / "b")
    return shelf


@pytest.fixture
async def session(sessions: Sessions) -> Session:
    return await sessions.create(None)


def command(
    verb: Any, deck: int = 0, *, at: Any = "now", expires_s: float = 0.0, **action: Any
) -> DeckCommand:
    given = Action(verb=verb, **action)
    return DeckCommand(id=f"c{next(IDS)}", deck=deck, at=at, expires_s=expires_s, action=given)


async def outcome(
    sessions: Sessions, session: Session, told: DeckCommand
) -> tuple[Answer, Applied | Refused]:
    watcher = session.watch({told.id})
    answer = sessions.perform(session, told)
    assert answer.accepted, answer.reason
    async for event in watcher:
        if isinstance(event, Applied | Refused):
            watcher.close()
            return answer, event
    raise AssertionError("never heard of again")


async def do(sessions: Sessions, session: Session, verb: Any, deck: int = 0, **action: Any) -> Applied:
    _, event = await outcome(sessions, session, command(verb, deck, **action))
    assert isinstance(event, Applied), event
    return event


def refused(sessions: Sessions, session: Session, verb: Any, deck: int = 0, **action: Any) -> str:
    answer = sessions.perform(session, command(verb, deck, **action))
    assert not answer.accepted
    return answer.reason


async def hear(session: Session, seconds: float) -> tuple[int, Audio]:
    listener = session.listen()
    blocks: list[Audio] = []
    first = -1
    async for packet in listener:
        first = packet.sample if first < 0 else first
        blocks.append(np.frombuffer(packet.pcm, dtype=np.float32).reshape(-1, 2))
        if len(blocks) * 480 >= seconds * 48_000:
            break
    listener.close()
    return first, np.concatenate(blocks)


def deck(session: Session, index: int = 0) -> DeckStatus:
    return session.status().decks[index]


async def until(seen: Any, seconds: float = 5.0) -> None:
    for _ in range(round(seconds / 0.01)):
        if seen():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come")


async def test_a_track_is_loaded_at_rest_and_plays_from_its_sample_on(sessions, session) -> None:
    assert {each.state for each in session.status().decks} == {"empty"}
    assert (session.status().track_id, session.status().bar_beat) == ("", None)
    await do(sessions, session, "load", 1, name="song-0000000a", start_s=1.0)
    await until(lambda: deck(session, 1).state == "resting")
    assert (deck(session, 1).track_id, deck(session, 1).position_s) == ("song-0000000a", 1.0)
    listening = asyncio.ensure_future(hear(session, 1.0))
    await asyncio.sleep(0.1)
    played = await do(sessions, session, "play", 1)
    assert played.bar_beat == "1:3.00"
    first, heard = await listening
    at = played.sample - first
    np.testing.assert_allclose(heard[at:], whole(A)[48_000 : 48_000 + len(heard) - at], atol=1e-6)
    assert session.status().track_id == "song-0000000a", "what plays stands for the session"


async def test_loading_over_what_plays_waits_until_it_is_ready_and_gives_the_old_cache_back(
    sessions, session, monkeypatch
) -> None:
    released: list[Lease] = []
    release = Caches.release

    async def noted(caches: Caches, lease: Lease) -> None:
        released.append(lease)
        await release(caches, lease)

    monkeypatch.setattr(Caches, "release", noted)
    await do(sessions, session, "load", name="song-0000000a")
    await do(sessions, session, "play")
    loaded = await do(sessions, session, "load", name="song-0000000b")
    assert loaded.bar_beat == "1:1.00"
    assert deck(session).track_id == "song-0000000b"
    assert not released
    await until(lambda: released, 4.0)
    assert [lease.folder.name for lease in released] == ["song-0000000a"]
    await do(sessions, session, "eject")
    await until(lambda: len(released) == 2, 4.0)
    assert deck(session).state == "empty"


async def test_the_first_track_goes_round_and_loaded_ones_end(sessions) -> None:
    session = await sessions.create("song-0000000a", sink="null:fast")
    await until(lambda: session.status().sample > 2 * LENGTH)
    assert deck(session).state == "playing"
    await do(sessions, session, "load", 1, name="song-0000000b")
    await do(sessions, session, "play", 1)
    await until(lambda: deck(session, 1).state == "ended")


async def test_of_two_loads_of_a_deck_the_last_counts_and_the_first_is_told(sessions, session) -> None:
    first, last = command("load", name="song-0000000a"), command("load", name="song-0000000b")
    watcher = session.watch({first.id, last.id})
    assert sessions.perform(session, first).accepted
    assert sessions.perform(session, last).accepted
    told = {}
    async for event in watcher:
        if isinstance(event, Applied | Refused):
            told[event.id] = event
        if len(told) == 2:
            break
    assert isinstance(told[first.id], Refused)
    assert "song-0000000b is loaded on deck A instead" in told[first.id].reason
    assert isinstance(told[last.id], Applied)
    assert deck(session).track_id == "song-0000000b"


async def test_what_cannot_be_loaded_is_refused_and_the_deck_plays_on(sessions, session, monkeypatch) -> None:
    assert "did you mean song-0000000" in refused(sessions, session, "load", name="song-0000000x")
    assert "outside song-0000000a: it lasts 12.000 s" in refused(
        sessions, session, "load", name="song-0000000a", start_s=12.0
    )
    await do(sessions, session, "load", name="song-0000000a")
    await do(sessions, session, "play")

    async def broken(*_: object) -> Lease:
        raise InvalidInput("the package is broken")

    monkeypatch.setattr(Caches, "hold", broken)
    _, event = await outcome(sessions, session, command("load", name="song-0000000b"))
    assert isinstance(event, Refused)
    assert event.reason == "the package is broken"
    assert (deck(session).state, deck(session).track_id, deck(session).loading) == (
        "playing", "song-0000000a", "",
    )  # fmt: skip


async def test_a_stem_that_is_damaged_leaves_nothing_behind_in_the_engine(sessions, session, songs) -> None:
    path = songs.path / "cache" / "song-0000000b" / "other.pcm"
    path.write_bytes(path.read_bytes()[:10_000])
    for _ in range(20):  # more than the shelf of a session holds
        _, event = await outcome(sessions, session, command("load", name="song-0000000b"))
        assert isinstance(event, Refused)
        assert "other.pcm: a cache file cut short" in event.reason
    await do(sessions, session, "load", name="song-0000000a")


@pytest.mark.parametrize(
    ("verb", "action", "why"),
    [
        ("seek", {"value": 12.0}, "12 s is outside the song on deck A: it lasts 12.000 s"),
        ("seek", {"value": -0.1}, "-0.1 s is outside the song"),
        ("loop", {"value": 4.0, "start_s": 40.0}, "40 s is outside the song"),
        ("cue", {"value": 3, "name": "go"}, "cue 3 of deck A is not set"),
        ("cue", {"value": 3, "name": "set", "start_s": 13.0}, "13 s is outside the song"),
        ("scale", {"value": 0.5}, "deck A has no loop"),
        ("solo", {"name": "vocals"}, "do not let vocals be heard alone"),
    ],
)
async def test_what_cannot_be_is_refused_at_once(sessions, verb, action, why) -> None:
    session = await sessions.create("song-0000000a")
    assert why in refused(sessions, session, verb, **action)


async def test_an_empty_deck_takes_nothing_but_a_track_and_its_channel(sessions, session) -> None:
    for verb, action in (("play", {}), ("sync", {}), ("mute", {"name": "drums"}), ("seek", {"value": 1.0})):
        assert refused(sessions, session, verb, 3, **action) == "nothing is loaded on deck D"
    await do(sessions, session, "channel", 3, name="fader", value=-60.0)
    assert deck(session, 3).channel["fader"] == -60.0


async def test_a_loop_at_the_bar_begins_on_it_and_is_halved(sessions) -> None:
    session = await sessions.create("song-0000000a")
    await hear(session, 0.1)
    answer, event = await outcome(sessions, session, command("loop", at="bar", value=2.0))
    assert isinstance(event, Applied)
    assert answer.planned_sample == pytest.approx(event.sample, abs=64)
    assert event.bar_beat.endswith(":1.00")
    start = event.sample  # the song plays at its own tempo: its places are the session's samples
    listening = asyncio.ensure_future(hear(session, 3.0))
    first, heard = await listening
    lap = whole(A)[start : start + 2 * BEAT - 256]
    begin = next(start + n * 2 * BEAT for n in range(9) if start + n * 2 * BEAT >= first)
    np.testing.assert_allclose(heard[begin - first : begin - first + len(lap)], lap, atol=1e-6)
    assert deck(session).loop_s == (start / 48_000, start / 48_000 + 1.0)
    await do(sessions, session, "scale", value=0.5)
    await until(lambda: deck(session).loop_s == (start / 48_000, start / 48_000 + 0.5))
    for _ in range(2):
        await do(sessions, session, "scale", value=0.5)
    await until(lambda: deck(session).loop_s == (start / 48_000, start / 48_000 + 0.125))
    await do(sessions, session, "scale", value=0.5)
    await until(lambda: deck(session).loop_s == (start / 48_000, start / 48_000 + 0.0625))
    assert "1/8 to 32 beats: this one would be 0.0625" in refused(sessions, session, "scale", value=0.5)
    await do(sessions, session, "exit")
    await until(lambda: deck(session).loop_s is None)


async def test_a_cue_is_set_where_it_is_heard_and_played_from_rest(sessions, session) -> None:
    await do(sessions, session, "load", name="song-0000000a")
    await do(sessions, session, "cue", value=2, name="set", start_s=3.1, at="beat")
    assert deck(session).cues_s == (None, 3.0, *[None] * 6)
    listening = asyncio.ensure_future(hear(session, 0.8))
    await asyncio.sleep(0.1)
    gone = await do(sessions, session, "cue", value=2, name="go")
    first, heard = await listening
    at = gone.sample - first
    np.testing.assert_allclose(heard[at:], whole(A)[144_000 : 144_000 + len(heard) - at], atol=1e-6)
    position_s = session.status().heard_position_s
    await do(sessions, session, "cue", value=1, name="set")
    assert deck(session).cues_s[0] == pytest.approx(position_s, abs=0.1)
    await do(sessions, session, "eject")
    await do(sessions, session, "load", name="song-0000000a")
    assert deck(session).cues_s[1] == 3.0, "cues belong to the track, as long as the session lasts"
    await do(sessions, session, "cue", value=2, name="clear")
    assert deck(session).cues_s[1] is None


async def test_mutes_solos_and_levels_meet_in_one_gain(sessions) -> None:
    session = await sessions.create("song-0000000a")

    async def shares() -> dict[str, bool]:
        await asyncio.sleep(0.06)
        first, heard = await hear(session, 0.5)
        return {role: share_db(A[role][first : first + len(heard)], heard) > -20 for role in ROLES}

    await do(sessions, session, "mute", name="drums")
    assert await shares() == {"drums": False, "bass": True, "vocals": True, "other": True}
    await do(sessions, session, "solo", name="bass")
    assert await shares() == {"drums": False, "bass": True, "vocals": False, "other": False}
    await do(sessions, session, "solo", name="drums")
    assert await shares() == {"drums": False, "bass": True, "vocals": False, "other": False}
    await do(sessions, session, "mute", name="drums", on=False)
    assert await shares() == {"drums": True, "bass": True, "vocals": False, "other": False}
    for role in ("bass", "drums"):
        await do(sessions, session, "solo", name=role, on=False)
    await do(sessions, session, "level", name="bass", value=-60.0)
    assert await shares() == {"drums": True, "bass": False, "vocals": True, "other": True}
    status = deck(session)
    assert (status.muted, status.soloed, status.levels_db["bass"]) == ((), (), -60.0)


async def test_rights_hold_levels_mutes_and_solos_on_decks(sessions, songs) -> None:
    strict = Rights(never_mute=("bass",), ranges={"drums": (-12.0, 0.0)})
    songs.tracks["song-0000000a"] = replace(songs.tracks["song-0000000a"], rights=strict)
    session = await sessions.create("song-0000000a")
    assert "never mute bass" in refused(sessions, session, "mute", name="bass")
    assert "never mute bass" in refused(sessions, session, "solo", name="drums")
    answer, _ = await outcome(sessions, session, command("level", name="bass", value=-60.0))
    assert [(clamp.dimension, clamp.given) for clamp in answer.clamps] == [("bass level", -24.0)]
    assert "never mute bass" in answer.clamps[0].because
    session.receive([Signal(id="down", wishes={"drums": -6.0})])
    answer, _ = await outcome(sessions, session, command("level", name="drums", value=-9.0))
    assert [clamp.given for clamp in answer.clamps] == [-6.0], "mix and hand together keep to the range"
    answer, _ = await outcome(sessions, session, command("tempo", value=1.9))
    assert [(clamp.dimension, clamp.given) for clamp in answer.clamps] == [("tempo", 1.25)] or [
        clamp.given for clamp in answer.clamps
    ] == []


async def test_muting_the_band_takes_vocals_that_may_not_be_alone_along_and_says_so(sessions) -> None:
    session = await sessions.create("song-0000000a")
    for role in ("drums", "bass"):
        await do(sessions, session, "mute", name=role)
    answer, _ = await outcome(sessions, session, command("mute", name="other"))
    assert "do not let vocals be heard alone" in answer.because
    await asyncio.sleep(0.1)
    _, heard = await hear(session, 0.2)
    assert not heard.any()


@pytest.mark.parametrize("allowed", [True, False])
async def test_vocals_over_the_band_of_another_need_the_rights_of_both(sessions, songs, allowed) -> None:
    for name in ("song-0000000a", "song-0000000b"):
        songs.tracks[name] = replace(songs.tracks[name], rights=Rights(mash_ups=allowed))
    session = await sessions.create("song-0000000a")
    await do(sessions, session, "load", 1, name="song-0000000b")
    await do(sessions, session, "mute", 1, name="vocals")
    await do(sessions, session, "play", 1)
    if not allowed:
        assert "vocals be heard alone" in refused(sessions, session, "solo", name="vocals")
        return
    answer, _ = await outcome(sessions, session, command("solo", name="vocals"))
    assert "12 dB above the loudest other role" in answer.because
    await asyncio.sleep(0.1)
    first, heard = await hear(session, 0.5)
    assert share_db(A["vocals"][first : first + len(heard)], heard) == pytest.approx(0.0, abs=2.0)
    assert share_db(A["bass"][first : first + len(heard)], heard) < -15


async def test_a_track_without_beats_counts_in_seconds_and_says_so(sessions) -> None:
    session = await sessions.create("song-0000000c")
    answer, event = await outcome(sessions, session, command("jump", value=4.0, at="bar"))
    assert "no beats: seconds stand in" in answer.because
    assert isinstance(event, Applied)
    assert event.bar_beat == ""
    assert event.sample % 96_000 == 0, "a bar is two seconds"
    assert "has no beats" in refused(sessions, session, "sync")
    assert "has no beats" in refused(sessions, session, "lead")
    assert deck(session).bpm is None
    [answer] = session.receive([Signal(id="s", wishes={"drums": -6.0}, at="bar")])
    assert "seconds stand in" in answer.because


async def test_a_mark_that_does_not_come_in_time_is_told(sessions, session) -> None:
    await do(sessions, session, "load", name="song-0000000a")
    answer, event = await outcome(sessions, session, command("play", at="bar", expires_s=0.2))
    assert "nothing plays" in answer.because
    assert answer.planned_sample is None
    assert isinstance(event, Refused)
    assert "did not come in time" in event.reason


async def test_loads_that_never_come_leave_room_for_others(sessions, session) -> None:
    for _ in range(15):
        never = command("load", at="bar", expires_s=0.01, name="song-0000000a")
        _, event = await outcome(sessions, session, never)
        assert isinstance(event, Refused)
    await until(lambda: not sessions._holding.keys(session), 5.0)
    await do(sessions, session, "load", name="song-0000000a")


async def test_a_signal_at_the_bar_acts_on_it(sessions) -> None:
    session = await sessions.create("song-0000000a")
    await hear(session, 0.1)
    watcher = session.watch({"s"})
    [answer] = session.receive([Signal(id="s", wishes={"drums": -60.0}, at="bar")])
    assert session.status().mix["drums"] == 0.0, "not before it is there"
    async for event in watcher:
        if isinstance(event, Applied):
            break
    assert event.sample == pytest.approx(answer.planned_sample, abs=64)
    assert event.sample % (4 * BEAT) == 0
    assert session.status().mix["drums"] == -60.0


async def test_a_directed_session_keeps_its_own_time(sessions) -> None:
    session = await sessions.create("song-0000000a", directed=True)
    [answer] = session.receive([Signal(id="s", wishes={"drums": -6.0}, at="bar")])
    assert (answer.accepted, "director" in answer.reason) == (False, True)
    assert "this session is directed" in refused(sessions, session, "play")
    assert "this session is directed" in refused(sessions, session, "load", 1, name="song-0000000b")
    with pytest.raises(InvalidInput, match="a directed session needs a track"):
        await sessions.create(None, directed=True)


async def test_panic_brings_everything_on_the_decks_back(sessions) -> None:
    session = await sessions.create("song-0000000a")
    for verb, action in (
        ("slip", {}),
        ("loop", {"value": 0.5}),
        ("mute", {"name": "drums"}),
        ("level", {"name": "bass", "value": -20.0}),
        ("channel", {"name": "low", "value": -60.0}),
        ("channel", {"name": "filter", "value": 0.7}),
        ("channel", {"name": "fader", "value": -6.0}),
        ("channel", {"name": "send", "value": 1.0}),
        ("reverse", {}),
        ("tempo", {"value": 1.1}),
    ):
        await do(sessions, session, verb, **action)
    late = command("channel", at="section", name="fader", value=-60.0)
    watcher = session.watch({late.id, "help"})
    assert sessions.perform(session, late).accepted
    session.panic("help")
    told = [event async for event in _outcomes(watcher, 2)]
    assert isinstance(told[0], Refused)
    assert "panic" in told[0].reason
    assert isinstance(told[1], Applied)
    await until(lambda: session.status().sample > told[1].settled_sample + 5 * 48_000, 9.0)
    status = deck(session)
    assert (status.loop_s, status.slipping, status.backwards) == (None, False, False)
    assert (status.muted, set(status.levels_db.values()), status.tempo) == ((), {0.0}, 1.0)
    assert set(status.channel.values()) == {0.0}
    listener = session.listen()
    packets = [await anext(listener) for _ in range(40)]
    for packet in packets:
        at = round(packet.position_s * 48_000) + np.arange(480)
        pcm = np.frombuffer(packet.pcm, dtype=np.float32).reshape(-1, 2)
        np.testing.assert_allclose(pcm, whole(A)[at % LENGTH], atol=1e-3)  # the echo dies away


async def _outcomes(watcher, many: int):
    async for event in watcher:
        if isinstance(event, Applied | Refused):
            yield event
            many -= 1
            if not many:
                return


async def test_reports_that_were_lost_are_told_to_watchers(sessions) -> None:
    session = await sessions.create("song-0000000a")
    await hear(session, 0.1)
    watcher = session.watch()
    session._rendered._reports_lost -= 3  # as if the engine had told of three more
    async for event in watcher:
        if type(event).__name__ == "Missed":
            assert event.answers == 3
            break
