"""One session as control sees it: its mix, its waiting signals, its listeners and watchers.

Thread: [control].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from types import MappingProxyType
from typing import Final

from remixd._kernel.mailbox import APPLIED, REFUSED, ReportEntry
from remixd._kernel.ring import PacketEntry
from remixd._kernel.shared import SessionMemory
from remixd.audience.signal import Signal
from remixd.control.command import (
    DIMENSION_INDEX,
    RAMP_FRAMES,
    Answer,
    Applied,
    AppliedMove,
    Refused,
    heard,
    lower,
)
from remixd.control.engine import Engine
from remixd.control.sink import Sink
from remixd.control.streams import Listener, Packet, SessionStatus, Watcher
from remixd.errors import Exhausted, RemixdError, Unavailable
from remixd.mix import NEUTRAL, PLAYABLE
from remixd.track.package import Track
from remixd.units import PACKET_FRAMES, RATE_HZ, db_from_gain

FIRST_MIX: Final[Mapping[str, float]] = MappingProxyType(dict(NEUTRAL))
"""A session starts with the artist's own mix."""

WAITING_MAX: Final = 200
"""Commands of one session on their way. The engine itself lets 256 wait for their sample."""

POSITION_ONE: Final = 1 << 24
"""Positions in packets have 24 fractional bits."""

_command_ids = count(1)


@dataclass(slots=True)
class _Waiting:
    """A signal whose commands are not all applied yet."""

    signal_id: str
    commands: dict[int, str]
    moves: list[AppliedMove] = field(default_factory=list)
    position: int = 0
    late_frames: int = 0


