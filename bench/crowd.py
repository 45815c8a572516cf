"""`python -m remixd.bench.crowd ADDRESS SESSION LISTENERS WATCHERS`: a crowd, in a process of its own.

Prints a line once everybody hears and sees, and then a JSON object of counts for every line on stdin, until
that ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd.client import AsyncClient
from remixd.errors import Unavailable

from .children import Child
from .ears import Ear, listening

READY: Final = "ready"


class Crowd(Child):
    """Listeners and watchers of one session, in another process. Raises Unavailable if it does not come."""

    def __init__(self, address: str, session: str, listeners: int, watchers: int) -> None:
        super().__init__(__name__, address, session, listeners, watchers)

    def _begin(self) -> None:
        if self._line() != READY:
            raise Unavailable("the crowd did not come")

    def count(self) -> dict[str, NDArray[np.int64]]:
        """So far: `packets`, `frames` and `missing` of every listener, `updates` of every watcher."""
        counts: dict[str, Any] = json.loads(self._ask("count"))
        return {name: np.array(values, dtype=np.int64) for name, values in counts.items()}


async def _come(address: str, session: str, listeners: int, watchers: int) -> None:
    ears = [Ear(session) for _ in range(listeners)]
    updates = [0] * watchers
    all_see = asyncio.Event()

    async def watch(client: AsyncClient, number: int) -> None:
        async for _ in client.watch(session):
            updates[number] += 1
            if all(updates):
                all_see.set()

    async with AsyncClient(address) as client, asyncio.TaskGroup() as tasks, listening(client, ears):
        for number in range(watchers):
            tasks.create_task(watch(client, number))
        if watchers:
            await all_see.wait()
        print(READY, flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            counts = {
                "packets": [ear.packets for ear in ears],
                "frames": [ear.heard_frames for ear in ears],
                "missing": [ear.missing_frames for ear in ears],
                "updates": updates,
            }
            print(json.dumps(counts), flush=True)


if __name__ == "__main__":
    asyncio.run(_come(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
