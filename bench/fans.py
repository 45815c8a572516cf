"""`python -m remixd.bench.fans ADDRESS NOTHING TRACK`: fans, each with a session, all in one process.

Each hears a directed session of its own in Opus, over a connection of its own, and sends a batch of signals
now and then. Beside them somebody hears a stream behind which is nothing. Takes a line at a time on stdin,
`add N`, `begin` or `end DUE...`, and answers each with a line: `end` with a JSON object of what was heard
since `begin`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

import grpc.aio
import numpy as np
from numpy.typing import NDArray

from remixd.errors import Exhausted, Unavailable
from remixd.units import RATE_HZ
from remixd.v1 import (
    audience_pb2,
    audience_pb2_grpc,
    common_pb2,
    sessions_pb2,
    sessions_pb2_grpc,
)

from .children import Child
from .nothing import DUE, STREAM

SIGNALS_A_SECOND: Final = 20
BATCH: Final = 4
"""What a hand on a slider expresses in a fifth of a second."""

OWN_CONNECTION: Final = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0))
DIMENSIONS: Final = ("vocals", "drums", "bass", "other")


class Fans(Child):
    """The fans, in another process, while the block runs."""

    def __init__(self, address: str, nothing: str, track: str) -> None:
        super().__init__(__name__, address, nothing, track)

    def _told(self, line: str) -> Any:
        answer = self._ask(line)
        if not answer:
            raise Unavailable("the fans are gone")
        return json.loads(answer)

    def add(self, count: int) -> None:
        """Let more come, and wait until all of them hear. Raises Exhausted if there is no room for them."""
        if refused := self._told(f"add {count}"):
            raise Exhausted(refused)

    def begin(self) -> None:
        """Count from now on."""
        self._told("begin")

    def end(self, due_s: Sequence[float]) -> dict[str, Any]:
        """What was heard since `begin`.

        Args:
            due_s: of each fan's session, when its sample 0 was due, on the monotonic clock.

        `late_ms`, `spread_ms`, `gaps`, `missing_frames`, `heard_frames`: one each a fan. Late is the 99th
        percentile of when a packet came less when its first frame was due; the spread is from the median to
        it. `nothing_ms`, `nothing_spread_ms`: of the stream behind which is nothing; `all_ms`: of all fans'
        packets.
        `signals`, `refused`, `batch_ms`: of the signals that were sent.
        """
        found: dict[str, Any] = self._told(" ".join(["end", *map(repr, due_s)]))
        return found


class _Arrivals:
    """When what was due at some time came."""

    def __init__(self) -> None:
        self.offsets_s: list[float] = []

    def take(self, due_s: float) -> None:
        self.offsets_s.append(time.monotonic() - due_s)

    def late_ms(self, zero_s: float = 0.0) -> NDArray[np.float64]:
        """By how much each was late, if the first was due at `zero_s`."""
        return (np.array(self.offsets_s or [0.0]) - zero_s) * 1e3


def _p99(late_ms: NDArray[np.float64]) -> float:
    return float(np.quantile(late_ms, 0.99))


def _spread(late_ms: NDArray[np.float64]) -> float:
    return _p99(late_ms) - float(np.median(late_ms))


class _Fan:
    """One fan: a session, its sound, and what the fan expresses."""

    def __init__(self, address: str, track: str, number: int) -> None:
        self._channel = grpc.aio.insecure_channel(address, options=OWN_CONNECTION)
        self._sessions: Any = sessions_pb2_grpc.SessionsStub(self._channel)  # type: ignore[no-untyped-call]
        self._audience: Any = audience_pb2_grpc.AudienceStub(self._channel)  # type: ignore[no-untyped-call]
        self._track, self._number = track, number
        self._expected: int | None = None
        self.hears = asyncio.Event()
        self.begin()

    def begin(self) -> None:
        self.arrivals = _Arrivals()
        self.gaps = self.missing = self.heard = self.signals = self.refused = 0
        self.batches_ms: list[float] = []

    async def create(self) -> None:
        request = sessions_pb2.CreateSessionRequest(
            track=self._track, mode=sessions_pb2.SESSION_MODE_DIRECTED, sink="stream"
        )
        self._session = (await self._sessions.CreateSession(request)).session.id

    async def listen(self) -> None:
        request = sessions_pb2.ListenRequest(session=self._session, format=sessions_pb2.SAMPLE_FORMAT_OPUS)
        async for response in self._sessions.Listen(request):
            if not response.HasField("packet"):
                continue
            packet = response.packet
            self.hears.set()
            self.arrivals.take(packet.clock.sample / RATE_HZ)
            if self._expected is not None and packet.clock.sample != self._expected:
                self.gaps += 1
                self.missing += packet.clock.sample - self._expected
            self._expected = packet.clock.sample + packet.length_frames
            self.heard += packet.length_frames

    async def express(self) -> None:
        sent_s: list[float] = []

        async def requests() -> AsyncIterator[audience_pb2.StreamSignalsRequest]:
            yield audience_pb2.StreamSignalsRequest(session=self._session)
            for batch in itertools.count():
                await asyncio.sleep(BATCH / SIGNALS_A_SECOND)
                sent_s.append(time.perf_counter())
                yield audience_pb2.StreamSignalsRequest(batch=self._batch(batch))

        async for response in self._audience.StreamSignals(requests()):
            self.batches_ms.append((time.perf_counter() - sent_s.pop(0)) * 1e3)
            self.signals += len(response.answers)
            self.refused += sum(not answer.accepted for answer in response.answers)

    def _batch(self, batch: int) -> audience_pb2.SignalBatch:
        found = audience_pb2.SignalBatch()
        for each in range(BATCH):
            number = batch * BATCH + each
            signal = found.signals.add(id=f"{self._number}-{number}", fan=f"fan-{self._number}")
            value = -9.0 * abs((number % 80) / 40 - 1)  # a slow drag, there and back
            dimension = DIMENSIONS[number // 80 % len(DIMENSIONS)]
            signal.wishes.append(common_pb2.Wish(dimension=dimension, value=value))
        return found


class _Everybody:
    def __init__(self, address: str, nothing: str, track: str) -> None:
        self._address, self._nothing, self._track = address, nothing, track
        self._fans: list[_Fan] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._beside = _Arrivals()

    async def hear_nothing(self) -> None:
        async with grpc.aio.insecure_channel(self._nothing) as channel:
            stream: Any = channel.unary_stream(STREAM)  # type: ignore[call-arg]  # bytes need no serializers
            async for message in stream(b""):
                self._beside.take(DUE.unpack_from(message)[0])

    async def add(self, count: int) -> str:
        for _ in range(count):
            fan = _Fan(self._address, self._track, len(self._fans))
            try:
                await fan.create()
            except grpc.aio.AioRpcError as error:
                return error.details() or "no more"
            self._fans.append(fan)
            for work in (fan.listen(), fan.express()):
                self._tasks.append(asyncio.create_task(work))
            await fan.hears.wait()
        return ""

    def begin(self, _due_s: Sequence[float]) -> str:
        self._beside.offsets_s.clear()
        for fan in self._fans:
            fan.begin()
        return ""

    def end(self, due_s: Sequence[float]) -> dict[str, Any]:
        for task in self._tasks:
            if task.done():
                task.result()
        fans = self._fans
        late_ms = [fan.arrivals.late_ms(zero_s) for fan, zero_s in zip(fans, due_s, strict=True)]
        beside_ms = self._beside.late_ms()
        return {
            "late_ms": [_p99(each) for each in late_ms],
            "spread_ms": [_spread(each) for each in late_ms],
            "all_ms": _p99(np.concatenate(late_ms)),
            "nothing_ms": _p99(beside_ms),
            "nothing_spread_ms": _spread(beside_ms),
            "gaps": [fan.gaps for fan in fans],
            "missing_frames": [fan.missing for fan in fans],
            "heard_frames": [fan.heard for fan in fans],
            "signals": sum(fan.signals for fan in fans),
            "refused": sum(fan.refused for fan in fans),
            "batch_ms": [ms for fan in fans for ms in fan.batches_ms[:1000]],
        }


async def _come(address: str, nothing: str, track: str) -> None:
    everybody = _Everybody(address, nothing, track)
    beside = asyncio.create_task(everybody.hear_nothing())
    answers: dict[str, Callable[[Sequence[float]], Any]] = {"begin": everybody.begin, "end": everybody.end}
    while line := (await asyncio.to_thread(sys.stdin.readline)).split():
        answer = (
            await everybody.add(int(line[1]))
            if line[0] == "add"
            else answers[line[0]]([float(word) for word in line[1:]])
        )
        print(json.dumps(answer), flush=True)
    beside.cancel()


if __name__ == "__main__":
    asyncio.run(_come(*sys.argv[1:4]))
