"""What a hand's command comes to, posted whole or not at all. Thread: [control]."""

from __future__ import annotations

from remixd.control.blending import Blending
from remixd.control.handling import Handled
from remixd.control.receipts import Receipt, Receipts
from remixd.errors import Exhausted


class Posting:
    """Posts orders of one session under the ids of commands.

    Args:
        session_id: for people.
        receipts, blending: of the session.
    """

    def __init__(self, session_id: str, receipts: Receipts, blending: Blending) -> None:
        self._id = session_id
        self._receipts = receipts
        self._blending = blending

    def post(self, command_id: str, handled: Handled) -> None:
        """Post all of it. Raises Exhausted, and posts nothing, if there is no room."""
        room = self._receipts.room
        if len(handled.orders) > room:
            raise Exhausted(f"session {self._id} can take {room} more commands now")
        receipt = Receipt(command_id)
        for order in handled.orders:
            self._receipts.send(order, (receipt,))
            self._blending.follow(order)
        handled.done()
