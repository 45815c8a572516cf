"""The web server: uvicorn in the daemon's own event loop. Thread: [control]."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from remixd.config import Address
from remixd.web.messages import MESSAGE_BYTES_MAX

HEADERS_S: Final = 10.0
"""A request whose headers have not come by then is hung up on, so that slow ones hold nothing for long."""
HEADER_BYTES_MAX: Final = 16_384
IDLE_S: Final = 5
PING_S: Final = 20.0
"""How often the other end of a WebSocket is asked whether it is there, and how long that may take."""
STOP_S: Final = 2


class Impatient(H11Protocol):
    """HTTP that does not wait for ever for the end of a request's headers."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take some bytes; wait on if they were not the last of the headers."""
        super().data_received(data)
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
            app, http=Impatient, ws="websockets-sansio", lifespan="off", log_config=None,
            log_level="warning", access_log=False, server_header=False, proxy_headers=False,
            timeout_keep_alive=IDLE_S, h11_max_incomplete_event_size=HEADER_BYTES_MAX,
            ws_max_size=MESSAGE_BYTES_MAX, ws_max_queue=32, ws_ping_interval=PING_S, ws_ping_timeout=PING_S,
            ws_per_message_deflate=False, timeout_graceful_shutdown=STOP_S,
            ssl_certfile=certificate, ssl_keyfile=str(key) if key else None,
            ssl_ca_certs=str(client_ca) if client_ca else None,
            ssl_cert_reqs=ssl.CERT_REQUIRED if client_ca else ssl.CERT_NONE,
        )  # fmt: skip
        self._server = _Uvicorn(config)
        self._serving: asyncio.Task[Any] | None = None

    async def start(self, listen: Address) -> Address:
        """Begin to serve, and return the address, with the port chosen where `listen` asks for 0.

        Raises OSError if it cannot be had.
        """
        family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((listen.host, listen.port))
            listening.setblocking(False)
        except OSError:
            listening.close()
            raise
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]))
        while not (self._server.started or self._serving.done()):  # noqa: ASYNC110 (it tells nobody)
            await asyncio.sleep(0.005)
        return Address(listen.host, listening.getsockname()[1])

    async def stop(self) -> None:
        """Take no more requests, and let those that run finish, for a moment."""
        self._server.should_exit = True
        if self._serving is not None:
            await asyncio.wait({self._serving})
