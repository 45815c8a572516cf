"""The daemon: a library, its sessions and the service, put together and taken apart in order."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from remixd.api.server import Server, check_listen
from remixd.api.tracks import ImportPath
from remixd.config import Address, runtime_path, user_state_path
from remixd.control.caches import Caches
from remixd.control.ingest import ImportResult, import_path
from remixd.control.journals import Journals
from remixd.control.sessions import BLOCK_FRAMES, Sessions
from remixd.control.sink import Sink
from remixd.control.supervisor import Supervisor, default_engines, instance_path
from remixd.control.worker import OnProgress
from remixd.track.import_options import ImportOptions
from remixd.track.library import Library

LOG: Final = logging.getLogger(__name__)


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
) -> None:
    """Serve a library until SIGTERM or SIGINT, then end in order: calls, sessions, engine, locks.

    Sessions play into `sink` unless they say otherwise, devices in blocks of `block_frames`; the library's
    cache is held under `cache_max_bytes`, the journals of its sessions under `journal_max_bytes`.
    Sessions are spread over `engines`, one a core but one if None; one more waits for one of them to die.
    Engines that still play, since their daemon was killed, are adopted with their sessions.
    Prints one line when it is ready, and one for each thing that the engine could not have.

    Raises InvalidInput for an unknown sink; Unsupported for an address beyond this machine; AlreadyExists for
    a port or library that another daemon has; Unavailable if the engine does not start. Thread: [control].
    """
    check_listen(listen)  # before anything is started for nothing
    Sink.parse(sink)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _ask_to_stop, stop, number)
    async with AsyncExitStack() as stack:
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
        sessions = Sessions(opened, supervisor, sink, caches, block_frames, journals)
        stack.push_async_callback(sessions.close)
        await sessions.adopt()
        server = Server(opened, sessions, _import_into(caches))
        stack.push_async_callback(server.stop)
        address = await server.start(listen)
        print(f"remixd is listening on {address}, library {opened.path}", flush=True)
        for note in supervisor.notes:
            print(f"  {note}", flush=True)
        await stop.wait()
    LOG.info("stopped")


def _import_into(caches: Caches) -> ImportPath:
    """What the service imports with."""

    async def import_song(
        path: Path, library: Path, options: ImportOptions, tell: OnProgress, warm: bool
    ) -> ImportResult:
        return await import_path(path, library, options, tell, caches if warm else None)

    return import_song


def _ask_to_stop(stop: asyncio.Event, number: signal.Signals) -> None:
    LOG.info("%s: stopping", number.name)
    stop.set()
