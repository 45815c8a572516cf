"""The blocking client."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Generic, TypeVar

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from remixd.audience.signal import Signal
from remixd.client import _convert as convert
from remixd.client._recording import Recorder, Recording
from remixd.client._types import (
    Answer,
    Applied,
    Event,
    ImportedTrack,
    Lost,
    Packet,
    Refused,
    Session,
    Track,
    TrackSummary,
)
from remixd.config import Address, listen_address
from remixd.errors import Unavailable
from remixd.units import frames_from_seconds
from remixd.v1 import (
    audience_pb2,
    audience_pb2_grpc,
    common_pb2,
    sessions_pb2,
    sessions_pb2_grpc,
    tracks_pb2,
    tracks_pb2_grpc,
)

TIMEOUT_S: Final = 10.0
CREATE_TIMEOUT_S: Final = 300.0
"""A track's first session waits for its cache."""

PROBE_TIMEOUT_S: Final = 2.0
PAGE_SIZE: Final = 500

T = TypeVar("T")
M = TypeVar("M")


class Stream(Iterator[T], Generic[T]):
    """What a daemon keeps sending. Iterate over it; close it, or leave its `with`, when done.

    Raises remixd's errors from the iteration.
    """

    def __init__(self, call: grpc.CallIterator[M], read: Callable[[M], T | None], client: Client) -> None:
        self._call = call
        self._messages = iter(call)
        self._read = read
        self._client = client
        self._timed = False
        self._closed = False
        call.initial_metadata()  # comes once the daemon has the stream in place, or refused it

    def __next__(self) -> T:
        """Wait for the next one."""
        while True:
            try:
                with self._client.telling_errors():
                    value = self._read(next(self._messages))
            except Unavailable:
                if self._closed or (self._timed and self._call.code() is grpc.StatusCode.DEADLINE_EXCEEDED):
                    raise StopIteration from None
                raise
            if value is not None:
                return value

    def ending_in_time(self) -> Stream[T]:
        """The same stream; reaching its time limit ends it without an error."""
        self._timed = True
        return self

    def close(self) -> None:
        """Take no more."""
        self._closed = True
        self._call.cancel()  # type: ignore[no-untyped-call]  # the stubs leave it out

    def __enter__(self) -> Stream[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Client:
    """Talks to a daemon on this machine and blocks until it answers.

    Args:
        address: HOST:PORT; None for REMIXD_LISTEN, else 127.0.0.1:7400.
        timeout_s: how long an ordinary call may take.

    Every method raises remixd's errors: NotFound, InvalidInput, Exhausted as the daemon does, and
    Unavailable if there is none. Any thread may call it.
    """

    def __init__(self, address: str | None = None, *, timeout_s: float = TIMEOUT_S) -> None:
        self.address: Final[Address] = listen_address(address)
        self.timeout_s: Final = timeout_s
        self._channel = grpc.insecure_channel(str(self.address), options=(("grpc.enable_http_proxy", 0),))
        self._tracks = tracks_pb2_grpc.TracksStub(self._channel)  # type: ignore[no-untyped-call]  # generated
        self._sessions = sessions_pb2_grpc.SessionsStub(self._channel)  # type: ignore[no-untyped-call]  # generated
        self._audience = audience_pb2_grpc.AudienceStub(self._channel)  # type: ignore[no-untyped-call]  # generated
        self._health = health_pb2_grpc.HealthStub(self._channel)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; every stream ends."""
        self._channel.close()

    @contextmanager
    def telling_errors(self) -> Iterator[None]:
        """Raise remixd's errors in the place of gRPC's."""
        try:
            yield
        except grpc.RpcError as error:
            raise convert.error_from_status(error, self.address) from None

    def is_serving(self) -> bool:
        """Whether a daemon answers."""
        try:
            answer = self._health.Check(health_pb2.HealthCheckRequest(), timeout=PROBE_TIMEOUT_S)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    # Tracks

    def import_track(
        self,
        path: str | Path,
        *,
        roles: Mapping[str, str] | None = None,
        on_progress: Callable[[float, str], None] | None = None,
    ) -> ImportedTrack:
        """Import a song from this machine into the daemon's library.

        Args:
            path: a folder of stems, a .stem.mp4, or a full mix.
            roles: the role of a stem by the name of its file, where that does not tell it.
            on_progress: called with the share done, 0 to 1, and what the import is at.

        Raises BadAudio or InvalidInput, naming the file; NotFound for an unknown role.
        """
        request = tracks_pb2.ImportTrackRequest(
            path=str(Path(path).expanduser().absolute()), roles=convert.roles_to_proto(roles or {})
        )
        with self.telling_errors():
            for message in self._tracks.ImportTrack(request):
                if message.HasField("track"):
                    return convert.imported(message.track)
                if on_progress is not None:
                    on_progress(message.progress.done, message.progress.doing)
        raise Unavailable(f"the import of {path} ended without a track")

    def tracks(self) -> list[TrackSummary]:
        """Every track of the daemon's library, in the order of import."""
        found: list[TrackSummary] = []
        token = ""
        while True:
            request = tracks_pb2.ListTracksRequest(page_size=PAGE_SIZE, page_token=token)
            with self.telling_errors():
                response = self._tracks.ListTracks(request, timeout=self.timeout_s)
            found += [convert.track_summary(message) for message in response.tracks]
            token = response.next_page_token
            if not token:
                return found

    def track(self, track: str) -> Track:
        """One track in full."""
        with self.telling_errors():
            response = self._tracks.GetTrack(tracks_pb2.GetTrackRequest(track=track), timeout=self.timeout_s)
        return convert.track(response.track, response.library)

    # Sessions

    def create_session(self, track: str, *, timeout_s: float = CREATE_TIMEOUT_S) -> Session:
        """Start a track; it plays at once and starts over at its end."""
        with self.telling_errors():
            response = self._sessions.CreateSession(
                sessions_pb2.CreateSessionRequest(track=track), timeout=timeout_s
            )
        return convert.session(response.session)

    def sessions(self) -> list[Session]:
        """Every session, in the order of creation."""
        found: list[Session] = []
        token = ""
        while True:
            request = sessions_pb2.ListSessionsRequest(page_size=PAGE_SIZE, page_token=token)
            with self.telling_errors():
                response = self._sessions.ListSessions(request, timeout=self.timeout_s)
            found += [convert.session(message) for message in response.sessions]
            token = response.next_page_token
            if not token:
                return found

    def session(self, session: str) -> Session:
        """How a session stands; a lost one still answers."""
        with self.telling_errors():
            response = self._sessions.GetSession(
                sessions_pb2.GetSessionRequest(session=session), timeout=self.timeout_s
            )
        return convert.session(response.session)

    def delete_session(self, session: str) -> None:
        """End a session."""
        with self.telling_errors():
            self._sessions.DeleteSession(
                sessions_pb2.DeleteSessionRequest(session=session), timeout=self.timeout_s
            )

    def packets(self, session: str, *, seconds: float | None = None) -> Stream[Packet]:
        """A session's sound from now on, as it comes; after `seconds` of waiting, Unavailable."""
        call = self._sessions.Listen(
            sessions_pb2.ListenRequest(session=session, format=sessions_pb2.SAMPLE_FORMAT_F32),
            timeout=seconds,
        )
        return Stream(call, _packet, self)

    def listen(self, session: str, seconds: float) -> Recording:
        """Hear a session for `seconds` and lay what comes on its clock.

        A session that is deleted meanwhile gives what was heard until then.
        Raises InvalidInput for less than one frame.
        """
        recorder = Recorder(frames_from_seconds(seconds))
        with self.packets(session, seconds=seconds + self.timeout_s) as packets:
            for packet in packets:
                recorder.add(packet)
                if recorder.is_full:
                    break
        return recorder.recording()

    def watch(self, session: str, *, seconds: float | None = None) -> Stream[Event]:
        """Follow a session from now on, for `seconds` or until it ends.

        What is sent to the session after this returns cannot be missed.
        """
        return self._watch(session, seconds).ending_in_time()

    def _watch(self, session: str, seconds: float | None) -> Stream[Event]:
        call = self._sessions.Watch(sessions_pb2.WatchRequest(session=session), timeout=seconds)
        return Stream(call, convert.event, self)

    # Audience

    def send(self, session: str, signals: Iterable[Signal]) -> list[Answer]:
        """Send a batch of at most 1024 signals; one answer each, in their order."""
        request = audience_pb2.SendSignalsRequest(
            session=session,
            signals=[
                audience_pb2.Signal(
                    id=signal.id,
                    fan=signal.fan,
                    wishes=[
                        common_pb2.Wish(dimension=name, value=value) for name, value in signal.wishes.items()
                    ],
                )
                for signal in signals
            ],
        )
        with self.telling_errors():
            response = self._audience.SendSignals(request, timeout=self.timeout_s)
        return [convert.answer(message) for message in response.answers]

    def signal(
        self,
        session: str,
        wishes: Mapping[str, float],
        *,
        fan: str = "",
        wait: bool = False,
    ) -> Answer:
        """Send one signal, and with `wait` stay until it is in the sound.

        Raises NotFound for an unknown dimension, InvalidInput for a value that is not finite;
        Unavailable if an accepted signal is not applied within `timeout_s`.
        """
        signal = Signal(id=uuid.uuid4().hex, fan=fan, wishes=wishes)
        if not wait:
            return self.send(session, [signal])[0]
        with self._watch(session, self.timeout_s) as events:
            answer = self.send(session, [signal])[0]
            return _await_outcome(events, answer) if answer.accepted else answer


def _await_outcome(events: Stream[Event], answer: Answer) -> Answer:
    try:
        for event in events:
            if isinstance(event, Applied) and event.id == answer.id:
                return dataclasses.replace(answer, applied=event)
            if isinstance(event, Refused) and event.id == answer.id:
                return dataclasses.replace(answer, accepted=False, reason=event.reason)
            if isinstance(event, Lost):
                raise Unavailable(event.reason)
    except Unavailable as error:
        raise Unavailable(f"signal {answer.id} was accepted, but not heard of again: {error}") from None
    raise Unavailable(f"signal {answer.id} was accepted, but its session ended")


def _packet(message: sessions_pb2.ListenResponse) -> Packet | None:
    return convert.packet(message.packet) if message.HasField("packet") else None
