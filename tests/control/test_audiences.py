"""Audiences of sessions on a real engine: the DJ, votes, reactions, kept tastes, who is forgotten."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from sounds import music

from remixd.audience.crowd import EXPIRES_S
from remixd.audience.signal import Signal
from remixd.audience.space import D
from remixd.control.action import Action, DeckCommand
from remixd.control.command import Answer, Applied, Refused
from remixd.control.kept_tastes import KeptTastes
from remixd.control.session import Session
from remixd.control.sessions import Sessions
from remixd.control.streams import SessionStatus
from remixd.errors import InvalidInput, NotFound

BPM = 240.0  # a bar a second, so that tests are short
BAR = 48_000
ROLES = ("drums", "bass", "vocals", "other")
SONG = {role: music(48_000 * 8, seed=seed) for seed, role in enumerate(ROLES)}
TRACK = "song-00000001"


@pytest.fixture
async def session(sessions: Sessions, shelf) -> Session:
    shelf.add(TRACK, SONG, bpm=BPM)
    return await sessions.create(TRACK, directed=True, exploring=False)


async def rendered(session: Session, sample: int) -> None:
    watcher = session.watch()
    async for event in watcher:
        if isinstance(event, SessionStatus) and event.sample >= sample:
            break
    watcher.close()


async def outcome(session: Session, signal_id: str, what) -> Applied | Refused:
    watcher = session.watch({signal_id})
    what()
    async for event in watcher:
        if isinstance(event, (Applied, Refused)) and event.id == signal_id:
            watcher.close()
            return event
    raise AssertionError("never heard of again")


def dj(
    session: Session, verb: str, name: str = "", value: float = 0.0, on: bool = True, deck: int = -1
) -> Answer:
    action = Action(verb=verb, name=name, value=value, on=on)
    return session.perform(DeckCommand(id=f"{verb} {name} {value} {on}", deck=deck, action=action))


def say(session: Session, signal_id: str, fan: str = "mina", **words) -> Answer:
    [answer] = session.receive([Signal(id=signal_id, fan=fan, **words)])
    return answer


async def test_a_lock_begins_on_a_bar_holds_and_lets_go_on_a_bar(session: Session) -> None:
    await rendered(session, 9_600)
    locked = await outcome(session, "lock drums 0.0 True", lambda: dj(session, "lock", "drums"))
    assert isinstance(locked, Applied)
    assert locked.sample % BAR == 0
    assert locked.because == "drums stays where it is"
    watcher = session.watch({"a"})
    assert say(session, "a", wishes={"drums": -12.0, "bass": -6.0}).accepted
    await rendered(session, locked.sample + 3 * BAR)
    watcher.close()
    mix = session.desk.mix
    assert (mix["drums"], mix["bass"]) == (0.0, -6.0)
    status = session.status()
    assert (status.wanted["drums"], status.authority) == (-12.0, {"drums": "locked"}), "it stays visible"
    dj(session, "lock", "drums", on=False)
    await rendered(session, session.status().sample + 2 * BAR)
    assert session.desk.mix["drums"] < 0.0


async def test_what_the_dj_takes_the_djs_fader_moves_once_it_was_there_and_time_hands_it_back(
    session: Session,
) -> None:
    say(session, "a", wishes={"drums": -9.0})
    await rendered(session, 4 * BAR)
    refused = dj(session, "move", "drums", 0.0)
    assert not refused.accepted
    assert "take it first" in refused.reason
    dj(session, "take", "drums", value=3.0)
    await rendered(session, session.status().sample + BAR + 9_600)
    assert session.status().authority == {"drums": "dj"}
    away = dj(session, "move", "drums", 3.0)
    assert away.accepted
    assert "picks up at -9 dB" in away.because
    assert session.desk.mix["drums"] == -9.0
    moved = await outcome(session, "move drums -12.0 True", lambda: dj(session, "move", "drums", -12.0))
    assert isinstance(moved, Applied)
    assert session.desk.mix["drums"] == -12.0
    assert dj(session, "move", "drums", -1.0).planned_sample is not None
    assert session.desk.mix["drums"] == -1.0
    await rendered(session, session.status().sample + 7 * BAR)
    assert session.status().authority == {}
    assert session.desk.mix["drums"] == -9.0, "what the fan wants counts again"


async def test_a_dj_who_has_everything_may_use_the_decks_and_nobody_else(session: Session) -> None:
    await rendered(session, 4_800)
    assert not dj(session, "channel", "fader", -6.0, deck=0).accepted
    dj(session, "take")
    await rendered(session, session.status().sample + BAR + 9_600)
    assert dj(session, "channel", "fader", -6.0, deck=0).accepted
    load = DeckCommand(id="x", deck=1, action=Action(verb="load", name=TRACK))
    loading = session.expect(load, session.desk.decks.shown.loaded.track)
    assert not loading.accepted
    assert "one track" in loading.reason
    dj(session, "hand")
    await rendered(session, session.status().sample + BAR + 9_600)
    assert not dj(session, "channel", "fader", 0.0, deck=0).accepted


async def test_an_arc_makes_the_music_livelier_and_says_so(session: Session) -> None:
    assert dj(session, "arc", "0:1.0").accepted
    await rendered(session, 4 * BAR)
    assert session.desk.mix["drums"] == 3.0
    assert "energy is 1.00" in session.desk.because["drums"]
    dj(session, "arc")
    await rendered(session, session.status().sample + 4 * BAR)
    assert session.desk.mix["drums"] == 0.0


async def test_reactions_are_counted_told_and_explained(session: Session) -> None:
    for number in range(3):
        say(session, f"w{number}", wishes={"drums": 5.0})
    await rendered(session, 5 * BAR)
    applied = await outcome(session, "like", lambda: say(session, "like", reaction="like"))
    assert isinstance(applied, Applied)
    assert applied.moves == ()
    assert "counts" in applied.because
    assert say(session, "like", reaction="like").duplicate


async def test_a_reason_adds_up_to_what_is_wanted(sessions: Sessions, session: Session) -> None:
    say(session, "slider", wishes={"drums": 4.0, "space": 0.4})
    await rendered(session, 6 * BAR)
    for number in range(3):
        say(session, f"like {number}", reaction="like")
    for fan in ("", "mina"):
        explained = {each.dimension: each for each in sessions.audiences.explain(session, fan)}
        for name in ("drums", "space"):
            each = explained[name]
            assert sum(part.change for part in each.parts) == pytest.approx(each.wanted, abs=0.06)
            assert each.because.startswith(f"{name} at ")
        assert "slider" in explained["drums"].parts[0].signals
    with pytest.raises(NotFound):
        sessions.audiences.explain(session, "nobody")


async def test_one_fans_choice_is_done_and_a_crowd_votes(sessions: Sessions, session: Session) -> None:
    await rendered(session, 9_600)
    [answer] = sessions.receive(session, [Signal(id="p", fan="mina", choices={"preset": "lo-fi"})])
    assert answer.accepted
    for fan in ("jun", "bo", "an"):
        say(session, f"hello {fan}", fan, wishes={"bass": 0.0})
    votes = [
        Signal(id=f"vote {number}", fan=fan, choices={"preset": option}, verified=True)
        for number, (fan, option) in enumerate(
            [("jun", "stadium"), ("bo", "stripped"), ("an", "stadium"), ("jun", "stadium")]
        )
    ]
    answers = [sessions.receive(session, [vote])[0] for vote in votes]
    assert all(each.accepted for each in answers)
    assert "has 50% of 2 votes" in answers[1].because
    assert session.desk.audience.votes.shares(1.0)["preset"]["stadium"] == pytest.approx(2 / 3)
    for choices, reason in (
        ({"preset": "nope"}, "nope"), ({"section": "outro"}, "outro"), ({"encore": "yes"}, "no choice"),
    ):  # fmt: skip
        [refused] = sessions.receive(session, [Signal(id=str(choices), fan="jun", choices=choices)])
        assert not refused.accepted
        assert reason in refused.reason


async def test_who_is_forgotten_is_forgotten_by_journals_and_between_sessions(
    sessions: Sessions, shelf
) -> None:
    shelf.add(TRACK, SONG, bpm=BPM)
    first = await sessions.create(TRACK, directed=True)
    say(first, "a", "mina", wishes={"drums": -12.0}, consent="taste")
    say(first, "b", "jun", wishes={"drums": -12.0})
    await rendered(first, 2 * BAR)
    await sessions.delete(first.id)
    second = await sessions.create(TRACK, directed=True)
    known = [
        Signal(id="c", fan="mina", wishes={"bass": 0.0}),
        Signal(id="d", fan="jun", wishes={"bass": 0.0}),
    ]
    sessions.receive(second, known)
    assert sessions.audiences.taste(second, "mina").values["drums"] < -6.0, "she let it be kept"
    assert sessions.audiences.taste(second, "jun").values["drums"] == pytest.approx(0.0, abs=0.5)
    gone = await sessions.audiences.forget_fan("mina")
    assert (gone.sessions, gone.signals, gone.taste) == (1, 1, True)
    with pytest.raises(NotFound):
        await sessions.audiences.forget_fan("mina")
    sessions.receive(second, [Signal(id="e", fan="mina", wishes={"bass": 0.0})])
    assert sessions.audiences.taste(second, "mina").values["drums"] == pytest.approx(0.0, abs=0.5)
    with pytest.raises(InvalidInput):
        await sessions.audiences.forget_fan("")


async def test_a_dry_run_tells_what_then_happens_and_changes_nothing(
    sessions: Sessions, session: Session
) -> None:
    await rendered(session, 9_600)
    before = session.desk.audience.to_json(0.0)
    wish = Signal(id="a", fan="mina", wishes={"drums": -7.0})
    planned = sessions.audiences.plan(session, [wish], 6)
    assert session.desk.audience.to_json(0.0) == before
    assert [move.value for move in planned if move.dimension == "drums"] == [-3.0, -6.0, -7.0]
    assert [move.sample % BAR for move in planned] == [0] * len(planned)
    session.receive([wish])
    watcher = session.watch()
    heard = []
    async for event in watcher:
        if isinstance(event, Applied) and event.moves:
            heard.append(event)
        if isinstance(event, SessionStatus) and event.sample > planned[-1].sample + BAR:
            break
    watcher.close()
    assert session.desk.mix["drums"] == -7.0
    assert heard[0].sample == planned[0].sample
    for bars in (0, 65):
        with pytest.raises(InvalidInput, match="bars"):
            sessions.audiences.plan(session, [wish], bars)


async def test_hands_on_wishes_act_at_once_and_feed_what_is_known(sessions: Sessions, shelf) -> None:
    shelf.add(TRACK, SONG, bpm=BPM)
    session = await sessions.create(TRACK)
    await rendered(session, 9_600)
    assert say(session, "a", directions={"drums": -2.0}).accepted
    assert session.desk.mix["drums"] == -6.0
    assert say(session, "a", directions={"drums": -2.0}).duplicate
    assert session.desk.mix["drums"] == -6.0, "not twice"
    assert sessions.audiences.taste(session, "mina").values["drums"] == -6.0
    dj(session, "lock", "drums")
    await rendered(session, session.status().sample + BAR + 9_600)
    refused = say(session, "b", wishes={"drums": 0.0})
    assert not refused.accepted
    assert "locked drums" in refused.reason
    mixed = say(session, "c", wishes={"drums": 0.0, "bass": -3.0})
    assert mixed.accepted
    assert [clamp.dimension for clamp in mixed.clamps] == ["drums"]
    assert (session.desk.mix["drums"], session.desk.mix["bass"]) == (-6.0, -3.0)
    session.panic("p")
    await asyncio.sleep(0.05)
    assert session.status().authority == {}


def test_kept_tastes_outlive_the_process_and_what_is_broken_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "tastes.sqlite"
    kept = KeptTastes(path)
    taste = np.linspace(-0.5, 0.5, D), np.full(D, 0.1)
    kept.put({"mina": taste, "jun": taste, "bad": (taste[0] * np.nan, taste[1])}, 1.0)
    assert kept.forget("jun")
    assert not kept.forget("jun")
    kept.close()
    again = KeptTastes(path)
    assert (again.get("jun"), again.get("bad"), len(again)) == (None, None, 1)
    np.testing.assert_array_equal(again.get("mina"), taste)
    again.close()
    assert b"jun" not in path.read_bytes(), "nor on the disk"
    path.write_bytes(b"no database at all" * 100)
    broken = KeptTastes(path)
    broken.put({"mina": taste}, 1.0)
    assert broken.get("mina") is not None, "for as long as it lives"


async def test_asking_how_a_vote_stands_lets_nothing_win(sessions: Sessions, session: Session) -> None:
    await rendered(session, 9_600)
    for fan in ("jun", "bo", "an"):
        say(session, f"hello {fan}", fan, wishes={"bass": 0.0})
    votes, at_s = session.desk.audience.votes, session.desk.clock.at_s
    fans = session.desk.audience.fans
    votes.vote(fans.get("jun"), "preset", "stadium", at_s)
    votes.vote(fans.get("bo"), "preset", "stripped", at_s)
    votes.withdraw(fans.get("jun"))
    votes.shares(at_s)
    assert votes.standing("preset") == "stadium"
    [answer] = sessions.receive(session, [Signal(id="v", fan="an", choices={"preset": "lo-fi"})])
    assert votes.standing("preset") == "stadium", "one each"
    again = Signal(id="w", fan="an", choices={"preset": "stripped"})
    [answer] = sessions.receive(session, [again])
    assert "next phrase" in answer.because
    assert votes.standing("preset") == "stripped"
    assert votes.shares(at_s, fans_min=3) == {}


async def test_a_choice_that_came_to_nothing_can_be_made_again(
    sessions: Sessions, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rendered(session, 9_600)
    choice = Signal(id="c", fan="mina", choices={"section": "1"})
    with monkeypatch.context() as patched:
        full = Answer(id="c", accepted=False, reason="full")
        patched.setattr(session.desk.sections, "go_to", lambda _: full)
        [refused] = sessions.receive(session, [choice])
    assert not refused.accepted
    [answer] = sessions.receive(session, [choice])
    assert (answer.accepted, answer.duplicate) == (True, False)
    assert session.desk.audience.fans.get("mina").signals == 1


@pytest.mark.parametrize("how", ["undo", "forget", "panic"])
async def test_what_no_longer_counts_is_not_told_to_count(session: Session, how: str) -> None:
    await rendered(session, 9_600)
    say(session, "like", reaction="like")

    def end() -> None:
        if how == "undo":
            session.undo("mina", "like")
        elif how == "forget":
            session.forget("mina")
        else:
            session.panic("p")

    assert isinstance(await outcome(session, "like", end), Refused)


async def test_a_cadence_that_is_refused_leaves_no_tempo_and_a_second_fan_gets_none(session: Session) -> None:
    await rendered(session, 9_600)
    say(session, "hello", wishes={"bass": 0.0})
    session.desk.audience.fans.get("mina")._tokens = 0.0
    refused = say(session, "c", reaction="cadence", amount=BPM / 2 * 1.05)
    assert not refused.accepted
    assert session.desk.directing.to_json()["cadence"] is None
    joins = say(session, "d", "jun", reaction="cadence", amount=BPM / 2 * 1.05)
    assert not joins.accepted
    assert "crowd" in joins.reason


async def test_a_dry_run_of_reactions_and_of_choices(sessions: Sessions, session: Session) -> None:
    await rendered(session, 9_600)
    like = Signal(id="l", fan="mina", reaction="like")
    assert sessions.audiences.plan(session, [like], 2) == []
    with pytest.raises(InvalidInput, match="of the mix alone"):
        sessions.audiences.plan(session, [Signal(id="c", choices={"section": "1"})], 2)


async def test_who_is_forgotten_before_having_come_in_does_not_come_in_with_the_taste(
    sessions: Sessions, shelf
) -> None:
    shelf.add(TRACK, SONG, bpm=BPM)
    first = await sessions.create(TRACK, directed=True, exploring=False)
    say(first, "a", "mina", wishes={"drums": -12.0}, consent="taste")
    first.desk.audience.tick(1.0)
    sessions.audiences.keep(first)
    second = await sessions.create(TRACK, directed=True, exploring=False)
    sessions.receive(second, [Signal(id="b", fan="mina", wishes={"drums": 0.0}, at="bar")])  # refused
    await sessions.audiences.forget_fan("mina")
    sessions.receive(second, [Signal(id="c", fan="mina", wishes={"bass": 0.0})])
    assert sessions.audiences.taste(second, "mina").values["drums"] == pytest.approx(0.0, abs=0.5)


async def test_panic_does_not_take_away_the_taste_that_a_fan_lets_be_kept(
    sessions: Sessions, session: Session
) -> None:
    say(session, "a", wishes={"drums": -12.0}, consent="taste")
    session.desk.audience.tick(1.0)
    sessions.audiences.keep(session)
    kept = sessions.audiences._kept.get("mina")
    session.panic("p")
    sessions.audiences.keep(session)
    np.testing.assert_array_equal(sessions.audiences._kept.get("mina"), kept)
    assert kept[0].any()


async def test_other_presets_leave_what_the_dj_holds_until_it_is_handed_back(
    sessions: Sessions, session: Session
) -> None:
    await rendered(session, 9_600)
    dj(session, "lock", "drums")
    await rendered(session, session.status().sample + BAR + 9_600)
    [answer] = sessions.receive(session, [Signal(id="p", fan="mina", choices={"preset": "stripped"})])
    assert answer.accepted
    await rendered(session, answer.planned_sample + BAR)
    centre = session.desk.directing.centre
    assert centre["drums"] != 0.0
    assert session.desk.mix["drums"] == 0.0
    dj(session, "lock", "drums", on=False)
    await rendered(session, session.status().sample + 3 * BAR)
    assert abs(session.desk.mix["drums"] - centre["drums"]) < abs(centre["drums"])


async def test_a_status_counts_the_fans_whose_ballots_live(session: Session) -> None:
    await rendered(session, 9_600)
    for fan in ("jun", "bo", "an"):
        say(session, "hello", fan, wishes={"bass": -3.0})
    session.desk.audience.tick(1.0)
    assert session.status().fans == 3
    session.desk.audience.crowd.expire(1.0 + 2 * EXPIRES_S)
    assert session.status().fans == 0
