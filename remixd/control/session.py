"""One session as control sees it: its mix, its waiting signals, its listeners and watchers.

Thread: [control].
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from remixd._kernel.mailbox import APPLIED, EXPIRED, MIX, REFUSED
from remixd._kernel.ring import PacketEntry
from remixd._kernel.shared import SessionMemory
from remixd.audience.signal import Signal
from remixd.control.command import Answer, Applied, Clamp, Lowered, Refused, heard, lower
from remixd.control.directing import Clock, Directing
from remixd.control.engine import Engine
from remixd.control.fanout import Listeners, Watchers
from remixd.control.order import mix_order
from remixd.control.receipts import Receipt, Receipts
from remixd.control.sink import Sink
from remixd.control.streams import SILENT_LUFS, Listener, Packet, SessionStatus, Watcher
from remixd.director.preset import ORIGINAL, Preset
from remixd.errors import Exhausted, RemixdError, Unavailable
from remixd.mix import NEUTRAL
from remixd.track.analysis import Analysis
from remixd.track.package import Track
from remixd.units import OFF_DB, PACKET_FRAMES, RATE_HZ, db_from_gain

PANIC_ROOM: Final = 32
"""Commands that wishes leave free, so that panic always gets through."""

POSITION_ONE: Final = 1 << 24
"""Positions in packets have 24 fractional bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How a session begins.

    Attributes:
        mix: the preset's, as far as rights and roles allow, by dimension.
        clamps: what they did not allow.
    """

    track: Track
    sink: Sink
    is_directed: bool
    preset: str
    mix: Mapping[str, float]
    clamps: tuple[Clamp, ...]

    @classmethod
    def of(cls, track: Track, preset: Preset, sink: Sink, *, is_directed: bool) -> Start:
        """Start a track from a preset."""
        lowered = lower(preset.mix.values_by_name, NEUTRAL, track.rights, track.roles)
        mix = {**NEUTRAL, **lowered.values}
        return cls(track=track, sink=sink, is_directed=is_directed, preset=preset.name, mix=mix,
                   clamps=lowered.clamps)  # fmt: skip


def _refused(signal: Signal, lowered: Lowered) -> Answer | None:
    """The answer to a signal of which nothing can be given."""
    if lowered.values:
        return None
    reason = "; ".join(dict.fromkeys(clamp.because for clamp in lowered.clamps))
    return Answer(id=signal.id, accepted=False, reason=reason, clamps=lowered.clamps)


def _bar_beat(analysis: Analysis, _deck: int, position: int) -> str:
    """Bar and beat of a source frame, which was rounded down."""
    return str(analysis.bar_beat((position + 1) / RATE_HZ) or "")


class Session:
    """A track that plays.

    Attributes:
        id: for people and programs.
        key: for the engine; never used twice.
        sink: where the sound goes.
        preset: what it started from.
        latency_s, device: of the sink, as the engine told last.
    """

    def __init__(self, session_id: str, key: int, engine: Engine, start: Start) -> None:
        self.id = session_id
        self.sink = str(start.sink)
        self.key = key
        self.track = start.track
        self.engine = engine
        self.playing = True
        self.preset = start.preset
        self.latency_s = 0.0
        self.device = ""
        self._clamps = start.clamps
        self._memory = SessionMemory(engine.memory_path(key))
        self._ring = self._memory.ring
        self._read = 0
        self._heard = -1
        self._newest: PacketEntry | None = None
        self._mix: dict[str, float] = dict(start.mix)
        self._because: dict[str, str] = {}
        self._directing = Directing(start.track, start.mix) if start.is_directed else None
        self._listeners = Listeners()
        self._watchers = Watchers()
        # No method of the session: one that refers to itself would keep its shared memory until the next
        # collection.
        self._tell = self._watchers.put_answer
        self._receipts = Receipts(
            self._memory.commands, key, partial(_bar_beat, start.track.analysis), self._tell
        )

    @property
    def has_output(self) -> bool:
        """Whether its sink is something that can fail: a device, a file."""
        return self.sink.startswith(("device", "file"))

    def is_heard(self) -> bool:
        """Whether the engine has rendered any of it since this was last asked."""
        before, self._heard = self._heard, self._ring.newest
        return self._heard != before

    @property
    def engine_pid(self) -> int:
        """Process id of the engine that plays it, or played it."""
        return self.engine.pid

    @property
    def mode(self) -> str:
        """Who moves the mix: `hands-on` or `directed`."""
        return "directed" if self._directing else "hands-on"

    @property
    def _clock(self) -> Clock:
        """Where the newest packet begins."""
        newest = self._newest
        if newest is None:
            return Clock(sample=0, position_s=0.0, tempo=self._mix["tempo"])
        return Clock(newest.sample, newest.position / POSITION_ONE / RATE_HZ, newest.tempo)

    def status(self) -> SessionStatus:
        """How it stands now."""
        newest, clock = self._newest, self._clock
        heard_sample, heard_position_s = self._heard_now(clock)
        return SessionStatus(
            session=self.id,
            track_id=self.track.id,
            state="playing" if self.playing else "lost",
            sink=self.sink,
            engine_pid=self.engine_pid,
            sample=clock.sample,
            position_s=clock.position_s,
            bar_beat=self._bar_beat(clock.position_s),
            mix=heard(self._mix, self.track.rights, self.track.roles),
            peak_db=db_from_gain(max(newest.peaks)) if newest else db_from_gain(0.0),
            limiter_db=db_from_gain(newest.limiter_gain) if newest else 0.0,
            underruns=newest.underruns if newest else 0,
            mode=self.mode,
            preset=self.preset,
            preset_clamps=self._clamps,
            latency_s=self.latency_s,
            device=self.device,
            because=dict(self._because),
            heard_sample=heard_sample,
            heard_position_s=heard_position_s,
            heard_bar_beat=self._bar_beat(heard_position_s),
            true_peak_db=db_from_gain(newest.true_peak) if newest else OFF_DB,
            momentary_lufs=newest.momentary_lufs if newest else SILENT_LUFS,
            short_term_lufs=newest.short_term_lufs if newest else SILENT_LUFS,
            nonfinite=newest.nonfinite if newest else 0,
            major_faults=newest.major_faults if newest else 0,
        )

    def _heard_now(self, clock: Clock) -> tuple[int, float]:
        """The sample and the place in the song that are heard now: the newest packet is, when it is due."""
        if self._newest is None:
            return 0, 0.0
        ago = (time.monotonic_ns() - self._newest.due_ns) * RATE_HZ // 1_000_000_000
        ago = max(min(ago, PACKET_FRAMES), -clock.sample)
        position_s = clock.position_s + ago / RATE_HZ * clock.tempo
        return clock.sample + ago, position_s % self.track.duration_s

    def _bar_beat(self, position_s: float) -> str | None:
        at = self.track.analysis.bar_beat(position_s)
        return None if at is None else str(at)

    def _check_playing(self) -> None:
        if not self.playing:
            raise Unavailable(f"session {self.id} is lost: its engine has died")

    def receive(self, signals: Sequence[Signal]) -> list[Answer]:
        """Take a batch of signals. The first answer to each, in order.

        Hands-on, their wishes are clamped, lowered and posted at once, one command a dimension: in a batch
        the last wish wins, and those before it are told so. Directed, the director takes them.
        Raises Exhausted, and takes nothing, if not all of it fits; Unavailable if the engine is lost.
        """
        self._check_playing()
        if self._directing:
            self._directing.check_room(signals)
            return [self._hand_to(self._directing, signal) for signal in signals]
        mix = dict(self._mix)
        answers: list[Answer] = []
        wished: dict[str, list[tuple[Receipt, float]]] = {}
        for signal in signals:
            lowered = lower(signal.wishes, mix, self.track.rights, self.track.roles)
            answers.append(_refused(signal, lowered) or self._accepted(signal, lowered))
            receipt = Receipt(signal.id)
            for name, value in lowered.values.items():
                wished.setdefault(name, []).append((receipt, value))
            mix.update(lowered.values)
        free = max(self._receipts.free - PANIC_ROOM, 0)
        if len(wished) > free:
            raise Exhausted(f"session {self.id} can move {free} more dimensions now, not {len(wished)}")
        for name, [*replaced, (receipt, value)] in wished.items():
            self._receipts.send(mix_order(name, value), (receipt,), replaced=replaced)
        self._mix = mix
        return answers

    def _accepted(self, signal: Signal, lowered: Lowered) -> Answer:
        return Answer(id=signal.id, accepted=True, clamps=lowered.clamps, planned_sample=self._soon)

    def _hand_to(self, directing: Directing, signal: Signal) -> Answer:
        lowered = lower(signal.wishes, self._mix, self.track.rights, self.track.roles)
        if refusal := _refused(signal, lowered):
            return refusal
        answer, replaced = directing.receive(signal, lowered, self._mix, self._clock)
        for signal_id in replaced:
            reason = f"signal {signal.id} of the same fan took its place before the director moved"
            self._tell(Refused(id=signal_id, reason=reason))
        return answer

    @property
    def _soon(self) -> int:
        """The first sample that a command sent now can change."""
        return self._newest.sample + PACKET_FRAMES if self._newest else 0

    def direct(self) -> None:
        """Let the director decide what is due soon. Called often; does nothing hands-on."""
        if not self._directing or self._newest is None or self._receipts.free < PANIC_ROOM:
            return
        due = self._directing.due(self._mix, self._clock)
        if due is None:
            return
        receipts: dict[str, Receipt] = {}
        for move, frames in due.moves:
            owed = [receipts.setdefault(signal_id, Receipt(signal_id)) for signal_id in move.signals]
            order = mix_order(move.dimension, move.value, sample=due.sample, ramp_frames=frames)
            self._receipts.send(order, owed, because=move.because)
            self._mix[move.dimension] = move.value
            self._because[move.dimension] = move.because
        for signal_id, because in due.settled.items():
            at = self._clock
            self._tell(
                Applied(id=signal_id, sample=at.sample, settled_sample=at.sample, late_frames=0, moves=(),
                        bar_beat=self._bar_beat(at.position_s) or "", because=because)
            )  # fmt: skip

    def panic(self, panic_id: str) -> Answer:
        """Bring the artist's own mix back, at once, and forget what was wished.

        What became of it is told under `panic_id`. Raises Unavailable if the engine is lost, Exhausted if
        hundreds of panics are on their way already.
        """
        self._check_playing()
        names = ("tempo", "pitch", *self.track.roles)
        if self._receipts.free < 2 * len(names):
            raise Exhausted(f"session {self.id} is busy with other panics")
        scheduled, signals = self._receipts.take_back((MIX,))
        if self._directing:
            signals += self._directing.clear(NEUTRAL)
        for signal_id in dict.fromkeys(signals):
            self._tell(Refused(id=signal_id, reason="panic: the artist's own mix is back"))
        receipt = Receipt(panic_id)
        for name in names:
            self._receipts.send(mix_order(name, NEUTRAL[name]), (receipt,))
        for order in scheduled:  # the engine cannot take a command back; this one follows it at once
            self._receipts.send(replace(order, value=NEUTRAL[order.name]))
        self._mix = dict(NEUTRAL)
        self._because.clear()
        self._clamps = ()
        self.preset = ORIGINAL
        return Answer(id=panic_id, accepted=True, planned_sample=self._soon)

    def take_reports(self) -> None:
        """Take what the engine has told since the last call."""
        for report in self._memory.reports.take_reports():
            if report.kind in (APPLIED, REFUSED, EXPIRED):
                self._receipts.take(report)

    def take_sound(self, now_s: float) -> None:
        """Hand the packets rendered since the last call to the listeners, and the status to the watchers."""
        self._take_packets()
        if self._watchers.want_status(now_s):
            self._watchers.put_status(self.status())

    def _take_packets(self) -> None:
        newest = self._ring.newest
        if newest == self._read:
            return
        first = max(self._read + 1, self._ring.oldest) if self._listeners else newest
        for sequence in range(first, newest + 1):
            entry = self._ring.read(sequence)
            if entry is not None:
                self._newest = entry
                self._hand_out(entry)
        self._read = newest

    def _hand_out(self, entry: PacketEntry) -> None:
        if not self._listeners:
            return
        position_s = entry.position / POSITION_ONE / RATE_HZ
        self._listeners.put(
            Packet(
                sequence=entry.sequence,
                sample=entry.sample,
                frames=PACKET_FRAMES,
                pcm=entry.pcm,
                position_s=position_s,
                bar_beat=self._bar_beat(position_s),
            )
        )

    def listen(self) -> Listener:
        """Join the session's listeners: packets from now on. Close it when done."""
        listener = self._listeners.join()
        if not self.playing:
            listener.lose(f"session {self.id} is lost: its engine has died")
        return listener

    def watch(self) -> Watcher:
        """Join the session's watchers: the status now, then every change. Close it when done."""
        watcher = self._watchers.join(self.status())
        if not self.playing:
            watcher.lose(f"session {self.id} is lost: its engine has died")
        return watcher

    async def leave(self) -> None:
        """Let the engine fade it out."""
        if self.playing:
            try:
                await self.engine.ask(op="leave", key=self.key)
            except RemixdError:
                self.playing = False
        self.engine.memory_path(self.key).unlink(missing_ok=True)

    def end(self) -> None:
        """End its listeners and watchers."""
        self.playing = False
        self._listeners.close()
        self._watchers.close()

    def lose(self, reason: str) -> None:
        """Its engine has died: tell whoever listens or watches."""
        self.playing = False
        self._receipts.clear()
        self._listeners.lose(reason)
        self._watchers.lose(reason)
