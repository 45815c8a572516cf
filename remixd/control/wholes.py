"""One file in the place of stems: what an engine with too much to do plays where nobody has moved a stem.

While it plays, the stems lie ready beside it. Before any order moves the level of a role, or puts effects on
it, they are called back, so that they are there 8 ms later, and the order finds them. Thread: [control].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from remixd._kernel.mailbox import APPLIED, EJECT, LEVEL, LOAD, MIX, OUTSIDE, RACK, SWAP, ReportEntry
from remixd.control.decks import Deck, Decks, Loaded
from remixd.control.order import EVERY_DECK, LAYER, WHOLE_DECK, Order
from remixd.units import STEM_ROLES

NEAR_DB: Final = 0.1
"""Levels that are as near to the artist's as this may be played from one file."""


@dataclass(slots=True)
class _Joined:
    """A deck on which one file plays, or is about to.

    Attributes:
        whole: the file.
        stems: what it stands for, ready in the engine.
        parting: whether the stems are on their way back.
        waits: whether they were refused, since the song had ended; they come when it plays again.
    """

    whole: Loaded
    stems: Loaded
    parting: bool = False
    waits: bool = False


class Wholes:
    """The decks of one session on which one file plays in the place of stems.

    Args:
        decks: of the session.
    """

    def __init__(self, decks: Decks) -> None:
        self._decks = decks
        self._joined: dict[int, _Joined] = {}

    @property
    def any(self) -> bool:
        """Whether there is such a deck, and its stems are not on their way back."""
        return any(not joined.parting and not joined.waits for joined in self._joined.values())

    @property
    def keys(self) -> Mapping[int, int]:
        """The player of the stems that lie ready, by that of the file which plays in their place."""
        return {joined.whole.key: joined.stems.key for joined in self._joined.values()}

    def may_join(self, deck: Deck, mix: Mapping[str, float], waiting: Iterable[Order]) -> bool:
        """Whether nobody would hear that the stems on a deck are one file.

        Args:
            deck: one of the session's.
            mix: what is given to every deck, by dimension.
            waiting: the orders that the engine has not done yet.
        """
        loaded = deck.loaded
        if loaded is None or not deck.is_playing or deck.index in self._joined:
            return False
        if not self._decks.is_deck_settled(deck):
            return False
        if any(_moves(order) for order in waiting):
            return False
        ranges = [loaded.track.rights.range(role) for role in loaded.track.roles]
        if not all(low <= 0.0 <= high for low, high in ranges):
            return False  # then they are not heard as the artist mixed them
        roles = {*loaded.track.roles, "other"}
        return all(abs(mix[role] + deck.knobs.level_db(role)) <= NEAR_DB for role in roles)

    def join(self, deck: Deck, whole: Loaded, stems: Loaded) -> Order:
        """Play one file where its stems play now, others of which lie ready: the order that does it."""
        self.adopt(deck, whole, stems)
        self._decks.expect(whole, deck.index)
        return Order(kind=SWAP, deck=deck.index, extra=whole.key)

    def adopt(self, deck: Deck, whole: Loaded, stems: Loaded) -> None:
        """Know of a deck on which one file plays since before."""
        self._joined[deck.index] = _Joined(whole, stems)
        self._decks.aside.add(stems.key)

    def before(self, order: Order) -> list[Order]:
        """What is to be sent before an order: where it moves a stem, what brings its stems back."""
        if not self._joined or not _moves(order) or order.value == 0.0:
            return []
        return self._part(index for index in self._joined if order.deck in (index, EVERY_DECK))

    def part(self) -> list[Order]:
        """What brings the stems back on every deck."""
        return self._part(self._joined)

    def advance(self) -> list[Order]:
        """What brings stems back that could not be before; to be asked with every packet."""
        late = (index for index, joined in self._joined.items() if joined.waits)
        return self._part(index for index in late if self._decks.all[index].is_playing)

    def _part(self, indices: Iterable[int]) -> list[Order]:
        orders = []
        for index in indices:
            joined = self._joined[index]
            if not joined.parting:
                joined.parting, joined.waits = True, False
                self._decks.expect(joined.stems, index)
                orders.append(Order(kind=SWAP, deck=index, extra=joined.stems.key))
        return orders

    def take_report(self, order: Order, report: ReportEntry) -> None:
        """Take what became of an order."""
        joined = self._joined.get(order.deck)
        if joined is None or order.kind not in (LOAD, SWAP, EJECT):
            return
        is_done = report.kind == APPLIED
        if order.kind == SWAP and order.extra == joined.stems.key and report.reason == OUTSIDE:
            joined.parting, joined.waits = False, True
        elif is_done != (order.kind == SWAP and order.extra == joined.whole.key):
            del self._joined[order.deck]
            self._decks.aside.discard(joined.stems.key)


def _moves(order: Order) -> bool:
    """Whether an order moves the level of a role, or puts effects on it."""
    if order.kind == RACK:
        return order.deck != EVERY_DECK and order.dimension != WHOLE_DECK
    return (order.kind == LEVEL and order.dimension != LAYER) or (
        order.kind == MIX and order.name in STEM_ROLES
    )
