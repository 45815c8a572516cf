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
from remixd.config import Address, runtime_path
from remixd.control.ingest import import_path
from remixd.control.sessions import Sessions
from remixd.control.supervisor import Supervisor, instance_path
from remixd.track.library import Library

LOG: Final = logging.getLogger(__name__)


def log_to_stderr() -> None:
    """One line an event, on stderr."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


async def serve(listen: Address, library: Path) -> None:
    """Serve a library until SIGTERM or SIGINT, then end in order: calls, sessions, engine, locks.

    Prints one line when it is ready, and one for each thing that the engine could not have.

    Raises Unsupported for an address beyond this machine; AlreadyExists for a port or library that
    another daemon has; Unavailable if the engine does not start. Thread: [control].
    """
    check_listen(listen)  # before anything is started for nothing
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _ask_to_stop, stop, number)
    async with AsyncExitStack() as stack:
        opened = stack.enter_context(Library(library))
        stack.enter_context(opened.lock_for_serving())
        supervisor = Supervisor(instance_path(runtime_path(), opened.path))
        stack.push_async_callback(supervisor.stop)
        await supervisor.start()
        sessions = Sessions(opened, supervisor)
        stack.push_async_callback(sessions.close)
        server = Server(opened, sessions, import_path)
        stack.push_async_callback(server.stop)
        address = await server.start(listen)
        print(f"remixd is listening on {address}, library {opened.path}", flush=True)
        for note in supervisor.notes:
            print(f"  {note}", flush=True)
        await stop.wait()
    LOG.info("stopped")


def _ask_to_stop(stop: asyncio.Event, number: signal.Signals) -> None:
    LOG.info("%s: stopping", number.name)
    stop.set()
