"""How the whole daemon does: its engines, who is there, and what it has taken. Thread: [control]."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from remixd.control.admission import FULL, Load
from remixd.control.engine import Engine
from remixd.control.flight import Worst
from remixd.control.marks import Step
from remixd.control.metrics import Metrics
from remixd.control.session import Session
from remixd.control.sessions import Sessions
from remixd.control.supervisor import Supervisor
from remixd.errors import Unavailable
from remixd.track.library import Library

OVERVIEW: Final = 3
"""Blocks of each table of the worst that are told of a session, and of the whole daemon."""

STATM: Final = Path("/proc/self/statm")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineCensus:
    """One engine.

    Attributes:
        sessions: how many it plays.
        load: the share of its core that sessions with deadlines take, over about a second.
        load_max: up to which new ones are admitted.
        late_packets: that were ready too late since it began.
    """

    pid: int
    sessions: int
    load: float
    load_max: float
    late_packets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """How the daemon does.

    Attributes:
        started_unix_s, unix_s: when it began, and the moment of this.
        sessions: that play; `directed_sessions` of these the director moves.
        fans: with a live ballot, added up over sessions.
        signals: since it began, by their first answer.
        cpu_share: of one core, that this process has taken since it was asked last.
        resident_bytes: of this process.
        worst: the worst blocks of each session that plays, its id first, and what was made cheaper there.
    """

    started_unix_s: float
    unix_s: float
    engines: tuple[EngineCensus, ...]
    has_spare: bool
    sessions: int
    directed_sessions: int
    lost_sessions: int
    listeners: int
    watchers: int
    fans: int
    tracks: int
    signals: Mapping[str, int]
    engine_deaths: int
    cpu_share: float
    resident_bytes: int
    draining: bool
    worst: Sequence[tuple[str, Worst, Sequence[Step]]]


class Censuses:
    """Takes censuses.

    Args:
        sessions: what plays.
        supervisor: has the engines.
        library: what is served.
        metrics: what was counted as it happened.
    """

    def __init__(
        self, sessions: Sessions, supervisor: Supervisor, library: Library, metrics: Metrics
    ) -> None:
        self._sessions = sessions
        self._supervisor = supervisor
        self._library = library
        self._metrics = metrics
        self._started_unix_s = time.time()
        self._before = (time.monotonic(), time.process_time())

    async def take(self) -> Census:
        """How it does now. An engine that does not answer is left out."""
        sessions = self._sessions.all()
        playing = [each for each in sessions if each.playing]
        modes = Counter(each.mode for each in playing)
        return Census(
            started_unix_s=self._started_unix_s,
            unix_s=time.time(),
            engines=await self._engines(playing),
            has_spare=self._supervisor.has_spare,
            sessions=len(playing),
            directed_sessions=modes["directed"],
            lost_sessions=len(sessions) - len(playing),
            listeners=sum(each.listeners_count for each in sessions),
            watchers=sum(each.watchers_count for each in sessions),
            fans=sum(each.desk.audience.live_fans for each in playing),
            tracks=self._library.count(),
            signals=self._metrics.signals_by_answer(),
            engine_deaths=self._metrics.engine_deaths(),
            cpu_share=self._cpu_share(),
            resident_bytes=int(STATM.read_text("ascii").split()[1]) * PAGE_BYTES,
            draining=bool(self._sessions.admission.closed),
            worst=[(each.id, each.flight.worst(OVERVIEW), each.flight.marks.steps()) for each in playing],
        )

    async def _engines(self, playing: list[Session]) -> tuple[EngineCensus, ...]:
        try:
            engines = self._supervisor.engines
        except Unavailable:
            return ()
        loads = await asyncio.gather(*map(Load.of, engines), return_exceptions=True)
        held: Counter[Engine] = Counter(each.engine for each in playing)
        return tuple(
            EngineCensus(
                pid=engine.pid, sessions=held[engine], load=load.mean, load_max=FULL, late_packets=load.late
            )
            for engine, load in zip(engines, loads, strict=True)
            if isinstance(load, Load)
        )

    def _cpu_share(self) -> float:
        before_s, before_cpu_s = self._before
        self._before = (time.monotonic(), time.process_time())
        return (self._before[1] - before_cpu_s) / max(self._before[0] - before_s, 1e-3)
