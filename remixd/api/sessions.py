"""The Sessions service."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from functools import partial
from time import monotonic_ns
from typing import Final
from weakref import ref

from google.protobuf.field_mask_pb2 import FieldMask

from remixd.api import convert
from remixd.api.auth import calling
from remixd.api.decks import arc_from_proto
from remixd.api.joining import Joining
from remixd.api.masks import check_mask, masked
from remixd.api.pages import cut_page
from remixd.api.repeats import Repeats, name_of
from remixd.api.status import Context
from remixd.api.streams import Once, Streams
from remixd.audience.signal import check_name
from remixd.control.encoding import OPUS_BITRATE_BPS, Encoding
from remixd.control.sessions import Session
from remixd.control.sessions import Sessions as Registry
from remixd.control.streams import PAIRS, Event, Packet
from remixd.errors import InvalidInput, NotFound
from remixd.units import RATE_HZ
from remixd.v1 import sessions_pb2 as pb
from remixd.v1 import sessions_pb2_grpc

FORMATS: Final = {
    pb.SAMPLE_FORMAT_UNSPECIFIED: pb.SAMPLE_FORMAT_F32,
    pb.SAMPLE_FORMAT_S16: pb.SAMPLE_FORMAT_S16,
    pb.SAMPLE_FORMAT_F32: pb.SAMPLE_FORMAT_F32,
    pb.SAMPLE_FORMAT_FLAC: pb.SAMPLE_FORMAT_FLAC,
    pb.SAMPLE_FORMAT_OPUS: pb.SAMPLE_FORMAT_OPUS,
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


def _encoding(wire_format: pb.SampleFormat, bitrate_bps: int) -> Encoding | None:
    """How a format is encoded; None if it is samples."""
    if wire_format == pb.SAMPLE_FORMAT_OPUS:
        return Encoding("opus", bitrate_bps or OPUS_BITRATE_BPS)
    if wire_format == pb.SAMPLE_FORMAT_FLAC:
        return Encoding("flac", bitrate_bps)
    if bitrate_bps:
        raise InvalidInput("bitrate_bps is for Opus", field="bitrate_bps")
    return None


def _masked(event: Event, mask: FieldMask) -> bytes:
    told = convert.event_to_proto(event)
    if told.HasField("status"):
        told.status.CopyFrom(masked(told.status, mask))
    return told.SerializeToString()


def _presets(request: pb.CreateSessionRequest) -> dict[str, float] | None:
    """Where it starts, by the presets' names."""
    name = check_name("preset", request.preset, required=False)
    if name and request.preset_weights:
        raise InvalidInput("preset and preset_weights are both there", field="preset_weights")
    weights = {check_name("preset_weights", each): value for each, value in request.preset_weights.items()}
    return {name: 1.0} if name else weights or None


