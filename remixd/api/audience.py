"""The Audience service."""

from __future__ import annotations

from typing import Final

from remixd.api import convert
from remixd.api.status import Context
from remixd.audience.signal import Signal, check_name
from remixd.control.sessions import Sessions as Registry
from remixd.errors import InvalidInput
from remixd.v1 import audience_pb2 as pb
from remixd.v1 import audience_pb2_grpc

SIGNALS_MAX: Final = 1024
"""Signals of one batch."""


class AudienceServicer(audience_pb2_grpc.AudienceServicer):
    """Translates between the wire and the sessions' audiences. Thread: [control]."""

    def __init__(self, sessions: Registry) -> None:
        self._sessions = sessions

    async def SendSignals(  # noqa: N802 (the proto's name)
        self, request: pb.SendSignalsRequest, _context: Context
    ) -> pb.SendSignalsResponse:
        """Hand a batch to its session, and answer each of its signals."""
        session = self._sessions.get(check_name("session", request.session))
        if not request.signals:
            raise InvalidInput("signals is empty", field="signals")
        if len(request.signals) > SIGNALS_MAX:
            count = len(request.signals)
            raise InvalidInput(
                f"signals has {count} entries; at most {SIGNALS_MAX} are taken", field="signals"
            )
        signals = convert.signals_from_proto(request.signals)
        usable = [signal for signal in signals if isinstance(signal, Signal)]
        answers = self._sessions.receive(session, usable) if usable else []
        return pb.SendSignalsResponse(answers=convert.merge_answers(signals, answers))
