"""One bridge from deck to deck: its steps become orders, each for its beat, as the music comes there.

A step is posted 400 ms before it is due, for the beat that is expected then: the engine finds that beat's
sample, however the tempo has moved meanwhile. Thread: [control].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any, Final

from remixd._kernel import mailbox
from remixd._kernel.mailbox import APPLIED, ReportEntry
from remixd.control.action import ECHO_KNOBS
from remixd.control.decks import Deck, Decks, Knobs, Loaded
from remixd.control.order import CHANNEL, DIMENSION_INDEX, ECHO, EVERY_DECK, Order
from remixd.control.receipts import Receipt
from remixd.control.score import BEATS_A_BAR
from remixd.director.transitions import Rule, Step, steps
from remixd.errors import InvalidInput
from remixd.units import OFF_DB, RATE_HZ, STEM_ROLES

AHEAD_FRAMES: Final = 19_200
"""How long before it is due a step is posted: 400 ms."""

SETTLE_FRAMES: Final = 1_024
"""After a deck rests, until what was done to its channel is undone: its fade is over by then."""

WAIT_FRAMES: Final = 48_000
"""How long after it was expected a step's beat may come."""

RAMP_FRAMES: Final = 480
BEAT: Final = 1
BAR: Final = 2
"""Of `Order.when`."""

_STATE: Final = ("_anchor", "_beat", "_counted", "_glided", "_synced", "began", "ended", "over", "failed")
"""What of a bridge another daemon needs as it is."""

Send = Callable[[Order, Sequence[Receipt]], int]
"""Posts an order; its id."""


def music(deck: Deck) -> Loaded:
    """What is on a deck. Raises InvalidInput where nothing is."""
    if deck.loaded is None:
        raise InvalidInput(f"nothing is loaded on deck {deck.name}", field="deck")
    return deck.loaded


def bar_beats(loaded: Loaded) -> int:
    """Beats of a bar, or half seconds where there are none."""
    return loaded.track.analysis.beats_per_bar if loaded.beats.heard else BEATS_A_BAR


def place(deck: Deck) -> float:
    """The source frame where a deck is, within its music."""
    loaded = deck.loaded
    return deck.frame % loaded.frames if loaded and loaded.loops else deck.frame


def pace(deck: Deck) -> float:
    """Beats a frame of sound at which a deck plays now; 0 if it does not."""
    if deck.loaded is None or deck.entry is None or not deck.entry.playing:
        return 0.0
    return deck.entry.tempo / deck.loaded.beats.interval(place(deck))


