"""A real server on an ephemeral loopback port, with sessions behind it that tests play by hand."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hand_played import ENGINE_PID, HandPlayedSession, HandPlayedSessions
from shelves import ShelfOfTracks, a_track

from remixd._kernel.trace import FLAGS, Block
from remixd.api.server import Server
from remixd.config import Address
from remixd.control.census import Census, EngineCensus
from remixd.control.fan_keys import FanKeys
from remixd.control.flight import Worst
from remixd.control.ingest import ImportResult
from remixd.errors import BadAudio
from remixd.track.import_options import ImportOptions

A_BLOCK = Block(
    begin_ns=7_000_000_000, end_ns=7_012_500_000, sample=96_000, frames=480, late_ns=2_500_000, behind_ns=0,
    parts_ns=(1000, 12_000_000, 0, 400_000), cpu_ns=3_000_000, taken=40, minor_faults=0, major_faults=2,
    preemptions=1, flags=FLAGS["paced"] | FLAGS["measured"] | FLAGS["load"],
)  # fmt: skip
"""Of a load on deck A, while the machine was busy elsewhere."""

A_CENSUS = Census(
    started_unix_s=1_000_000_000.25, unix_s=1_000_000_060.5,
    engines=(EngineCensus(pid=ENGINE_PID, sessions=2, load=0.25, load_max=0.8, late_packets=3),),
    has_spare=True, sessions=0, directed_sessions=1, lost_sessions=0, listeners=4, watchers=5, fans=6,
    tracks=0,
    signals={"accepted": 8, "refused": 1}, engine_deaths=1, cpu_share=0.125, resident_bytes=1 << 20,
    draining=False, worst=[("s-1", Worst([A_BLOCK], [A_BLOCK], [], []), [])],
)  # fmt: skip


class PlainNames(FanKeys):
    """Names of fans that are their handles, for tests that look at what arrives."""

    def names(self, handle: str) -> tuple[str, ...]:
        return (handle,)


class Service:
    """A server in a thread of its own, for blocking callers. Ends when the test does."""

    def __init__(self, listen: Address | None = None, **options: Any) -> None:
        self.shelf = ShelfOfTracks()
        self.sessions = HandPlayedSessions(self.shelf)
        self.options = options
        self.censuses = 0
        self.imports: list[tuple[Path, Path, ImportOptions, bool]] = []
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self.server: Server = self.run(self._build)
        self.address: Address = self.wait(self.server.start(listen or Address("127.0.0.1", 0)))

    async def import_path(
        self,
        path: Path,
        library: Path,
        options: ImportOptions,
        tell: Callable[[float, str], None],
        warm: bool,
    ) -> ImportResult:
        self.imports.append((path, library, options, warm))
        if path.name == "broken":
            raise BadAudio(f"{path} holds no audio")
        tell(0.5, "decoding bass.flac")
        await asyncio.sleep(0.02)
        track = a_track()
        return ImportResult(
            track_id=track.id, title=track.title, new=True, notes=track.notes, stems=track.stems
        )

    async def take_census(self) -> Census:
        self.censuses += 1
        return replace(A_CENSUS, sessions=len(self.sessions.held), tracks=self.censuses)

    def _build(self) -> Server:
        return Server(
            self.shelf,
            self.sessions,
            lambda *arguments: self.import_path(*arguments),
            self.take_census,
            **({"fan_keys": PlainNames()} | self.options),
        )

    def wait(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function where the server lives."""

        async def call() -> Any:
            return function(*args, **kwargs)

        return self.wait(call())

    def session(self, session_id: str) -> HandPlayedSession:
        return self.sessions.get(session_id)

    def halt(self) -> None:
        """Serve no more; sessions go on."""
        self.wait(self.server.stop(0.0))

    def resume(self) -> None:
        """Serve again, at the same address, as the next daemon would."""
        self.server = self.run(self._build)
        self.wait(self.server.start(self.address))

    async def _last_steps(self) -> None:
        """Wait for calls that are answered but not yet over: gRPC's server does not."""
        calls = [task for task in asyncio.all_tasks() if task.get_name() == "rpc_task"]
        if calls:
            await asyncio.wait(calls, timeout=5)

    def stop(self) -> None:
        if self._thread.is_alive():
            self.wait(self.server.stop(0.5))
            self.wait(self._last_steps())
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(10)
            self.loop.close()


def when_heard(service: Service, session: HandPlayedSession, act: Callable[[], None]) -> threading.Thread:
    """Do something once somebody listens, as the engine would meanwhile; the thread that waits for it."""

    def wait() -> None:
        until = time.monotonic() + 9
        while not session.listeners and not len(session.taps) and time.monotonic() < until:
            time.sleep(0.002)
        service.run(act)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread
