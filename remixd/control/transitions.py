"""Transitions of one session: from deck to deck, and within a track; when they may be, and when they are.

Thread: [control].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from remixd._kernel.mailbox import ReportEntry
from remixd.control.action import Action, DeckCommand
from remixd.control.bridging import AHEAD_FRAMES, Bridge, bar_beats, pace
from remixd.control.command import Answer, Applied, Refused
from remixd.control.decks import Deck, Decks
from remixd.control.meeting import check_mash_up, entry_of, fitting, is_in_beat, rule_for, starts
from remixd.control.order import Order
from remixd.control.receipts import Receipt, Receipts
from remixd.control.resequencing import Resequence
from remixd.director.sections import Part
from remixd.director.transitions import Rule, check_how
from remixd.errors import Exhausted, InvalidInput
from remixd.mix import WHENS, When
from remixd.units import RATE_HZ

COOL_BARS: Final = 8
"""Between the end of one bridge and the beginning of the next."""

LEAST_FRAMES: Final = 12_000
"""What is to begin sooner than this, 250 ms, is too late for it."""

ARM_FRAMES: Final = 72_000
"""How long before it begins the other deck is made ready: 1.5 s."""

MOVES_MAX: Final = 4
"""How often a transition that is not ready moves to the next boundary."""

ORDERS_MAX: Final = 40
"""What the busiest bridge posts at a time."""

TOLD: Final = "transition"
"""Under which name a session's status tells of one."""


@dataclass(slots=True)
class _Wish:
    """A bridge that is asked for and not under way.

    Attributes:
        after: not before this sample.
        aim: the sample it is meant to begin at, as far as that is known.
        moved: how often it had to move to the next boundary.
    """

    command: DeckCommand
    leaving: Deck
    entering: Deck
    after: int
    aim: int = 0
    moved: int = 0
    rule: Rule | None = None
    because: str = ""


