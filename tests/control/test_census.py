"""How the daemon does, added up."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from remixd._kernel.trace import TraceRing, size_bytes
from remixd.control import census
from remixd.control.census import Censuses
from remixd.control.flight import Flight
from remixd.control.metrics import Metrics
from remixd.errors import Unavailable


def a_session(*, playing=True, mode="hands-on", listeners=0, watchers=0, fans=0):
    desk = SimpleNamespace(audience=SimpleNamespace(live_fans=fans))
    return SimpleNamespace(
        playing=playing, mode=mode, listeners_count=listeners, watchers_count=watchers, desk=desk,
        engine=None, id="s-1", flight=Flight(TraceRing(bytearray(size_bytes(2, 2)), 2, 2)),
    )  # fmt: skip


class NoEngines:
    """A supervisor whose engine has just died."""

    has_spare = False

    @property
    def engines(self):
        raise Unavailable("there is no engine now")


@pytest.fixture
def censuses():
    held = [
        a_session(listeners=2, watchers=1, fans=1),
        a_session(mode="directed", watchers=3, fans=40),
        a_session(mode="directed", fans=2),
        a_session(playing=False, mode="directed", fans=1000),
    ]
    metrics = Metrics()
    metrics.deaths.inc(2)
    for word, count in (("accepted", 7), ("refused", 1)):
        metrics._child(metrics._signals, word).inc(count)
    sessions = SimpleNamespace(all=lambda: held, admission=SimpleNamespace(closed="about to stop"))
    return Censuses(sessions, NoEngines(), SimpleNamespace(count=lambda: 12), metrics)


async def test_what_plays_and_who_is_there_is_added_up_and_what_is_lost_told_apart(censuses):
    told = await censuses.take()
    assert (told.sessions, told.directed_sessions, told.lost_sessions) == (3, 2, 1)
    assert (told.listeners, told.watchers, told.fans, told.tracks) == (2, 4, 43, 12)
    assert (told.signals, told.engine_deaths) == ({"accepted": 7, "refused": 1}, 2)
    assert (told.engines, told.has_spare, told.draining) == ((), False, True)
    assert told.resident_bytes > 1 << 20


async def test_the_share_of_a_core_is_that_since_the_figures_before(censuses, monkeypatch):
    clock, busy = [100.0], [7.0]
    monkeypatch.setattr(census.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(census.time, "process_time", lambda: busy[0])
    await censuses.take()
    clock[0], busy[0] = 104.0, 8.0
    assert (await censuses.take()).cpu_share == 0.25
    clock[0] = 105.0
    assert (await censuses.take()).cpu_share == 0.0
