"""A real server on an ephemeral loopback port, with sessions behind it that tests play by hand."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from remixd._kernel.trace import FLAGS, Block, TraceRing
from remixd._kernel.trace import size_bytes as trace_bytes
from remixd.api.server import Server
from remixd.audience.arc import Arc
from remixd.audience.signal import Signal
from remixd.audience.told import CrowdTold, Explained, Forgotten, Part, PlannedMove, TasteTold
from remixd.config import Address
from remixd.control.action import DECK_NAMES, DeckCommand
from remixd.control.census import Census, EngineCensus
from remixd.control.command import Answer, Applied, AppliedMove, Clamp, Refused
from remixd.control.decks import Decks
from remixd.control.encoding import Encoding, Heard, Tap, Taps
from remixd.control.fan_keys import FanKeys
from remixd.control.flight import Flight, Worst
from remixd.control.ingest import ImportResult
from remixd.control.parts import Parts
from remixd.control.presets import Pick
from remixd.control.sink import Sink
from remixd.control.streams import DeckStatus, Listener, Packet, SessionStatus, Watcher
from remixd.director.blend import Blend, as_preset
from remixd.director.preset import Preset
from remixd.director.preset_files import load_blend, save_preset
from remixd.encoder.codec import make_codec
from remixd.encoder.stream import Stream
from remixd.errors import BadAudio, NotFound, nearest
from remixd.mix import DIMENSIONS
from remixd.track.analysis import Alternative, Span
from remixd.track.edited import edited
from remixd.track.edits import NO_EDITS, Edits
from remixd.track.import_options import ImportOptions
from remixd.track.library import EVERYTHING
from remixd.track.listing import TrackRow, row_of
from remixd.track.null_report import NullReport, StemNull
from remixd.track.package import Analysis, Chord, Section, Stem
from remixd.track.rights import Rights
from remixd.track.search import Search
from remixd.units import PACKET_FRAMES, RATE_HZ

ENGINE_PID = 4242
TRACK = "a-song-0a1b2c3d"


def a_stem(name: str, role: Any, **changed: Any) -> Stem:
    return Stem(**{"name": name, "role": role, "file": f"stems/{name}.flac", **changed})


def an_analysis(**changed: Any) -> Analysis:
    values: dict[str, Any] = {
        "source": "demo",
        "duration_s": 4.0,
        "bpm": 120.0,
        "metre": "4/4",
        "beats_s": (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5),
        "downbeats_s": (0.0, 2.0),
        "key": "A minor",
        "energy": 6.5,
        "loudness_lufs": -9.0,
        "chords": (Chord(start_s=0.0, end_s=4.0, name="Am"),),
        "loudness_range_lu": 6.5,
        "true_peak_dbtp": -0.5,
        "energy_curve": (0.1, 0.9, 0.8, 1.0),
        "alternatives": (
            Alternative(bpm=60.0, metre="4/4", first_beat_s=0.5, first_downbeat_s=0.5, chance=0.25),
            Alternative(bpm=120.0, metre="3/4", first_beat_s=0.0, first_downbeat_s=0.5, chance=0.125),
        ),
        "sections": (
            Section(start_s=0.0, end_s=4.0, label="chorus", how="guessed", because="A: like no other"),
        ),
        "singing": (Span(start_s=0.5, end_s=3.0),),
        "phrases_s": (0.0,),
        "onsets_s": {"drums": (0.0, 0.5)},
        "onset_strengths": {"drums": (1.0, 0.25)},
        "estimated": ("metre",),
        "confidence": {"bpm": 0.9},
    }
    return Analysis(**(values | changed))


def a_track(track_id: str = TRACK, **changed: Any) -> SimpleNamespace:
    """What the service reads of a track."""
    values: dict[str, Any] = {
        "id": track_id,
        "title": "A Song",
        "artist": "Somebody",
        "isrc": "",
        "language": "ko",
        "source_kind": "folder",
        "source_name": "a song",
        "content": "0a1b2c3d" * 8,
        "duration_s": 4.0,
        "rate_hz": 44_100,
        "frames": 176_400,
        "stems": (
            a_stem("vocals-ko", "vocals", language="ko"),
            a_stem("vocals-en", "vocals", language="en", plays=False),
            a_stem("drums", "drums"),
        ),
        "notes": ("drums was 12 ms shorter: padded",),
        "analysis": an_analysis(),
        "rights": Rights(never_mute=("drums",)),
        "edits": NO_EDITS,
        "null_test": NullReport(
            residual_db=-61.5, aligned_db=-80.0, segment_s=10.0, segments_db=(-61.0,),
            stems=(
                StemNull(name="drums", late_frames=-3, inverted=True, gain_db=-0.5, moved_frames=1105,
                         turned=True, gained_db=20.5),
                StemNull(name="vocals-ko", late_frames=0, inverted=False, gain_db=None),
            ),
        ),
    }  # fmt: skip
    return SimpleNamespace(**(values | changed))


class ShelfOfTracks:
    """The library, as far as the service sees it."""

    path = Path("/music/library")

    def __init__(self) -> None:
        self.held = {track.id: track for track in (a_track(), a_track("b-song-4e5f6a7b", title="B Song"))}

    def tracks(self, search: Search = EVERYTHING) -> list[TrackRow]:
        return search.of(row_of(track, "2030-01-31T12:00:00Z") for track in self.held.values())

    def edit(self, track_id: str, changes: Edits, reset: Collection[str]) -> SimpleNamespace:
        track = self.get(track_id)
        edits = track.edits.with_changes(changes, reset)
        edits.check_within(track.duration_s)
        self.held[track_id] = a_track(
            **(vars(track) | {"track_id": track_id, "edits": edits, "analysis": edited(an_analysis(), edits)})
        )
        return self.held[track_id]

    def get(self, track_id: str) -> SimpleNamespace:
        if track_id not in self.held:
            hint = nearest(track_id, self.held)
            raise NotFound(f"there is no track {track_id!r}: {hint}", kind="track", name=track_id)
        return self.held[track_id]

    def delete(self, track_id: str) -> None:
        del self.held[self.get(track_id).id]


class HandPlayedSession:
    """A session whose clock a test turns."""

    def __init__(self, session_id: str, key: int, track_id: str, presets: Blend, **start: str) -> None:
        self.blend = presets
        self.picks: list[Pick] = []
        self.id = session_id
        self.key = key
        self.track_id = track_id
        self.start = start
        self.panics: list[str] = []
        self.sample = 0
        self.state = "playing"
        self.mix = {name: row.neutral for name, row in DIMENSIONS.items()}
        self.received: list[Signal] = []
        self.performed: list[DeckCommand] = []
        self.listeners: set[Listener] = set()
        self.taps = Taps()
        self.ring = HandPlayedRing()
        self.streams: list[tuple[Tap, Stream]] = []
        self.watchers: set[Watcher] = set()
        self.refusal: Exception | None = None
        self.applies = True
        self.arc: Arc = ()
        self.exploring: bool | None = None
        self.stems = Parts(session_id, Decks(None, self.mix), is_apart=False)
        self.crowd: CrowdTold | None = None
        self.owner = ""
        self.engine_pid = ENGINE_PID
        self.flight = Flight(TraceRing(bytearray(trace_bytes(64, 64)), 64, 64))

    def own(self, owner: str) -> None:
        self.owner = owner

    def status(self) -> SessionStatus:
        return SessionStatus(
            session=self.id,
            track_id=self.track_id,
            state=self.state,
            sink=self.start["sink"],
            mode=self.start["mode"],
            preset=str(self.blend),
            preset_weights=dict(self.blend.weights),
            preset_notes=self.blend.left_out,
            engine_pid=ENGINE_PID,
            sample=self.sample,
            position_s=self.sample / RATE_HZ,
            bar_beat="1:1.00",
            mix=dict(self.mix),
            peak_db=-6.0,
            limiter_db=0.0,
            underruns=0,
            decks=tuple(self._deck(name) for name in DECK_NAMES),
            wanted={"drums": -3.0},
            authority={"bass": "locked"},
            fans=3,
            alarms=("40 new ballots alike",),
            crowd=self.crowd,
        )

    def _deck(self, name: str) -> DeckStatus:
        if name != "A" or not self.track_id:
            return DeckStatus(deck=name)
        return DeckStatus(
            deck=name, state="playing", track_id=self.track_id, title="A Song", duration_s=4.0,
            has_beats=True, position_s=self.sample / RATE_HZ, bar_beat="1:1.00", bpm=120.0, loop_s=(1.0, 2.0),
            cues_s=(None, 1.5), levels_db={"drums": -3.0}, muted=("vocals",), channel={"fader": -6.0},
        )  # fmt: skip

    def perform(self, command: DeckCommand) -> Answer:
        if self.refusal is not None:
            raise self.refusal
        self.performed.append(command)
        return Answer(id=command.id, accepted=True, planned_sample=self.sample)

    def receive(self, signals: Sequence[Signal]) -> list[Answer]:
        if self.refusal is not None:
            raise self.refusal
        return [self._receive(signal) for signal in signals]

    def _receive(self, signal: Signal) -> Answer:
        self.received.append(signal)
        clamps = []
        for name, asked in signal.wishes.items():
            given = DIMENSIONS[name].clamp(asked)
            self.mix[name] = given
            if given != asked:
                clamps.append(Clamp(dimension=name, asked=asked, given=given, because="the range"))
        if self.applies:
            moves = tuple(
                AppliedMove(dimension=name, value=self.mix[name], sample=self.sample, settled_sample=480)
                for name in signal.wishes
            )
            applied = Applied(
                id=signal.id, sample=self.sample, settled_sample=480, bar_beat="1:1.00", late_frames=3,
                moves=moves,
            )  # fmt: skip
            self.tell(applied)
        return Answer(
            id=signal.id, accepted=True, reason="", clamps=tuple(clamps), planned_sample=self.sample
        )

    def panic(self, panic_id: str) -> Answer:
        if self.refusal is not None:
            raise self.refusal
        self.panics.append(panic_id)
        self.mix = {name: row.neutral for name, row in DIMENSIONS.items()}
        if self.applies:
            self.tell(Applied(id=panic_id, sample=self.sample, settled_sample=self.sample + 480,
                              bar_beat="1:1.00", late_frames=0, moves=()))  # fmt: skip
        return Answer(id=panic_id, accepted=True, planned_sample=self.sample)

    def encode(self, encoding: Encoding) -> Tap:
        """Begin to encode it, as the worker would."""
        stream = Stream(1, lambda: make_codec(encoding.codec, encoding.bitrate_bps), self.ring, 0)
        tap = Tap(1, encoding, lambda: (Path(), 0))
        tap.begin(stream.opened())
        self.taps.add(tap)
        self.streams.append((tap, stream))
        return tap

    def listen(self) -> Listener:
        listener = Listener(self.listeners.discard)
        self.listeners.add(listener)
        return listener

    def watch(self, only: set[str] | None = None, *, timeline: bool = False) -> Watcher:
        watcher = Watcher(self.status(), self.watchers.discard, only, timeline=timeline)
        self.watchers.add(watcher)
        return watcher

    def tell(self, answer: Applied | Refused) -> None:
        for watcher in self.watchers:
            watcher.put_answer(answer)

    def tell_status(self) -> None:
        for watcher in self.watchers:
            watcher.put_status(self.status())

    def play(self, packets: int, *, level: float = 0.25) -> None:
        """Give every listener packets of a constant `level`."""
        self.sound(np.full((packets * PACKET_FRAMES, 2), level, dtype="<f4"))

    def sound(self, sound: Any) -> None:
        """Give every listener float32 (frames, 2), in packets."""
        for start in range(0, len(sound), PACKET_FRAMES):
            pcm = sound[start : start + PACKET_FRAMES].tobytes()
            self.ring.entries.append(
                SimpleNamespace(
                    sequence=len(self.ring.entries) + 1, sample=self.sample, pcm=pcm, tempo=1.0,
                    position=self.sample << 24,
                )
            )  # fmt: skip
            packet = Packet(
                sequence=self.sample // PACKET_FRAMES, sample=self.sample, pcm=pcm, frames=PACKET_FRAMES,
                position_s=self.sample / RATE_HZ, bar_beat="1:1.00",
            )  # fmt: skip
            self.sample += PACKET_FRAMES
            for listener in self.listeners:
                listener.put(packet)
            for tap, stream in self.streams:
                for message in stream.take():
                    tap.put(message, lambda _: "1:1.00")

    def skip(self, packets: int) -> None:
        """Let time pass that nobody hears."""
        self.sample += packets * PACKET_FRAMES

    def die(self) -> None:
        self.state = "lost"
        self.taps.end(f"the engine of session {self.id} is lost")
        for stream in [*self.listeners, *self.watchers]:
            stream.lose(f"the engine of session {self.id} is lost")

    def end(self) -> None:
        self.taps.end()
        for stream in [*self.listeners, *self.watchers]:
            stream.close()


class HandPlayedRing:
    """The ring of packets of a session, as far as the encoder sees it."""

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self.oldest = 1

    @property
    def newest(self) -> int:
        return len(self.entries)

    def read(self, sequence: int) -> Any:
        return self.entries[sequence - 1]


class HandMadeEncodings:
    """The encoder, in this process."""

    async def listen(self, session: HandPlayedSession, encoding: Encoding) -> Heard:
        tap = session.taps.get(encoding) or session.encode(encoding)
        return tap.listeners.join(), tap.head.result()


class HandPlayedSessions:
    """The registry of sessions, as far as the service sees it; it is its audiences as well."""

    def __init__(self, shelf: ShelfOfTracks) -> None:
        self.audiences = self.picking = self
        self.encodings = HandMadeEncodings()
        self._shelf = shelf
        self.held: dict[str, HandPlayedSession] = {}
        self._count = 0
        self._named: dict[str, HandPlayedSession] = {}
        self.may_create = asyncio.Event()
        self.may_create.set()

    async def create(
        self,
        track_id: str | None,
        *,
        directed: bool = False,
        sink: str | None = None,
        presets: Mapping[str, float] | None = None,
        arc: Arc = (),
        exploring: bool | None = None,
        apart: bool = False,
        name: str | None = None,
    ) -> HandPlayedSession:
        await self.may_create.wait()
        if name and name in self._named:
            return self._named[name]
        track = "" if track_id is None else self._shelf.get(track_id).id
        self._count += 1
        session = HandPlayedSession(
            f"s-{self._count}", self._count, track, mode="directed" if directed else "hands-on",
            sink=str(Sink.parse(sink or "stream")), presets=load_blend(presets or {}),
        )  # fmt: skip
        session.arc, session.exploring = arc, exploring
        session.stems.is_apart = apart
        self.held[session.id] = session
        if name:
            self._named[name] = session
        return session

    def taste(self, session: HandPlayedSession, fan: str) -> TasteTold:
        known = [signal for signal in session.received if signal.fan == fan]
        if not known:
            raise NotFound(f"nothing is known of fan {fan!r}", kind="fan", name=fan)
        return TasteTold(
            fan=fan, values={"drums": -3.0}, certainty={"drums": 0.5}, signals=len(known),
            consent=known[-1].consent, exploring=True,
        )  # fmt: skip

    def explain(self, session: HandPlayedSession, fan: str) -> list[Explained]:
        parts = tuple(
            Part(what=f"{signal.fan}: {signal.understood or signal.reaction or 'a wish'}", change=-1.5,
                 signals=(signal.id,))
            for signal in session.received if fan in ("", signal.fan)
        )  # fmt: skip
        drums = Explained(
            dimension="drums", value=-2.0, wanted=-3.0, centre=0.0, parts=parts, held_by="slew",
            because="drums -3 dB: two fans want less",
        )  # fmt: skip
        return [drums, replace(drums, dimension="tempo", parts=(), held_by="")]

    def undo(self, session: HandPlayedSession, fan: str, signal_id: str) -> list[Explained]:
        for signal in session.received:
            if (signal.fan, signal.id) == (fan, signal_id):
                session.received.remove(signal)
                return self.explain(session, fan)
        raise NotFound(f"fan {fan!r} sent no signal {signal_id!r}", kind="signal", name=signal_id)

    async def forget_fan(self, fan: str, before: Sequence[str] = ()) -> Forgotten:
        self.forgotten_names = (fan, *before)
        knowing = [each for each in self.held.values() if any(s.fan == fan for s in each.received)]
        dropped = sum(signal.fan == fan for each in knowing for signal in each.received)
        for each in knowing:
            each.received[:] = [signal for signal in each.received if signal.fan != fan]
        return Forgotten(sessions=len(knowing), signals=dropped, taste=False, remains="journals, by handle")

    def crowd(self, session: HandPlayedSession) -> CrowdTold | None:
        return session.crowd

    def plan(self, _session: HandPlayedSession, signals: Sequence[Signal], bars: int) -> list[PlannedMove]:
        moves = [
            PlannedMove(sample=480 * bar, dimension=name, before=0.0, value=-3.0 * bar, because=signal.id)
            for signal in signals for name in (*signal.wishes, *signal.directions)
            for bar in range(1, bars + 1)
        ]  # fmt: skip
        return moves[::-1]

    def receive(self, session: HandPlayedSession, signals: Sequence[Signal]) -> list[Answer]:
        return session.receive(signals)

    def perform(self, session: HandPlayedSession, command: DeckCommand) -> Answer:
        answer = session.perform(command)
        if session.applies:
            asyncio.get_running_loop().call_soon(session.tell, Applied(
                id=command.id, sample=session.sample, settled_sample=session.sample + 480, bar_beat="1:1.00",
                late_frames=0, moves=(),
            ))  # fmt: skip
        return answer

    def pick(self, session: HandPlayedSession, pick: Pick) -> Answer:
        if session.refusal is not None:
            raise session.refusal
        session.blend = load_blend(pick.weights)
        session.picks.append(pick)
        if session.applies:
            session.tell(Applied(id=pick.id, sample=session.sample, settled_sample=session.sample + 480,
                                 bar_beat="1:1.00", late_frames=0, moves=()))  # fmt: skip
        clamp = Clamp(
            dimension="density", asked=0.5, given=0.0, because="this engine cannot play density yet"
        )
        return Answer(id=pick.id, accepted=True, clamps=(clamp,), planned_sample=session.sample)

    def save(self, session: HandPlayedSession, name: str, **words: Any) -> tuple[Preset, Path]:
        preset = as_preset(name, words["title"], words["description"], session.mix, session.blend)
        return preset, save_preset(preset, replace=words["replace"])

    def get(self, session_id: str) -> HandPlayedSession:
        if session_id not in self.held:
            hint = nearest(session_id, self.held)
            raise NotFound(f"there is no session {session_id!r}: {hint}", kind="session", name=session_id)
        return self.held[session_id]

    def has(self, session: HandPlayedSession) -> bool:
        return session in self.all()

    def all(self) -> list[HandPlayedSession]:
        return list(self.held.values())

    async def delete(self, session_id: str) -> None:
        self.get(session_id).end()
        del self.held[session_id]


A_BLOCK = Block(
    begin_ns=7_000_000_000, end_ns=7_012_500_000, sample=96_000, frames=480, late_ns=2_500_000, behind_ns=0,
    parts_ns=(1000, 12_000_000, 0, 400_000), cpu_ns=3_000_000, taken=40, minor_faults=0, major_faults=2,
    preemptions=1, flags=FLAGS["paced"] | FLAGS["measured"] | FLAGS["load"],
)  # fmt: skip
"""Of a load on deck A, while the machine was busy elsewhere."""

A_CENSUS = Census(
    started_unix_s=1_000_000_000.25, unix_s=1_000_000_060.5,
    engines=(EngineCensus(pid=ENGINE_PID, sessions=2, load=0.25, load_max=0.8, late_packets=3),),
    has_spare=True, sessions=0, directed_sessions=1, lost_sessions=0, listeners=4, watchers=5, fans=6,
    tracks=0,
    signals={"accepted": 8, "refused": 1}, engine_deaths=1, cpu_share=0.125, resident_bytes=1 << 20,
    draining=False, worst=[("s-1", Worst([A_BLOCK], [A_BLOCK], [], []), [])],
)  # fmt: skip


class PlainNames(FanKeys):
    """Names of fans that are their handles, for tests that look at what arrives."""

    def names(self, handle: str) -> tuple[str, ...]:
        return (handle,)


class Service:
    """A server in a thread of its own, for blocking callers. Ends when the test does."""

    def __init__(self, listen: Address | None = None, **options: Any) -> None:
        self.shelf = ShelfOfTracks()
        self.sessions = HandPlayedSessions(self.shelf)
        self.options = options
        self.censuses = 0
        self.imports: list[tuple[Path, Path, ImportOptions, bool]] = []
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self.server: Server = self.run(self._build)
        self.address: Address = self.wait(self.server.start(listen or Address("127.0.0.1", 0)))

    async def import_path(
        self,
        path: Path,
        library: Path,
        options: ImportOptions,
        tell: Callable[[float, str], None],
        warm: bool,
    ) -> ImportResult:
        self.imports.append((path, library, options, warm))
        if path.name == "broken":
            raise BadAudio(f"{path} holds no audio")
        tell(0.5, "decoding bass.flac")
        await asyncio.sleep(0.02)
        track = a_track()
        return ImportResult(
            track_id=track.id, title=track.title, new=True, notes=track.notes, stems=track.stems
        )

    async def take_census(self) -> Census:
        self.censuses += 1
        return replace(A_CENSUS, sessions=len(self.sessions.held), tracks=self.censuses)

    def _build(self) -> Server:
        return Server(
            self.shelf,
            self.sessions,
            lambda *arguments: self.import_path(*arguments),
            self.take_census,
            **({"fan_keys": PlainNames()} | self.options),
        )

    def wait(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function where the server lives."""

        async def call() -> Any:
            return function(*args, **kwargs)

        return self.wait(call())

    def session(self, session_id: str) -> HandPlayedSession:
        return self.sessions.get(session_id)

    def halt(self) -> None:
        """Serve no more; sessions go on."""
        self.wait(self.server.stop(0.0))

    def resume(self) -> None:
        """Serve again, at the same address, as the next daemon would."""
        self.server = self.run(self._build)
        self.wait(self.server.start(self.address))

    async def _last_steps(self) -> None:
        """Wait for calls that are answered but not yet over: gRPC's server does not."""
        calls = [task for task in asyncio.all_tasks() if task.get_name() == "rpc_task"]
        if calls:
            await asyncio.wait(calls, timeout=5)

    def stop(self) -> None:
        if self._thread.is_alive():
            self.wait(self.server.stop(0.5))
            self.wait(self._last_steps())
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(10)
            self.loop.close()


def when_heard(service: Service, session: HandPlayedSession, act: Callable[[], None]) -> threading.Thread:
    """Do something once somebody listens, as the engine would meanwhile; the thread that waits for it."""

    def wait() -> None:
        until = time.monotonic() + 9
        while not session.listeners and not len(session.taps) and time.monotonic() < until:
            time.sleep(0.002)
        service.run(act)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread
