"""The Stats service."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

import remixd
from remixd.api.status import Context
from remixd.api.streams import Streams
from remixd.api.trace_convert import overview_to_proto, trace_to_proto
from remixd.audience.signal import check_name
from remixd.control.census import Census
from remixd.control.sessions import Sessions as Registry
from remixd.errors import InvalidInput
from remixd.v1 import stats_pb2 as pb
from remixd.v1 import stats_pb2_grpc

EVERY_S: Final = (0.1, 60.0)

TakeCensus = Callable[[], Awaitable[Census]]
"""How the daemon does now."""


def _time(unix_s: float) -> Timestamp:
    return Timestamp(seconds=int(unix_s), nanos=round(unix_s % 1 * 1e9) % 10**9)


def census_to_proto(census: Census) -> pb.DaemonStats:
    """A census as it is told."""
    return pb.DaemonStats(
        version=remixd.__version__,
        start_time=_time(census.started_unix_s),
        time=_time(census.unix_s),
        engines=[
            pb.EngineStats(
                pid=each.pid, sessions=each.sessions, load=each.load, load_max=each.load_max,
                late_packets=each.late_packets,
            )
            for each in census.engines
        ],
        has_spare=census.has_spare,
        sessions=census.sessions,
        directed_sessions=census.directed_sessions,
        lost_sessions=census.lost_sessions,
        listeners=census.listeners,
        watchers=census.watchers,
        fans=census.fans,
        tracks=census.tracks,
        signals=census.signals,
        engine_deaths=census.engine_deaths,
        cpu_share=census.cpu_share,
        resident_bytes=census.resident_bytes,
        draining=census.draining,
        worst=overview_to_proto(census.worst),
    )  # fmt: skip


class _Ticks:
    """Lets a stream go on every so often, until it is closed."""

    def __init__(self) -> None:
        self._closed = asyncio.Event()

    def close(self) -> None:
        """Let nobody wait any more."""
        self._closed.set()

    async def wait(self, seconds: float) -> bool:
        """Wait; whether to go on."""
        try:
            await asyncio.wait_for(self._closed.wait(), seconds)
        except TimeoutError:
            return True
        return False


class StatsServicer(stats_pb2_grpc.StatsServicer):
    """Translates between the wire and the daemon's censuses. Thread: [control]."""

    def __init__(self, take_census: TakeCensus, streams: Streams, sessions: Registry) -> None:
        self._take_census = take_census
        self._streams = streams
        self._sessions = sessions
        self._reading = asyncio.Lock()  # one at a time: it takes a tenth of a second of a core, or two

    async def GetStats(  # noqa: N802 (the proto's name)
        self, _request: pb.GetStatsRequest, _context: Context
    ) -> pb.GetStatsResponse:
        """Tell how the daemon does."""
        return pb.GetStatsResponse(stats=census_to_proto(await self._take_census()))

    async def WatchStats(  # noqa: N802
        self, request: pb.WatchStatsRequest, context: Context
    ) -> AsyncIterator[pb.WatchStatsResponse]:
        """Tell again and again."""
        every_s = request.every_s if request.HasField("every_s") else 1.0
        if not EVERY_S[0] <= every_s <= EVERY_S[1]:
            raise InvalidInput(
                f"every_s goes from {EVERY_S[0]:g} to {EVERY_S[1]:g}, not {every_s:g}", field="every_s"
            )
        with self._streams.keep(_Ticks()) as ticks:
            context.add_done_callback(lambda _: ticks.close())  # type: ignore[arg-type]  # a stub bug
            await context.send_initial_metadata(())
            go_on = True
            while go_on:
                yield pb.WatchStatsResponse(stats=census_to_proto(await self._take_census()))
                go_on = await ticks.wait(every_s)

    async def GetTrace(  # noqa: N802
        self, request: pb.GetTraceRequest, _context: Context
    ) -> pb.Trace:
        """Tell what was done for a session, and when; other calls are answered meanwhile."""
        session = self._sessions.get(check_name("session", request.session))
        seconds = request.seconds if request.HasField("seconds") else None
        if seconds is not None and not 0.0 < seconds < math.inf:
            raise InvalidInput(f"seconds is {seconds:g}; it is finite and above 0", field="seconds")
        async with self._reading:
            read = session.flight.reading(session.id, session.engine_pid, seconds)
            return await asyncio.to_thread(lambda: trace_to_proto(read()))
