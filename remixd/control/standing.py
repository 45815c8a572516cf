"""The mix of one session: as it is, as it will be at the marks that wishes wait for, less what density takes.

Density takes something off the levels of roles and off the low band of decks. Whoever sends an order says
what is wished; `Standing.given` is what the engine is told, and `Standing.settle` what it must be told again
where orders for a mark came to something else than was reckoned with. Thread: [control].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from remixd._kernel.mailbox import APPLIED, EJECT, LOAD, MIX, STRIP, SWAP, ReportEntry
from remixd.control.decks import Decks
from remixd.control.order import CHANNEL, EVERY_DECK, RAMP_FRAMES, Order, mix_order
from remixd.director.thinning import ROLES, low_db, thinned_db, together_db
from remixd.mix import NEUTRAL
from remixd.units import OFF_DB

THINNED: Final = tuple(step.what for step in ROLES)
"""The roles that density takes away."""

LOW: Final = CHANNEL.index("low")

_Moved = tuple[str, int]
"""What is thinned: a role on every deck, or `low` of one."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A value that a dimension has from a mark on.

    Attributes:
        name, value: of the dimension.
        when: index in WHENS of the mark that the engine waits for; 0 where it knows the sample.
        level: index in WHENS of the mark that it comes at, however the engine knows.
    """

    name: str
    value: float
    when: int
    level: int


class Standing:
    """How the mix of a session stands.

    Args:
        mix: what it begins with, by dimension.
        decks: of the session.

    Attributes:
        mix: what was given to every deck, by dimension, beside what density takes off it.
    """

    def __init__(self, mix: Mapping[str, float], decks: Decks) -> None:
        self.mix: dict[str, float] = dict(mix)
        self._decks = decks
        self._waits: dict[int, Wait] = {}
        self._applied: dict[_Moved, float] = {(role, EVERY_DECK): mix[role] for role in THINNED}
        self._stale: set[_Moved] = set()

    # What is, and what will be

    def take(self, name: str, value: float) -> None:
        """Note that a dimension was given to every deck."""
        self.mix[name] = value
        if name in ("tempo", "pitch"):
            self._decks.set_every(name, value)

    def wait(self, command: int, name: str, value: float, *, when: int, level: int | None = None) -> None:
        """Note that a dimension is given a value by a command that waits for its mark."""
        self._waits[command] = Wait(name, value, when, when if level is None else level)

    def value(self, name: str, when: int = 0) -> float:
        """What a dimension is given from the next mark of a kind on; those of a higher kind come later."""
        found = [wait for wait in self._waits.values() if wait.name == name and wait.when <= when]
        return max(reversed(found), key=lambda wait: wait.when).value if found else self.mix[name]

    @property
    def densities(self) -> Mapping[int, Wait]:
        """Those that wait, by command."""
        return {command: wait for command, wait in self._waits.items() if wait.name == "density"}

    def is_at(self, density: float) -> bool:
        """Whether density is there, and stays."""
        return all(each == density for each in (self.mix["density"], *self._waiting("density")))

    def _waiting(self, name: str) -> list[float]:
        return [wait.value for wait in self._waits.values() if wait.name == name]

    # What density leaves

    def given(self, order: Order) -> Order:
        """What the engine is told where an order says what is wished."""
        moved = _moved(order)
        if moved is None:
            return order
        density = self.value("density", order.when)
        if order.kind == MIX:
            offset_db = thinned_db(density, self._decks.roles).get(order.name, 0.0)
            return replace(order, value=together_db(order.value, offset_db)) if offset_db else order
        return replace(order, value=max(order.value + low_db(density), OFF_DB))

    @property
    def thinned(self) -> dict[str, float]:
        """What every dimension is given in the engine."""
        offsets_db = thinned_db(self.mix["density"], self._decks.roles)
        return {
            name: together_db(value, offsets_db[name]) if name in offsets_db else value
            for name, value in self.mix.items()
        }

    def following(self, order: Order) -> list[Order]:
        """What is to follow an order that was sent: what waits for later marks was reckoned without it."""
        if _moved(order) is None:
            return []
        marks = {wait.when for wait in self.densities.values() if wait.when > order.when}
        return [self._at(order, when) for when in sorted(marks)]

    def following_density(self, when: int) -> list[Order]:
        """The same, of a density that was turned at a mark."""
        later = {
            (wait.name, wait.when)
            for wait in self._waits.values()
            if wait.name in THINNED and wait.when > when
        }
        return [mix_order(name, self.value(name, at), when=at) for name, at in sorted(later)]

    def _at(self, order: Order, when: int) -> Order:
        value = self.value(order.name, when) if order.kind == MIX else order.value
        return replace(order, value=value, when=when, sample=-1, ramp_frames=RAMP_FRAMES)

    # What the engine did

    def take_report(self, order: Order, report: ReportEntry) -> None:
        """Take what became of an order."""
        wait = self._waits.pop(report.id, None)
        if report.kind != APPLIED:
            return
        if wait and wait.when:
            self.take(wait.name, wait.value)
        if (moved := _moved(order)) is not None:
            self._applied[moved] = order.value
            self._stale.add(moved)
        if (wait and wait.name == "density") or order.kind in (LOAD, SWAP, EJECT):
            self._stale.update((role, EVERY_DECK) for role in THINNED)
            self._stale.update(("low", deck.index) for deck in self._decks.all)

    @property
    def is_stale(self) -> bool:
        """Whether there may be something to settle."""
        return bool(self._stale)

    def settle(self, sent: Iterable[Order]) -> list[Order]:
        """What the engine must be told, once, for it to have what is wished and what density leaves of it.

        Args:
            sent: the orders that it has not done yet.
        """
        if any(not wait.when for wait in self._waits.values()):
            return []  # what is noted will be there in a moment
        busy = {
            moved for order in sent if (moved := _moved(order)) and (order.kind == STRIP or not order.when)
        }
        ready, self._stale = self._stale - busy, self._stale & busy
        orders = [self._wished(moved) for moved in sorted(ready)]
        return [
            order for order in orders
            if self.given(order).value != self._applied.get((_name(order), order.deck), 0.0)
        ]  # fmt: skip

    def _wished(self, moved: _Moved) -> Order:
        name, deck = moved
        if deck == EVERY_DECK:
            return mix_order(name, self.mix[name])
        return self.low_order(deck)

    def low_order(self, deck: int, **words: int) -> Order:
        """What moves the low band of a deck to where hands, or a transition, have it."""
        value = self._decks.all[deck].knobs.channel["low"]
        return Order(kind=STRIP, deck=deck, dimension=LOW, value=value, **words)

    def clear(self) -> None:
        """Note that the artist's own mix is back, and nothing waits."""
        self.mix.update(NEUTRAL)
        self._waits.clear()

    # Another daemon

    def to_json(self) -> list[list[Any]]:
        """What waits, in JSON's types."""
        return [[command, asdict(wait)] for command, wait in self._waits.items()]

    def restore(self, plain: Sequence[Sequence[Any]]) -> None:
        """Know of what another daemon let wait."""
        self._waits = {int(command): Wait(**wait) for command, wait in plain}


def _name(order: Order) -> str:
    return order.name if order.kind == MIX else "low"


def _moved(order: Order) -> _Moved | None:
    """Which of the things that density thins an order moves."""
    if order.kind == MIX and order.deck == EVERY_DECK and order.name in THINNED:
        return order.name, EVERY_DECK
    return ("low", order.deck) if order.kind == STRIP and order.dimension == LOW else None
