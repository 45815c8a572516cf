"""The daemon: a library, its sessions and the service, put together and taken apart in order."""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from remixd.api.audit import Audit
from remixd.api.auth import LOCAL, Gate
from remixd.api.scopes import OPERATOR
from remixd.api.server import STOP_GRACE_S, Server, check_listen
from remixd.api.tokens import Keyring
from remixd.api.tracks import ImportPath
from remixd.config import Address, library_path, runtime_path, user_state_path, web_address
from remixd.control.caches import Caches
from remixd.control.census import Censuses
from remixd.control.drain import DRAINING, fade_out
from remixd.control.fan_keys import FILE as FAN_KEYS_FILE
from remixd.control.fan_keys import FanKeys
from remixd.control.health import Health, health_of
from remixd.control.ingest import ImportResult, import_path
from remixd.control.journals import Journals
from remixd.control.metrics import Metrics
from remixd.control.notify import notify
from remixd.control.observing import Observer
from remixd.control.scrape import Scrape
from remixd.control.sessions import Sessions
from remixd.control.sink import Sink
from remixd.control.supervisor import Supervisor, default_engines, instance_path
from remixd.control.tracing import tracing_of_environment
from remixd.control.worker import OnProgress
from remixd.errors import AlreadyExists, InvalidInput
from remixd.settings import Settings
from remixd.track.import_options import ImportOptions
from remixd.track.library import Library
from remixd.web.app import Gateway
from remixd.web.server import WebServer

LOG: Final = logging.getLogger(__name__)


DESCRIPTORS_MAX: Final = 65_536
COLLECTED_AT: Final = (20_000, 20, 10)
"""The collector's thresholds: next to nothing here is in a cycle, and 0.25 s is a look at 2,000 sockets."""
KEYS_S: Final = 1.0
"""How often the keys of fans are looked at."""
SWITCH_S: Final = 0.0002
"""gRPC's own thread hands over what came, and waits no longer for Python than this."""


@dataclass(slots=True)
class Stop:
    """What signals ask for: SIGTERM to drain, a second one or SIGINT to end at once."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    at_once: asyncio.Event = field(default_factory=asyncio.Event)

    def listen(self) -> None:
        """Take those that come to this process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.take, number)

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


async def serve(settings: Settings) -> None:
    """Serve a library until SIGTERM or SIGINT, then end in order: calls, sessions, engine, locks.

    Sessions play into the sink that is set unless they say otherwise. They are spread over the engines, one a
    core but one unless it is set; one more waits for one of them to die. Engines that still play, since their
    daemon was killed, are adopted with their sessions. SIGHUP has all keys read again. On SIGTERM it drains:
    nothing new is taken, and what is heard fades out over a bar. A second signal, or SIGINT, ends it at once.
    Prints one line when it is ready, and one for each thing that it, or the engine, could not have.

    Raises InvalidInput for an unknown sink, or keys that cannot be used; Unsupported for an address beyond
    this machine without TLS and tokens; AlreadyExists for a port or library that another daemon has;
    Unavailable if the engine does not start. Thread: [control].
    """
    told = settings.serve
    _raise_descriptors()
    check_listen(told.listen, is_secure=settings.is_secure)  # before anything is started
    notes: list[str] = []
    web = _check_web(settings, notes)
    Sink.parse(told.sink)
    gate = Gate(Keyring(settings.auth) if settings.has_tokens else None, settings.limits)
    fan_keys = _fan_keys(settings)
    stop = Stop()
    stop.listen()
    observer = Observer(Metrics(), tracing_of_environment())
    async with AsyncExitStack() as stack:
        stack.callback(observer.close)
        opened = stack.enter_context(Library(library_path(told.library)))
        stack.enter_context(opened.lock_for_serving())
        audit = Audit(_audit_path(settings, opened), settings.audit.max, fan_keys.name)
        stack.callback(audit.close)
        caches = Caches(opened.path, told.cache_max)
        await caches.trim()
        runtime = instance_path(runtime_path(), opened.path)
        supervisor = Supervisor(runtime, engines=told.engines or default_engines())
        sessions = await _open_sessions(stack, settings, opened, supervisor, caches, observer)
        await _know_again(stack, gate, fan_keys, sessions)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _reload, gate, audit)
        server = Server(
            opened, sessions, _import_into(caches, observer.metrics),
            Censuses(sessions, supervisor, opened, observer.metrics).take,
            settings=settings, gate=gate, fan_keys=fan_keys, audit=audit, observer=observer,
        )  # fmt: skip
        stack.push_async_callback(lambda: server.stop(stop.grace_s))
        address = await server.start(told.listen)
        if web is not None:
            health = partial(health_of, opened, supervisor, sessions)
            scrape = Scrape(observer.metrics, sessions, supervisor)
            site = await _open_web(stack, settings, web, server, gate, health, scrape)
            server.joining.serve_at(site)
            notes.append(f"web: {site}")
        print(f"remixd is listening on {address}, library {opened.path}", flush=True)
        for note in (*notes, *supervisor.notes):
            print(f"  {note}", flush=True)
        await _until_told(stop, sessions, server, told.drain)
    LOG.info("stopped")


