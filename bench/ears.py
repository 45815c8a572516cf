"""Listeners that count what they do not get."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from remixd.client import AsyncClient

START_S: Final = 20.0


class Ear:
    """A listener that counts what it does not get."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.heard_frames = 0
        self.missing_frames = 0
        self.gaps = 0
        self.packets = 0
        self._next_sample: int | None = None

    async def listen(self, client: AsyncClient, begun: asyncio.Event) -> None:
        """Hear the session until the task is cancelled."""
        async with client.packets(self.session) as packets:
            async for packet in packets:
                begun.set()
                self.packets += 1
                expected = packet.sample if self._next_sample is None else self._next_sample
                if packet.sample != expected:
                    self.gaps += 1
                    self.missing_frames += packet.sample - expected
                self.heard_frames += len(packet.pcm)
                self._next_sample = packet.sample + len(packet.pcm)


@asynccontextmanager
async def listening(client: AsyncClient, ears: Sequence[Ear]) -> AsyncIterator[None]:
    """Let every ear listen while the block runs, which begins once all of them hear."""
    begun = [asyncio.Event() for _ in ears]
    tasks = [asyncio.create_task(ear.listen(client, there)) for ear, there in zip(ears, begun, strict=True)]
    try:
        async with asyncio.timeout(START_S):
            await asyncio.gather(*(there.wait() for there in begun))
        yield
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
