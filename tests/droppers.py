"""A server whose streams and calls break off where a test says, as those of a daemon do that is killed."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2_grpc

from remixd.v1 import audience_pb2 as audience
from remixd.v1 import audience_pb2_grpc, common_pb2, sessions_pb2_grpc
from remixd.v1 import sessions_pb2 as sessions

PACKET_FRAMES = 480


class Dropper(audience_pb2_grpc.AudienceServicer, sessions_pb2_grpc.SessionsServicer):
    """Knows signals again by their ids, and counts time in packets while nobody listens too.

    `cuts` says of each stream or call in turn how many messages it answers before it breaks off, and whether
    the message that it breaks off at was heard; after the last one nothing breaks any more.
    """

    def __init__(self) -> None:
        self.begin([])
        self._server = grpc.server(ThreadPoolExecutor(8))
        audience_pb2_grpc.add_AudienceServicer_to_server(self, self._server)
        sessions_pb2_grpc.add_SessionsServicer_to_server(self, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def begin(self, cuts: list[tuple[int, bool]]) -> None:
        """Forget everything; break off anew."""
        self._cuts = iter(cuts)
        self._lock = threading.Lock()
        self.counted: list[str] = []
        self.gone = False
        self.packet = itertools.count()

    def stop(self) -> None:
        self._server.stop(0).wait()

    def _next_cut(self) -> tuple[int, bool]:
        with self._lock:
            return next(self._cuts, (1 << 30, True))

    def _receive(self, signals: Any) -> list[audience.Answer]:
        answers = []
        with self._lock:
            for each in signals:
                known = each.id in self.counted
                if not known:
                    self.counted.append(each.id)
                answers.append(audience.Answer(id=each.id, accepted=True, duplicate=known))
        return answers

    def _check(self, context: grpc.ServicerContext) -> None:
        if self.gone:
            context.abort(grpc.StatusCode.NOT_FOUND, "there is no such session")

    def StreamSignals(self, requests: Any, context: Any) -> Iterator[Any]:  # noqa: N802 (the protos' names)
        self._check(context)
        left, heard = self._next_cut()
        next(requests)
        context.send_initial_metadata(())
        for request in requests:
            if left or heard:
                answers = self._receive(request.batch.signals)
            if not left:
                context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
            left -= 1
            yield audience.StreamSignalsResponse(answers=answers)

    def SendSignals(self, request: Any, context: Any) -> Any:  # noqa: N802 (as above)
        left, heard = self._next_cut()
        answers = self._receive(request.signals) if left or heard else []
        if not left:
            context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
        return audience.SendSignalsResponse(answers=answers)

    def UndoSignal(self, _request: Any, context: Any) -> Any:  # noqa: N802 (as above)
        if not self._next_cut()[0]:
            context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
        return audience.UndoSignalResponse()

    def Listen(self, _request: Any, context: Any) -> Iterator[Any]:  # noqa: N802 (as above)
        self._check(context)
        left, _ = self._next_cut()
        context.send_initial_metadata(())
        f32 = sessions.SAMPLE_FORMAT_F32
        yield sessions.ListenResponse(format=sessions.StreamFormat(rate_hz=48_000, channels=2, format=f32))
        for _ in range(min(left, 1000)):
            number = next(self.packet)
            yield sessions.ListenResponse(packet=sessions.Packet(
                sequence=number, clock=common_pb2.Clock(sample=number * PACKET_FRAMES),
                length_frames=PACKET_FRAMES, pcm=bytes(8 * PACKET_FRAMES),
            ))  # fmt: skip
        for _ in range(3):  # nobody hears these
            next(self.packet)
        context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")

    def Watch(self, _request: Any, context: Any) -> Iterator[Any]:  # noqa: N802 (as above)
        self._check(context)
        left, _ = self._next_cut()
        context.send_initial_metadata(())
        for number in range(min(left, 1000)):
            yield sessions.WatchResponse(applied=common_pb2.Applied(id=str(number)))
        context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
