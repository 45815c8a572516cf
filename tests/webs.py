"""The web in front of sessions that tests play by hand, and the other end of its WebSockets."""

from __future__ import annotations

import http.client
import json
from typing import Any

from hand_played import HandPlayedSession
from serving import Service
from shelves import TRACK
from websockets.sync.client import ClientConnection, connect

from remixd.api.auth import Gate
from remixd.api.scopes import OPERATOR
from remixd.config import Address
from remixd.control.observing import Observer
from remixd.web.app import Gateway
from remixd.web.server import WebServer

SITE = "https://radio.example"


class Web(Service):
    """The service, and the web beside it."""

    def __init__(self, gate: Gate | None = None) -> None:
        self.gate = gate or Gate()
        super().__init__(gate=self.gate)
        self.health: dict[str, Any] = {"live": True, "ready": True}
        self.start_over()
        listen = Address("127.0.0.1", 0)
        self.gateway = self.run(Gateway, self.server.methods, lambda: self.health, self._page, self._check)
        self.web = self.run(WebServer, self.gateway.app(listen, [SITE]))
        self.at: Address = self.wait(self.web.start(listen))

    def start_over(self) -> None:
        """Forget everything."""
        for session in self.sessions.all():
            session.end()
        self.sessions.held.clear()
        self.sessions._count = 0
        self.health = {"live": True, "ready": True}
        self.observer = self.server.methods._observer = Observer()

    def _check(self, bearer: str, peer: str) -> None:
        self.gate.admit(OPERATOR, bearer, peer)

    async def _page(self) -> bytes:
        return self.observer.metrics.page()

    def create(self, **wanted: Any) -> HandPlayedSession:
        return self.wait(self.sessions.create(TRACK, **wanted))

    def ask(
        self, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str
    ) -> tuple[int, Any]:
        """One request over HTTP, a GET without a body; the status, and what came as JSON if it is."""
        sent = raw if raw is not None else None if body is None else json.dumps(body).encode()
        told = {"Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        connection = http.client.HTTPConnection(self.at.host, self.at.port, timeout=10)
        try:
            connection.request("GET" if sent is None else "POST", path, sent, told)
            answer = connection.getresponse()
            text = answer.read()
            is_json = answer.getheader("content-type", "").startswith("application/json")
            return answer.status, json.loads(text) if is_json else text.decode()
        finally:
            connection.close()

    def socket(self, **options: Any) -> ClientConnection:
        return connect(f"ws://{self.at}/v1/ws", compression=None, close_timeout=0.2, **options)

    def stop(self) -> None:
        self.wait(self.gateway.close("the daemon is stopping"))
        self.wait(self.web.stop())
        super().stop()


class Socket:
    """A WebSocket of a test: frames as JSON, or as (call, JSON, bytes)."""

    def __init__(self, connection: ClientConnection) -> None:
        self.raw = connection

    def send(self, **frame: Any) -> None:
        self.raw.send(json.dumps(frame))

    def take(self) -> Any:
        frame = self.raw.recv(5)
        if isinstance(frame, str):
            return json.loads(frame)
        call, length = int.from_bytes(frame[:4], "little"), int.from_bytes(frame[4:8], "little")
        return call, json.loads(frame[8 : 8 + length]), frame[8 + length :]

    def until(self, word: str, call: int) -> Any:
        """What a call is told under a word, whatever else comes before."""
        while True:
            frame = self.take()
            if isinstance(frame, dict) and frame.get("call") == call and word in frame:
                return frame[word]

    def ended(self, **frame: Any) -> Any:
        """Begin a call, and wait for its end."""
        self.send(**frame)
        return self.until("end", frame["call"])
