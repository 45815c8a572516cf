"""A daemon is killed and another goes on with what it has left beside the engine that plays on."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sounds import music

from remixd.analysis.phase_tree import write_cached
from remixd.audience.signal import Signal
from remixd.control.action import Action, DeckCommand
from remixd.control.presets import Pick
from remixd.control.session import Session
from remixd.control.sessions import Sessions
from remixd.control.supervisor import Supervisor
from remixd.director.planner import Director, Want
from remixd.mix import DIMENSIONS, NEUTRAL
from remixd.track.package import Stem
from remixd.track.variants import as_one

pytestmark = pytest.mark.timeout(60)

SONG = {role: music(48_000 * 5, seed=seed) for seed, role in enumerate(("drums", "bass", "vocals", "other"))}
TRACK = "song-00000001"


async def until(condition, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (what is waited for is in another process)
            await asyncio.sleep(0.005)


async def killed(sessions: Sessions, supervisor: Supervisor) -> None:
    """What is left of a daemon that is killed: nothing in order, no more than its engines notice."""
    for task in (sessions._pump, sessions._watch, *supervisor._tasks):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    supervisor.engine._let_go()
    if supervisor._spare:
        await supervisor._spare.stop()


@pytest.fixture
async def daemons(shelf, runtime: Path) -> AsyncIterator[Daemons]:
    it = Daemons(shelf, runtime)
    await it.start()
    yield it
    await it.sessions.close()
    await it.supervisor.stop()
    for process in it.children:
        await process.wait()


class Daemons:
    """One daemon after the other on one library."""

    def __init__(self, shelf, runtime: Path) -> None:
        self._shelf, self._runtime = shelf, runtime
        self.children: list[asyncio.subprocess.Process] = []

    async def start(self) -> None:
        self.supervisor = Supervisor(self._runtime / "instance")
        await self.supervisor.start()
        self.sessions = Sessions(self._shelf, self.supervisor)
        await self.sessions.adopt()

    async def next(self, session: Session) -> Session:
        """Kill this one, a little after all that was done; the session, as the next one has it."""
        await asyncio.sleep(0.3)
        self.children.append(session.engine._process)
        await killed(self.sessions, self.supervisor)
        await self.start()
        return self.sessions.get(session.id)


async def test_what_fans_wish_goes_on_with_the_next_daemon(daemons: Daemons, shelf) -> None:
    shelf.add(TRACK, SONG)
    session = await daemons.sessions.create(TRACK, directed=True)
    for fan, value in (("a", -24.0), ("b", -12.0), ("c", 0.0)):
        session.receive([Signal(id=fan, fan=fan, wishes={"vocals": value})])
    session.own("an app")
    before = session.desk.directing
    assert before is not None
    adopted = await daemons.next(session)
    assert adopted.owner == "an app"
    after = adopted.desk.directing
    assert after is not None
    assert adopted.desk.audience.wanted(1.0) == session.desk.audience.wanted(1.0) != {}
    assert adopted.receive([Signal(id="a", fan="a", wishes={"vocals": -24.0})])[0].duplicate
    started = adopted.status().mix["vocals"]
    await until(lambda: adopted.desk.mix["vocals"] < started - 1.0)
    assert "3 fans" in adopted.desk.because["vocals"]
    answers = adopted.receive([Signal(id="again", fan="a", wishes={"vocals": -3.0})])
    assert answers[0].accepted
    assert adopted.desk.audience.live_fans == 3, "the same fan, one voice"


async def test_hands_of_a_tenth_of_a_second_ago_are_known(daemons: Daemons, shelf) -> None:
    shelf.add(TRACK, SONG)
    session = await daemons.sessions.create(TRACK)
    for verb, words in (
        ("mute", {"name": "drums"}), ("channel", {"name": "low", "value": -6.0}),
        ("cue", {"name": "set", "value": 3.0, "start_s": 4.0}),
    ):  # fmt: skip
        command = DeckCommand(id=verb, deck=0, action=Action(verb=verb, **words))
        assert session.perform(command).accepted
    knobs, cues = session.desk.decks.all[0].knobs, session.desk.decks.cues
    adopted = await daemons.next(session)
    assert adopted.desk.decks.all[0].knobs == knobs
    assert adopted.desk.decks.cues == cues
    assert adopted.desk.decks.all[0].loaded.track.roles == tuple(SONG)


async def test_what_a_deck_plays_of_its_track_stays_and_one_file_gives_way_to_its_stems(
    daemons: Daemons, shelf, tmp_path: Path
) -> None:
    whole = shelf.add(TRACK, SONG)
    english = Stem(name="vocals-en", role="vocals", language="en", file="stems/vocals-en.flac", plays=False)
    korean = [replace(each, language="ko") if each.role == "vocals" else each for each in whole.stems]
    whole = shelf.tracks[TRACK] = replace(whole, stems=(*korean, english))
    cache = tmp_path / "cache" / TRACK
    write_cached(cache / "vocals-en.pcm", music(48_000 * 5, seed=9), "vocals")
    session = await daemons.sessions.create(TRACK)
    [answer] = daemons.sessions.receive(session, [Signal(id="en", choices={"language": "en"})])
    assert answer.accepted, answer.reason
    sung = ["drums", "bass", "other", "vocals-en"]
    await until(lambda: [stem.name for stem in session.desk.decks.shown.loaded.track.playing_stems] == sung)
    [one] = as_one(session.desk.decks.shown.loaded.track).playing_stems
    parts = sum(pcm for role, pcm in SONG.items() if role != "vocals")
    write_cached(cache / f"{one.name}.pcm", parts + music(48_000 * 5, seed=9), "other")
    await until(lambda: session.desk.decks.is_settled)
    assert await daemons.sessions._holding.join(session)
    session.degrade("whole", "one file", "of a test")
    adopted = await daemons.next(session)
    assert [stem.name for stem in adopted.desk.decks.shown.loaded.track.playing_stems] == sung
    assert len(adopted.players[adopted.desk.decks.shown.loaded.key]["stems"]) == 1
    assert "one file" in adopted.status().degraded
    adopted.receive([Signal(id="quiet", wishes={"vocals": -60.0})])
    await until(lambda: len(adopted.players[adopted.desk.decks.shown.loaded.key]["stems"]) == 4)
    await until(lambda: not adopted.status().degraded)


def test_a_director_that_goes_on_plans_what_it_would_have_planned() -> None:
    ranges = {name: (row.minimum, row.maximum) for name, row in DIMENSIONS.items()}
    one = Director(NEUTRAL, ranges)
    goal = {"vocals": Want(value=-9.0, because="wished"), "tempo": Want(value=1.1, because="wished")}
    for number in range(20):
        one.expect(f"s{number}", f"fan {number % 7}", ["vocals", "tempo"])
    one.plan(["bar"], NEUTRAL, goal)
    other = Director({}, ranges)
    other.restore(json.loads(json.dumps(one.to_json())))
    for vocals_db in (-9.0, -3.0, -60.0):
        every = ["bar", "phrase", "section"]
        goal["vocals"] = Want(value=vocals_db, because="wished")
        ours, theirs = one.plan(every, NEUTRAL, goal), other.plan(every, NEUTRAL, goal)
        assert ours.moves == theirs.moves
        assert dict(ours.settled) == dict(theirs.settled)


@pytest.mark.parametrize("directed", [False, True])
async def test_presets_that_were_picked_and_had_not_come_yet_come_with_the_next_daemon(
    daemons: Daemons, shelf, directed: bool
) -> None:
    shelf.add(TRACK, SONG)
    session = await daemons.sessions.create(TRACK, directed=directed)
    if directed:
        await until(lambda: session.status().sample > 0)
        assert daemons.sessions.pick(session, Pick(id="p", weights={"stadium": 1.0})).accepted
        await until(lambda: session.racks and not session.desk.presets.awaited)
        ready = set(session.racks)
    else:
        assert daemons.sessions.pick(session, Pick(id="p", weights={"karaoke": 1.0}, at="section")).accepted
        ready = set()
    adopted = await daemons.next(session)
    assert adopted.status().preset == ("original" if directed else "karaoke")
    if directed:
        await until(lambda: adopted.status().preset == "stadium")
        await until(lambda: adopted.desk.presets.places.keys == set(adopted.racks))
        assert ready.isdisjoint(adopted.racks), "those of the daemon before were let go of"
    await until(lambda: adopted.desk.mix == adopted.desk.presets.centre)


async def test_presets_and_their_effects_are_known_and_can_be_gone_on_from(daemons: Daemons, shelf) -> None:
    shelf.add(TRACK, SONG)
    session = await daemons.sessions.create(TRACK, directed=True, presets={"workout": 0.6, "stadium": 0.2})
    before, racks = session.status(), set(session.racks)
    assert len(racks) == 2
    adopted = await daemons.next(session)
    after = adopted.status()
    assert (after.preset, after.preset_weights) == (before.preset, before.preset_weights)
    assert after.preset_clamps == before.preset_clamps
    assert adopted.desk.presets.places.keys == racks
    [held] = adopted.receive([Signal(id="pace", wishes={"tempo": 1.0})])[0].clamps
    assert held.given == after.mix["tempo"], "the tempo is still that of the steps"
    weights = {"workout": 0.3, "stadium": 0.5}
    assert daemons.sessions.pick(adopted, Pick(id="on", weights=weights)).accepted
    assert adopted.desk.presets.awaited is None, "nothing has to be made again"