class Transitions:
    """The transitions of one session, at most one from deck to deck at a time.

    Args:
        decks, receipts: of the session.
        tell: called with every second answer.
        because: of the session's status; what goes on is told there.
    """

    def __init__(
        self,
        decks: Decks,
        receipts: Receipts,
        tell: Callable[[Applied | Refused], None],
        because: dict[str, str],
    ) -> None:
        self._decks = decks
        self._receipts = receipts
        self._tell = tell
        self._because = because
        self._wish: _Wish | None = None
        self._bridge: Bridge | None = None
        self._cool = 0
        self._within: dict[int, Resequence] = {}

    def _send(self, order: Order, receipts: Sequence[Receipt]) -> int:
        return self._receipts.send(order, receipts)

    # Commands

    def take(self, command: DeckCommand) -> Answer:
        """Take a command for a transition. Raises InvalidInput, in a sentence, for what cannot be."""
        deck = self._decks.all[command.deck]
        if deck.loaded is None:
            raise InvalidInput(f"nothing is loaded on deck {deck.name}", field="deck")
        if command.action.verb == "section":
            return self._go(command, deck)
        return self._mix(command, deck)

    def _go(self, command: DeckCommand, deck: Deck) -> Answer:
        before = self._within.get(deck.index)
        after = Resequence(self._decks, deck, command, self._send, before)
        self._within[deck.index] = after
        planned = self._decks.sample_of(after.at, deck.index)
        return Answer(id=command.id, accepted=True, planned_sample=planned, because=after.told)

    def _mix(self, command: DeckCommand, deck: Deck) -> Answer:
        other = self._decks.all[command.action.other]
        how = check_how(command.action.name)
        self._check(deck, other, how)
        if self._wish:
            self._give_up(f"a mix into deck {other.name} took its place")
        wish = _Wish(command, deck, other, after=self._cool)
        cooling = self._cool > self._decks.sample
        self._wish = wish
        self._aim(wish)
        told = [f"into deck {other.name} at the next {self._boundary(wish)}"]
        told += [f"{COOL_BARS} bars after the one before"] if cooling else []
        told += ["once its track is loaded"] if not self._is_ready(other) else []
        wish.because = ", ".join(told)
        self._because[TOLD] = wish.because
        return Answer(id=command.id, accepted=True, planned_sample=wish.aim or None, because=wish.because)

    def _check(self, deck: Deck, other: Deck, how: str) -> None:
        if deck is other:
            raise InvalidInput(f"deck {deck.name} cannot go over into itself", field="other")
        if self._bridge and self._bridge.ended is None:
            raise InvalidInput("a transition is under way", field="deck")
        if not deck.counts:
            raise InvalidInput(f"deck {deck.name} does not play forwards", field="deck")
        if other.is_playing:
            raise InvalidInput(f"deck {other.name} plays already", field="other")
        if other.loaded is None and not other.awaited:
            raise InvalidInput(f"nothing is loaded on deck {other.name}", field="other")
        if how == "stem-swap" and deck.loaded and other.loaded and not other.awaited:
            check_mash_up(deck.loaded, other.loaded)

    # Time

    def advance(self) -> None:
        """Do what is due. Called with every packet."""
        try:
            if self._bridge:
                self._advance_bridge(self._bridge)
            if self._wish:
                self._advance_wish(self._wish)
            for index, within in list(self._within.items()):
                within.advance()
                if within.over:
                    within.keep()
                if within.gone:
                    del self._within[index]
        except InvalidInput as error:  # what was on a deck is gone
            self._give_up(str(error))
        except Exhausted as error:
            self._because[TOLD] = str(error)

    def take_report(self, report: ReportEntry) -> None:
        """Take what the engine did with a command."""
        if self._bridge:
            self._bridge.take_report(report)
        for within in self._within.values():
            within.take_report(report)

    def _advance_bridge(self, bridge: Bridge) -> None:
        bridge.advance()
        if bridge.ended is not None and bridge.entering.loaded:
            rate = max(pace(bridge.entering), 1e-6)
            self._cool = bridge.ended + round(COOL_BARS * bar_beats(bridge.entering.loaded) / rate)
        if bridge.over:
            self._bridge = None
            self._because.pop(TOLD, None)

    def _advance_wish(self, wish: _Wish) -> None:
        if self._bridge and self._bridge.began is None and self._bridge.entering is wish.entering:
            self._begin(wish, self._bridge)
            return
        if not wish.leaving.counts or wish.leaving.loaded is None:
            self._give_up(f"deck {wish.leaving.name} does not play forwards any more")
        elif not self._is_ready(wish.entering):
            self._wait(wish)
        elif self._bridge is None:
            try:
                self._arm(wish)
            except InvalidInput as error:
                self._give_up(str(error))

    @staticmethod
    def _is_ready(deck: Deck) -> bool:
        there = deck.entry is not None and deck.loaded is not None and deck.entry.player == deck.loaded.key
        return there and not deck.awaited

    def _wait(self, wish: _Wish) -> None:
        """For its track: past its boundary it moves to the next one, a few times."""
        other = wish.entering
        if other.loaded is None and not other.awaited:
            self._give_up(f"nothing came onto deck {other.name}")
        elif wish.aim and wish.aim < self._decks.sample + LEAST_FRAMES:
            self._move(wish, f"deck {other.name} is not ready")
        elif not wish.aim:
            self._aim(wish)

    def _move(self, wish: _Wish, why: str) -> None:
        wish.moved += 1
        if wish.moved > MOVES_MAX:
            self._give_up(f"{why}, at the {MOVES_MAX + 1}th {self._boundary(wish)} in turn")
            return
        self._aim(wish)
        self._because[TOLD] = f"{why}: it waits for the next {self._boundary(wish)}"

    def _boundary(self, wish: _Wish) -> When:
        at = wish.command.at
        return at if at != "now" else wish.rule.at if wish.rule else "phrase"

    def _aim(self, wish: _Wish) -> float | None:
        """Find where a bridge is to begin: its sample, and the source frame there, which is returned."""
        least = max(wish.after, self._decks.sample + LEAST_FRAMES)
        for frame, sample in starts(self._decks, wish.leaving, self._boundary(wish), wish.rule):
            if sample >= least:
                wish.aim = sample
                return frame
        wish.aim = 0
        return None

    @property
    def planned(self) -> tuple[int, str, str] | None:
        """The bridge that is to begin: the sample, as far as that is known, into which deck, and how."""
        wish = self._wish
        if wish is None or not wish.aim:
            return None
        return wish.aim, wish.entering.name, wish.rule.how if wish.rule else wish.command.action.name or "mix"

    def sections_after(self, deck: Deck) -> list[Part]:
        """The sections that a deck is to play in turn, from the one that it is in, or goes to next."""
        within = self._within.get(deck.index)
        return within.to_come if within and not within.over else []

    # Another daemon

    def to_json(self) -> dict[str, Any]:
        """What another daemon needs to go on with them, in JSON's types."""
        wish, bridge = self._wish, self._bridge
        return {
            "cool": self._cool,
            "wish": wish and {
                "command": asdict(wish.command), "after": wish.after, "aim": wish.aim, "moved": wish.moved,
            },
            "bridge": bridge and bridge.to_json(),
            "sections": any(not within.over for within in self._within.values()),
        }  # fmt: skip

    def restore(self, plain: Mapping[str, Any], orders: Mapping[int, Order]) -> None:
        """Go on with what another daemon had under way; sections in another order are not gone on with.

        Args:
            plain: what `to_json` wrote.
            orders: what the engine has not reported on.

        Raises KeyError or TypeError for anything else.
        """
        self._cool = int(plain["cool"])
        if plain["sections"]:
            self._because[TOLD] = "the sections that were to follow are lost with the daemon before"
        try:
            if bridge := plain["bridge"]:
                self._bridge = Bridge.restored(self._decks, bridge, orders, self._send)
                self._because[TOLD] = self._bridge.rule.how
        except InvalidInput as error:
            self._because[TOLD] = f"the transition is lost: {error}"
        if wish := plain["wish"]:
            command = DeckCommand(**{**wish["command"], "action": Action(**wish["command"]["action"])})
            leaving, entering = (self._decks.all[at] for at in (command.deck, command.action.other))
            self._wish = _Wish(
                command, leaving, entering, wish["after"], aim=wish["aim"], moved=wish["moved"],
                rule=self._bridge.rule if self._bridge else None,
            )  # fmt: skip

    # Beginning

    def _arm(self, wish: _Wish) -> None:
        """Choose how, and get the other deck ready shortly before it begins."""
        if wish.rule is None:
            how = check_how(wish.command.action.name)
            wish.rule = rule_for(wish.leaving, wish.entering, how, wish.command.action.value)
        frame = self._aim(wish)
        if frame is None:
            self._end_of_song(wish)
            return
        if wish.aim > self._decks.sample + ARM_FRAMES:
            return
        if self._receipts.free < ORDERS_MAX:
            raise Exhausted("too many orders are on their way for a transition")
        rule = fitting(wish.rule, wish.leaving, frame)
        in_beat = is_in_beat(rule, wish.leaving, wish.entering)
        receipt = Receipt(wish.command.id)
        told = f"{rule.how}, {rule.bars:g} bars" if rule.bars else rule.how
        receipt.because.append(told + (f"; {wish.moved} boundaries late" if wish.moved else ""))
        self._bridge = Bridge(
            self._decks, wish.leaving, wish.entering, rule, receipt=receipt, send=self._send,
            glide_bars=round(wish.command.action.glide_bars),
        )  # fmt: skip
        self._bridge.prepare(entry_of(rule, wish.entering), in_beat=in_beat)
        self._because[TOLD] = told
        self._begin(wish, self._bridge)

    def _begin(self, wish: _Wish, bridge: Bridge) -> None:
        """Post the beginning, if it is near; if it was missed, it moves."""
        wish.rule = bridge.rule
        aimed = wish.aim
        if self._aim(wish) is None or wish.aim > aimed + RATE_HZ:
            wish.moved += 1
        if bridge.failed or wish.moved > MOVES_MAX:
            bridge.back_out()
            self._give_up(bridge.failed or f"it could not begin at {MOVES_MAX} boundaries")
        elif wish.aim and wish.aim <= self._decks.sample + AHEAD_FRAMES:
            bridge.begin(wish.aim)
            self._wish = None

    def _end_of_song(self, wish: _Wish) -> None:
        """No boundary is left before the song ends: a smaller one may be."""
        entry = wish.leaving.entry
        if entry and entry.looping:
            self._because[TOLD] = f"deck {wish.leaving.name} loops before the {self._boundary(wish)}"
            return
        smaller = WHENS[WHENS.index(self._boundary(wish)) - 1]
        if smaller == "now":
            self._give_up(f"the song on deck {wish.leaving.name} is over before it can begin")
            return
        wish.command = replace(wish.command, at=smaller)

    # Ends

    def _give_up(self, reason: str) -> None:
        wish, self._wish = self._wish, None
        self._because.pop(TOLD, None)
        if self._bridge and self._bridge.began is None and wish:
            self._bridge.back_out()
            self._bridge = None
        if wish:
            self._tell(Refused(id=wish.command.id, reason=reason))

    def stop(self) -> list[Order]:
        """Forget all of it, for panic; what must be done so that one deck goes on."""
        orders = self._bridge.stopping() if self._bridge else []
        self._bridge = None
        self._give_up("panic: the artist's own mix is back")
        self._within.clear()
        return orders
