"""The gRPC server: where it listens, what it serves, how it ends."""

from __future__ import annotations

import errno
import logging
import socket
from typing import Final

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from remixd.api.audience import AudienceServicer
from remixd.api.console import ConsoleServicer
from remixd.api.presets import PresetsServicer
from remixd.api.sessions import SessionsServicer
from remixd.api.status import StatusInterceptor
from remixd.api.streams import Streams
from remixd.api.tracks import ImportPath, TracksServicer
from remixd.config import Address
from remixd.control.sessions import Sessions
from remixd.errors import AlreadyExists, InvalidInput, Unsupported
from remixd.track.library import Library
from remixd.v1 import (
    audience_pb2,
    audience_pb2_grpc,
    console_pb2,
    console_pb2_grpc,
    presets_pb2,
    presets_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
    tracks_pb2,
    tracks_pb2_grpc,
)

LOG: Final = logging.getLogger(__name__)

REQUEST_BYTES_MAX: Final = 1 << 20
"""A larger request is refused with RESOURCE_EXHAUSTED; a full batch of signals fits well."""

RESPONSE_BYTES_MAX: Final = 4 << 20
"""gRPC's default limit on the other side, so that every client can read what is sent."""

STOP_GRACE_S: Final = 2.0

PING_INTERVAL_MIN_MS: Final = 5_000
"""Who asks more often, while nothing is sent, whether the line is up is hung up on. Ours: every 20 s."""

SERVICES: Final = tuple(
    file.services_by_name[name].full_name
    for file, name in (
        (tracks_pb2.DESCRIPTOR, "Tracks"),
        (sessions_pb2.DESCRIPTOR, "Sessions"),
        (audience_pb2.DESCRIPTOR, "Audience"),
        (console_pb2.DESCRIPTOR, "Console"),
        (presets_pb2.DESCRIPTOR, "Presets"),
    )
)


class Server:
    """Serves one library and its sessions to this machine. Thread: [control]."""

    def __init__(self, library: Library, sessions: Sessions, import_path: ImportPath) -> None:
        self._streams = Streams()
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]  # the stubs forget aio
        self._server = grpc.aio.server(
            interceptors=(StatusInterceptor(),),
            options=(
                ("grpc.so_reuseport", 0),  # else a second daemon would share the port in silence
                ("grpc.max_receive_message_length", REQUEST_BYTES_MAX),
                ("grpc.max_send_message_length", RESPONSE_BYTES_MAX),
                ("grpc.http2.min_recv_ping_interval_without_data_ms", PING_INTERVAL_MIN_MS),
            ),
        )
        for add, servicer in (
            (tracks_pb2_grpc.add_TracksServicer_to_server, TracksServicer(library, import_path)),
            (sessions_pb2_grpc.add_SessionsServicer_to_server, SessionsServicer(sessions, self._streams)),
            (audience_pb2_grpc.add_AudienceServicer_to_server, AudienceServicer(sessions, self._streams)),
            (console_pb2_grpc.add_ConsoleServicer_to_server, ConsoleServicer(sessions, self._streams)),
            (presets_pb2_grpc.add_PresetsServicer_to_server, PresetsServicer(sessions)),
        ):
            add(servicer, self._server)  # type: ignore[no-untyped-call]  # generated
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )

    async def start(self, listen: Address) -> Address:
        """Begin to serve, and return the address, with the port chosen where `listen` asks for 0.

        Raises Unsupported for an address beyond this machine, AlreadyExists for a port that is
        taken, InvalidInput for one that cannot be had.
        """
        address = check_listen(listen)
        try:
            port = self._server.add_insecure_port(str(address))
        except RuntimeError:
            raise AlreadyExists(f"port {address.port} on {address.host} is taken") from None
        await self._server.start()
        for service in ("", *SERVICES):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        return Address(address.host, port)

    async def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """Take no more calls, end every stream with UNAVAILABLE, and let the others finish.

        Calls that still run after `grace_s` are cancelled.
        """
        await self._health.enter_graceful_shutdown()
        self._streams.end()
        await self._server.stop(grace_s)


def check_listen(listen: Address) -> Address:
    """Make sure that `listen` can be had, and return the address to bind.

    It binds a socket and lets it go, because gRPC does not tell why it could not.

    Raises Unsupported for an address beyond this machine, AlreadyExists for a port that is taken,
    InvalidInput for one that cannot be had at all.
    """
    if not listen.is_loopback:
        raise Unsupported(
            f"remixd does not listen on {listen}: without tokens and TLS it serves this machine only; "
            "use 127.0.0.1"
        )
    # One socket: of the two faces of localhost, another daemon could have one.
    address = Address("127.0.0.1", listen.port) if listen.host == "localhost" else listen
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address.host, address.port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AlreadyExists(
                f"port {address.port} on {address.host} is taken: is a daemon running there? "
                "--listen chooses another"
            ) from None
        raise InvalidInput(f"cannot listen on {address}: {error.strerror or error}") from None
    return address