class SessionsServicer(sessions_pb2_grpc.SessionsServicer):
    """Translates between the wire and the sessions. Thread: [control]."""

    def __init__(self, sessions: Registry, streams: Streams, joining: Joining) -> None:
        self._sessions = sessions
        self._joining = joining
        self._streams = streams
        self._repeats = Repeats[ref[Session]]()  # weakly: a session that is kept keeps its shared memory
        self._events = Once[Event](lambda event: convert.event_to_proto(event).SerializeToString())
        self._packets = {wire_format: Once(partial(_packet, wire_format)) for wire_format in FORMATS.values()}

    async def CreateSession(  # noqa: N802 (the proto's name)
        self, request: pb.CreateSessionRequest, _context: Context
    ) -> pb.CreateSessionResponse:
        """Start a song, or empty decks."""
        made = await self._repeats.once(
            request, calling().sub or "", lambda: self._create(request), self._end
        )
        session = made()
        if session is None or not self._sessions.has(session):
            raise NotFound("the session that this request brought has ended")
        return pb.CreateSessionResponse(session=convert.status_to_proto(session.status()))

    async def _create(self, request: pb.CreateSessionRequest) -> ref[Session]:
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
            name=name_of(calling().sub or "", request.request_id) if request.request_id else None,
        )
        return ref(session)

    async def _end(self, made: ref[Session]) -> None:
        if session := made():
            with contextlib.suppress(NotFound):
                await self._sessions.delete(session.id)

    async def GetSession(  # noqa: N802
        self, request: pb.GetSessionRequest, _context: Context
    ) -> pb.GetSessionResponse:
        """Tell how a session stands."""
        mask = check_mask(request.read_mask, pb.Session)
        session = self._sessions.get(check_name("session", request.session))
        return pb.GetSessionResponse(session=masked(convert.status_to_proto(session.status()), mask))

    async def ListSessions(  # noqa: N802
        self, request: pb.ListSessionsRequest, _context: Context
    ) -> pb.ListSessionsResponse:
        """List the sessions in the order of creation."""
        mask = check_mask(request.read_mask, pb.Session)
        page, token = cut_page(self._sessions.all(), _order, request.page_size, request.page_token)
        told = [masked(convert.status_to_proto(session.status()), mask) for session in page]
        return pb.ListSessionsResponse(sessions=told, next_page_token=token)

    async def DeleteSession(  # noqa: N802
        self, request: pb.DeleteSessionRequest, _context: Context
    ) -> pb.DeleteSessionResponse:
        """End a session."""
        await self._sessions.delete(check_name("session", request.session))
        return pb.DeleteSessionResponse()

    async def CreateJoinToken(  # noqa: N802
        self, request: pb.CreateJoinTokenRequest, _context: Context
    ) -> pb.CreateJoinTokenResponse:
        """Make a link by which phones join."""
        self._sessions.get(check_name("session", request.session))
        return self._joining.link(request)

    async def Join(  # noqa: N802
        self, request: pb.JoinRequest, _context: Context
    ) -> pb.JoinResponse:
        """Make a fan of whoever has an invitation."""
        self._sessions.get(check_name("session", request.session))
        return self._joining.join(request)

    async def Panic(  # noqa: N802
        self, request: pb.PanicRequest, _context: Context
    ) -> pb.PanicResponse:
        """Bring the artist's own mix back."""
        came_ns = monotonic_ns()
        session = self._sessions.get(check_name("session", request.session))
        answer = session.panic(check_name("id", request.id))
        session.flight.marks.receive(came_ns, [answer.id])
        return pb.PanicResponse(planned_sample=answer.planned_sample)

    async def Listen(  # noqa: N802
        self, request: pb.ListenRequest, context: Context
    ) -> AsyncIterator[pb.ListenResponse | bytes]:
        """Give a session's sound from now on."""
        session = self._sessions.get(check_name("session", request.session))
        wire_format = FORMATS.get(request.format)
        if wire_format is None:
            raise InvalidInput(f"format is {request.format}, which is none", field="format")
        told = pb.StreamFormat(rate_hz=RATE_HZ, channels=CHANNELS, format=wire_format)
        encoding = _encoding(wire_format, request.bitrate_bps)
        if request.stems:
            if encoding is not None:
                raise InvalidInput("stems are sent as s16 or f32", field="format")
            joined = session.stems.join()
            told.channels *= len(PAIRS)
            told.pairs.extend(PAIRS)
        elif encoding is None:
            joined = session.listen()
        else:
            joined, head = await self._sessions.encodings.listen(session, encoding)
            told.codec_header, told.pre_skip_frames = head.data, head.pre_skip_frames
            told.codec_frames, told.bitrate_bps = head.packet_frames, encoding.bitrate_bps
        with self._streams.keep(joined) as listener:
            context.add_done_callback(lambda _: listener.close())  # type: ignore[arg-type]  # a stub bug
            await context.send_initial_metadata(())
            yield pb.ListenResponse(format=told)
            async for packet in listener:
                yield self._packets[wire_format](packet)

    async def Watch(  # noqa: N802
        self, request: pb.WatchRequest, context: Context
    ) -> AsyncIterator[bytes]:
        """Follow a session from now on."""
        mask = check_mask(request.read_mask, pb.Session)
        session = self._sessions.get(check_name("session", request.session))
        with self._streams.keep(session.watch(timeline=request.timeline)) as watcher:
            context.add_done_callback(lambda _: watcher.close())  # type: ignore[arg-type]  # a stub bug
            await context.send_initial_metadata(())
            async for event in watcher:
                yield self._events(event) if mask is None else _masked(event, mask)
