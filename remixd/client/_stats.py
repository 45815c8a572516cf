"""How a daemon does: what the client answers with, and the plans that ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from remixd.client._steps import Again, Ask, Follow, Plan
from remixd.client._trace import TracePlans, WorstBlock, worst_block
from remixd.v1 import stats_pb2 as pb

EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStats:
    """A process that renders sessions.

    Attributes:
        sessions: how many it plays.
        load: the share of its core that sessions with deadlines take, over about a second.
        load_max: up to which new sessions are admitted.
        late_packets: that were ready too late since it began.
    """

    pid: int
    sessions: int
    load: float
    load_max: float
    late_packets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStats:
    """How a daemon does.

    Attributes:
        started_unix_s, unix_s: when it began, and the moment of these figures.
        has_spare: whether an engine waits to take over from one that dies.
        sessions: that play; `directed_sessions` of these the director moves.
        lost_sessions: that lost their engine.
        listeners, watchers: who hears or follows a session over the network.
        fans: with a live ballot, added up over sessions.
        signals: since it began, by their first answer: accepted, clamped, duplicate or refused.
        cpu_share: of one core, that the process which answers has taken since the figures before.
        resident_bytes: the memory that it holds.
        draining: whether it takes no new sessions, since it is about to end.
        worst: the worst blocks of all sessions that play, up to 3 of each table, the worst first.
    """

    version: str
    started_unix_s: float
    unix_s: float
    engines: tuple[EngineStats, ...] = field(repr=False)
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
    worst: tuple[WorstBlock, ...] = field(repr=False)


def daemon_stats(message: pb.DaemonStats) -> DaemonStats:
    """How a daemon does."""
    return DaemonStats(
        version=message.version,
        started_unix_s=message.start_time.ToNanoseconds() / 1e9,
        unix_s=message.time.ToNanoseconds() / 1e9,
        engines=tuple(
            EngineStats(
                pid=each.pid, sessions=each.sessions, load=each.load, load_max=each.load_max,
                late_packets=each.late_packets,
            )
            for each in message.engines
        ),
        has_spare=message.has_spare,
        sessions=message.sessions,
        directed_sessions=message.directed_sessions,
        lost_sessions=message.lost_sessions,
        listeners=message.listeners,
        watchers=message.watchers,
        fans=message.fans,
        tracks=message.tracks,
        signals=dict(sorted(message.signals.items())),
        engine_deaths=message.engine_deaths,
        cpu_share=message.cpu_share,
        resident_bytes=message.resident_bytes,
        draining=message.draining,
        worst=tuple(map(worst_block, message.worst)),
    )  # fmt: skip


def _told(message: pb.WatchStatsResponse) -> DaemonStats:
    return daemon_stats(message.stats)


def _newest(_before: DaemonStats, after: DaemonStats) -> DaemonStats:
    return after


@dataclass(frozen=True, slots=True)
class StatsPlans(TracePlans):
    """Those of the daemon's figures."""

    def stats(self) -> Plan[DaemonStats]:
        """How the daemon does now."""
        response = yield Ask("Stats", "GetStats", pb.GetStatsRequest(), self.timeout_s)
        return daemon_stats(response.stats)

    def watch_stats(self, *, every_s: float = EVERY_S) -> Follow[DaemonStats]:
        """How the daemon does, now and every .1 to 60 s. Where it goes and comes back, this goes on."""
        request = pb.WatchStatsRequest(every_s=every_s)
        return Follow("Stats", "WatchStats", request, None, _told, again=Again(lambda _away_s: None, _newest))
