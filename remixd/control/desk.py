"""The desk of a session: its mix, its decks, and every wish and command on its way to them.

Thread: [control].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from remixd._kernel.mailbox import APPLIED, EXPIRED, MIX, REFUSED, SWAP, Mailbox, ReportEntry
from remixd._kernel.ring import PacketEntry
from remixd.audience.signal import Signal
from remixd.control.action import TRANSITIONS, DeckCommand
from remixd.control.calming import UNDONE, calming, undoing
from remixd.control.command import Answer, Applied, Clamp, Lowered, Refused, lower
from remixd.control.decks import OPEN, Decks, Loaded
from remixd.control.directing import Clock, Directing
from remixd.control.handling import NO_BEATS, Handled, Handling, loading
from remixd.control.journal import Journal
from remixd.control.order import EVERY_DECK, Order, mix_order
from remixd.control.receipts import Receipt, Receipts
from remixd.control.score import FIRST_PLAYER, Beats
from remixd.control.sink import Sink
from remixd.control.transitions import Transitions
from remixd.control.wholes import Wholes
from remixd.director.preset import ORIGINAL, Preset
from remixd.errors import Exhausted, InvalidInput
from remixd.mix import NEUTRAL, WHENS, When
from remixd.track.package import Track
from remixd.units import PACKET_FRAMES, RATE_HZ, STEM_ROLES

PANIC_ROOM: Final = 72
"""Commands that wishes and hands leave free, so that panic always gets through."""

POSITION_ONE: Final = 1 << 24
"""Positions in packets have 24 fractional bits."""

DIRECTED: Final = "this session is directed: its director moves the mix, on the bars"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How a session begins.

    Attributes:
        track: what plays at once on deck A; None for empty decks.
        mix: the preset's, as far as rights and roles allow, by dimension.
        clamps: what they did not allow.
    """

    track: Track | None
    sink: Sink
    is_directed: bool
    preset: str
    mix: Mapping[str, float]
    clamps: tuple[Clamp, ...]

    @classmethod
    def of(cls, track: Track | None, preset: Preset, sink: Sink, *, is_directed: bool) -> Start:
        """Start a track, or empty decks, from a preset. Raises InvalidInput if there is nothing to direct."""
        if track is None and is_directed:
            raise InvalidInput("a directed session needs a track", field="track")
        rights, roles = (track.rights, track.roles) if track else (OPEN, STEM_ROLES)
        lowered = lower(preset.mix.values_by_name, NEUTRAL, rights, roles)
        mix = {**NEUTRAL, **lowered.values}
        return cls(track=track, sink=sink, is_directed=is_directed, preset=preset.name, mix=mix,
                   clamps=lowered.clamps)  # fmt: skip


def _refused(signal: Signal, lowered: Lowered) -> Answer | None:
    """The answer to a signal of which nothing can be given."""
    if lowered.values:
        return None
    reason = "; ".join(dict.fromkeys(clamp.because for clamp in lowered.clamps))
    return Answer(id=signal.id, accepted=False, reason=reason, clamps=lowered.clamps)


