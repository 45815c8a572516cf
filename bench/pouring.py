"""`python -m remixd.bench.pouring ADDRESS SESSION RATE`: a crowd that sends so many signals a second.

The signals are wishes of many fans for one directed session, in batches, each batch one call, at an even
pace. Prints a word once the first batch is answered; told on stdin to end, it prints how many were answered
and over how many seconds.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import Any, Final

import grpc.aio

from remixd.errors import Unavailable
from remixd.v1 import audience_pb2, audience_pb2_grpc, common_pb2

from .children import Child

BATCH: Final = 64
FANS: Final = 1000
DIMENSIONS: Final = ("vocals", "drums", "bass", "other", "brightness", "space")


class Pouring(Child):
    """The crowd, in another process, while the block runs. Raises Unavailable if it cannot send."""

    def __init__(self, address: str, session: str, rate: int) -> None:
        self.a_second = 0.0
        super().__init__(__name__, address, session, rate)

    def _begin(self) -> None:
        if not self._line():
            raise Unavailable("the crowd cannot send its signals")

    def end(self) -> None:
        """Let it end; `a_second` is how many signals it had answered. Raises Unavailable if it broke off."""
        self._end_input()
        words = self._line().split()
        if not words:
            raise Unavailable("the crowd broke off")
        self.a_second = int(words[0]) / float(words[1])


def batch_of(session: str, number: int) -> audience_pb2.SendSignalsRequest:
    """The signals of batch `number`, none of which came before."""
    request = audience_pb2.SendSignalsRequest(session=session)
    for each in range(number * BATCH, (number + 1) * BATCH):
        signal = request.signals.add(id=f"{each:x}", fan=f"fan-{each * 7919 % FANS}", verified=True)
        value = 1.0 - each % 97 / 97
        name = DIMENSIONS[each % len(DIMENSIONS)]
        signal.wishes.append(
            common_pb2.Wish(dimension=name, value=value if name == "space" else 12.0 * value - 9.0)
        )
    return request


async def _pour(address: str, session: str, rate: int) -> None:
    ended = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=listen, daemon=True).start()  # no task, whose end would be waited for
    async with grpc.aio.insecure_channel(address) as channel:
        stub: Any = audience_pb2_grpc.AudienceStub(channel)  # type: ignore[no-untyped-call]
        began_s, number, answered = time.monotonic(), 0, 0
        while not ended.is_set():
            response = await stub.SendSignals(batch_of(session, number))
            refused = [answer.reason for answer in response.answers if not answer.accepted]
            if refused:
                raise RuntimeError(f"a signal was refused: {refused[0]}")
            number, answered = number + 1, answered + BATCH
            if number == 1:
                print("pouring", flush=True)
            await asyncio.sleep(max(began_s + number * BATCH / rate - time.monotonic(), 0.0))
        print(answered, time.monotonic() - began_s, flush=True)


if __name__ == "__main__":
    asyncio.run(_pour(sys.argv[1], sys.argv[2], int(sys.argv[3])))