def _raise_descriptors() -> None:
    """Take as many descriptors as there may be: every connection needs one, and shells give 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = DESCRIPTORS_MAX if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS_MAX)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


async def _open_sessions(
    stack: AsyncExitStack,
    settings: Settings,
    library: Library,
    supervisor: Supervisor,
    caches: Caches,
    observer: Observer,
) -> Sessions:
    """Start the engines, or adopt them with what they play."""
    told = settings.serve
    folder = instance_path(user_state_path() / "journals", library.path)
    journals = Journals(folder, library.path, told.journal_max)
    stack.push_async_callback(journals.close)
    stack.push_async_callback(supervisor.stop)
    await supervisor.start()
    sessions = Sessions(library, supervisor, told.sink, caches, told.block, journals, observer)
    stack.push_async_callback(sessions.close)
    await sessions.adopt()
    return sessions


async def _know_again(stack: AsyncExitStack, gate: Gate, fan_keys: FanKeys, sessions: Sessions) -> None:
    """Know the fans and the makers of what was adopted, and the fans by whatever keys come."""
    for session in sessions.all():
        gate.note_made(session.owner, session.id)
    await sessions.audiences.use(fan_keys)
    looking = asyncio.create_task(_look_after_keys(fan_keys, sessions))
    stack.callback(looking.cancel)


async def _until_told(stop: Stop, sessions: Sessions, server: Server, drain_s: float) -> None:
    """Serve until there is a signal; drain then, if there is time."""
    gc.collect()
    gc.freeze()  # a full collection looks at all there is, mostly modules: calls would wait 70 ms for it
    gc.set_threshold(*COLLECTED_AT)
    sys.setswitchinterval(SWITCH_S)
    notify("READY=1")
    await stop.asked.wait()
    notify("STOPPING=1")
    sessions.admission.closed = DRAINING
    await server.drain(DRAINING)
    if not stop.at_once.is_set():
        await fade_out(sessions.all(), drain_s, stop.at_once)


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
    LOG.info("SIGHUP: keys are read again, and the audit log is opened anew")
    gate.reload()
    audit.reopen()
    audit.note(LOCAL, "Reload", {}, "OK")


def _check_web(settings: Settings, notes: list[str]) -> Address | None:
    """Where the web will be; None for nowhere. Raises as `check_listen`, but not for a default port."""
    listen, is_chosen = web_address(settings.serve.web)
    if listen is None:
        return None
    try:
        return check_listen(listen, "--web", is_secure=settings.is_secure)
    except AlreadyExists:
        if is_chosen:
            raise
        notes.append(f"web: off, port {listen.port} is taken: --web chooses another")
        return None


async def _open_web(
    stack: AsyncExitStack,
    settings: Settings,
    listen: Address,
    server: Server,
    gate: Gate,
    health: Callable[[], Health],
    scrape: Scrape,
) -> str:
    """Serve the same methods, health and figures over HTTP; where, as a URL."""
    stack.push_async_callback(scrape.close)
    gateway = Gateway(
        server.methods, lambda: health().to_json(), scrape.page,
        lambda bearer, peer: gate.admit(OPERATOR, bearer, peer),
    )  # fmt: skip
    origins = [each.strip() for each in settings.serve.web_origins.split(",") if each.strip()]
    tls = settings.tls
    web = WebServer(gateway.app(listen, origins), tls.certificate, tls.key, tls.client_ca)
    address = await web.start(listen)
    stack.push_async_callback(web.stop)
    stack.push_async_callback(gateway.close, "the daemon is stopping")
    return f"{'https' if settings.has_tls else 'http'}://{address}"


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