class Desk:
    """What moves the sound of one session.

    Args:
        session_id: for people.
        commands: the session's mailbox.
        key: of the session, for the engine.
        start: how it begins.
        tell: called with every second answer.

    Attributes:
        mix: what was given to every deck, by dimension.
        because: why the director last moved each dimension.
        preset, clamps: what it started from, and what of that was not allowed.
        directed_track: the id of the track that it is directed on; empty hands-on.
        decks: its decks.
        wholes: those of them on which one file plays in the place of stems.
        transitions: from deck to deck, and within a track.
        newest: how it stood in the newest packet; None before the first.
    """

    def __init__(
        self,
        session_id: str,
        commands: Mailbox,
        key: int,
        start: Start,
        tell: Callable[[Applied | Refused], None],
        journal: Journal | None = None,
    ) -> None:
        track = start.track
        self._id = session_id
        self.preset = start.preset
        self.clamps = start.clamps
        self.mix: dict[str, float] = dict(start.mix)
        self.because: dict[str, str] = {}
        self.directing = Directing(track, start.mix) if track and start.is_directed else None
        self.directed_track = track.id if track and start.is_directed else ""
        first = Loaded(FIRST_PLAYER, track, Beats.of(track), loops=True) if track else None
        self.decks = Decks(first, start.mix)
        self.newest: PacketEntry | None = None
        self._tell = tell
        self._settled: list[Applied] = []
        self.wholes = Wholes(self.decks)
        self.receipts = Receipts(commands, key, self.decks.place, tell, journal, self.wholes.before)
        self.transitions = Transitions(self.decks, self.receipts, tell, self.because)

    @property
    def clock(self) -> Clock:
        """Where the newest packet begins."""
        newest = self.newest
        if newest is None:
            return Clock(sample=0, position_s=0.0, tempo=self.mix["tempo"])
        return Clock(newest.sample, newest.position / POSITION_ONE / RATE_HZ, newest.tempo)

    def bar_beat(self, position_s: float) -> str | None:
        """Bar and beat of a place in the song that stands for the session; None without beats."""
        shown = self.decks.shown.loaded
        return shown.bar_beat(position_s * RATE_HZ) or None if shown else None

    @property
    def _soon(self) -> int:
        """The first sample that a command sent now can change."""
        return self.newest.sample + PACKET_FRAMES if self.newest else 0

    @property
    def _free(self) -> int:
        return max(self.receipts.free - PANIC_ROOM, 0)

    # Wishes

    def receive(self, signals: Sequence[Signal]) -> list[Answer]:
        """Take a batch of signals. The first answer to each, in order.

        Hands-on, their wishes are clamped, lowered and posted at once, one command a dimension and mark: in
        a batch the last wish wins, and those before it are told so. Directed, the director takes them.
        Raises Exhausted, and takes nothing, if not all of it fits.
        """
        if self.directing:
            self.directing.check_room(signals)
            return [self._hand_to(self.directing, signal) for signal in signals]
        mix = dict(self.mix)
        answers: list[Answer] = []
        wished: dict[tuple[str, When], list[tuple[Receipt, float]]] = {}
        for signal in signals:
            lowered = lower(signal.wishes, mix, self.decks.rights, self.decks.roles)
            answers.append(_refused(signal, lowered) or self._accepted(signal, lowered))
            receipt = Receipt(signal.id)
            for name, value in lowered.values.items():
                wished.setdefault((name, signal.at), []).append((receipt, value))
            if signal.at == "now":
                mix.update(lowered.values)
        if len(wished) > self._free:
            raise Exhausted(
                f"session {self._id} can move {self._free} more dimensions now, not {len(wished)}"
            )
        for (name, at), [*replaced, (receipt, value)] in wished.items():
            self.receipts.send(mix_order(name, value, when=WHENS.index(at)), (receipt,), replaced=replaced)
            if at == "now":
                self._take_mix(name, value)
        return answers

    def _take_mix(self, name: str, value: float) -> None:
        self.mix[name] = value
        if name in ("tempo", "pitch"):
            self.decks.set_every(name, value)

    def _accepted(self, signal: Signal, lowered: Lowered) -> Answer:
        planned = self._soon if signal.at == "now" else self.decks.sample_of(signal.at, -1)
        because = "" if signal.at == "now" else self._marks_told()
        return Answer(
            id=signal.id, accepted=True, clamps=lowered.clamps, planned_sample=planned, because=because
        )

    def _marks_told(self) -> str:
        reference = self.decks.reference(-1)
        if reference is None:
            return "nothing plays: it waits until something does"
        return "" if reference.has_beats else f"deck {reference.name}: {NO_BEATS}"

    def _hand_to(self, directing: Directing, signal: Signal) -> Answer:
        if signal.at != "now":
            reason = f"{DIRECTED}; a signal for it has no time of its own"
            return Answer(id=signal.id, accepted=False, reason=reason)
        lowered = lower(signal.wishes, self.mix, self.decks.rights, self.decks.roles)
        if refusal := _refused(signal, lowered):
            return refusal
        answer, replaced = directing.receive(signal, lowered, self.mix, self.clock)
        for signal_id in replaced:
            reason = f"signal {signal.id} of the same fan took its place before the director moved"
            self._tell(Refused(id=signal_id, reason=reason))
        return answer

    def direct(self) -> None:
        """Let the director decide what is due soon. Called often; does nothing hands-on."""
        if not self.directing or self.newest is None or self.receipts.free < PANIC_ROOM:
            return
        due = self.directing.due(self.mix, self.clock)
        if due is None:
            return
        receipts: dict[str, Receipt] = {}
        for move, frames in due.moves:
            owed = [receipts.setdefault(signal_id, Receipt(signal_id)) for signal_id in move.signals]
            order = mix_order(move.dimension, move.value, sample=due.sample, ramp_frames=frames)
            self.receipts.send(order, owed, because=move.because)
            self._take_mix(move.dimension, move.value)
            self.because[move.dimension] = move.because
        for signal_id, because in due.settled.items():
            self._tell(replace(self._nothing_to_do(signal_id), because=because))

    def _nothing_to_do(self, command_id: str) -> Applied:
        at = self.clock
        return Applied(
            id=command_id, sample=at.sample, settled_sample=at.sample, late_frames=0, moves=(),
            bar_beat=self.bar_beat(at.position_s) or "",
        )  # fmt: skip

    # Hands on decks

    def perform(self, command: DeckCommand, behind_frames: int) -> Answer:
        """Take what a hand does on a deck, but for loading. The first answer; the second is told later.

        Args:
            command: what.
            behind_frames: from what is heard to the end of what is rendered.
        """
        try:
            self._check_hands()
            if command.action.verb in TRANSITIONS:
                return self.transitions.take(command)
            handled = Handling(self.decks, command, self.mix, behind_frames).handle()
            self._post(command.id, handled)
        except (InvalidInput, Exhausted) as error:
            return Answer(id=command.id, accepted=False, reason=str(error))
        if not handled.orders:
            self._settled.append(self._nothing_to_do(command.id))
        planned = self._soon if command.at == "now" else self.decks.sample_of(command.at, command.deck)
        return Answer(
            id=command.id, accepted=True, clamps=handled.clamps, planned_sample=planned,
            because="; ".join(handled.because),
        )  # fmt: skip

    def _check_hands(self) -> None:
        if self.directing:
            raise InvalidInput(f"{DIRECTED}; make a hands-on session for the decks")

    def _post(self, command_id: str, handled: Handled) -> None:
        if len(handled.orders) > self._free:
            raise Exhausted(f"session {self._id} can take {self._free} more commands now")
        receipt = Receipt(command_id)
        for order in handled.orders:
            self.receipts.send(order, (receipt,))
        handled.done()

    def expect(self, command: DeckCommand, track: Track) -> Answer:
        """Answer a command that loads a track, which is made ready meanwhile; one a deck, the last."""
        try:
            if command.action.verb != "choose":
                self._check_hands()
            start_s = command.action.start_s or 0.0
            if not 0.0 <= start_s < track.duration_s:
                raise InvalidInput(
                    f"{start_s:g} s is outside {track.id}: it lasts {track.duration_s:.3f} s", field="start_s"
                )
        except InvalidInput as error:
            return Answer(id=command.id, accepted=False, reason=str(error))
        deck = self.decks.all[command.deck]
        if deck.awaited:
            self._tell(Refused(id=deck.awaited, reason=f"{track.id} is loaded on deck {deck.name} instead"))
        deck.awaited, deck.awaited_track = command.id, track.id
        return Answer(id=command.id, accepted=True, because=f"{track.id} is made ready")

    def awaits(self, command: DeckCommand) -> bool:
        """Whether a command is the one that loads its deck next."""
        return self.decks.all[command.deck].awaited == command.id

    def give_up(self, command: DeckCommand, reason: str) -> None:
        """Nothing came of a command that loads."""
        if self.awaits(command):
            deck = self.decks.all[command.deck]
            deck.awaited = deck.awaited_track = ""
            self._tell(Refused(id=command.id, reason=reason))

    def load(self, command: DeckCommand, loaded: Loaded) -> None:
        """Load what lies ready in the engine. Raises Exhausted."""
        deck = self.decks.all[command.deck]
        self._post(command.id, loading(deck, command, loaded, self._soon))
        self.decks.expect(loaded, deck.index)
        deck.awaited = deck.awaited_track = ""

    def swap(self, index: int, before: Loaded, ready: Loaded) -> bool:
        """Have other stems of the same music take the place of what is on a deck; False if it is gone."""
        deck = self.decks.all[index]
        if self._free < 1 or not self.decks.is_deck_settled(deck) or deck.loaded is not before:
            return False
        self.receipts.send(Order(kind=SWAP, deck=index, extra=ready.key))
        self.decks.expect(ready, index)
        return True

    def may_join(self, index: int) -> bool:
        """Whether one file may play on a deck in the place of its stems, and nobody would hear it."""
        return self.wholes.may_join(self.decks.all[index], self.mix, self.receipts.orders)

    def join(self, index: int, before: Loaded, whole: Loaded, stems: Loaded) -> bool:
        """Have one file, which lies ready, play on a deck; False if that cannot be any more."""
        deck = self.decks.all[index]
        if self._free < 1 or deck.loaded is not before or not self.may_join(index):
            return False
        self.receipts.send(self.wholes.join(deck, whole, stems))
        return True

    def part(self) -> None:
        """Have the stems play again where one file does. Raises Exhausted."""
        for order in self.wholes.part():
            self.receipts.send(order)

    # Panic

    def panic(self, panic_id: str) -> Answer:
        """Bring the artist's own mix back, at once, and forget what was wished and what hands have done.

        What became of it is told under `panic_id`. Raises Exhausted if hundreds of commands are on their way.
        """
        orders = [mix_order(name, NEUTRAL[name]) for name in ("tempo", "pitch", *self.decks.roles)]
        calm, done = calming(self.decks)
        orders += calm
        if self.receipts.free < 2 * len(orders):
            raise Exhausted(f"session {self._id} is busy with other panics")
        orders += self.transitions.stop()
        scheduled, signals = self.receipts.take_back(UNDONE)
        if self.directing:
            signals += self.directing.clear(NEUTRAL)
        for signal_id in dict.fromkeys(signals):
            self._tell(Refused(id=signal_id, reason="panic: the artist's own mix is back"))
        receipt = Receipt(panic_id)
        for order in orders:
            self.receipts.send(order, (receipt,))
        for order in dict.fromkeys(map(undoing, scheduled)):  # what waits cannot be taken back, only followed
            self.receipts.send(order)
        done()
        self.mix = dict(NEUTRAL)
        self.because.clear()
        self.clamps = ()
        self.preset = ORIGINAL
        return Answer(id=panic_id, accepted=True, planned_sample=self._soon)

    # The engine

    def take_report(self, report: ReportEntry) -> None:
        """Take what the engine did with a command."""
        self.receipts.ledger.take(report)
        if report.kind not in (APPLIED, REFUSED, EXPIRED):
            return
        order = self.receipts.order_of(report.id)
        if order is not None:
            self.decks.note(order, report)
            self.wholes.take_report(order, report)
            self.transitions.take_report(report)
            if order.kind == MIX and order.when and order.deck == EVERY_DECK and report.kind == APPLIED:
                self._take_mix(order.name, order.value)
        self.receipts.take(report)

    def take_packet(self, entry: PacketEntry) -> None:
        """Take how the session stood in its newest packet."""
        self.newest = entry
        self.decks.take(entry.sample + PACKET_FRAMES, entry.decks)
        if self._free:
            for order in self.wholes.advance():
                self.receipts.send(order)
        self.transitions.advance()

    def tell_settled(self) -> None:
        """Tell those commands for which there was nothing to do in the engine; their answers are out."""
        for applied in self._settled:
            self._tell(applied)
        self._settled.clear()
