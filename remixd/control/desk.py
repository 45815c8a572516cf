"""The desk of a session: its mix, its decks, and every wish and command on its way to them.

Thread: [control].
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from remixd._kernel.mailbox import APPLIED, EXPIRED, REFUSED, Mailbox, ReportEntry
from remixd._kernel.ring import PacketEntry
from remixd.audience.audience import Audience
from remixd.audience.signal import Signal
from remixd.control.action import AUTHORITY_VERBS, TRANSITIONS, DeckCommand
from remixd.control.authority import Authority
from remixd.control.blending import Blending
from remixd.control.calming import UNDONE, calming, undoing
from remixd.control.command import Answer, Applied, Refused
from remixd.control.decks import Decks, Loaded
from remixd.control.directing import Clock, Directing
from remixd.control.handling import Handled, Handling
from remixd.control.journal import Journal
from remixd.control.layers import Layers
from remixd.control.loads import Loads
from remixd.control.marks import Marks
from remixd.control.order import Order, mix_order
from remixd.control.places import Wanted
from remixd.control.posting import Posting
from remixd.control.presets import Chosen, Presets
from remixd.control.receipts import PANIC_ROOM, Receipt, Receipts
from remixd.control.reception import DIRECTED, Entered, Reception
from remixd.control.score import FIRST_PLAYER, Beats
from remixd.control.section_choice import Sections
from remixd.control.standing import Standing
from remixd.control.start import Start
from remixd.control.substitution import Substitution
from remixd.control.transitions import Transitions
from remixd.control.wholes import Wholes
from remixd.director.arbiter import Arbiter
from remixd.errors import Exhausted, InvalidInput
from remixd.mix import NEUTRAL, PLAYABLE, When
from remixd.units import PACKET_FRAMES, RATE_HZ, STEM_ROLES

POSITION_ONE: Final = 1 << 24
"""Positions in packets have 24 fractional bits."""

PANIC: Final = "panic: the artist's own mix is back"

OWED_AT_ONCE: Final = 128  # answers to what the director has settled: half a millisecond's work
LISTEN_S: Final = 1.0
"""How often what fans express counts where no director asks for it."""


class Desk:
    """What moves the sound of one session.

    Args:
        session_id: for people.
        commands: the session's mailbox.
        key: of the session, for the engine.
        start: how it begins.
        tell: called with every second answer.
        marks: where it is noted when what was sent.

    Attributes:
        standing: its mix, now and later.
        exploring: whether fans let things be tried out, as far as the presets do.
        audience: what its fans express, and want.
        arbiter: what the DJ holds of it.
        presets: the blend that it stands in.
        directed_track: the id of the track that it is directed on; empty hands-on.
        decks: its decks.
        layers: what density does to them.
        wholes: those of them on which one file plays in the place of stems.
        substitution: how other files of the same music take the place of what plays.
        loads: tracks on their way onto its decks.
        sections: those that fans choose.
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
        marks: Marks | None = None,
    ) -> None:
        track = start.track
        self._id = session_id
        self.exploring = start.exploring
        self.audience = Audience(start.mix, seed=zlib.crc32(session_id.encode()), explores=start.explores)
        self.audience.hear(0.0, start.mix)
        self.arbiter = Arbiter()
        self.directing = (
            Directing(track, start.mix, self.audience, self.arbiter, start.blend.locked, start.arc)
            if track and start.is_directed
            else None
        )
        self.directed_track = track.id if track and start.is_directed else ""
        first = Loaded(FIRST_PLAYER, track, Beats.of(track), loops=True) if track else None
        self.decks = Decks(first, start.mix)
        self.newest: PacketEntry | None = None
        self._tell = tell
        self._settled: list[Applied] = []
        self._owed: deque[tuple[Applied, str, str]] = deque()
        self._listened_s = -LISTEN_S
        self.wholes = Wholes(self.decks)
        self.standing = Standing(start.mix, self.decks)
        self.receipts = Receipts(
            commands, key, self.decks.place, tell, journal, self.standing.given, self.wholes.before,
            marks,
        )  # fmt: skip
        self.layers = Layers(session_id, self.decks, self.receipts.send, self.standing)
        self.presets = Presets(self.decks, self.receipts, start, tell)
        self._blending = Blending(
            session_id, self.decks, self.receipts, self.standing, self.layers, self.presets
        )
        self.substitution = Substitution(self.decks, self.wholes, self.standing, self.receipts)
        self.transitions = Transitions(self.decks, self.receipts, tell, self.because)
        self._reception = Reception(self.audience, self.arbiter, tell)
        self._posting = Posting(session_id, self.receipts, self._blending)
        self.loads = Loads(self.decks, self._posting, tell, is_directed=self.directing is not None)
        self.sections = Sections(self.decks, self.transitions, is_directed=self.directing is not None)
        self._authority = Authority(self.arbiter, tell)

    @property
    def mix(self) -> dict[str, float]:
        """What was given to every deck, by dimension."""
        return self.standing.mix

    @property
    def because(self) -> dict[str, str]:
        """Why the director last moved each dimension."""
        return self._blending.because

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
    def free(self) -> int:
        """How many commands it takes now, beside panic."""
        return self.receipts.room

    # Wishes

    def receive(self, signals: Sequence[Signal]) -> list[Answer]:
        """Take a batch of signals. The first answer to each, in order.

        Hands-on, their wishes are clamped, lowered and posted at once. Directed, the director takes them.
        Raises Exhausted, and takes nothing, if not all of it fits.
        """
        self.audience.check_room(signals)
        if not self.directing:
            self._blending.check_room(signals)
        mix, entered, answers = dict(self.mix), [], []
        at, rights, roles = self.clock, self.decks.rights, self.decks.roles
        for signal in signals:
            come = self._reception.enter(signal, mix, rights, roles, at, self.directing)
            if isinstance(come, Entered):
                entered.append(come)
                answers.append(self._blending.accepted(come))
                if signal.at == "now":
                    mix.update(come.lowered.values)
            else:
                answers.append(come)
        self._blending.move(entered)
        return answers

    def tell_done(self, signal_id: str, because: str) -> None:
        """Tell, once its first answer is out, that a signal counts, and moves nothing by itself."""
        self._settled.append(replace(self._nothing_to_do(signal_id), because=because))

    def undo(self, fan: str, signal_id: str) -> None:
        """Be as if a fan's signal had never come: hands-on its moves stay, directed the goal is another.

        Raises NotFound, or InvalidInput if it is too old.
        """
        self.audience.undo(fan, signal_id, self.clock.at_s)
        for owed in self._drop(fan, signal_id):
            self._tell(Refused(id=owed, reason="its fan took it back"))

    def forget(self, fan: str) -> int | None:
        """Drop all that is known of a fan; how many of their signals counted, None if they are not known."""
        self.audience.unknow(fan)
        if self.audience.fans.find(fan) is None:
            return None
        for owed in self._drop(fan):
            self._tell(Refused(id=owed, reason="its fan was forgotten"))
        return self.audience.forget(fan)

    def rename(self, fan: str, name: str) -> None:
        """Know a fan, if there is one of that name, by another one from now on: nothing else changes."""
        if self.audience.rename(fan, name):
            self._reception.rename(fan, name)
            if self.directing:
                self.directing.rename(fan, name)

    def _drop(self, fan: str, signal_id: str = "") -> list[str]:
        directed = self.directing.drop(fan, signal_id) if self.directing else []
        return [*directed, *self._reception.drop(fan, signal_id)]

    def direct(self) -> None:
        """Let the director decide what is due soon. Called often; does nothing hands-on."""
        if self.newest is None:
            return
        clock = self.clock
        self._authority.turn(clock, self._next_bar, self._nothing_to_do)
        if not self.directing or self.receipts.free < PANIC_ROOM:
            self._listen(clock)
            return
        self.audience.explores = self.exploring and self.presets.blend.explores
        due = self.directing.due(self.mix, clock)
        if due is None:
            return
        if due.recentred is not None and (idle := self._blending.begin(due)):
            self._settled.append(self._nothing_to_do(idle))
        self._blending.take(due)
        self.audience.hear(due.sample / RATE_HZ, self.mix)
        self._reception.tell_counted(self._nothing_to_do)
        now = self._nothing_to_do("")
        self._owed.extend((now, *settled) for settled in due.settled.items())
        self.tell_settled()

    def _listen(self, clock: Clock) -> None:
        """Hands-on: let what fans express count now and then."""
        if 0.0 <= clock.at_s - self._listened_s < LISTEN_S:
            return
        self._listened_s = clock.at_s
        self.audience.hear(clock.at_s, self.mix)
        self.audience.tick(clock.at_s)
        self._reception.tell_counted(self._nothing_to_do)

    def _next_bar(self) -> int | None:
        """The sample at which a change of authority can begin; None if nothing plays."""
        return self.directing.next_bar(self.clock) if self.directing else self.decks.sample_of("bar", -1)

    def _nothing_to_do(self, command_id: str) -> Applied:
        at = self.clock
        return Applied(
            id=command_id, sample=at.sample, settled_sample=at.sample, late_frames=0, moves=(),
            bar_beat=self.bar_beat(at.position_s) or "",
        )  # fmt: skip

    # Presets

    def pick(self, to: Chosen, made: Mapping[int, Wanted]) -> Answer:
        """Go to other presets, of whose racks those that were missing lie ready. The first answer.

        Hands-on at once or at a mark, and every dimension goes where the blend has it. Directed at the next
        phrase, and those go in which it is another than the blend before; wishes for them are forgotten.
        """
        try:
            if self.directing:
                return self.presets.go_on_to(to, made, self.directing, self.clock)
            return self._blending.go_to(to, made)
        except (InvalidInput, Exhausted) as error:
            return Answer(id=to.pick.id, accepted=False, reason=str(error))

    def send(self, orders: Iterable[Order]) -> None:
        """Post orders that nobody is told of. Raises Exhausted if the mailbox is full."""
        for order in orders:
            self.receipts.send(order)

    # Hands on decks

    def perform(self, command: DeckCommand, behind_frames: int) -> Answer:
        """Take what a hand does on a deck, but for loading. The first answer; the second is told later.

        Args:
            command: what.
            behind_frames: from what is heard to the end of what is rendered.
        """
        try:
            if command.action.verb in AUTHORITY_VERBS:
                return self._decide(command)
            self.check_hands()
            if command.action.verb in TRANSITIONS:
                return self.transitions.take(command)
            handled = Handling(self.decks, command, self.mix, behind_frames).handle()
            self._posting.post(command.id, handled)
        except (InvalidInput, Exhausted) as error:
            return Answer(id=command.id, accepted=False, reason=str(error))
        if not handled.orders:
            self._settled.append(self._nothing_to_do(command.id))
        return self._taken(command.id, handled, command.at, command.deck)

    def _decide(self, command: DeckCommand) -> Answer:
        """What a DJ does to the mix that fans move."""
        if command.action.verb == "move":
            answer, value = self._authority.moved(command, self.mix, self.decks.rights, self.decks.roles)
            if value is not None:
                self._blending.fade(command.id, command.action.name, value)
                return replace(answer, planned_sample=self.decks.sample)
        elif command.action.verb == "arc":
            answer = self._authority.follow(command, self.directing, self.clock)
        else:
            return self._authority.ask(command, self.clock, self._next_bar())
        if answer.accepted:
            self._settled.append(replace(self._nothing_to_do(command.id), because=answer.because))
        return answer

    def _taken(self, command_id: str, handled: Handled, at: When, deck: int = -1) -> Answer:
        planned = self.decks.sample if at == "now" else self.decks.sample_of(at, deck)
        because = "; ".join(handled.because)
        return Answer(
            id=command_id, accepted=True, clamps=handled.clamps, planned_sample=planned, because=because
        )

    def check_hands(self) -> None:
        """Raise InvalidInput where no hands are allowed."""
        if self.directing and not self.arbiter.has_all:
            raise InvalidInput(f"{DIRECTED}; take all of it, or make a hands-on session for the decks")

    # Panic

    def panic(self, panic_id: str) -> Answer:
        """Bring the artist's own mix back, at once, and forget what was wished and what hands have done.

        What became of it is told under `panic_id`. Raises Exhausted if hundreds of commands are on their way.
        """
        moved = [name for name in PLAYABLE if name not in STEM_ROLES or name in self.decks.roles]
        orders = [mix_order(name, NEUTRAL[name]) for name in moved]
        calm, done = calming(self.decks)
        orders += [*calm, *self.layers.calm()]
        if self.receipts.free < 2 * len(orders):
            raise Exhausted(f"session {self._id} is busy with other panics")
        orders += self.transitions.stop() + self.presets.silencing()
        scheduled, signals = self.receipts.take_back(UNDONE)
        if self.directing:
            signals += self.directing.clear(NEUTRAL)
        else:
            self.audience.clear(NEUTRAL)
        signals += self._reception.clear()
        self._authority.clear(PANIC)
        for signal_id in dict.fromkeys(signals):
            self._tell(Refused(id=signal_id, reason=PANIC))
        done()
        self.standing.clear()
        self.layers.clear()
        receipt = Receipt(panic_id)
        for order in orders:
            self.receipts.send(order, (receipt,))
        for order in dict.fromkeys(map(undoing, scheduled)):  # what waits cannot be taken back, only followed
            self.receipts.send(order)
        self.because.clear()
        self.presets.clear()
        return Answer(id=panic_id, accepted=True, planned_sample=self.decks.sample)

    # The engine

    def take_report(self, report: ReportEntry) -> None:
        """Take what the engine did with a command."""
        self.receipts.ledger.take(report)
        if report.kind not in (APPLIED, REFUSED, EXPIRED):
            return
        order = self.receipts.order_of(report.id)
        if order is not None:
            self.decks.note(order, report)
            self.presets.places.take_report(order, report)
            self.wholes.take_report(order, report)
            self.transitions.take_report(report)
            self.layers.take_report(report)
            self.standing.take_report(order, report)
        self.receipts.take(report)

    def take_packet(self, entry: PacketEntry) -> None:
        """Take how the session stood in its newest packet."""
        self.newest = entry
        self.decks.take(entry.sample + PACKET_FRAMES, entry.decks)
        if self.free:
            for order in self.wholes.advance():
                self.receipts.send(order)
        self.transitions.advance()
        self._blending.settle()

    def tell_settled(self) -> None:
        """Tell those for whom the engine had nothing to do; their answers are out. Of a crowd's, some."""
        for applied in self._settled:
            self._tell(applied)
        self._settled.clear()
        for _ in range(min(len(self._owed), OWED_AT_ONCE)):
            now, signal_id, because = self._owed.popleft()
            self._tell(replace(now, id=signal_id, because=because))
