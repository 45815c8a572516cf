"""Presets with effects, on a real engine: made ready, weighed with the mix, taken away, told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sounds import level_db, music

from remixd.analysis.phase_tree import write_cached
from remixd.control import picking
from remixd.control.action import Action, DeckCommand
from remixd.control.command import Answer, Applied, Refused
from remixd.control.ladder import is_apart
from remixd.control.presets import Pick
from remixd.control.session import Session
from remixd.control.sessions import Sessions
from remixd.director.preset_files import save_preset
from remixd.director.preset_reading import read_preset
from remixd.errors import InvalidInput, Unsupported
from remixd.units import StemRole

ROLES: tuple[StemRole, ...] = ("drums", "bass", "vocals", "other")
FRAMES = 96_000
SONG = {role: music(FRAMES, seed=seed) for seed, role in enumerate(ROLES)}
HEAD = 'title = "T"\ndescription = "D."\n[mix]\n'
LOUDER = HEAD + '[[rack]]\non = "master"\neffect = "gain"\ngain_db = -6.0\n'
VOICE = HEAD + '[[rack]]\non = "vocals"\neffect = "gain"\ngain_db = -24.0\n'
HEAVY = HEAD + '[[rack]]\non = "master"\neffect = "pitch_shift"\nsemitones = 3.0\n'
HOSTED = HEAD + '[[rack]]\non = "master"\neffect = "vst3"\nname = "NobodyHasThis"\n'
SOFT = LOUDER + '[[rack]]\non = "master"\neffect = "vst3"\nname = "NobodyHasThis"\noptional = true\n'


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REMIXD_PRESETS", str(tmp_path / "own"))
    for name, text in (
        ("louder", LOUDER), ("voice", VOICE), ("heavy", HEAVY), ("hosted", HOSTED), ("soft", SOFT),
    ):  # fmt: skip
        save_preset(read_preset(text, name, name))


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    for role, pcm in SONG.items():
        write_cached(folder / f"{role}.pcm", pcm, role)
    return folder


@pytest.fixture
def make(sessions: Sessions, shelf, cached: Path):
    shelf.add("song-00000001", SONG, bpm=480.0, cached=cached)

    async def made(**asked) -> Session:
        return await sessions.create("song-00000001", **asked)

    return made


async def until(seen: Callable[[], object], *, seconds: float = 20.0) -> None:
    for _ in range(round(seconds / 0.02)):
        if seen():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came")


async def outcome(sessions: Sessions, session: Session, **weights: float) -> tuple[Answer, Applied | Refused]:
    watcher = session.watch()
    answer = sessions.pick(session, Pick(id="pick", weights=weights, at="now"))
    assert answer.accepted, answer.reason
    async for event in watcher:
        if isinstance(event, Applied | Refused) and event.id == "pick":
            watcher.close()
            return answer, event
    raise AssertionError("never heard of again")


async def heard(session: Session) -> float:
    """How loud it is now, beside the sum of its stems, in dB."""
    listener = session.listen()
    packets = [await anext(aiter(listener)) for _ in range(40)]
    listener.close()
    sound = np.concatenate([np.frombuffer(each.pcm, np.float32).reshape(-1, 2) for each in packets])
    at = (round(packets[0].position_s * 48_000) + np.arange(len(sound))) % FRAMES
    return level_db(sound) - level_db(sum(SONG[role] for role in ROLES)[at])


async def test_a_session_begins_with_its_effects_and_goes_on_without(sessions: Sessions, make) -> None:
    session = await make(presets={"louder": 1.0})
    await until(lambda: session.status().sample > 48_000 // 2)
    assert await heard(session) == pytest.approx(-6.0, abs=0.2)
    _, applied = await outcome(sessions, session, original=1.0)
    assert isinstance(applied, Applied)
    await until(lambda: not session.racks)
    assert await heard(session) == pytest.approx(0.0, abs=0.2)


async def test_mix_and_effects_come_together_and_are_told_as_one(sessions: Sessions, make) -> None:
    session = await make()
    answer, applied = await outcome(sessions, session, louder=0.5, karaoke=0.5)
    assert answer.because.startswith("its effects are made ready")
    assert isinstance(applied, Applied)
    moves = {move.dimension: move for move in applied.moves}
    assert moves["rack"].value == 0.5
    assert moves["vocals"].value < 0.0
    assert abs(moves["rack"].sample - moves["vocals"].sample) <= 64
    assert session.status().preset == "karaoke:0.5,louder:0.5"


async def test_racks_that_take_too_long_together_are_refused_with_what_they_cost(
    sessions: Sessions, make, monkeypatch
) -> None:
    session = await make(presets={"louder": 0.5})
    [first] = session.racks
    await until(lambda: session.desk.decks.sample > 0)
    cost_ns = session.racks[first]["cost_ns"]
    assert cost_ns > 0
    monkeypatch.setattr(picking, "BUDGET_NS", 1.2 * cost_ns)
    _, refused = await outcome(sessions, session, louder=0.5, voice=0.5)
    assert isinstance(refused, Refused)
    assert "together, which is more than the" in refused.reason
    assert session.status().preset == "louder:0.5"
    await until(lambda: set(session.racks) == {first})
    _, applied = await outcome(sessions, session, louder=0.4)
    assert isinstance(applied, Applied)


async def test_of_many_picks_at_once_the_last_counts_and_no_racks_are_made_for_the_others(
    sessions: Sessions, make, monkeypatch
) -> None:
    session = await make()
    made: list[object] = []
    make_ready = sessions._holding.make_rack_ready

    async def counted(*asked):
        made.append(asked)
        return await make_ready(*asked)

    monkeypatch.setattr(sessions._holding, "make_rack_ready", counted)
    watcher = session.watch()
    for number in range(40):
        weights = {"voice": 0.5} if number == 39 else {"louder": number / 40 + 0.01}
        assert sessions.pick(session, Pick(id="same", weights=weights, at="now")).accepted
    told: list[Applied | Refused] = []
    async for event in watcher:
        told += [event] if isinstance(event, Applied | Refused) else []
        if len(told) == 40:
            break
    assert [type(each) for each in told] == [Refused] * 39 + [Applied]
    assert session.status().preset == "voice:0.5"
    assert len(made) <= 2, "one that was under way, and the last"
    await until(lambda: set(session.racks) == session.desk.presets.places.keys)


async def test_weights_that_move_live_weigh_the_same_rack(sessions: Sessions, make) -> None:
    session = await make(presets={"louder": 1.0})
    [key] = session.racks
    for weight in (0.8, 0.4, 0.6):
        _, applied = await outcome(sessions, session, louder=weight)
        assert isinstance(applied, Applied)
    assert set(session.racks) == {key}
    await asyncio.sleep(0.2)
    wanted = 20.0 * np.log10(0.4 + 0.6 * 10 ** (-6.0 / 20.0))
    assert await heard(session) == pytest.approx(wanted, abs=0.2)


async def test_effects_on_a_role_play_the_stems_of_a_directed_session_apart(make) -> None:
    session = await make(directed=True, presets={"voice": 1.0})
    [summed] = {session.players[deck.loaded.key]["summed"] for deck in session.desk.decks.all if deck.loaded}
    assert not summed
    assert not is_apart(session), "and nobody sums them again"
    rest = sum(SONG[role] for role in ROLES if role != "vocals")
    silent_db = level_db(rest + SONG["vocals"] * 10 ** (-24.0 / 20.0)) - level_db(sum(SONG.values()))
    await until(lambda: session.status().sample > 48_000)
    assert await heard(session) == pytest.approx(silent_db, abs=0.5)


async def test_directed_effects_come_at_the_phrase_with_the_mix(sessions: Sessions, make) -> None:
    session = await make(directed=True)
    watcher = session.watch()
    sessions.pick(session, Pick(id="pick", weights={"louder": 1.0}))
    await until(lambda: session.racks)
    async for event in watcher:
        if isinstance(event, Applied | Refused):
            break
    assert isinstance(event, Applied)
    assert event.sample % FRAMES == 0, "a phrase is four bars of half a second"
    assert event.moves[0].settled_sample - event.sample == pytest.approx(24_000, abs=128)


async def test_panic_takes_effects_away_too(make) -> None:
    session = await make(presets={"louder": 1.0})
    session.panic("help")
    await until(lambda: not session.racks)
    assert await heard(session) == pytest.approx(0.0, abs=0.2)
    assert session.status().preset == "original"


async def test_effects_over_budget_are_refused_with_what_they_cost(sessions: Sessions, make) -> None:
    with pytest.raises(InvalidInput, match=r"takes \d+ us|delay the sound by \d+ ms"):
        await make(presets={"heavy": 1.0})
    assert sessions.all() == []
    session = await make(presets={"karaoke": 1.0})
    _, refused = await outcome(sessions, session, heavy=1.0)
    assert isinstance(refused, Refused)
    assert "us" in refused.reason or "ms" in refused.reason
    assert session.status().preset == "karaoke"


async def test_a_missing_plug_in_is_told_and_done_without_where_it_may_be(sessions: Sessions, make) -> None:
    with pytest.raises(Unsupported, match="hosted: the plug-in NobodyHasThis is left out"):
        await make(presets={"hosted": 1.0})
    session = await make(presets={"soft": 1.0})
    assert session.status().preset_notes == (
        "soft: the plug-in NobodyHasThis is left out: it is not on this machine",
    )
    answer = sessions.pick(session, Pick(id="pick", weights={"hosted": 1.0}))
    assert (answer.accepted, "the plug-in NobodyHasThis is left out" in answer.reason) == (False, True)


async def test_the_newest_pick_counts_and_what_was_made_for_others_goes(sessions: Sessions, make) -> None:
    session = await make()
    watcher = session.watch()
    for number, name in enumerate(("louder", "stadium", "bass-boost")):
        assert sessions.pick(session, Pick(id=f"pick-{number}", weights={name: 1.0}, at="now")).accepted
    told = {}
    async for event in watcher:
        if isinstance(event, Applied | Refused):
            told[event.id] = event
            if len(told) == 3:
                break
    assert [type(told[f"pick-{number}"]) for number in range(3)] == [Refused, Refused, Applied]
    assert session.status().preset == "bass-boost"
    await until(lambda: len(session.racks) == 1)


async def test_what_rights_forbid_is_clamped_and_told(sessions: Sessions, make) -> None:
    session = await make()
    answer = sessions.pick(session, Pick(id="pick", weights={"acapella": 1.0}))
    assert {clamp.dimension for clamp in answer.clamps} == {"drums", "bass", "other"}
    assert session.status().preset_clamps == answer.clamps


async def test_what_comes_onto_another_deck_has_the_effects_of_its_role_too(sessions: Sessions, make) -> None:
    session = await make(presets={"voice": 0.5})
    [on_first] = session.desk.presets.places.keys
    load = DeckCommand(id="load", deck=1, action=Action(verb="load", name="song-00000001"))
    assert sessions.perform(session, load).accepted
    await until(lambda: len(session.desk.presets.places.keys) == 2)
    await until(lambda: session.desk.decks.all[1].loaded)
    _, applied = await outcome(sessions, session, voice=1.0)
    assert isinstance(applied, Applied)
    weighed = [move.value for move in applied.moves if move.dimension == "rack"]
    assert weighed == [1.0, 1.0]
    assert on_first in session.desk.presets.places.keys
