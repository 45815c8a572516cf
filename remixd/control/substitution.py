"""Other files of the same music in the place of what plays on a deck. Thread: [control]."""

from __future__ import annotations

from remixd._kernel.mailbox import SWAP
from remixd.control.decks import Decks, Loaded
from remixd.control.order import Order
from remixd.control.receipts import Receipts
from remixd.control.standing import Standing
from remixd.control.wholes import Wholes


class Substitution:
    """What takes whose place in one session.

    Args:
        decks, wholes, standing, receipts: of the session.
    """

    def __init__(self, decks: Decks, wholes: Wholes, standing: Standing, receipts: Receipts) -> None:
        self._decks = decks
        self._wholes = wholes
        self._standing = standing
        self._receipts = receipts

    def swap(self, index: int, before: Loaded, ready: Loaded) -> bool:
        """Have other stems of the same music take the place of what is on a deck; False if it is gone."""
        deck = self._decks.all[index]
        if self._receipts.room < 1 or not self._decks.is_deck_settled(deck) or deck.loaded is not before:
            return False
        self._receipts.send(Order(kind=SWAP, deck=index, extra=ready.key))
        self._decks.expect(ready, index)
        return True

    def may_join(self, index: int) -> bool:
        """Whether one file may play on a deck in the place of its stems, and nobody would hear it."""
        return self._wholes.may_join(self._decks.all[index], self._standing.thinned, self._receipts.orders)

    def join(self, index: int, before: Loaded, whole: Loaded, stems: Loaded) -> bool:
        """Have one file, which lies ready, play on a deck; False if that cannot be any more."""
        deck = self._decks.all[index]
        if self._receipts.room < 1 or deck.loaded is not before or not self.may_join(index):
            return False
        self._receipts.send(self._wholes.join(deck, whole, stems))
        return True

    def part(self) -> None:
        """Have the stems play again where one file does. Raises Exhausted."""
        for order in self._wholes.part():
            self._receipts.send(order)