class Bridge:
    """One bridge under way, from when the other deck is made ready for it.

    Args:
        decks: of the session.
        leaving, entering: the decks, both loaded; the first plays, the second rests.
        rule: what to do.
        receipt: of the one who asked: answered when the bridge begins.
        send: posts orders.
        glide_bars: over how many bars the other deck's tempo goes back to its own afterwards; 0: it stays.

    Attributes:
        began, ended: on the session clock; None before.
        failed: why it could not be; empty if all is well.
    """

    def __init__(
        self, decks: Decks, leaving: Deck, entering: Deck, rule: Rule, *, receipt: Receipt, send: Send,
        glide_bars: int = 0,
    ) -> None:  # fmt: skip
        self._decks = decks
        self.leaving, self.entering, self.rule = leaving, entering, rule
        self._receipt = receipt
        self._send = send
        self._bar_beats = bar_beats(music(leaving))
        all_steps = [step for step in steps(rule) if self._is_there(step)]
        self._before = [step for step in all_steps if step.bar < 0]
        self._steps = [step for step in all_steps if step.bar >= 0]
        self._own = {deck.index: deck.knobs for deck in (leaving, entering)}
        self._sent: dict[int, Order] = {}
        self._anchor = 0
        self._beat = 0.0
        self._counted = 0
        self._glide = glide_bars
        self._glided = 0
        self._synced = False
        self.began: int | None = None
        self.ended: int | None = None
        self.over = False
        self.failed = ""

    def _is_there(self, step: Step) -> bool:
        """Whether the track on a step's deck has what it moves."""
        loaded = self._deck(step).loaded
        return not step.role or (loaded is not None and step.role in loaded.track.roles)

    def _deck(self, step: Step) -> Deck:
        return self.entering if step.side == "to" else self.leaving

    # Orders

    def prepare(self, entry_frame: int, *, in_beat: bool) -> None:
        """Have the other deck rest where it is entered, silent if it is to rise, and in beat if it can be."""
        to = self.entering.index
        self._synced = in_beat
        if in_beat:
            self._post(Order(kind=mailbox.LEAD, deck=self.leaving.index, value=1.0))
        self._post(Order(kind=mailbox.SYNC, deck=to, value=float(in_beat)))
        self._post(Order(kind=mailbox.SEEK, deck=to, value=entry_frame))
        for step in self._before:
            self._post(self._order(step))

    def _post(self, order: Order, receipts: Sequence[Receipt] = ()) -> int:
        number = self._send(order, receipts)
        self._sent[number] = order
        self._note_knob(order)
        return number

    def _order(self, step: Step) -> Order:
        """What a step comes to, as soon as it can be."""
        deck = self._deck(step)
        ramp = max(round(step.bars * self._bar_frames()), RAMP_FRAMES)
        words = {"deck": deck.index, "ramp_frames": ramp, "shape": int(step.equal_power)}
        match step.what:
            case "play":
                return Order(kind=mailbox.PLAY, deck=deck.index)
            case "pause":
                return Order(kind=mailbox.PAUSE, deck=deck.index)
            case "lead":
                can = deck.has_beats
                return Order(kind=mailbox.LEAD, deck=deck.index if can else EVERY_DECK, value=float(can))
            case "delay":
                delay = step.value / max(pace(self.leaving), 1e-6)
                while delay > ECHO_KNOBS["delay"].high * RATE_HZ:
                    delay /= 2.0
                return Order(kind=mailbox.ECHO, dimension=ECHO.index("delay"), value=delay)
            case "level":
                value = self._value(step, self._own[deck.index].level_db(step.role))
                return Order(kind=mailbox.LEVEL, dimension=STEM_ROLES.index(step.role), value=value, **words)
            case name:
                value = self._value(step, self._own_channel(deck, name))
                return Order(kind=mailbox.STRIP, dimension=CHANNEL.index(name), value=value, **words)

    @staticmethod
    def _value(step: Step, own: float) -> float:
        if not step.own:
            return step.value
        return own if step.what != "send" else max(own, step.value)

    def _own_channel(self, deck: Deck, name: str) -> float:
        """Where a knob of a deck belongs; a fader that is down is one that waits for its bridge."""
        own = self._own[deck.index].channel[name]
        return 0.0 if deck is self.entering and name in ("fader", "low") and own <= OFF_DB else own

    def _bar_frames(self) -> float:
        """Of the leader, at its present tempo."""
        return self._bar_beats / max(pace(self.leaving), 1e-6)

    def _note_knob(self, order: Order) -> None:
        """What an order moves is where the deck's knob is from now on."""
        if order.kind not in (mailbox.STRIP, mailbox.LEVEL):
            return
        deck = self._decks.all[order.deck]
        if order.kind == mailbox.STRIP:
            channel = MappingProxyType({**deck.knobs.channel, CHANNEL[order.dimension]: order.value})
            deck.knobs = replace(deck.knobs, channel=channel)
        else:
            role = STEM_ROLES[order.dimension]
            levels = MappingProxyType({**deck.knobs.levels_db, role: order.value})
            deck.knobs = replace(deck.knobs, levels_db=levels)

    # Time

    def begin(self, sample: int) -> None:
        """Post what the bridge begins with, for the leader's beat that is expected at a sample."""
        self._post_for(0.0, sample, (self._receipt,))

    def _post_for(self, bar: float, sample: int, receipts: Sequence[Receipt] = ()) -> None:
        """Post the steps of a bar for the beat nearest to a sample."""
        half = round(0.5 / max(pace(self.leaving), 1e-6))
        due = max(sample - half, self._decks.sample + 1)
        while self._steps and self._steps[0].bar == bar:
            order = replace(
                self._order(self._steps.pop(0)), sample=due, when=BEAT, expires=sample + WAIT_FRAMES
            )
            number = self._post(order, receipts)
            self._anchor = self._anchor or number

    def advance(self) -> None:
        """Post what is due soon; notice what hands have done meanwhile."""
        if self.began is None or self.over:
            return
        if self.ended is None:
            self._check_decks()
        if self.over:
            return
        self._count()
        while self._steps:
            bar = self._steps[0].bar
            to = (bar * self._bar_beats - self._beat) / max(pace(self.leaving), 1e-6)
            if to > AHEAD_FRAMES:
                return
            self._post_for(bar, self._decks.sample + max(round(to), 0))

    def _count(self) -> None:
        """How many of the leader's beats have gone by; counted, so that it may loop or jump."""
        now = self._decks.sample
        if now > self._counted:
            self._beat += (now - self._counted) * pace(self.leaving)
            self._counted = now

    def take_report(self, report: ReportEntry) -> None:
        """Take what became of an order of this bridge; of others, nothing."""
        order = self._sent.pop(report.id, None)
        if order is None or self.over:
            return
        if report.kind != APPLIED:
            self._missed(report.id, order)
            return
        if report.id == self._anchor:
            self.began = self._counted = report.sample
        if order.kind == mailbox.PAUSE and order.deck == self.leaving.index:
            self._settle(report.sample)
        if order.kind == mailbox.MIX:
            self._glide_on()

    def _missed(self, number: int, order: Order) -> None:
        """An order was refused, or its beat did not come: without it there is no bridge, or no end of one."""
        if order.kind in (mailbox.PLAY, mailbox.SEEK) or number == self._anchor:
            self.failed = f"deck {self.entering.name} could not be started"
            self.back_out()
        elif order.kind in (mailbox.PAUSE, mailbox.LEAD) and order.when:
            self._post(replace(order, sample=-1, when=0, expires=0))

    # Another daemon

    def to_json(self) -> dict[str, Any]:
        """What another daemon needs to go on with it, in JSON's types; its orders are written elsewhere."""
        return {
            "leaving": self.leaving.index, "entering": self.entering.index, "rule": asdict(self.rule),
            "signal": self._receipt.signal_id, "glide_bars": self._glide,
            "steps": [asdict(step) for step in self._steps],
            "own": [[index, knobs.to_json()] for index, knobs in self._own.items()],
            "sent": list(self._sent),
            "state": {name: getattr(self, name) for name in _STATE},
        }  # fmt: skip

    @classmethod
    def restored(
        cls, decks: Decks, plain: Mapping[str, Any], orders: Mapping[int, Order], send: Send
    ) -> Bridge:
        """The bridge that another daemon had written, with those of its orders that may not be done yet.

        Raises InvalidInput where a deck is empty now, KeyError or TypeError for what no bridge has written.
        """
        leaving, entering = decks.all[plain["leaving"]], decks.all[plain["entering"]]
        bridge = cls(
            decks, leaving, entering, Rule(**plain["rule"]), receipt=Receipt(plain["signal"]), send=send,
            glide_bars=plain["glide_bars"],
        )  # fmt: skip
        bridge._steps = [Step(**step) for step in plain["steps"]]
        bridge._own = {index: Knobs.of_json(knobs) for index, knobs in plain["own"]}
        bridge._sent = {number: orders[number] for number in plain["sent"] if number in orders}
        for name in _STATE:
            setattr(bridge, name, plain["state"][name])
        return bridge

    # Ends

    def _settle(self, sample: int) -> None:
        """It is over: the deck that rests now gets its own knobs again."""
        self.ended = sample
        self._restore(self.leaving, sample + SETTLE_FRAMES)
        self._glide_on()

    def _restore(self, deck: Deck, sample: int = -1, *, as_was: bool = False) -> None:
        """Put every knob that a bridge moves where it belongs, or, back before the bridge, where it was."""
        own, now = self._own[deck.index], deck.knobs
        for name in ("fader", "low", "send"):
            value = own.channel[name] if as_was else self._own_channel(deck, name)
            if now.channel[name] != value:
                self._put(Order(kind=mailbox.STRIP, dimension=CHANNEL.index(name), value=value), deck, sample)
        for index, role in enumerate(STEM_ROLES):
            if now.level_db(role) != own.level_db(role):
                self._put(Order(kind=mailbox.LEVEL, dimension=index, value=own.level_db(role)), deck, sample)
        deck.knobs = replace(deck.knobs, levels_db=own.levels_db)

    def _put(self, order: Order, deck: Deck, sample: int) -> None:
        self._post(replace(order, deck=deck.index, sample=sample))

    def _glide_on(self) -> None:
        """One bar nearer to the tempo that the deck was given, if that is asked for."""
        entry, own = self.entering.entry, self.entering.knobs.tempo
        if self._glided >= self._glide or not self._synced or entry is None or not self.entering.is_playing:
            self.over = True
            return
        left = self._glide - self._glided
        value = own if left == 1 else entry.tempo * (own / entry.tempo) ** (1.0 / left)
        self._glided += 1
        self._post(
            Order(dimension=DIMENSION_INDEX["tempo"], value=value, deck=self.entering.index, when=BAR,
                  sample=self._decks.sample + 1)
        )  # fmt: skip

    def _check_decks(self) -> None:
        """If one of the two decks was stopped, ended or loaded over, the other one goes on by itself."""
        if self.began is None or self._decks.sample < self.began + SETTLE_FRAMES:
            return
        due = any(step.what == "play" for step in self._steps)
        if not due and not self.entering.is_playing and not self._awaits(mailbox.PLAY):
            self.failed = f"deck {self.entering.name} was stopped"
            self.back_out()
        elif not self.leaving.is_playing and not self._awaits(mailbox.PAUSE):
            self._go_through(self._decks.sample)

    def _awaits(self, kind: int) -> bool:
        return any(order.kind == kind for order in self._sent.values())

    def _go_through(self, sample: int) -> None:
        """The first deck has stopped by itself: the other one has the floor."""
        if any(step.what == "play" for step in self._steps):
            self._post(Order(kind=mailbox.PLAY, deck=self.entering.index))
        self._steps.clear()
        self._restore(self.entering)
        if self.entering.has_beats:
            self._post(Order(kind=mailbox.LEAD, deck=self.entering.index, value=1.0))
        self._settle(sample)

    def back_out(self) -> None:
        """Stay on the first deck: the other one rests, and every knob is where it was."""
        self.over = True
        self._steps.clear()
        for order in [*self._sent.values()]:  # what is on its way is followed by what undoes it
            if order.kind == mailbox.PLAY:
                self._post(replace(order, kind=mailbox.PAUSE))
        if self.entering.is_playing:
            self._post(Order(kind=mailbox.PAUSE, deck=self.entering.index))
        late = max((order.sample for order in self._sent.values()), default=-1)
        for deck in (self.leaving, self.entering):
            self._restore(
                deck, max(late, self._decks.sample) + SETTLE_FRAMES if late >= 0 else -1, as_was=True
            )

    def stopping(self) -> list[Order]:
        """For panic: what leaves the one of the two decks that is heard more. Knobs are panic's business."""
        self.over = True
        if self.began is None:
            waiting = [order for order in self._sent.values() if order.kind == mailbox.PLAY]
            return [replace(order, kind=mailbox.PAUSE) for order in waiting]
        if self.ended is not None:
            return []
        if self._beat < self.rule.bars * self._bar_beats / 2 or not self.entering.is_playing:
            return [Order(kind=mailbox.PAUSE, deck=self.entering.index)]
        lead = self.entering.index if self.entering.has_beats else EVERY_DECK
        return [
            Order(kind=mailbox.LEAD, deck=lead, value=float(self.entering.has_beats)),
            Order(kind=mailbox.PAUSE, deck=self.leaving.index),
        ]
