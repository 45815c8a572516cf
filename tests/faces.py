"""Both faces of the client behind one, so that the same tests hold for both."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Iterator
from typing import Any

from remixd.client import AsyncClient, AsyncStream


class BlockingStream(Iterator[Any]):
    """An `AsyncStream`, waited for."""

    def __init__(self, face: AsyncFace, stream: AsyncStream[Any]) -> None:
        self._face = face
        self._stream = stream
        face.wait(stream.__aenter__())

    def __next__(self) -> Any:
        try:
            return self._face.wait(anext(self._stream))
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        self._face.wait(self._stream.aclose())

    def __enter__(self) -> BlockingStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncFace:
    """An `AsyncClient` in an event loop of its own, called as `Client` is."""

    def __init__(self, address: str | None = None, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._client = self.wait(self._make(address, options))

    async def _make(self, address: str | None, options: dict[str, Any]) -> AsyncClient:
        return AsyncClient(address, **options)

    def wait(self, awaitable: Any) -> Any:
        async def waiting() -> Any:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(waiting(), self._loop).result(20)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found):
            return found

        async def call(arguments: Any, options: Any) -> Any:
            answer = found(*arguments, **options)
            return await answer if inspect.isawaitable(answer) else answer

        def method(*arguments: Any, **options: Any) -> Any:
            answer = self.wait(call(arguments, options))
            return BlockingStream(self, answer) if isinstance(answer, AsyncStream) else answer

        return method

    def __enter__(self) -> AsyncFace:
        return self

    def __exit__(self, *_: object) -> None:
        self.wait(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
