"""What every method of a client asks a daemon, and what it makes of the answers: once, for both faces.

A plan is a generator. It yields steps (`Ask`, `Follow`, `Take`), is sent what came of each, or has the error
thrown in, and returns what the method returns. The faces, `Client` and `AsyncClient`, only differ in how
they wait. A new method is a plan here and one line in each face.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from grpc_health.v1 import health_pb2

from remixd.audience.arc import check_arc
from remixd.client import _convert as convert
from remixd.client._audience_plans import AudiencePlans
from remixd.client._preset_plans import weights_of
from remixd.client._recording import Recorder, Recording
from remixd.client._song_types import (
    Alternative,
    ImportedTrack,
    StemOverview,
    Track,
    TrackSummary,
)
from remixd.client._steps import Again, Ask, Follow, Plan, Take
from remixd.client._types import (
    SAMPLES,
    Answer,
    JoinLink,
    Packet,
    Session,
)
from remixd.client._watching import outcome
from remixd.config import expand_home
from remixd.errors import InvalidInput, RemixdError, Unavailable
from remixd.units import frames_from_seconds
from remixd.v1 import (
    common_pb2,
    sessions_pb2,
    tracks_pb2,
)

TIMEOUT_S: Final = 10.0
CREATE_TIMEOUT_S: Final = 300.0
"""A track's first session waits for its cache."""

PROBE_TIMEOUT_S: Final = 2.0
PAGE_SIZE: Final = 500

T = TypeVar("T")
M = TypeVar("M")


def _absolute(path: str | Path) -> str:
    """A path as the daemon reads it. Raises InvalidInput if no message can carry it."""
    text = str(expand_home(Path(path)).absolute())
    try:
        text.encode()
    except UnicodeEncodeError:
        shown = text.encode("utf-8", "backslashreplace").decode()
        raise InvalidInput(f"{shown} is not UTF-8: rename it, or import it with --library") from None
    return text


