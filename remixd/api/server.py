"""The gRPC server: where it listens, what it serves, how it ends."""

from __future__ import annotations

import errno
import logging
import resource
import socket
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from remixd.api.audience import AudienceServicer
from remixd.api.audit import Audit
from remixd.api.auth import Gate
from remixd.api.console import ConsoleServicer
from remixd.api.entrance import Entrance, GateInterceptor, Visible
from remixd.api.joining import Joining
from remixd.api.methods import Methods
from remixd.api.presets import PresetsServicer
from remixd.api.scopes import check_rules
from remixd.api.sessions import SessionsServicer
from remixd.api.stats import StatsServicer, TakeCensus
from remixd.api.status import StatusInterceptor
from remixd.api.streams import Streams
from remixd.api.tls import server_credentials
from remixd.api.tracks import ImportPath, TracksServicer
from remixd.config import Address
from remixd.control.fan_keys import FanKeys
from remixd.control.observing import Observer
from remixd.control.sessions import Sessions
from remixd.errors import AlreadyExists, InvalidInput, Unsupported
from remixd.settings import Limits, Settings
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
    stats_pb2,
    stats_pb2_grpc,
    tracks_pb2,
    tracks_pb2_grpc,
)

LOG: Final = logging.getLogger(__name__)

RESPONSE_BYTES_MAX: Final = 4 << 20
"""gRPC's default limit on the other side, so that every client can read what is sent."""

CONNECTIONS_MAX: Final = 8192
METADATA_BYTES_MAX: Final = 16 << 10
HANDSHAKE_MS: Final = 10_000
STOP_GRACE_S: Final = 2.0

PING_INTERVAL_MIN_MS: Final = 5_000
"""Who asks more often, while nothing is sent, whether the line is up is hung up on. Ours: every 20 s."""

DESCRIPTORS: Final = {
    "Tracks": tracks_pb2.DESCRIPTOR.services_by_name["Tracks"],
    "Sessions": sessions_pb2.DESCRIPTOR.services_by_name["Sessions"],
    "Audience": audience_pb2.DESCRIPTOR.services_by_name["Audience"],
    "Console": console_pb2.DESCRIPTOR.services_by_name["Console"],
    "Presets": presets_pb2.DESCRIPTOR.services_by_name["Presets"],
    "Stats": stats_pb2.DESCRIPTOR.services_by_name["Stats"],
}
ADD: Final[Mapping[str, Callable[[Any, grpc.aio.Server], None]]] = {
    "Tracks": tracks_pb2_grpc.add_TracksServicer_to_server,
    "Sessions": sessions_pb2_grpc.add_SessionsServicer_to_server,
    "Audience": audience_pb2_grpc.add_AudienceServicer_to_server,
    "Console": console_pb2_grpc.add_ConsoleServicer_to_server,
    "Presets": presets_pb2_grpc.add_PresetsServicer_to_server,
    "Stats": stats_pb2_grpc.add_StatsServicer_to_server,
}
SERVICES: Final = tuple(descriptor.full_name for descriptor in DESCRIPTORS.values())


