"""Sessions that tests play by hand, in the place of an engine's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from shelves import ShelfOfTracks

from remixd._kernel.trace import TraceRing
from remixd._kernel.trace import size_bytes as trace_bytes
from remixd.audience.arc import Arc
from remixd.audience.signal import Signal
from remixd.audience.told import CrowdTold, Explained, Forgotten, Part, PlannedMove, TasteTold
from remixd.control.action import DECK_NAMES, DeckCommand
from remixd.control.command import Answer, Applied, AppliedMove, Clamp, Refused
from remixd.control.decks import Decks
from remixd.control.encoding import Encoding, Heard, Tap, Taps
from remixd.control.flight import Flight
from remixd.control.parts import Parts
from remixd.control.presets import Pick
from remixd.control.sink import Sink
from remixd.control.streams import DeckStatus, Listener, Packet, SessionStatus, Watcher
from remixd.director.blend import Blend, as_preset
from remixd.director.preset import Preset
from remixd.director.preset_files import load_blend, save_preset
from remixd.encoder.codec import make_codec
from remixd.encoder.stream import Stream
from remixd.errors import NotFound, nearest
from remixd.mix import DIMENSIONS
from remixd.units import PACKET_FRAMES, RATE_HZ

ENGINE_PID = 4242


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
