"""Many ask one engine at once: each gets its own answer, or is told that none will come."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from remixd.control.engine import Died
from remixd.control.supervisor import Supervisor
from remixd.errors import InvalidInput

pytestmark = pytest.mark.timeout(60)


async def test_everybody_who_asks_at_once_gets_their_own_answer(supervisor: Supervisor) -> None:
    names = [f"op-{number}" for number in range(200)]
    answers = await asyncio.gather(
        *(supervisor.engine.ask(op=name, padding="x" * 5000) for name in names), return_exceptions=True
    )
    for name, answer in zip(names, answers, strict=True):
        assert isinstance(answer, InvalidInput)
        assert f"{name!r}" in str(answer)


async def test_one_who_no_longer_waits_takes_nobodys_answer(supervisor: Supervisor) -> None:
    gone = asyncio.create_task(supervisor.engine.ask(op="gone"))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(InvalidInput, match="'there'"):
        await supervisor.engine.ask(op="there")
    assert gone.cancelled()


async def test_all_who_wait_are_told_when_the_engine_dies_and_so_is_who_comes_later(
    supervisor: Supervisor,
) -> None:
    engine = supervisor.engine
    os.kill(engine.pid, signal.SIGSTOP)
    waiting = [asyncio.create_task(engine.ask(op="hello")) for _ in range(5)]
    await asyncio.sleep(0.05)
    os.kill(engine.pid, signal.SIGKILL)
    told = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(each, Died) for each in told)
    with pytest.raises(Died):
        await engine.ask(op="hello")
