"""The web server: uvicorn in the daemon's own event loop. Thread: [control]."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import resource
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from remixd.config import Address
from remixd.web.messages import MESSAGE_BYTES_MAX

log = logging.getLogger(__name__)

HEADERS_S: Final = 10.0
"""A request whose headers have not come by then is hung up on, so that slow ones hold nothing for long."""
HEADER_BYTES_MAX: Final = 16_384
IDLE_S: Final = 5
PING_S: Final = 20.0
"""How often the other end of a WebSocket is asked whether it is there, and how long that may take."""
STOP_S: Final = 2
PIECES_MAX: Final = 1024
"""Of one message of a WebSocket: empty ones count for nothing in its length, and are kept nevertheless."""
CERTIFICATE_S: Final = 2.0
"""How often its file is looked at."""
CONNECTIONS_MAX: Final = 4096
BACKLOG: Final = 128


def connections_max() -> int:
    """How many connections are held at a time: files, sessions and engines need descriptors, too."""
    return min(CONNECTIONS_MAX, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)


class Impatient(H11Protocol):
    """HTTP that does not wait for ever for the end of a request's headers, nor for a body nobody reads."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait; hang up if too many are there."""
        super().connection_made(transport)
        if len(self.connections) > connections_max():
            transport.abort()
            return
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take some bytes; wait on if they were not the last of the headers."""
        super().data_received(data)
        if self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY:
            self.transport.close()  # it is answered, and sends on
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._late is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._late = self.loop.call_later(HEADERS_S, self._hang_up)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _hang_up(self) -> None:
        self._late = None
        if self.transport.get_protocol() is self:  # it is another's once it is a WebSocket
            self.transport.close()


class Bounded(WebSocketsSansIOProtocol):
    """WebSockets whose other end may send, and not read, what it likes: nothing piles up here."""

    _pong = b""

    def handle_ping(self) -> None:
        """Answer; of pings that come while nothing can be sent the latest, as RFC 6455, 5.5.3, lets one."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self._pong = b"".join(self.conn.data_to_send())

    def resume_writing(self) -> None:
        """Answer what waits."""
        super().resume_writing()
        pong, self._pong = self._pong, b""
        if pong and not self.transport.is_closing():
            self.transport.write(pong)

    def handle_cont(self, event: Frame) -> None:
        """Take one more piece of a message."""
        if len(self.frames) >= PIECES_MAX:
            self.transport.abort()
            return
        super().handle_cont(event)


class Listening(socket.socket):
    """Hangs up on whoever comes when no descriptor is left, one by one.

    asyncio would try again and again, and log each time: megabytes a second, while nothing else is done.
    """

    _spare: IO[bytes] | None = None

    def keep_spare(self) -> None:
        """Keep a descriptor with which those can be hung up on for whom there is none."""
        with contextlib.suppress(OSError):
            self._spare = Path(os.devnull).open("rb")  # noqa: SIM115 (kept)

    def accept(self) -> tuple[socket.socket, Any]:
        """Take a connection."""
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
        self.let_go()
        with contextlib.suppress(OSError):
            super().accept()[0].close()
        self.keep_spare()
        raise BlockingIOError

    def let_go(self) -> None:
        """Give the spare descriptor back."""
        if self._spare is not None:
            self._spare.close()
            self._spare = None


class _Uvicorn(uvicorn.Server):
    """Without signal handlers: the daemon has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


class WebServer:
    """Serves an application.

    Args:
        app: an ASGI application.
        certificate, key: of TLS, PEM; None for none.
        client_ca: who signs clients' certificates, which they then need.
    """

    def __init__(
        self,
        app: ASGIApp,
        certificate: Path | None = None,
        key: Path | None = None,
        client_ca: Path | None = None,
    ) -> None:
        config = uvicorn.Config(
            app, http=Impatient, ws=Bounded, backlog=BACKLOG, lifespan="off", log_config=None,
            log_level="warning", access_log=False, server_header=False, proxy_headers=False,
            timeout_keep_alive=IDLE_S, h11_max_incomplete_event_size=HEADER_BYTES_MAX,
            ws_max_size=MESSAGE_BYTES_MAX, ws_max_queue=32, ws_ping_interval=PING_S, ws_ping_timeout=PING_S,
            ws_per_message_deflate=False, timeout_graceful_shutdown=STOP_S,
            ssl_certfile=certificate, ssl_keyfile=str(key) if key else None,
            ssl_ca_certs=str(client_ca) if client_ca else None,
            ssl_cert_reqs=ssl.CERT_REQUIRED if client_ca else ssl.CERT_NONE,
        )  # fmt: skip
        self._server = _Uvicorn(config)
        self._files = [path for path in (certificate, key) if path is not None]
        self._stamps = self._stamp()
        self._renewing: asyncio.Task[None] | None = None
        self._serving: asyncio.Task[Any] | None = None
        self._listening: Listening | None = None

    async def start(self, listen: Address) -> Address:
        """Begin to serve, and return the address, with the port chosen where `listen` asks for 0.

        Raises OSError if it cannot be had.
        """
        family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
        listening = Listening(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((listen.host, listen.port))
            listening.setblocking(False)
        except OSError:
            listening.close()
            raise
        listening.keep_spare()
        self._listening = listening
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]))
        while not (self._server.started or self._serving.done()):  # noqa: ASYNC110 (it tells nobody)
            await asyncio.sleep(0.005)
        if len(self._files) > 1:
            self._renewing = asyncio.create_task(self._renew())
        return Address(listen.host, listening.getsockname()[1])

    def _stamp(self) -> list[tuple[int, int]]:
        with contextlib.suppress(OSError):
            return [(path.stat().st_mtime_ns, path.stat().st_ino) for path in self._files]
        return []

    async def _renew(self) -> None:
        """Show the certificate that is in its file, as gRPC does; who may sign clients' stays the same."""
        certificate, key = self._files
        while True:
            await asyncio.sleep(CERTIFICATE_S)
            if (stamps := self._stamp()) == self._stamps:
                continue
            self._stamps = stamps
            try:
                for context in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self._server.config.ssl):
                    if context is not None:
                        context.load_cert_chain(certificate, key, password="")  # nobody is there to be asked
                log.info("the web's certificate is read again")
            except OSError as error:  # ssl.SSLError too
                log.error("the web's certificate stays as it was: %s", error)

    async def stop(self) -> None:
        """Take no more requests, and let those that run finish, for a moment."""
        self._server.should_exit = True
        if self._renewing is not None:
            self._renewing.cancel()
        if self._serving is not None:
            await asyncio.wait({self._serving})
        if self._listening is not None:
            self._listening.let_go()
