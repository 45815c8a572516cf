"""Within a track: its sections in another order, each entered on its first downbeat. Thread: [control]."""

from __future__ import annotations

from typing import Final

from remixd._kernel import mailbox
from remixd._kernel.mailbox import APPLIED, ReportEntry
from remixd.control.action import DeckCommand
from remixd.control.bridging import AHEAD_FRAMES, BEAT, Send, music, pace, place
from remixd.control.decks import Deck, Decks
from remixd.control.order import Order
from remixd.control.receipts import Receipt
from remixd.director.sections import Part, find_part, part_at, parts
from remixd.errors import InvalidInput
from remixd.mix import WHENS, When
from remixd.units import RATE_HZ, frames_from_seconds

REPEATS_MAX: Final = 3
"""How often running one section is played again, unless a number of times is asked for."""

TIMES_MAX: Final = 16
SECTIONS_MAX: Final = 32


class Resequence:
    """Sections of a deck's track, to be played in turn.

    Args:
        decks, deck: of the session.
        command: `name` is a section, or several with commas between; `value` how often, if asked.
        send: posts orders.
        before: what the deck was doing until now.

    Raises InvalidInput for what there is not, or too much of the same.
    """

    def __init__(
        self, decks: Decks, deck: Deck, command: DeckCommand, send: Send, before: Resequence | None
    ) -> None:
        loaded = music(deck)
        self._decks, self._deck, self._send = decks, deck, send
        self._loaded = loaded
        self._parts = parts(loaded.track.analysis, loaded.track.duration_s)
        here = part_at(self._parts, place(deck) / RATE_HZ)
        names = command.action.name
        self._repeats = names == "this" or not names
        self._left = self._find(names or "this", here, int(command.action.value))
        self._run = self._running(before, here)
        if self._repeats:
            self._run += len(self._left)
            if not command.action.value and self._run > REPEATS_MAX:
                raise InvalidInput(
                    f"section {here.number} was repeated {REPEATS_MAX} times running; say how often, "
                    "if it is to be more", field="name",
                )  # fmt: skip
        self.at: When = command.at if command.at != "now" else "section" if self._repeats else "bar"
        self._part = here
        self._target: Part | None = None
        self._expires = 0
        if command.expires_s:
            self._expires = decks.sample + frames_from_seconds(command.expires_s)
        self._awaited = 0
        self.told = "to " + ", ".join(f"section {part.number} {part.label}".rstrip() for part in self._left)
        self.over = self.gone = False
        self._receipt = Receipt(command.id)
        self._begin()

    def _find(self, names: str, here: Part, times: int) -> list[Part]:
        if not 0 <= times <= TIMES_MAX:
            raise InvalidInput(f"a section is played up to {TIMES_MAX} times, not {times}", field="times")
        found: list[Part] = []
        for name in names.split(","):
            found.append(find_part(self._parts, name.strip(), found[-1] if found else here))
        found *= max(times, 1)
        if len(found) > SECTIONS_MAX:
            raise InvalidInput(f"at most {SECTIONS_MAX} sections in a row, not {len(found)}", field="name")
        return found

    @staticmethod
    def _running(before: Resequence | None, here: Part) -> int:
        """How often running the section has been repeated until now."""
        return before._run if before is not None and before._repeats and before._part == here else 0

    def _begin(self) -> None:
        entry = self._deck.entry
        last = self._parts[-1]
        at_end = self.at == "section" and self._part == last and not self._loaded.loops
        if not self._deck.is_playing or (entry and entry.backwards):
            raise InvalidInput(f"deck {self._deck.name} does not play forwards", field="deck")
        if not at_end:
            self._go({"when": WHENS.index(self.at), "expires": self._expires}, (self._receipt,))

    def _go(self, when: dict[str, int], receipts: tuple[Receipt, ...] = ()) -> None:
        self._target = self._left.pop(0)
        frame = frames_from_seconds(self._target.start_s)
        order = Order(kind=mailbox.SEEK, deck=self._deck.index, value=frame, **when)
        self._awaited = self._send(order, receipts)
        self._receipt = Receipt("") if receipts else self._receipt

    @property
    def to_come(self) -> list[Part]:
        """The sections that are left, after the one that plays, or that a jump is on its way to."""
        here = self._target if self._awaited and self._target else self._part
        return [here, *self._left]

    def advance(self) -> None:
        """Post the next section shortly before the one that plays is over."""
        if self.over or self._awaited or not self._left:
            return
        if self._deck.loaded is not self._loaded or not self._deck.is_playing:
            self.over = self.gone = True
            return
        here, rate = place(self._deck), pace(self._deck)
        if rate <= 0.0 or self._deck.entry is None:
            return
        end = self._part.end_s * RATE_HZ
        to = (end - here) / max(self._deck.entry.tempo, 1e-6)
        if to > AHEAD_FRAMES:
            return
        due = self._decks.sample + max(round(to), 1)
        receipts = (self._receipt,) if self._receipt.signal_id else ()
        if end >= self._loaded.frames - 1:  # no beat begins at the end of the song
            self._go({"sample": due - 64}, receipts)
        else:
            self._go({"sample": max(due - round(0.5 / rate), self._decks.sample + 1), "when": BEAT}, receipts)

    def take_report(self, report: ReportEntry) -> None:
        """Take what became of a jump of this one; of others, nothing."""
        if report.id != self._awaited or self.over:
            return
        self._awaited = 0
        if report.kind != APPLIED:
            self.over = self.gone = True
            return
        if self._target:
            self._part = self._target
        self.over = not self._left

    def keep(self) -> None:
        """When over: stay only as long as its section plays, to know how often it was repeated."""
        here = part_at(self._parts, place(self._deck) / RATE_HZ)
        if self._deck.loaded is not self._loaded or (here != self._part and not self._repeats):
            self.gone = True
