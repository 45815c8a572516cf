"""Engines are kept running, each on its core, and one more waits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from remixd.control.engine import Engine
from remixd.control.supervisor import DEATHS_MAX, Supervisor, default_engines
from remixd.errors import Unavailable

pytestmark = pytest.mark.timeout(60)


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    for _ in range(round(seconds / 0.005)):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not happen in time")


def render_thread_cores(engine: Engine) -> set[int]:
    """The cores of the thread that is not the first."""
    threads = {int(path.name) for path in Path(f"/proc/{engine.pid}/task").iterdir()}
    [render] = threads - {engine.pid}
    return os.sched_getaffinity(render)


def may_hurry() -> bool:
    """Whether a thread of this process may go before ordinary ones."""

    def hurry() -> None:
        os.setpriority(os.PRIO_PROCESS, 0, -10)

    with ThreadPoolExecutor(1) as another, contextlib.suppress(OSError):
        another.submit(hurry).result()
        return True
    return False


@pytest.mark.skipif(not may_hurry(), reason="no thread may go before others here")
async def test_housekeeping_goes_before_what_is_ordinary(supervisor: Supervisor) -> None:
    assert os.getpriority(os.PRIO_PROCESS, supervisor.engine.pid) < 0


async def test_a_spare_takes_the_place_of_one_that_dies_and_another_waits(supervisor: Supervisor) -> None:
    lost: list[tuple[Engine, str, Engine | None]] = []
    supervisor.on_lost = lambda *told: lost.append(told)
    await until(lambda: supervisor.has_spare)
    first, spare = supervisor.engine, supervisor._spare
    os.kill(first.pid, signal.SIGKILL)
    await until(lambda: bool(lost))
    assert lost == [(first, "it was killed by SIGKILL", spare)]
    await first.stop()
    assert supervisor.engines == [spare]
    await until(lambda: supervisor.has_spare)
    assert supervisor._spare is not spare


async def test_a_spare_that_dies_is_replaced_and_nobody_is_told(supervisor: Supervisor) -> None:
    lost: list[object] = []
    supervisor.on_lost = lambda *told: lost.append(told)
    await until(lambda: supervisor.has_spare)
    first, spare = supervisor.engine, supervisor._spare
    assert spare is not None
    os.kill(spare.pid, signal.SIGKILL)
    await until(lambda: supervisor.has_spare and supervisor._spare is not spare)
    assert supervisor.engines == [first]
    assert not lost


async def test_without_a_spare_an_heir_is_awaited_and_meanwhile_that_is_said(supervisor: Supervisor) -> None:
    lost: list[tuple[Engine, str, Engine | None]] = []
    supervisor.on_lost = lambda *told: lost.append(told)
    first = supervisor.engine
    assert not supervisor.has_spare, "it has only begun to start"
    os.kill(first.pid, signal.SIGKILL)
    await until(lambda: not first.is_alive)
    with pytest.raises(Unavailable, match="being replaced"):
        supervisor.engine  # noqa: B018
    await until(lambda: bool(lost))
    [(dead, _, heir)] = lost
    assert dead is first
    assert heir is supervisor.engine
    await first.stop()


async def test_what_dies_again_and_again_has_no_heir(supervisor: Supervisor) -> None:
    lost: list[tuple[Engine, str, Engine | None]] = []
    supervisor.on_lost = lambda *told: lost.append(told)
    supervisor._deaths, supervisor._died_s = DEATHS_MAX, asyncio.get_running_loop().time()
    first = supervisor.engine
    os.kill(first.pid, signal.SIGKILL)
    await until(lambda: bool(lost))
    [(dead, how, heir)] = lost
    assert (dead, heir) == (first, None)
    assert "the 4th in a row" in how
    await first.stop()
    await until(lambda: supervisor.has_spare or bool(supervisor._places[0]))


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core is not enough to keep to one")
async def test_an_engine_keeps_to_a_core_of_its_own(supervisor: Supervisor) -> None:
    cores = os.sched_getaffinity(0)
    own = render_thread_cores(supervisor.engine)
    assert own == {max(cores)}
    assert os.sched_getaffinity(supervisor.engine.pid) == cores - own, "housekeeping keeps to the others"
    await until(lambda: supervisor.has_spare)
    os.kill(supervisor.engine.pid, signal.SIGKILL)
    dead = supervisor.engine
    await until(lambda: supervisor._places[0] not in (None, dead))
    await until(lambda: render_thread_cores(supervisor.engine) == own)
    await dead.stop()


def test_one_core_is_left_to_the_rest_of_the_daemon() -> None:
    assert default_engines() == max(len(os.sched_getaffinity(0)) - 1, 1)