class Session:
    """A track that plays.

    Attributes:
        id: for people and programs.
        key: for the engine; never used twice.
        sink: where the sound goes.
    """

    def __init__(self, session_id: str, key: int, track: Track, engine: Engine, sink: Sink) -> None:
        self.id = session_id
        self.sink = str(sink)
        self.key = key
        self.track = track
        self.engine = engine
        self.playing = True
        self._memory = SessionMemory(engine.memory_path(key))
        self._ring = self._memory.ring
        self._read = 0
        self._newest: PacketEntry | None = None
        self._mix: dict[str, float] = dict(FIRST_MIX)
        self._waiting: dict[int, _Waiting] = {}
        self._listeners: set[Listener] = set()
        self._watchers: set[Watcher] = set()

    @property
    def engine_pid(self) -> int:
        """Process id of the engine that plays it, or played it."""
        return self.engine.pid

    def status(self) -> SessionStatus:
        """How it stands now."""
        newest = self._newest
        position_s = newest.position / POSITION_ONE / RATE_HZ if newest else 0.0
        return SessionStatus(
            session=self.id,
            track_id=self.track.id,
            state="playing" if self.playing else "lost",
            sink=self.sink,
            engine_pid=self.engine_pid,
            sample=newest.sample if newest else 0,
            position_s=position_s,
            bar_beat=self._bar_beat(position_s),
            mix=heard(self._mix, self.track.rights, self.track.roles),
            peak_db=db_from_gain(max(newest.peaks)) if newest else db_from_gain(0.0),
            limiter_db=db_from_gain(newest.limiter_gain) if newest else 0.0,
            underruns=newest.underruns if newest else 0,
        )

    def _bar_beat(self, position_s: float) -> str | None:
        at = self.track.analysis.bar_beat(position_s)
        return None if at is None else str(at)

    def receive(self, signals: Sequence[Signal]) -> list[Answer]:
        """Take a batch of signals: clamp, lower, post. The first answer to each, in order.

        Raises Exhausted, and posts nothing, if not all of it fits; Unavailable if the engine is lost.
        """
        if not self.playing:
            raise Unavailable(f"session {self.id} is lost: its engine has died")
        wanted = sum(len(signal.wishes) for signal in signals)
        free = min(self._memory.commands.free, WAITING_MAX - len(self._waiting))
        if wanted > free:
            raise Exhausted(f"session {self.id} can take {free} more wishes now, not {wanted}")
        return [self._receive(signal) for signal in signals]

    def _receive(self, signal: Signal) -> Answer:
        lowered = lower(signal, self._mix, self.track.rights, self.track.roles)
        if not lowered.values:
            reason = "; ".join(dict.fromkeys(clamp.because for clamp in lowered.clamps))
            return Answer(id=signal.id, accepted=False, reason=reason, clamps=lowered.clamps)
        waiting = _Waiting(signal_id=signal.id, commands={})
        for name, value in lowered.values.items():
            command = next(_command_ids)
            posted = self._memory.commands.post_command(
                command, self.key, DIMENSION_INDEX[name], value, ramp_frames=RAMP_FRAMES
            )
            if not posted:  # cannot be: receive has counted, and nobody else posts
                raise Exhausted("the engine's mailbox is full")
            waiting.commands[command] = name
            self._waiting[command] = waiting
        self._mix.update(lowered.values)
        planned = self._newest.sample + PACKET_FRAMES if self._newest else 0
        return Answer(id=signal.id, accepted=True, clamps=lowered.clamps, planned_sample=planned)

    def take_reports(self) -> None:
        """Take what the engine has told since the last call."""
        for report in self._memory.reports.take_reports():
            if report.kind in (APPLIED, REFUSED):
                self._take_report(report, refused=report.kind == REFUSED)

    def _take_report(self, report: ReportEntry, *, refused: bool) -> None:
        """Note what the engine did with one command; answer when its signal is complete."""
        waiting = self._waiting.pop(report.id, None)
        if waiting is None:
            return
        name = waiting.commands.pop(report.id)
        if refused:
            answer = Refused(id=waiting.signal_id, reason=f"the engine could not take {name}")
            for watcher in self._watchers:
                watcher.put_answer(answer)
        else:
            waiting.moves.append(
                AppliedMove(
                    dimension=PLAYABLE[report.dimension],
                    value=report.value,
                    sample=report.sample,
                    settled_sample=report.settled_sample,
                )
            )
            if report.sample >= max(move.sample for move in waiting.moves):
                waiting.position = report.position
            waiting.late_frames = max(waiting.late_frames, report.late_frames)
        if not waiting.commands and waiting.moves:
            self._tell_applied(waiting)

    def _tell_applied(self, waiting: _Waiting) -> None:
        applied = Applied(
            id=waiting.signal_id,
            sample=max(move.sample for move in waiting.moves),
            settled_sample=max(move.settled_sample for move in waiting.moves),
            bar_beat=self._bar_beat(waiting.position / RATE_HZ) or "",
            late_frames=waiting.late_frames,
            moves=tuple(waiting.moves),
        )
        for watcher in self._watchers:
            watcher.put_answer(applied)

    def take_sound(self, *, tell: bool) -> None:
        """Hand the packets rendered since the last call to the listeners, and the status to the watchers."""
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
        if tell and self._watchers:
            status = self.status()
            for watcher in self._watchers:
                watcher.put_status(status)

    def _hand_out(self, entry: PacketEntry) -> None:
        if not self._listeners:
            return
        position_s = entry.position / POSITION_ONE / RATE_HZ
        packet = Packet(
            sequence=entry.sequence,
            sample=entry.sample,
            frames=PACKET_FRAMES,
            pcm=entry.pcm,
            position_s=position_s,
            bar_beat=self._bar_beat(position_s),
        )
        for listener in self._listeners:
            listener.put(packet)

    def listen(self) -> Listener:
        """Join the session's listeners: packets from now on. Close it when done."""
        listener = Listener(self._listeners.discard)
        if self.playing:
            self._listeners.add(listener)
        else:
            listener.lose(f"session {self.id} is lost: its engine has died")
        return listener

    def watch(self) -> Watcher:
        """Join the session's watchers: the status now, then every change. Close it when done."""
        watcher = Watcher(self.status(), self._watchers.discard)
        if self.playing:
            self._watchers.add(watcher)
        else:
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
        for listener in list(self._listeners):
            listener.close()
        for watcher in list(self._watchers):
            watcher.close()

    def lose(self, reason: str) -> None:
        """Its engine has died: tell whoever listens or watches."""
        self.playing = False
        self._waiting.clear()
        for listener in list(self._listeners):
            listener.lose(reason)
        for watcher in list(self._watchers):
            watcher.lose(reason)
