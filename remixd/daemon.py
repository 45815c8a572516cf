"""The daemon: a library, its sessions and the service, put together and taken apart in order."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from remixd.api.server import STOP_GRACE_S, Server, check_listen
from remixd.api.tracks import ImportPath
from remixd.config import Address, runtime_path, user_state_path
from remixd.control.caches import Caches
from remixd.control.drain import DRAINING, fade_out
from remixd.control.health import health_of
from remixd.control.ingest import ImportResult, import_path
from remixd.control.journals import Journals
from remixd.control.metrics import Metrics
from remixd.control.notify import notify
from remixd.control.observing import Observer
from remixd.control.scrape import Scrape
from remixd.control.sessions import BLOCK_FRAMES, Sessions
from remixd.control.sink import Sink
from remixd.control.supervisor import Supervisor, default_engines, instance_path
from remixd.control.tracing import tracing_of_environment
from remixd.control.worker import OnProgress
from remixd.errors import AlreadyExists
from remixd.track.import_options import ImportOptions
from remixd.track.library import Library
from remixd.web.app import Gateway
from remixd.web.server import WebServer

LOG: Final = logging.getLogger(__name__)

DRAIN_S: Final = 4.0
"""A bar at 60 beats a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """Where the web is served.

    Attributes:
        listen: an address.
        asked: whether somebody named it; a default one that is taken is done without.
        origins: whose pages may call it, beside its own.
    """

    listen: Address
    asked: bool = True
    origins: Collection[str] = ()


@dataclass(slots=True)
class Stop:
    """What signals ask for: SIGTERM to drain, a second one or SIGINT to end at once."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    at_once: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, number: signal.Signals) -> None:
        """Take one."""
        if number is signal.SIGINT or self.asked.is_set():
            self.at_once.set()
        LOG.info("%s: %s", number.name, "ending at once" if self.at_once.is_set() else "draining")
        self.asked.set()

    @property
    def grace_s(self) -> float:
        """How long calls may take to finish."""
        return 0.0 if self.at_once.is_set() else STOP_GRACE_S


def log_to_stderr() -> None:
    """One line an event, on stderr."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


async def serve(
    listen: Address,
    library: Path,
    sink: str = "stream",
    cache_max_bytes: int | None = None,
    block_frames: int = BLOCK_FRAMES,
    journal_max_bytes: int | None = None,
    engines: int | None = None,
    web: Web | None = None,
    drain_s: float = DRAIN_S,
) -> None:
    """Serve a library until SIGTERM or SIGINT, then end in order: calls, sessions, engine, locks.

    Sessions play into `sink` unless they say otherwise, devices in blocks of `block_frames`; the library's
    cache is held under `cache_max_bytes`, the journals of its sessions under `journal_max_bytes`.
    Sessions are spread over `engines`, one a core but one if None; one more waits for one of them to die.
    Engines that still play, since their daemon was killed, are adopted with their sessions.
    On SIGTERM it drains: nothing new is taken, and what is heard fades out over a bar, or `drain_s` if
    that is shorter. A second signal, or SIGINT, ends it at once.
    Prints one line when it is ready, and one for each thing that it, or the engine, could not have.

    Raises InvalidInput for an unknown sink; Unsupported for an address beyond this machine; AlreadyExists for
    a port or library that another daemon has; Unavailable if the engine does not start. Thread: [control].
    """
    check_listen(listen)  # before anything is started for nothing
    notes: list[str] = []
    web = _check_web(web, notes)
    Sink.parse(sink)
    stop = Stop()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.take, number)
    observer = Observer(Metrics(), tracing_of_environment())
    async with AsyncExitStack() as stack:
        stack.callback(observer.close)
        opened = stack.enter_context(Library(library))
        stack.enter_context(opened.lock_for_serving())
        caches = Caches(opened.path, cache_max_bytes)
        await caches.trim()
        folder = instance_path(user_state_path() / "journals", opened.path)
        journals = Journals(folder, opened.path, journal_max_bytes)
        stack.push_async_callback(journals.close)
        runtime = instance_path(runtime_path(), opened.path)
        supervisor = Supervisor(runtime, engines=engines or default_engines())
        stack.push_async_callback(supervisor.stop)
        await supervisor.start()
        sessions = Sessions(opened, supervisor, sink, caches, block_frames, journals, observer)
        stack.push_async_callback(sessions.close)
        await sessions.adopt()
        server = Server(opened, sessions, _import_into(caches, observer.metrics), observer)
        stack.push_async_callback(lambda: server.stop(stop.grace_s))
        address = await server.start(listen)
        if web is not None:
            scrape = Scrape(observer.metrics, sessions, supervisor)
            stack.push_async_callback(scrape.close)
            gateway = Gateway(
                server.methods, lambda: health_of(opened, supervisor, sessions).to_json(), scrape.page
            )
            notes.append(f"web: http://{await _open_web(stack, gateway, web)}")
        print(f"remixd is listening on {address}, library {opened.path}", flush=True)
        for note in (*notes, *supervisor.notes):
            print(f"  {note}", flush=True)
        notify("READY=1")
        await stop.asked.wait()
        notify("STOPPING=1")
        sessions.admission.closed = DRAINING
        await server.drain(DRAINING)
        if not stop.at_once.is_set():
            await fade_out(sessions.all(), drain_s, stop.at_once)
    LOG.info("stopped")


def _check_web(web: Web | None, notes: list[str]) -> Web | None:
    """Where the web will be; None for nowhere. Raises as `check_listen`, but not for a default port."""
    if web is None:
        return None
    try:
        check_listen(web.listen, "--web")
    except AlreadyExists:
        if web.asked:
            raise
        notes.append(f"web: off, port {web.listen.port} is taken: --web chooses another")
        return None
    return web


async def _open_web(stack: AsyncExitStack, gateway: Gateway, web: Web) -> Address:
    server = WebServer(gateway.app(web.listen, web.origins))
    address = await server.start(web.listen)
    stack.push_async_callback(server.stop)
    stack.push_async_callback(gateway.close, "the daemon is stopping")
    return address


def _import_into(caches: Caches, metrics: Metrics) -> ImportPath:
    """What the service imports with."""

    async def import_song(
        path: Path, library: Path, options: ImportOptions, tell: OnProgress, warm: bool
    ) -> ImportResult:
        try:
            result = await import_path(path, library, options, tell, caches if warm else None)
        except Exception:
            metrics.imported("failed")
            raise
        metrics.imported("added" if result.new else "there")
        return result

    return import_song