class Plans(AudiencePlans):
    """The plan of every method."""

    __slots__ = ()

    def is_serving(self) -> Plan[bool]:
        """Whether a daemon answers."""
        try:
            answer = yield Ask("Health", "Check", health_pb2.HealthCheckRequest(), PROBE_TIMEOUT_S)
        except RemixdError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    # Tracks

    def import_track(
        self,
        path: str | Path,
        *,
        roles: Mapping[str, str] | None = None,
        grid: str | Path | None = None,
        splitter: str = "",
        again: bool = False,
        warm: bool = False,
        on_progress: Callable[[float, str], None] | None = None,
    ) -> Plan[ImportedTrack]:
        """Import a song from this machine into the daemon's library.

        Args:
            path: a folder of stems, a .stem.mp4, or a full mix.
            roles: the role of a stem by the name of its file, where that does not tell it.
            grid: a file of beats that are taken instead of computed ones: rekordbox's .xml, a .mid or a .csv.
            splitter: what splits a full mix: `harmonic`, `demucs` or `none`; empty for the default.
            again: read and analyse anew a song that is there; its id and its edits stay.
            warm: build its cache too, so that its first session starts without a wait.
            on_progress: called with the share done, 0 to 1, and what the import is at.

        Raises BadAudio or InvalidInput, naming the file; NotFound for an unknown role or splitter.
        """
        request = tracks_pb2.ImportTrackRequest(
            path=_absolute(path),
            roles=convert.roles_to_proto(roles or {}),
            grid=_absolute(grid) if grid is not None else "",
            splitter=splitter,
            again=again,
            warm=warm,
        )
        news = yield Follow("Tracks", "ImportTrack", request, None, _itself)
        while (message := (yield Take(news))) is not None:
            if message.HasField("track"):
                return convert.imported(message.track)
            if on_progress is not None:
                on_progress(message.progress.done, message.progress.doing)
        raise Unavailable(f"the import of {path} ended without a track")

    def tracks(
        self,
        text: str = "",
        *,
        key: str = "",
        bpm: tuple[float | None, float | None] = (None, None),
        energy: tuple[float | None, float | None] = (None, None),
    ) -> Plan[list[TrackSummary]]:
        """The tracks of the daemon's library, in the order of import; all, if nothing is looked for.

        Args:
            text: words of the title and artist, or the beginning of the id, whatever their case.
            key: a name or Camelot code; found is what mixes with it.
            bpm: the slowest and the fastest, or None.
            energy: the least and the greatest, from 1 to 10, or None.
        """
        request = tracks_pb2.ListTracksRequest(
            page_size=PAGE_SIZE, text=text, key=key, min_bpm=bpm[0], max_bpm=bpm[1],
            min_energy=energy[0], max_energy=energy[1],
        )  # fmt: skip
        found: list[TrackSummary] = []
        while True:
            response = yield Ask("Tracks", "ListTracks", request, self.timeout_s)
            found += [convert.track_summary(message) for message in response.tracks]
            if not response.next_page_token:
                return found
            request.page_token = response.next_page_token

    def track(self, track: str) -> Plan[Track]:
        """One track in full."""
        response = yield Ask("Tracks", "GetTrack", tracks_pb2.GetTrackRequest(track=track), self.timeout_s)
        return convert.track(response.track, response.library)

    def edit_track(
        self,
        track: str,
        *,
        title: str | None = None,
        artist: str | None = None,
        bpm: float | None = None,
        first_downbeat_s: float | None = None,
        metre: str | None = None,
        key: str | None = None,
        sections: Mapping[float, str] | None = None,
        alternative: Alternative | None = None,
        reset: Iterable[str] = (),
    ) -> Plan[Track]:
        """Edit a track by hand, and give it as it is now. Edits survive a new analysis.

        Args:
            track: its id.
            title: a line of text.
            artist: a line of text, or none.
            bpm: 20 to 400, the same throughout; the beats become an even grid.
            first_downbeat_s: where the first bar begins, in seconds.
            metre: such as "3/4".
            key: such as "A minor" or "8A".
            sections: labels by where they start, in seconds.
            alternative: another way to count it, such as one of `Track.alternatives`; it undoes earlier edits
                of bpm, first_downbeat_s and metre.
            reset: the names of the above whose earlier edits are undone first.

        Raises InvalidInput, naming the field.
        """
        edits = convert.edits_to_proto(
            sections or {}, alternative, title=title, artist=artist, bpm=bpm,
            first_downbeat_s=first_downbeat_s, metre=metre, key=key,
        )  # fmt: skip
        request = tracks_pb2.EditTrackRequest(track=track, edits=edits, reset=reset)
        response = yield Ask("Tracks", "EditTrack", request, self.timeout_s)
        return convert.track(response.track, response.library)

    def overview(self, track: str, columns: int = 1000) -> Plan[tuple[StemOverview, ...]]:
        """What the stems of a track look like that play, at 1 to 16384 equal stretches of time.

        Raises BadAudio where a stem is missing or damaged.
        """
        request = tracks_pb2.GetOverviewRequest(track=track, columns=columns)
        return convert.overview((yield Ask("Tracks", "GetOverview", request, CREATE_TIMEOUT_S)))

    def delete_track(self, track: str) -> Plan[None]:
        """Take a track out of the library, with all its files; sessions that play it go on."""
        yield Ask("Tracks", "DeleteTrack", tracks_pb2.DeleteTrackRequest(track=track), self.timeout_s)

    # Sessions

    def create_session(
        self,
        track: str | None = None,
        *,
        directed: bool = False,
        sink: str | None = None,
        preset: str | Mapping[str, float] | None = None,
        arc: Iterable[tuple[float, float]] = (),
        exploring: bool | None = None,
        stems: bool = False,
        timeout_s: float = CREATE_TIMEOUT_S,
    ) -> Plan[Session]:
        """Start a track; it plays at once and starts over at its end. Or start with empty decks.

        Args:
            track: its id; None for empty decks.
            directed: whether the director moves the mix, as the fans wish together; else wishes act at once.
            sink: "stream", "device[:NAME]", "file:PATH.wav" or "null[:fast]"; None for the daemon's default.
            preset: to start from: a name, "NAME[:WEIGHT],...", or weights by name; None for the original.
            arc: of a directed session, how lively it is over time: seconds, rising, and energy, 0 to 1.
            exploring: whether a directed session may try out what the fans might like; None for yes.
            stems: whether its stems can be listened to one by one (`packets`), as far as rights allow.
            timeout_s: how long the track's cache may take.
        """
        mode = sessions_pb2.SESSION_MODE_DIRECTED if directed else sessions_pb2.SESSION_MODE_HANDS_ON
        request = sessions_pb2.CreateSessionRequest(
            track=track or "",
            mode=mode,
            sink=sink or "",
            preset_weights=weights_of(preset or {}),
            arc=[common_pb2.ArcPoint(after_s=at_s, energy=energy) for at_s, energy in check_arc(arc)],
            exploring=exploring,
            request_id=uuid.uuid4().hex,
            stems=stems,
        )
        response = yield Ask("Sessions", "CreateSession", request, timeout_s)
        return convert.session(response.session)

    def sessions(self) -> Plan[list[Session]]:
        """Every session, in the order of creation."""
        found: list[Session] = []
        token = ""
        while True:
            request = sessions_pb2.ListSessionsRequest(page_size=PAGE_SIZE, page_token=token)
            response = yield Ask("Sessions", "ListSessions", request, self.timeout_s)
            found += [convert.session(message) for message in response.sessions]
            if not response.next_page_token:
                return found
            request.page_token = response.next_page_token

    def session(self, session: str) -> Plan[Session]:
        """How a session stands; a lost one still answers."""
        request = sessions_pb2.GetSessionRequest(session=session)
        response = yield Ask("Sessions", "GetSession", request, self.timeout_s)
        return convert.session(response.session)

    def delete_session(self, session: str) -> Plan[None]:
        """End a session."""
        request = sessions_pb2.DeleteSessionRequest(session=session)
        yield Ask("Sessions", "DeleteSession", request, self.timeout_s)

    def panic(self, session: str, *, wait: bool = False) -> Plan[Answer]:
        """Bring the artist's own mix back within one bar, and with `wait` stay until it is in the sound.

        Raises Unavailable if it is not heard of again within the client's `timeout_s`.
        """
        panic_id = uuid.uuid4().hex
        events = (yield self._waiting(session, self.timeout_s)) if wait else None
        request = sessions_pb2.PanicRequest(session=session, id=panic_id)
        response = yield Ask("Sessions", "Panic", request, self.timeout_s)
        answer = convert.panic_answer(panic_id, response)
        return (yield from outcome(events, answer)) if wait else answer

    def join_link(
        self, session: str, *, site: str | None = None, lifetime_s: float | None = None
    ) -> Plan[JoinLink]:
        """A link by which phones join a session: for half a day unless `lifetime_s` says otherwise.

        Args:
            session: its id.
            site: where phones find the daemon's web, `https://radio.example`; None: where it says it is.
            lifetime_s: 60 s to a week.

        Raises Unsupported if calls need tokens and the daemon has no secret to sign one with.
        """
        request = sessions_pb2.CreateJoinTokenRequest(
            session=session, site=site or "", lifetime_s=lifetime_s or 0.0
        )
        response = yield Ask("Sessions", "CreateJoinToken", request, self.timeout_s)
        expires = response.expire_time.seconds if response.HasField("expire_time") else None
        return JoinLink(link=response.link, expires_unix_s=expires, caution=response.caution)

    def packets(
        self,
        session: str,
        *,
        seconds: float | None = None,
        format: str = "f32",  # noqa: A002 (what everybody calls it)
        bitrate_bps: int | None = None,
        stems: bool = False,
    ) -> Follow[Packet]:
        """A session's sound from now on, as it comes; after `seconds` of waiting, Unavailable.

        Args:
            session: its id.
            seconds: how long at most; None for ever.
            format: "f32" or "s16", samples; "flac" or "opus", encoded.
            bitrate_bps: of "opus": 48,000 to 256,000; 128,000 if None.
            stems: instead of the mix these one by one, a pair of channels each, as samples; of a session that
                was created with stems.

        Where the daemon goes and comes back, it goes on with the newest packet, whose `skipped_frames` tell.
        """
        if format not in convert.FORMATS:
            raise InvalidInput(f"format is {format!r}; it must be one of {', '.join(convert.FORMATS)}")
        request = sessions_pb2.ListenRequest(
            session=session, format=convert.FORMATS[format], bitrate_bps=bitrate_bps or 0, stems=stems
        )
        again = Again(lambda _away_s: None, _joined)
        return Follow("Sessions", "Listen", request, seconds, _PacketReader(), again=again)

    def listen(
        self,
        session: str,
        seconds: float,
        *,
        format: str = "f32",  # noqa: A002
        bitrate_bps: int | None = None,
    ) -> Plan[Recording]:
        """Hear a session for `seconds` and lay what comes on its clock: see `packets`.

        A session that is deleted meanwhile gives what was heard until then.
        Raises InvalidInput for less than one frame.
        """
        recorder = Recorder(frames_from_seconds(seconds))
        longest_s = seconds + self.timeout_s
        packets = yield self.packets(session, seconds=longest_s, format=format, bitrate_bps=bitrate_bps)
        while not recorder.is_full and (packet := (yield Take(packets))) is not None:
            recorder.add(packet)
        return recorder.recording()


def _itself(message: M) -> M:
    return message


class _PacketReader:
    """Reads one stream, which tells its format first."""

    def __init__(self) -> None:
        self._format = SAMPLES

    def __call__(self, message: sessions_pb2.ListenResponse) -> Packet | None:
        if message.HasField("format"):
            self._format = convert.stream_format(message.format)
        return convert.packet(message.packet, self._format) if message.HasField("packet") else None


def _joined(before: Packet, after: Packet) -> Packet:
    """The first packet after a cut: it tells all that was skipped since the last one before."""
    return dataclasses.replace(after, skipped_frames=max(0, after.sample - before.sample - before.frames))
