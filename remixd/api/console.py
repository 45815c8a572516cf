"""The Console service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from time import monotonic_ns
from typing import Final

from remixd.api import audience_convert, convert
from remixd.api.audit import Audit
from remixd.api.auth import calling
from remixd.api.decks import command_from_proto, deck_to_proto
from remixd.api.status import Context
from remixd.api.streams import Once, Streams
from remixd.audience.signal import check_name
from remixd.control.command import Answer, Applied, Refused
from remixd.control.sessions import Session, SessionStatus, Watcher
from remixd.control.sessions import Sessions as Registry
from remixd.control.streams import Event, Lost, Missed
from remixd.control.timeline import Timeline
from remixd.errors import InvalidInput, RemixdError
from remixd.v1 import common_pb2, console_pb2_grpc, sessions_pb2
from remixd.v1 import console_pb2 as pb

PERFORM: Final = "/remixd.v1.Console/Perform"


def _response(event: Event) -> pb.PerformResponse:
    match event:
        case SessionStatus():
            clock = common_pb2.Clock(
                sample=event.sample, position_s=event.position_s, bar_beat=event.bar_beat or ""
            )
            decks = [deck_to_proto(deck) for deck in event.decks]
            crowd = audience_convert.crowd_to_proto(event.crowd) if event.crowd else None
            return pb.PerformResponse(
                status=pb.ConsoleStatus(
                    clock=clock, decks=decks, crowd=crowd, wanted=event.wanted, authority=event.authority
                )
            )
        case Answer():
            return pb.PerformResponse(answer=audience_convert.answer_to_proto(event))
        case Applied():
            return pb.PerformResponse(applied=convert.applied_to_proto(event))
        case Refused():
            return pb.PerformResponse(refused=sessions_pb2.Refused(id=event.id, reason=event.reason))
        case Missed():
            return pb.PerformResponse(missed=sessions_pb2.Missed(answers=event.answers))
        case Timeline():
            raise TypeError("only those who watch are told timelines")
        case Lost():
            return pb.PerformResponse(lost=sessions_pb2.Lost(reason=event.reason))


class ConsoleServicer(console_pb2_grpc.ConsoleServicer):
    """Translates between the wire and the decks. Thread: [control]."""

    def __init__(self, sessions: Registry, streams: Streams, audit: Audit) -> None:
        self._sessions = sessions
        self._streams = streams
        self._audit = audit
        self._responses = Once[Event](lambda event: _response(event).SerializeToString())

    async def Perform(  # noqa: N802 (the proto's name)
        self, requests: AsyncIterator[pb.PerformRequest], context: Context
    ) -> AsyncIterator[bytes]:
        """Take commands for the decks of a session, and tell what becomes of them."""
        first = await anext(aiter(requests), pb.PerformRequest())
        if not first.HasField("attach"):
            raise InvalidInput("the first request attaches to a session", field="attach")
        session = self._sessions.get(check_name("session", first.attach.session))
        sent: set[str] = set()
        with self._streams.keep(session.watch(sent)) as watcher:
            context.add_done_callback(lambda _: watcher.close())  # type: ignore[arg-type]  # a stub bug
            await context.send_initial_metadata(())
            taking = asyncio.create_task(self._take(requests, session, watcher, sent))
            try:
                async for event in watcher:
                    yield self._responses(event)
                if taking.done():
                    taking.result()  # why it ended, if it was an error
            finally:
                taking.cancel()

    async def _take(
        self, requests: AsyncIterator[pb.PerformRequest], session: Session, watcher: Watcher, sent: set[str]
    ) -> None:
        """Carry out what comes; at its end, or an error, the watcher ends too."""
        try:
            async for request in requests:
                came_ns = monotonic_ns()
                if request.HasField("attach"):
                    raise InvalidInput("this stream is attached already", field="attach")
                answer = self._perform(session, request.command, sent)
                if answer.accepted:
                    session.flight.marks.receive(came_ns, [answer.id])
                self._note(session, request.command, answer)
                watcher.reply(answer)
                await watcher.room()
            watcher.end_when_told()
        except BaseException:
            watcher.close()
            raise

    def _note(self, session: Session, message: pb.DeckCommand, answer: Answer) -> None:
        """Write down what a hand did."""
        verb = message.WhichOneof("action") or ""
        target = {"session": session.id, "command": verb, "deck": message.deck}
        self._audit.note(calling(), PERFORM, target, "OK" if answer.accepted else f"refused: {answer.reason}")

    def _perform(self, session: Session, message: pb.DeckCommand, sent: set[str]) -> Answer:
        """The first answer to a command; what may follow is awaited under its id."""
        try:
            command = command_from_proto(message)
            if command.id in sent:
                raise InvalidInput(f"{command.id} is the id of a command on its way", field="id")
        except RemixdError as error:
            return Answer(id=message.id, accepted=False, reason=str(error))
        sent.add(command.id)
        answer = self._sessions.perform(session, command)
        if not answer.accepted:
            sent.discard(command.id)
        return answer
