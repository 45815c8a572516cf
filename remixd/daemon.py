"""The daemon: a library, its sessions and the service, put together and taken apart in order."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from remixd.api.audit import Audit
from remixd.api.auth import LOCAL, Gate
from remixd.api.server import Server, check_listen
from remixd.api.tokens import Keyring
from remixd.api.tracks import ImportPath
from remixd.config import library_path, runtime_path, user_state_path
from remixd.control.caches import Caches
from remixd.control.fan_keys import FILE as FAN_KEYS_FILE
from remixd.control.fan_keys import FanKeys
from remixd.control.ingest import ImportResult, import_path
from remixd.control.journals import Journals
from remixd.control.sessions import Sessions
from remixd.control.sink import Sink
from remixd.control.supervisor import Supervisor, default_engines, instance_path
from remixd.control.worker import OnProgress
from remixd.errors import InvalidInput
from remixd.settings import Settings
from remixd.track.import_options import ImportOptions
from remixd.track.library import Library

LOG: Final = logging.getLogger(__name__)


KEYS_S: Final = 1.0
"""How often the keys of fans are looked at."""


async def serve(settings: Settings) -> None:
    """Serve a library until SIGTERM or SIGINT, then end in order: calls, sessions, engine, locks.

    Sessions play into the sink that is set unless they say otherwise. They are spread over the engines, one a
    core but one unless it is set; one more waits for one of them to die. Engines that still play, since their
    daemon was killed, are adopted with their sessions. SIGHUP has all keys read again.
    Prints one line when it is ready, and one for each thing that the engine could not have.

    Raises InvalidInput for an unknown sink, or keys that cannot be used; Unsupported for an address beyond
    this machine without TLS and tokens; AlreadyExists for a port or library that another daemon has;
    Unavailable if the engine does not start. Thread: [control].
    """
    told = settings.serve
    check_listen(
        told.listen, is_secure=settings.has_tls and settings.has_tokens
    )  # before anything is started
    Sink.parse(told.sink)
    gate = Gate(Keyring(settings.auth) if settings.has_tokens else None, settings.limits)
    fan_keys = _fan_keys(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _ask_to_stop, stop, number)
    async with AsyncExitStack() as stack:
        opened = stack.enter_context(Library(library_path(told.library)))
        stack.enter_context(opened.lock_for_serving())
        audit = Audit(_audit_path(settings, opened), settings.audit.max, fan_keys.name)
        stack.callback(audit.close)
        caches = Caches(opened.path, told.cache_max)
        await caches.trim()
        folder = instance_path(user_state_path() / "journals", opened.path)
        journals = Journals(folder, opened.path, told.journal_max)
        stack.push_async_callback(journals.close)
        runtime = instance_path(runtime_path(), opened.path)
        supervisor = Supervisor(runtime, engines=told.engines or default_engines())
        stack.push_async_callback(supervisor.stop)
        await supervisor.start()
        sessions = Sessions(opened, supervisor, told.sink, caches, told.block, journals)
        stack.push_async_callback(sessions.close)
        await sessions.adopt()
        await sessions.audiences.use(fan_keys)
        looking = asyncio.create_task(_look_after_keys(fan_keys, sessions))
        stack.callback(looking.cancel)
        loop.add_signal_handler(signal.SIGHUP, _reload, gate, audit)
        server = Server(
            opened,
            sessions,
            _import_into(caches),
            settings=settings,
            gate=gate,
            fan_keys=fan_keys,
            audit=audit,
        )
        stack.push_async_callback(server.stop)
        address = await server.start(told.listen)
        print(f"remixd is listening on {address}, library {opened.path}", flush=True)
        for note in supervisor.notes:
            print(f"  {note}", flush=True)
        await stop.wait()
    LOG.info("stopped")


def _fan_keys(settings: Settings) -> FanKeys:
    """The keys of fans, made if there are none. Raises InvalidInput for those that cannot be used."""
    path = settings.fans.key_file or user_state_path() / FAN_KEYS_FILE
    try:
        return FanKeys(path)
    except OSError as error:
        if settings.fans.key_file:
            raise InvalidInput(f"{path}: {error.strerror or error}") from None
        LOG.error(
            "%s: %s; fans who come after this daemon has ended are not known again", path, error.strerror
        )
        return FanKeys()


def _audit_path(settings: Settings, library: Library) -> Path:
    return settings.audit.file or instance_path(user_state_path() / "audit", library.path) / "audit.jsonl"


async def _look_after_keys(fan_keys: FanKeys, sessions: Sessions) -> None:
    """Name fans by other keys when those in the file change."""
    while True:
        await asyncio.sleep(KEYS_S)
        if fan_keys.reload():
            await sessions.audiences.use(fan_keys)
            LOG.info("fans are known by other keys now")


def _reload(gate: Gate, audit: Audit) -> None:
    LOG.info("SIGHUP: keys are read again")
    gate.reload()
    audit.note(LOCAL, "Reload", {}, "OK")


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
