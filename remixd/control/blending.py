"""What moves the mix of a session: wishes, a director's moves, and presets.

Thread: [control].
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from remixd._kernel.mailbox import MIX
from remixd.audience.signal import Signal
from remixd.control.command import Answer
from remixd.control.decks import Decks
from remixd.control.directing import Due
from remixd.control.handling import NO_BEATS
from remixd.control.layers import DENSITY_ORDERS, Layers
from remixd.control.order import Order, mix_order
from remixd.control.places import Wanted
from remixd.control.presets import Chosen, Presets
from remixd.control.receipts import Receipt, Receipts
from remixd.control.reception import Entered
from remixd.control.standing import Standing
from remixd.director.planner import Move
from remixd.errors import Exhausted
from remixd.mix import LAYERED, WHENS, When

DJ: Final = "the DJ moved it"


class Blending:
    """The way from wishes and presets to orders for the mix.

    Args:
        session_id: for people.
        decks, receipts, standing, layers, presets: of the session.

    Attributes:
        because: why the director, or a preset, last moved each dimension.
    """

    def __init__(
        self,
        session_id: str,
        decks: Decks,
        receipts: Receipts,
        standing: Standing,
        layers: Layers,
        presets: Presets,
    ) -> None:
        self._id = session_id
        self._decks = decks
        self._receipts = receipts
        self._standing = standing
        self._layers = layers
        self._presets = presets
        self.because: dict[str, str] = {}

    # Wishes

    def check_room(self, signals: Sequence[Signal]) -> None:
        """Raise Exhausted if these might come to more than there is room for."""
        moved = {(name, signal.at) for signal in signals for name in (*signal.wishes, *signal.directions)}
        room = self._receipts.room
        if sum(DENSITY_ORDERS if name in LAYERED else 1 for name, _ in moved) > room:
            raise Exhausted(f"session {self._id} can move {room} more dimensions now, not {len(moved)}")

    def move(self, entered: Sequence[Entered]) -> None:
        """Post the wishes of a batch, for which there is room.

        They come to one command a dimension and mark: the last wish wins, and those before it are told so.
        """
        wished: dict[tuple[str, When], list[tuple[Receipt, float]]] = {}
        for each in entered:
            receipt, asked = Receipt(each.signal.id), each.signal.at
            for name, value in each.lowered.values.items():
                at = "bar" if name in LAYERED and asked == "now" else asked
                wished.setdefault((name, at), []).append((receipt, value))
        for (name, at), [*replaced, (receipt, value)] in wished.items():
            if name in LAYERED:
                self._layers.turn(value, at, (receipt,), replaced=replaced)
                continue
            order = mix_order(name, value, when=WHENS.index(at))
            self._move(order, (receipt,), replaced=replaced)

    def fade(self, command_id: str, name: str, value: float) -> None:
        """Post a fader of the DJ's. Raises Exhausted."""
        if not self._receipts.room:
            raise Exhausted(f"session {self._id} can move nothing more now")
        if name in LAYERED:
            self._layers.turn(value, "bar", (Receipt(command_id),), because=DJ)
        else:
            self._move(mix_order(name, value), (Receipt(command_id),), because=DJ)
        self.because[name] = DJ

    def accepted(self, entered: Entered) -> Answer:
        """The first answer to a signal whose wishes are posted."""
        signal, lowered = entered.signal, entered.lowered
        waits = signal.at != "now" or any(name in LAYERED for name in lowered.values)
        at = "bar" if signal.at == "now" else signal.at
        planned = self._decks.sample_of(at, -1) if waits else self._decks.sample
        because = self._marks_told() if waits else ""
        return Answer(
            id=signal.id, accepted=True, clamps=lowered.clamps, planned_sample=planned, because=because
        )

    def _marks_told(self) -> str:
        reference = self._decks.reference(-1)
        if reference is None:
            return "nothing plays: it waits until something does"
        return "" if reference.has_beats else f"deck {reference.name}: {NO_BEATS}"

    def _move(
        self,
        order: Order,
        receipts: Collection[Receipt] = (),
        *,
        replaced: Sequence[tuple[Receipt, float]] = (),
        because: str = "",
    ) -> None:
        """Move a dimension on every deck, and note where it is, or will be."""
        command = self._receipts.send(order, tuple(receipts), replaced=replaced, because=because)
        if order.when:
            self._standing.wait(command, order.name, order.value, when=order.when)
        else:
            self._standing.take(order.name, order.value)
        self.follow(order)

    def follow(self, order: Order) -> None:
        """Post what is to follow an order that was sent, as far as there is room; the rest is settled."""
        for following in self._standing.following(order)[: self._receipts.room]:
            self._receipts.send(following)

    def settle(self) -> None:
        """Tell the engine again what it has not as it should: orders for one mark came to something else."""
        if self._standing.is_stale and self._receipts.room:
            for order in self._standing.settle(self._receipts.orders):
                self._receipts.send(order)

    # A director

    def take(self, due: Due) -> None:
        """Post the moves that a director has decided."""
        receipts: dict[str, Receipt] = {}
        for move, frames in due.moves:
            owed = [receipts.setdefault(signal_id, Receipt(signal_id)) for signal_id in move.signals]
            self._take(move, frames, due.sample, owed)

    def _take(self, move: Move, frames: int, sample: int, owed: Sequence[Receipt]) -> None:
        self.because[move.dimension] = move.because
        if move.dimension in LAYERED:
            self._layers.turn(move.value, "phrase", owed, sample=sample, because=move.because)
            return
        order = mix_order(move.dimension, move.value, sample=sample, ramp_frames=frames)
        self._move(order, owed, because=move.because)

    # Presets

    def go_to(self, to: Chosen, made: Mapping[int, Wanted]) -> Answer:
        """Go to other presets at once or at a mark, hands-on. Raises Exhausted, and does nothing."""
        handled = self._presets.go_to(to, made, self._receipts.room - DENSITY_ORDERS)
        receipt = Receipt(to.pick.id)
        if to.at != "now":  # first: what comes after it at the same mark takes its own time
            self._turn(to, to.at, handled.orders)
        for order in handled.orders:
            self._send(order, receipt)
        handled.done()
        if to.at == "now":
            self._turn(to, "bar", handled.orders)
        planned = self._decks.sample if to.at == "now" else self._decks.sample_of(to.at, -1)
        because = "; ".join(handled.because)
        return Answer(
            id=to.pick.id, accepted=True, clamps=handled.clamps, planned_sample=planned, because=because
        )

    def begin(self, due: Due) -> str:
        """A phrase is there at which other presets come. The id of the pick, if there was nothing to do.

        What the DJ holds stays; handed back, the director brings it to where the presets have it.
        """
        receipt, because, orders = self._presets.begin(due)
        orders = [order for order in orders if order.kind != MIX or order.name not in due.held]
        density = self._presets.centre["density"]
        if turned := density != self._standing.mix["density"] and "density" not in due.held:
            owed = () if orders else (receipt,)
            self._layers.turn(density, "phrase", owed, sample=due.sample, because=because)
            self.because["density"] = because
        for order in orders:
            self._send(order, receipt, because)
            if order.kind == MIX:
                self.because[order.name] = because
        return "" if orders or turned else receipt.signal_id

    def _turn(self, to: Chosen, at: When, orders: Sequence[Order]) -> None:
        """Turn density to where presets have it; what waits for later marks can only be followed."""
        density = to.mix["density"]
        if self._standing.is_at(density):
            return
        ramp_frames = max(order.ramp_frames for order in orders)
        waiting = {wait.when for wait in self._standing.densities.values()}
        for level in sorted({WHENS.index(at)} | {when for when in waiting if when > WHENS.index(at)}):
            self._layers.turn(density, WHENS[level], (), ramp_frames=ramp_frames)

    def _send(self, order: Order, receipt: Receipt, because: str = "") -> None:
        if order.kind == MIX:
            self._move(order, (receipt,), because=because)
        else:
            self._receipts.send(order, (receipt,), because=because)
