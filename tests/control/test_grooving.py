"""What is generated in real engines: one stinger at a time, and no pattern that nobody uses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sounds import tone

from remixd.control import grooving
from remixd.control.action import Action, DeckCommand
from remixd.control.session import Session
from remixd.control.sessions import Sessions
from remixd.errors import Exhausted

pytestmark = pytest.mark.timeout(60)
HUM = tone(48_000 * 10, 240.0, level=0.1)


async def until(condition: Any, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (what is waited for is in another process)
            await asyncio.sleep(0.005)


@pytest.fixture
async def session(sessions: Sessions, shelf) -> Session:
    shelf.add("song-00000001", {"other": HUM}, bpm=480.0)
    made = await sessions.create("song-00000001")
    await until(lambda: made.status().sample > 0)
    return made


async def test_of_stingers_that_are_asked_for_at_once_one_lands(sessions: Sessions, session: Session) -> None:
    def sting(number: int) -> Any:
        command = DeckCommand(id=f"s-{number}", deck=0, action=Action(verb="stinger", name="impact"))
        return sessions.perform(session, command)

    answers = [sting(number) for number in range(20)]
    assert [answer.accepted for answer in answers] == [True] + [False] * 19
    assert {answer.reason for answer in answers[1:]} == {"another stinger is on its way"}
    await until(lambda: not session.desk.layers.is_stinging)
    assert "stingers cool down" in sting(20).reason


async def test_a_stinger_that_cannot_be_made_makes_room_for_another(
    sessions: Sessions, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> None:
        raise Exhausted("the engine holds enough patterns")

    command = DeckCommand(id="one", deck=0, action=Action(verb="stinger", name="impact"))
    with monkeypatch.context() as patched:
        patched.setattr(grooving, "lay", full)
        assert sessions.perform(session, command).accepted
        await until(lambda: not session.desk.layers.is_stinging)
    assert sessions.perform(session, command).accepted
