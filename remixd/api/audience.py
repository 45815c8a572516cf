"""The Audience service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import islice
from time import monotonic_ns
from typing import Final

from remixd.api import audience_convert as convert
from remixd.api.auth import calling
from remixd.api.fan_names import FanNames, telling_of
from remixd.api.pauses import Pauses
from remixd.api.status import Context
from remixd.api.streams import Requests, Streams
from remixd.audience import similarity
from remixd.audience.crowd import PUBLIC_FANS_MIN
from remixd.audience.signal import Signal, check_name
from remixd.control.fan_keys import FanKeys
from remixd.control.sessions import Session
from remixd.control.sessions import Sessions as Registry
from remixd.errors import InvalidInput
from remixd.v1 import audience_pb2 as pb
from remixd.v1 import audience_pb2_grpc

SIGNALS_MAX: Final = 1024
"""Signals of one batch."""

PIECE: Final = 8
"""Signals of a batch that are taken at a stretch: half a millisecond."""

PLAN_BARS: Final = (1, 64)


class AudienceServicer(audience_pb2_grpc.AudienceServicer):
    """Translates between the wire and the sessions' audiences. Thread: [control]."""

    def __init__(self, sessions: Registry, streams: Streams, fan_keys: FanKeys) -> None:
        self._sessions = sessions
        self._streams = streams
        self._fans = FanNames(fan_keys, sessions.audiences)
        self._pauses = Pauses()
        self._mood_of: convert.MoodOf | None = None

    async def _reader(self, signals: Sequence[pb.Signal]) -> convert.MoodOf | None:
        """What reads texts for which words do not suffice; loaded, aside, when the first text comes."""
        if self._mood_of is None and any(signal.text for signal in signals):
            self._mood_of = await asyncio.to_thread(similarity.load)
        return self._mood_of

    def _whose(self, message: pb.Signal) -> tuple[str, bool]:
        """Who sent a signal: a token for one fan vouches for that one, and only it does."""
        caller = calling()
        return self._fans.name(message.fan), message.verified if caller.fans else caller.verified

    async def _receive(self, session: Session, batch: Sequence[pb.Signal], came_ns: int) -> list[pb.Answer]:
        """Hand a batch, which came at `came_ns`, to its session; the answer to each of its signals.

        Others are answered in between: a long batch must not hold up one hand's wish. Raises Forbidden if a
        signal is not its sender's to send; then none counts.
        """
        _check_count(batch)
        if not batch:
            raise InvalidInput("signals is empty", field="signals")
        caller = calling()
        for message in batch:  # before any of them counts
            caller.fan(message.fan)
        signals = convert.signals_from_proto(batch, await self._reader(batch), whose=self._whose)
        answers: list[pb.Answer] = []
        with self._pauses.batch():
            while some := list(islice(signals, PIECE)):
                if answers:
                    await self._pauses.pause()
                    session = self._sessions.get(session.id)  # it may have ended meanwhile
                answers += self._take(session, some, came_ns)
        return answers

    def _take(self, session: Session, some: Sequence[Signal | pb.Answer], came_ns: int) -> list[pb.Answer]:
        usable = [signal for signal in some if isinstance(signal, Signal)]
        session.flight.marks.receive(came_ns, [signal.id for signal in usable])
        answers = self._sessions.receive(session, usable) if usable else []
        return convert.merge_answers(some, answers)

    async def SendSignals(  # noqa: N802 (the proto's name)
        self, request: pb.SendSignalsRequest, _context: Context
    ) -> pb.SendSignalsResponse:
        """Answer a batch of signals."""
        came_ns = monotonic_ns()
        session = self._sessions.get(check_name("session", request.session))
        return pb.SendSignalsResponse(answers=await self._receive(session, request.signals, came_ns))

    async def StreamSignals(  # noqa: N802
        self, requests: AsyncIterator[pb.StreamSignalsRequest], context: Context
    ) -> AsyncIterator[pb.StreamSignalsResponse]:
        """Answer batch after batch; the next one is read once its answers are on their way."""
        first = await anext(aiter(requests), pb.StreamSignalsRequest())
        if not first.HasField("session"):
            raise InvalidInput("the first request names a session", field="session")
        session_id = check_name("session", first.session)
        self._sessions.get(session_id)
        await context.send_initial_metadata(())
        with self._streams.keep(Requests(requests)) as batches:
            async for request in batches:
                came_ns = monotonic_ns()
                if not request.HasField("batch"):
                    raise InvalidInput("this stream has its session, and takes batches", field="batch")
                session = self._sessions.get(session_id)  # it may have ended meanwhile
                answers = await self._receive(session, request.batch.signals, came_ns)
                yield pb.StreamSignalsResponse(answers=answers)

    async def GetTaste(  # noqa: N802
        self, request: pb.GetTasteRequest, _context: Context
    ) -> pb.GetTasteResponse:
        """Tell what is believed of a fan."""
        session = self._sessions.get(check_name("session", request.session))
        handle = self._fans.own(request.fan)
        with telling_of(handle):
            taste = self._sessions.audiences.taste(session, self._fans.name(handle))
        return pb.GetTasteResponse(taste=convert.taste_to_proto(taste, handle))

    async def ExplainMix(  # noqa: N802
        self, request: pb.ExplainMixRequest, _context: Context
    ) -> pb.ExplainMixResponse:
        """Tell why the mix is as it is."""
        session = self._sessions.get(check_name("session", request.session))
        handle = self._fans.own(request.fan, required=False)
        with telling_of(handle):
            explained = self._sessions.audiences.explain(session, self._fans.name(handle))
        return pb.ExplainMixResponse(explanations=convert.explanations_to_proto(explained))

    async def UndoSignal(  # noqa: N802
        self, request: pb.UndoSignalRequest, _context: Context
    ) -> pb.UndoSignalResponse:
        """Take a signal back."""
        session = self._sessions.get(check_name("session", request.session))
        handle, signal = self._fans.own(request.fan), check_name("signal", request.signal)
        with telling_of(handle):
            explained = self._sessions.audiences.undo(session, self._fans.name(handle), signal)
        return pb.UndoSignalResponse(explanations=convert.explanations_to_proto(explained))

    async def ForgetFan(  # noqa: N802
        self, request: pb.ForgetFanRequest, _context: Context
    ) -> pb.ForgetFanResponse:
        """Forget a fan everywhere."""
        handle = self._fans.own(request.fan)
        name, *before = self._fans.forget(handle)
        with telling_of(handle):
            return convert.forgotten_to_proto(await self._sessions.audiences.forget_fan(name, before))

    async def GetCrowd(  # noqa: N802
        self, request: pb.GetCrowdRequest, _context: Context
    ) -> pb.GetCrowdResponse:
        """Tell what a crowd wants, unless it is so small that one could tell its fans apart."""
        crowd = self._sessions.audiences.crowd(self._sessions.get(check_name("session", request.session)))
        if crowd is None or crowd.fans < PUBLIC_FANS_MIN:
            return pb.GetCrowdResponse(
                reason=f"crowds are shown of directed sessions, from {PUBLIC_FANS_MIN} fans up"
            )
        return pb.GetCrowdResponse(crowd=convert.crowd_to_proto(crowd))

    async def PlanMix(  # noqa: N802
        self, request: pb.PlanMixRequest, _context: Context
    ) -> pb.PlanMixResponse:
        """Tell where signals would lead."""
        session = self._sessions.get(check_name("session", request.session))
        _check_count(request.signals)
        if not PLAN_BARS[0] <= request.bars <= PLAN_BARS[1]:
            raise InvalidInput(
                f"bars goes from {PLAN_BARS[0]} to {PLAN_BARS[1]}, not {request.bars}", field="bars"
            )
        signals = convert.usable_signals(request.signals, await self._reader(request.signals), self._whose)
        moves = self._sessions.audiences.plan(session, signals, request.bars)
        return pb.PlanMixResponse(moves=convert.moves_to_proto(moves))


def _check_count(signals: Sequence[pb.Signal]) -> None:
    if len(signals) > SIGNALS_MAX:
        raise InvalidInput(
            f"signals has {len(signals)} entries; at most {SIGNALS_MAX} are taken", field="signals"
        )
