"""The pages, and what a browser is told to let them do: nothing but what comes from here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC: Final = Path(__file__).parent / "static"
PAGES: Final = {
    "/": "index.html",
    "/bench": "bench.html",
    "/dj": "dj.html",
    "/join/{session}": "join.html",
}
"""The file of each page."""
HEADERS: Final = {
    "content-security-policy": "default-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def page_routes() -> list[BaseRoute]:
    """The pages and their files."""
    pages = [Route(path, _page(name), methods=["GET"]) for path, name in PAGES.items()]
    return [*pages, Mount("/static", StaticFiles(directory=STATIC))]


def _page(name: str) -> Callable[[Request], Awaitable[FileResponse]]:
    async def serve(_request: Request) -> FileResponse:
        return FileResponse(STATIC / name)

    return serve


class Strict:
    """Sends HEADERS with every answer; a browser asks each time whether what it has kept is still so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def strict(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-cache")
            await send(message)

        await self._app(scope, receive, strict if scope["type"] == "http" else send)
