"""Streams of signals to one session, blocking or for an event loop."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from remixd.audience.signal import Signal
from remixd.client._audience_convert import signal_to_proto
from remixd.client._audience_types import Said
from remixd.client._convert import answer
from remixd.client._errors import telling_errors
from remixd.client._steps import built
from remixd.client._types import Answer
from remixd.config import Address
from remixd.errors import Unavailable
from remixd.v1 import audience_pb2 as pb

ENDED = "the stream of signals has ended"


def _request(signals: Iterable[Signal | Said]) -> pb.StreamSignalsRequest:
    def build() -> pb.StreamSignalsRequest:
        return pb.StreamSignalsRequest(batch=pb.SignalBatch(signals=map(signal_to_proto, signals)))

    return built(build)


class SignalStream:
    """Sends batch after batch to one session. Leave its `with` when done. Any thread may use it.

    Raises remixd's errors as `Client.send` does; one that a batch brings ends the stream.
    """

    def __init__(self, stub: Any, session: str, address: Address) -> None:
        self._address = address
        self._one_at_a_time = threading.Lock()
        self._requests: queue.SimpleQueue[pb.StreamSignalsRequest | None] = queue.SimpleQueue()
        self._requests.put(built(lambda: pb.StreamSignalsRequest(session=session)))
        self._call = stub.StreamSignals(iter(self._requests.get, None))
        self._call.initial_metadata()  # comes once the daemon has the stream in place, or refused it
        if self._call.done():
            self.close()
            with telling_errors(address):
                next(self._call)

    def send(self, signals: Iterable[Signal | Said]) -> list[Answer]:
        """Send 1 to 1024 signals; one answer each, in their order."""
        request = _request(signals)
        with self._one_at_a_time, telling_errors(self._address):
            self._requests.put(request)
            response = next(self._call, None)
        if response is None:
            raise Unavailable(ENDED)
        return [answer(message) for message in response.answers]

    def close(self) -> None:
        """Send no more."""
        self._requests.put(None)
        self._call.cancel()

    def __enter__(self) -> SignalStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncSignalStream:
    """A `SignalStream` for an event loop: enter it with `async with`, and await `send`."""

    def __init__(self, stub: Any, session: str, address: Address) -> None:
        self._address = address
        self._one_at_a_time = asyncio.Lock()
        self._session = session
        self._stub = stub
        self._call: Any = None

    async def __aenter__(self) -> AsyncSignalStream:
        first = built(lambda: pb.StreamSignalsRequest(session=self._session))
        self._call = self._stub.StreamSignals()
        with telling_errors(self._address):
            await self._call.write(first)
            await self._call.initial_metadata()
            if self._call.done():
                await self._call.read()
        return self

    async def send(self, signals: Iterable[Signal | Said]) -> list[Answer]:
        """Send 1 to 1024 signals; one answer each, in their order."""
        if self._call is None:
            raise Unavailable("enter the stream with `async with` first")
        request = _request(signals)
        async with self._one_at_a_time:
            with telling_errors(self._address):
                try:
                    await self._call.write(request)
                except asyncio.InvalidStateError:
                    raise Unavailable(ENDED) from None
                response = await self._call.read()
        if not isinstance(response, pb.StreamSignalsResponse):
            raise Unavailable(ENDED)
        return [answer(message) for message in response.answers]

    async def close(self) -> None:
        """Send no more."""
        if self._call is not None:
            self._call.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
