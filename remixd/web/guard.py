"""Who may come in: not a page of somebody else's, nor one that came by a name that is not this machine's.

A page of any site can open a WebSocket to this machine (cross-site WebSocket hijacking), and a name that
resolves to 127.0.0.1 makes that site and this daemon one origin (DNS rebinding). So the Host header must name
what is listened on, and an Origin header, which only browsers send, must be the same or configured.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from remixd.config import Address


class Guard:
    """Lets requests through to `app`.

    Args:
        app: what is guarded.
        listen: where the web server listens. On loopback the Host header must be a name of loopback.
        origins: other origins whose pages may come, such as `https://radio.example`; their hosts may be named
            by the Host header too, for who listens behind a proxy.
    """

    def __init__(self, app: ASGIApp, listen: Address, origins: Collection[str] = ()) -> None:
        self._app = app
        self._is_loopback = listen.is_loopback
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)
        self._hosts = frozenset(urlsplit(origin).hostname or "" for origin in self._origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] in ("http", "websocket") and (refusal := self._refusal(Headers(scope=scope))):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": refusal})
                return
            error = {"code": "PERMISSION_DENIED", "message": refusal}
            await JSONResponse({"error": error}, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, headers: Headers) -> str:
        """Why a request is refused; empty if it is not."""
        hosts = headers.getlist("host")
        name = _host_name(hosts[0]) if len(hosts) == 1 else ""
        if not name or (self._is_loopback and not _names_loopback(name) and name not in self._hosts):
            return "the Host header does not name this machine: use 127.0.0.1 or localhost"
        for origin in headers.getlist("origin"):
            same = origin.lower().partition("://")[2] == hosts[0].lower()
            if not same and origin.lower() not in self._origins:
                return "pages of other sites may not come here: serve --web-origin names those that may"
        return ""


def _host_name(host: str) -> str:
    if any(mark in host for mark in "@/?#\\"):
        return ""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _names_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
