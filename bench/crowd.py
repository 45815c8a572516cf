"""`python -m remixd.bench.crowd ADDRESS SESSION LISTENERS WATCHERS`: a crowd, in a process of its own.

Prints a line once everybody hears and sees, and then a JSON object of counts for every line on stdin, until
that ends.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd.client import AsyncClient
from remixd.errors import Unavailable

from .ears import Ear, listening

READY: Final = "ready"


class Crowd:
    """Listeners and watchers of one session, in another process. Raises Unavailable if it does not come."""

    def __init__(self, address: str, session: str, listeners: int, watchers: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, address, session, str(listeners), str(watchers)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        if self._line() != READY:
            raise Unavailable("the crowd did not come")

    def _line(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 (it is a pipe)
        return self._process.stdout.readline().strip()

    def count(self) -> dict[str, NDArray[np.int64]]:
        """So far: `packets`, `frames` and `missing` of every listener, `updates` of every watcher."""
        assert self._process.stdin is not None  # noqa: S101 (it is a pipe)
        self._process.stdin.write("count\n")
        self._process.stdin.flush()
        counts: dict[str, Any] = json.loads(self._line())
        return {name: np.array(values, dtype=np.int64) for name, values in counts.items()}

    def leave(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


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
