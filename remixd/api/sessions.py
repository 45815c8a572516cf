"""The Sessions service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from remixd.api import convert
from remixd.api.decks import arc_from_proto
from remixd.api.pages import cut_page
from remixd.api.status import Context
from remixd.api.streams import Once, Streams
from remixd.audience.signal import check_name
from remixd.control.sessions import Session
from remixd.control.sessions import Sessions as Registry
from remixd.control.streams import PAIRS, Event, Packet
from remixd.errors import InvalidInput
from remixd.units import RATE_HZ
from remixd.v1 import sessions_pb2 as pb
from remixd.v1 import sessions_pb2_grpc

FORMATS: Final = {
    pb.SAMPLE_FORMAT_UNSPECIFIED: pb.SAMPLE_FORMAT_F32,
    pb.SAMPLE_FORMAT_S16: pb.SAMPLE_FORMAT_S16,
    pb.SAMPLE_FORMAT_F32: pb.SAMPLE_FORMAT_F32,
}
DIRECTED: Final = {
    pb.SESSION_MODE_UNSPECIFIED: False,
    pb.SESSION_MODE_HANDS_ON: False,
    pb.SESSION_MODE_DIRECTED: True,
}
CHANNELS: Final = 2


def _order(session: Session) -> tuple[str]:
    return (f"{session.key:020d}",)  # keys rise, and none comes twice


def _packet(wire_format: pb.SampleFormat, packet: Packet) -> bytes:
    return pb.ListenResponse(packet=convert.packet_to_proto(packet, wire_format)).SerializeToString()


def _presets(request: pb.CreateSessionRequest) -> dict[str, float] | None:
    """Where it starts, by the presets' names."""
    name = check_name("preset", request.preset, required=False)
    if name and request.preset_weights:
        raise InvalidInput("preset and preset_weights are both there", field="preset_weights")
    weights = {check_name("preset_weights", each): value for each, value in request.preset_weights.items()}
    return {name: 1.0} if name else weights or None


class SessionsServicer(sessions_pb2_grpc.SessionsServicer):
    """Translates between the wire and the sessions. Thread: [control]."""

    def __init__(self, sessions: Registry, streams: Streams) -> None:
        self._sessions = sessions
        self._streams = streams
        self._events = Once[Event](lambda event: convert.event_to_proto(event).SerializeToString())
        self._packets = {wire_format: Once(partial(_packet, wire_format)) for wire_format in FORMATS.values()}

    async def CreateSession(  # noqa: N802 (the proto's name)
        self, request: pb.CreateSessionRequest, _context: Context
    ) -> pb.CreateSessionResponse:
        """Start a song, or empty decks."""
        directed = DIRECTED.get(request.mode)
        if directed is None:
            raise InvalidInput(f"mode is {request.mode}, which is none", field="mode")
        session = await self._sessions.create(
            check_name("track", request.track, required=False) or None,
            directed=directed,
            sink=request.sink or None,
            presets=_presets(request),
            arc=arc_from_proto(request.arc),
            exploring=request.exploring if request.HasField("exploring") else None,
            apart=request.stems,
        )
        return pb.CreateSessionResponse(session=convert.status_to_proto(session.status()))

    async def GetSession(  # noqa: N802
        self, request: pb.GetSessionRequest, _context: Context
    ) -> pb.GetSessionResponse:
        """Tell how a session stands."""
        session = self._sessions.get(check_name("session", request.session))
        return pb.GetSessionResponse(session=convert.status_to_proto(session.status()))

    async def ListSessions(  # noqa: N802
        self, request: pb.ListSessionsRequest, _context: Context
    ) -> pb.ListSessionsResponse:
        """List the sessions in the order of creation."""
        page, token = cut_page(self._sessions.all(), _order, request.page_size, request.page_token)
        return pb.ListSessionsResponse(
            sessions=[convert.status_to_proto(session.status()) for session in page], next_page_token=token
        )

    async def DeleteSession(  # noqa: N802
        self, request: pb.DeleteSessionRequest, _context: Context
    ) -> pb.DeleteSessionResponse:
        """End a session."""
        await self._sessions.delete(check_name("session", request.session))
        return pb.DeleteSessionResponse()

    async def Panic(  # noqa: N802
        self, request: pb.PanicRequest, _context: Context
    ) -> pb.PanicResponse:
        """Bring the artist's own mix back."""
        session = self._sessions.get(check_name("session", request.session))
        answer = session.panic(check_name("id", request.id))
        return pb.PanicResponse(planned_sample=answer.planned_sample)

    async def Listen(  # noqa: N802
        self, request: pb.ListenRequest, context: Context
    ) -> AsyncIterator[pb.ListenResponse | bytes]:
        """Give a session's sound from now on."""
        session = self._sessions.get(check_name("session", request.session))
        wire_format = FORMATS.get(request.format)
        if wire_format is None:
            raise InvalidInput(f"format is {request.format}, which is none", field="format")
        pairs = PAIRS if request.stems else ()
        joined = session.listen_to_stems() if request.stems else session.listen()
        with self._streams.keep(joined) as listener:
            context.add_done_callback(lambda _: listener.close())  # type: ignore[arg-type]  # a stub bug
            await context.send_initial_metadata(())
            yield pb.ListenResponse(
                format=pb.StreamFormat(
                    rate_hz=RATE_HZ,
                    channels=CHANNELS * max(len(pairs), 1),
                    format=wire_format,
                    pairs=pairs,
                )
            )
            async for packet in listener:
                yield self._packets[wire_format](packet)

    async def Watch(  # noqa: N802
        self, request: pb.WatchRequest, context: Context
    ) -> AsyncIterator[bytes]:
        """Follow a session from now on."""
        session = self._sessions.get(check_name("session", request.session))
        with self._streams.keep(session.watch(timeline=request.timeline)) as watcher:
            context.add_done_callback(lambda _: watcher.close())  # type: ignore[arg-type]  # a stub bug
            await context.send_initial_metadata(())
            async for event in watcher:
                yield self._events(event)