class Server:
    """Serves one library and its sessions. Thread: [control].

    Args:
        library: what it serves.
        sessions: those that play.
        import_path: what it imports with.
        take_census: how the daemon does.
        settings: the limits, and the certificates if there are any.
        gate: lets callers in; everybody, if None.
        fan_keys: what fans are named with; keys that are gone with this process if None.
        audit: where control is written down; nowhere if None.
        observer: notes each call.

    Attributes:
        methods: the same services for callers who come another way.
        joining: makes links for phones.
    """

    def __init__(
        self,
        library: Library,
        sessions: Sessions,
        import_path: ImportPath,
        take_census: TakeCensus,
        *,
        settings: Settings | None = None,
        gate: Gate | None = None,
        fan_keys: FanKeys | None = None,
        audit: Audit | None = None,
        observer: Observer | None = None,
    ) -> None:
        check_rules(_methods())
        self._settings = settings = settings or Settings()
        gate, fan_keys, audit = gate or Gate(limits=settings.limits), fan_keys or FanKeys(), audit or Audit()
        observer, entrance = observer or Observer(), Entrance(gate, audit)
        sessions = cast("Sessions", Visible(sessions, gate))
        self._streams = Streams()
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]  # the stubs forget aio
        self._server = grpc.aio.server(
            interceptors=(StatusInterceptor(observer), GateInterceptor(entrance)),
            options=_options(settings.limits),
            maximum_concurrent_rpcs=settings.limits.calls_max,
        )
        self.joining = Joining(settings.auth, asks_for_tokens=gate.asks_for_tokens)
        servicers = {
            "Tracks": TracksServicer(library, import_path),
            "Sessions": SessionsServicer(sessions, self._streams, self.joining),
            "Audience": AudienceServicer(sessions, self._streams, fan_keys),
            "Console": ConsoleServicer(sessions, self._streams, audit),
            "Presets": PresetsServicer(sessions),
            "Stats": StatsServicer(take_census, self._streams, sessions),
        }
        for name, servicer in servicers.items():
            ADD[name](servicer, self._server)
        self.methods = Methods(
            {DESCRIPTORS[name]: servicer for name, servicer in servicers.items()}, observer, entrance.guarded,
            gate.check,
        )  # fmt: skip
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )

    async def start(self, listen: Address) -> Address:
        """Begin to serve, and return the address, with the port chosen where `listen` asks for 0.

        Raises Unsupported for an address beyond this machine without TLS and tokens, AlreadyExists for a port
        that is taken, InvalidInput for one that cannot be had, or certificates that cannot be used.
        """
        address = check_listen(listen, is_secure=self._settings.is_secure)
        try:
            if self._settings.has_tls:
                port = self._server.add_secure_port(str(address), server_credentials(self._settings.tls))
            else:
                port = self._server.add_insecure_port(str(address))
        except RuntimeError:
            raise AlreadyExists(f"port {address.port} on {address.host} is taken") from None
        await self._server.start()
        for service in ("", *SERVICES):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        return Address(address.host, port)

    async def drain(self, reason: str) -> None:
        """Be not ready for more from now on: new streams are refused with `reason`; what runs goes on."""
        await self._health.enter_graceful_shutdown()
        self._streams.refuse(reason)

    async def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """Take no more calls, end every stream with UNAVAILABLE, and let the others finish.

        Calls that still run after `grace_s` are cancelled.
        """
        await self._health.enter_graceful_shutdown()
        self._streams.end()
        await self._server.stop(grace_s)


def _methods() -> list[str]:
    """Every method that is served, `/package.Service/Method`."""
    return [f"/{each.full_name}/{method.name}" for each in DESCRIPTORS.values() for method in each.methods]


def connections_max() -> int:
    """How many connections are held at a time: each takes a descriptor, and others need some, too."""
    return min(CONNECTIONS_MAX, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


def _options(limits: Limits) -> tuple[tuple[str, int], ...]:
    """What gRPC is told. Who does not finish a handshake, or does not answer a ping, is let go."""
    return (
        ("grpc.max_allowed_incoming_connections", connections_max()),
        ("grpc.so_reuseport", 0),  # else a second daemon would share the port in silence
        ("grpc.max_receive_message_length", limits.message_max),
        ("grpc.max_send_message_length", RESPONSE_BYTES_MAX),
        ("grpc.max_metadata_size", METADATA_BYTES_MAX),
        ("grpc.max_concurrent_streams", limits.streams_per_connection),
        ("grpc.server_handshake_timeout_ms", HANDSHAKE_MS),
        ("grpc.keepalive_time_ms", round(limits.keepalive_s * 1000)),
        ("grpc.keepalive_timeout_ms", round(limits.keepalive_timeout_s * 1000)),
        ("grpc.max_connection_idle_ms", round(limits.idle_s * 1000)),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", PING_INTERVAL_MIN_MS),
        ("grpc.http2.max_ping_strikes", 2),
    )


def check_listen(listen: Address, option: str = "--listen", *, is_secure: bool = False) -> Address:
    """Make sure that `listen` can be had, and return the address to bind.

    It binds a socket and lets it go, because gRPC does not tell why it could not.

    Raises Unsupported for an address beyond this machine unless calls are secure, AlreadyExists for a port
    that is taken, InvalidInput for one that cannot be had at all.
    """
    if not listen.is_loopback and not is_secure:
        raise Unsupported(
            f"remixd does not listen on {listen}: without tokens and TLS it serves this machine only; "
            "use 127.0.0.1, or set tls.certificate, tls.key and auth (see `remixd config example`)"
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
                f"{option} chooses another"
            ) from None
        raise InvalidInput(f"cannot listen on {address}: {error.strerror or error}") from None
    return address
