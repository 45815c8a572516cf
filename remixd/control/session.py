"""One session as control sees it: its desk, its sound, its listeners and watchers.

Thread: [control].
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

from remixd._kernel.checkpoint import told_of
from remixd._kernel.mailbox import BYPASSED
from remixd._kernel.ring import PacketEntry
from remixd._kernel.shared import SessionMemory
from remixd.audience.signal import Signal
from remixd.control.action import DeckCommand
from remixd.control.admission import Kind
from remixd.control.command import Answer, Refused
from remixd.control.desk import Desk
from remixd.control.encoding import Taps
from remixd.control.engine import Engine
from remixd.control.fanout import Listeners, Watchers
from remixd.control.flight import Flight
from remixd.control.journal import Journal
from remixd.control.ledger import Ledger
from remixd.control.metrics import Metrics
from remixd.control.observing import Observer
from remixd.control.order import bypass_of
from remixd.control.parts import Parts, packet_of
from remixd.control.rendered import Rendered
from remixd.control.sounding import Sounding
from remixd.control.start import Start
from remixd.control.streams import Listener, SessionStatus, Watcher
from remixd.control.telling import heard_now, racks_delay_s, status_of
from remixd.control.timekeeping import Timekeeper
from remixd.errors import RemixdError, Unavailable
from remixd.track.package import Track
from remixd.units import PACKET_FRAMES, RATE_HZ

LEDGER_MAX: Final = 64
"""Orders that were done, of which those in a checkpoint are forgotten."""


class Session:
    """Decks that play.

    Attributes:
        id: for people and programs.
        key: for the engine; never used twice.
        sink: where the sound goes.
        latency_s, device: of the sink, as the engine told last.
        score: what it is made of, but for its players (see `session_score`).
        players: the score of each player that its engine holds, by key (see `player_score`).
        racks: that of each rack, likewise (see `rack_score`).
        journal: where everything that shapes its sound is written down.
        degraded: what is done more cheaply for it, and why.
        stems: these one by one.
        taps: its sound as it is encoded.
        sounding: how long its signals take until they are heard.
        flight: what was done for it, and when, of late.
    """

    def __init__(
        self,
        session_id: str,
        key: int,
        engine: Engine,
        start: Start,
        score: dict[str, Any],
        journal: Journal | None = None,
    ) -> None:
        self.id = session_id
        self.score = {**score, "player": None}
        self.players = {int(player["key"]): player} if (player := score["player"]) else {}
        self.racks: dict[int, dict[str, Any]] = {}
        self.sink = str(start.sink)
        self.key = key
        self.engine = engine
        self.journal = journal or Journal()
        self.owner = ""
        self.playing = True
        self.latency_s = 0.0
        self.device = ""
        self._memory = SessionMemory(engine.memory_path(key))
        self._rendered = Rendered(self._memory.ring)
        self.flight = Flight(self._memory.trace)
        self._hands = 0
        self._directed: PacketEntry | None = None
        self.degraded: dict[str, str] = {}
        self._listeners = Listeners()
        self.taps = Taps()
        self._watchers = Watchers()
        self._timekeeper = Timekeeper()
        # No method of the session: one that refers to itself would keep its shared memory until the next
        # collection.
        self.sounding = Sounding(self._watchers.put_answer)
        tell, marks = self.sounding.tell, self.flight.marks
        self._desk = Desk(session_id, self._memory.commands, key, start, tell, self.journal, marks)
        self.stems = Parts(session_id, self._desk.decks, is_apart=bool(score.get("apart")))

    def own(self, owner: str) -> None:
        """Remember who made it, for another daemon too."""
        self._hands += 1
        self.owner = owner

    @property
    def has_output(self) -> bool:
        """Whether its sink is something that can fail: a device, a file."""
        return self.sink.startswith(("device", "file"))

    def is_heard(self) -> bool:
        """Whether the engine has rendered any of it since this was last asked."""
        return self._rendered.has_grown()

    @property
    def keys_in_use(self) -> set[int]:
        """The players that its decks hold or wait for."""
        return self._desk.decks.keys

    @property
    def engine_pid(self) -> int:
        """Process id of the engine that plays it, or played it."""
        return self.engine.pid

    @property
    def mode(self) -> str:
        """Who moves the mix: `hands-on` or `directed`."""
        return "directed" if self._desk.directing else "hands-on"

    @property
    def kind(self) -> Kind:
        """Whether its stems may be summed in the spectrum, which is cheaper: not if they are handed out."""
        return "summed" if self.mode == "directed" and not self.stems.is_apart else "apart"

    def status(self) -> SessionStatus:
        """How it stands now."""
        return SessionStatus(
            session=self.id,
            state="playing" if self.playing else "lost",
            sink=self.sink,
            engine_pid=self.engine_pid,
            latency_s=self.latency_s + racks_delay_s(self._desk),
            device=self.device,
            mode=self.mode,
            degraded="; ".join(self.degraded.values()),
            stems=self.stems.told,
            **status_of(self._desk),
        )

    def check_playing(self) -> None:
        """Raise Unavailable if the engine is lost."""
        if not self.playing:
            raise Unavailable(f"session {self.id} is lost: its engine has died")

    def receive(self, signals: Sequence[Signal]) -> list[Answer]:
        """Take a batch of signals; see `Desk.receive`. Raises Unavailable too, if the engine is lost."""
        self.check_playing()
        self._hands += 1
        self.journal.hear(signals)
        answers = self._desk.receive(signals)
        self.sounding.take(signals, answers, self.mode)
        return answers

    def go_to(self, command: DeckCommand) -> Answer:
        """Go to a section that fans chose. The first answer."""
        self.check_playing()
        self._hands += 1
        return self._desk.sections.go_to(command)

    def undo(self, fan: str, signal_id: str) -> None:
        """Take a fan's signal back. Raises NotFound, or InvalidInput if it is too old."""
        self.check_playing()
        self._hands += 1
        self._desk.undo(fan, signal_id)

    def rename(self, fan: str, name: str) -> None:
        """Know a fan by another name from now on. Does nothing for one who is not known."""
        if self._desk.audience.fans.find(fan) is not None:
            self._hands += 1
            self.journal.rename(fan, name)
            self._desk.rename(fan, name)

    def forget(self, fan: str) -> int | None:
        """Drop all that is known of a fan; how many signals of theirs counted, None if they are not known."""
        self._hands += 1
        self.journal.forget(fan)
        return self._desk.forget(fan)

    def perform(self, command: DeckCommand) -> Answer:
        """Take what a hand does on a deck, but for loading. Raises Unavailable if the engine is lost."""
        self.check_playing()
        self._hands += 1
        behind_frames = self._desk.clock.sample + PACKET_FRAMES - heard_now(self._desk)[0]
        return self._desk.perform(command, behind_frames)

    def expect(self, command: DeckCommand, track: Track) -> Answer:
        """Answer a command that loads a track on a deck: it is made ready meanwhile."""
        self.check_playing()
        return self._desk.loads.expect(command, track)

    def refuse(self, command: DeckCommand, reason: str) -> None:
        """Tell that nothing came of a command that was accepted."""
        self._watchers.put_answer(Refused(id=command.id, reason=reason))

    def awaits(self, command: DeckCommand) -> bool:
        """Whether a command that loads has not been overtaken."""
        return self.playing and self._desk.loads.awaits(command)

    def direct(self) -> None:
        """Let the director decide what is due soon. Called often; does nothing where no time passed."""
        if self._desk.newest is not self._directed:
            self._directed = self._desk.newest
            self._desk.direct()

    def panic(self, panic_id: str) -> Answer:
        """Bring the artist's own mix back; see `Desk.panic`. Raises Unavailable too, without an engine."""
        self.check_playing()
        return self._desk.panic(panic_id)

    def take_reports(self) -> None:
        """Take what the engine has told since the last call."""
        self._desk.tell_settled()
        for report in self._memory.reports.take_reports():
            self.journal.take(report)
            if report.kind == BYPASSED:
                self.degrade(f"rack {report.value:.0f}", "a rack is passed by", bypass_of(report.reason))
            self._desk.take_report(report)
        if "whole" in self.degraded and not self._desk.wholes.any:
            self.restore("whole", "a stem is moved, or there is room again")
        if len(self.ledger) > LEDGER_MAX and (checkpoint := self._memory.checkpoints.read()):
            self.ledger.trim(told_of(checkpoint))

    def take_sound(self, now_s: float) -> None:
        """Hand the packets rendered since the last call to the listeners, and the status to the watchers."""
        self._take_packets()
        self.stems.take(self._memory.stems, self._desk.bar_beat)
        if self._watchers.want_status(now_s):
            self._watchers.put_status(self.status())
        self._timekeeper.tend(self, self._watchers, now_s)
        self.flight.look(now_s)

    def _take_packets(self) -> None:
        for entry in self._rendered.take(each=bool(self._listeners)):
            self.journal.tick(entry.sample + PACKET_FRAMES)
            self._desk.take_packet(entry)
            self.sounding.take_packet(entry.sample, entry.due_ns)
            if self._listeners:
                self._listeners.put(packet_of(entry, entry.pcm, self._rendered.before, self._desk.bar_beat))
            if missed := self._rendered.missed(entry):
                self._watchers.put_missed(missed)

    def listen(self) -> Listener:
        """Join the session's listeners: packets from now on. Close it when done."""
        listener = self._listeners.join()
        if not self.playing:
            listener.lose(f"session {self.id} is lost: its engine has died")
        return listener

    def source(self) -> tuple[Path, int]:
        """Where its packets are, and what is added to the sequence of those there."""
        return self.engine.memory_path(self.key), self._rendered.before

    def bar_beat(self, position_s: float) -> str | None:
        """A place in its song, musically; None where it has no beats."""
        return self._desk.bar_beat(position_s)

    def watch(self, only: set[str] | None = None, *, timeline: bool = False) -> Watcher:
        """Join the session's watchers: the status now, then every change. Close it when done.

        With `only`, it is told what became of these ids and no others; each leaves the set as it is told.
        With `timeline` it is told what comes, too.
        """
        watcher = self._watchers.join(self.status(), only, timeline=timeline)
        self._timekeeper.welcome(watcher)
        if not self.playing:
            watcher.lose(f"session {self.id} is lost: its engine has died")
        return watcher

    @property
    def memory(self) -> SessionMemory:
        """What it shares with the engine that plays it, or played it."""
        return self._memory

    @property
    def desk(self) -> Desk:
        """What moves its sound."""
        return self._desk

    def keep(self, journal: Journal) -> None:
        """Write down in another journal from now on."""
        self.journal = self._desk.receipts.journal = journal

    def catch_up(self) -> None:
        """Begin with the newest packet: who adopts it has not heard those before."""
        self._rendered.catch_up()

    @property
    def ledger(self) -> Ledger:
        """What its engine must be told again, should it die."""
        return self._desk.receipts.ledger

    @property
    def is_listened_to(self) -> bool:
        """Whether anybody hears it."""
        return bool(self.listeners_count) or self.has_output

    def observe(self, observer: Observer) -> None:
        """Have its signals and its slow listeners noted."""
        self.sounding.observer = observer
        self._listeners.on_gap = observer.metrics.skipped

    def sample_queues(self, metrics: Metrics) -> None:
        """Note how much waits in each of its queues."""
        metrics.commands.observe(len(self._desk.receipts.orders))
        for listener in self._listeners:
            metrics.listener_s.observe(listener.waiting_frames / RATE_HZ)
        for watcher in self._watchers:
            metrics.watcher_depth.observe(watcher.waiting)

    @property
    def watchers_count(self) -> int:
        """How many follow it."""
        return len(self._watchers)

    @property
    def listeners_count(self) -> int:
        """How many hear it over the network."""
        return len(self._listeners) + len(self.taps) + len(self.stems.listeners)

    @property
    def version(self) -> int:
        """What rises whenever control may have changed something that another daemon must know."""
        return self._hands + self._desk.receipts.version

    def degrade(self, step: str, how: str, because: str) -> None:
        """Tell that something is done more cheaply for it."""
        self._hands += 1
        self.degraded[step] = f"{how}: {because}"
        self.flight.marks.step(self.degraded[step])
        self.journal.step(self._desk.clock.sample, how, because)

    def restore(self, step: str, because: str = "there is room again") -> None:
        """Tell that it is done as it should again."""
        if self.degraded.pop(step, None):
            self._hands += 1
            self.flight.marks.step(f"no longer {step}: {because}")
            self.journal.step(self._desk.clock.sample, f"no longer {step}", because)

    @property
    def due_ns(self) -> int:
        """Host time at which its newest packet is due; 0 before the first."""
        return self._desk.newest.due_ns if self._desk.newest else 0

    def move(self, engine: Engine, told: Collection[int]) -> None:
        """Go on in another engine, which has been told of these orders. Those who hear it stay.

        Raises OSError or ValueError if its memory is not there.
        """
        memory = SessionMemory(engine.memory_path(self.key))
        self._take_packets()  # the last of the one before
        self.stems.take(self._memory.stems, self._desk.bar_beat)
        self.stems.restart()
        self.engine, self._memory = engine, memory
        self._rendered.move(memory.ring)
        self.flight.move(memory.trace)
        self._desk.receipts.move(memory.commands, told)
        self.taps.move()
        self._desk.layers.restart()

    async def leave(self) -> None:
        """Let the engine fade it out."""
        if self.playing:
            try:
                end, frames = (await self.engine.ask(op="leave", key=self.key))["faded"]
                self.journal.fade(frames or PACKET_FRAMES, end)
            except RemixdError:
                self.playing = False
        self.engine.memory_path(self.key).unlink(missing_ok=True)

    def end(self) -> None:
        """End its listeners and watchers."""
        self.playing = False
        self.journal.end("the session was ended")
        self._listeners.close()
        self.stems.listeners.close()
        self.taps.end()
        self._watchers.close()

    def lose(self, reason: str) -> None:
        """Its engine has died: tell whoever listens or watches."""
        self.playing = False
        self.journal.end(reason)
        self._desk.receipts.clear()
        self._listeners.lose(reason)
        self.stems.lose(reason)
        self.taps.end(reason)
        self._watchers.lose(reason)
