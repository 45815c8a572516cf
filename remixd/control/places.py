"""The racks of one session's presets: which lie where in its engine, at what share, and until when.

Thread: [control].
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from remixd._kernel.mailbox import APPLIED, EXPIRED, RACK, REFUSED, ReportEntry
from remixd.control.decks import Decks
from remixd.control.order import EVERY_DECK, RACK_RAMP_FRAMES, Order, rack_order
from remixd.director.blend import Blend
from remixd.director.preset import DECK, LAYERS_MAX, MASTER
from remixd.effects import Chain
from remixd.units import RATE_HZ

SURE_FRAMES: Final = RATE_HZ
"""A rack that goes sooner than this is not asked to stay: it may be gone by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a rack is: the master, which is EVERY_DECK, a deck, or a role of one."""

    deck: int = EVERY_DECK
    role: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A rack that a blend has somewhere."""

    place: Place
    chain: Chain
    share: float


@dataclass(slots=True, kw_only=True)
class _Placed:
    """A rack in the engine, and the share that it was given last; from `gone_at` on it is there no more."""

    key: int
    place: Place
    chain: Chain
    share: float
    gone_at: int | None = None

    def order(self, share: float, **words: int) -> Order:
        """What gives it another share."""
        self.share, self.gone_at = share, None
        return rack_order(self.key, share, deck=self.place.deck, role=self.place.role, **words)


class Places:
    """The racks that were weighed in one session, by the key that its engine knows them by."""

    def __init__(self, decks: Decks) -> None:
        self._decks = decks
        self._placed: dict[int, _Placed] = {}
        self._asked = (
            0  # the sample at which it was told which are missing: until they are weighed that stands
        )

    @property
    def keys(self) -> set[int]:
        """Those that the engine has in use, as far as is known."""
        self._forget()
        return set(self._placed)

    @property
    def on_stems(self) -> bool:
        """Whether stems must be played apart, since some of them have racks."""
        return any(placed.place.role for placed in self._placed.values())

    def _forget(self) -> None:
        gone = [
            key
            for key, placed in self._placed.items()
            if placed.gone_at is not None and placed.gone_at <= self._decks.sample
        ]
        for key in gone:
            del self._placed[key]

    def wanted(self, of: Blend, coming: int = -1) -> tuple[Wanted, ...]:
        """The racks of a blend; on decks one for each that has something, and for what is `coming`."""
        found = []
        for rack in of.racks:
            if rack.on == MASTER:
                found.append(Wanted(place=Place(), chain=rack.chain, share=rack.weight))
                continue
            for deck in self._decks.all:
                if deck.loaded is None and deck.index != coming:
                    continue
                if rack.on != DECK and deck.loaded and rack.on not in deck.loaded.track.roles:
                    continue
                place = Place(deck=deck.index, role="" if rack.on == DECK else rack.on)
                found.append(Wanted(place=place, chain=rack.chain, share=rack.weight))
        return tuple(found)

    def missing(self, wanted: Sequence[Wanted]) -> list[Wanted]:
        """Those that must be made, as of now."""
        self._asked = self._decks.sample
        return self._missing(wanted)

    def _missing(self, wanted: Sequence[Wanted]) -> list[Wanted]:
        return [each for each in wanted if self._find(each) is None]

    def found(self, wanted: Sequence[Wanted]) -> list[int]:
        """The keys of those that are there."""
        return [placed.key for each in wanted if (placed := self._find(each))]

    def _find(self, wanted: Wanted, taken: Collection[int] = ()) -> _Placed | None:
        self._forget()
        for placed in self._placed.values():
            stays = placed.gone_at is None or placed.gone_at > self._asked + SURE_FRAMES
            if (
                stays
                and placed.key not in taken
                and (placed.place, placed.chain) == (wanted.place, wanted.chain)
            ):
                return placed
        return None

    def _leaving(self, wanted: Sequence[Wanted]) -> list[_Placed]:
        """The lightest of those that are not wanted: as many as must go to make room for all that are."""
        missing = self._missing(wanted)
        kept = {placed.key for each in wanted if (placed := self._find(each))}
        leaving: list[_Placed] = []
        for place in {each.place for each in missing}:
            there = [placed for placed in self._placed.values() if placed.place == place]
            over = len(there) + sum(each.place == place for each in missing) - LAYERS_MAX
            others = sorted((each for each in there if each.key not in kept), key=lambda each: each.share)
            leaving += others[: max(over, 0)]
        return leaving

    def has_room(self, wanted: Sequence[Wanted]) -> bool:
        """Whether all that are wanted can be weighed now."""
        return not self._leaving(wanted)

    def make_room(self, wanted: Sequence[Wanted]) -> list[Order]:
        """What takes away, at once, racks that leave others no room; none if they are about to go."""
        until = self._decks.sample + 2 * RACK_RAMP_FRAMES  # another order would take as long
        return [
            placed.order(0.0, ramp_frames=RACK_RAMP_FRAMES)
            for placed in self._leaving(wanted)
            if placed.gone_at is None or placed.gone_at > until
        ]

    def weigh(self, wanted: Sequence[Wanted], made: Mapping[int, Wanted], **words: int) -> list[Order]:
        """The orders that give every rack the share that is wanted, and those that are not wanted none.

        Args:
            wanted: all that are.
            made: those that were missing, by key; what is missing still goes without.
            words: of every order: its sample or mark, and how long it takes.
        """
        left = dict(made)
        orders: list[Order] = []
        taken: set[int] = set()
        for each in wanted:
            placed = self._find(each, taken) or self._put(each, left)
            if placed is None:
                continue
            taken.add(placed.key)
            orders.append(placed.order(each.share, **words))
        leaving = [
            placed for placed in self._placed.values() if placed.key not in taken and placed.gone_at is None
        ]
        return orders + [placed.order(0.0, **words) for placed in leaving]

    def _put(self, wanted: Wanted, left: dict[int, Wanted]) -> _Placed | None:
        """Put one of the racks that are `left` where it is wanted; None if none is for there."""
        for key, made in left.items():
            if (made.place, made.chain) == (wanted.place, wanted.chain):
                del left[key]
                placed = _Placed(key=key, place=wanted.place, chain=wanted.chain, share=0.0)
                self._placed[key] = placed
                return placed
        return None

    def add(self, wanted: Sequence[Wanted], made: Mapping[int, Wanted]) -> list[Order]:
        """The orders that give those that were missing their shares at once, and leave the others alone."""
        left = dict(made)
        return [
            placed.order(each.share, ramp_frames=RACK_RAMP_FRAMES)
            for each in self._missing(wanted)
            if (placed := self._put(each, left))
        ]

    def take_report(self, order: Order, report: ReportEntry) -> None:
        """Take what became of an order for a rack."""
        placed = self._placed.get(int(order.extra)) if order.kind == RACK else None
        if placed is None:
            return
        if report.kind == APPLIED and order.value == placed.share == 0.0:
            placed.gone_at = report.settled_sample
        elif report.kind in (REFUSED, EXPIRED) and order.value == placed.share:
            del self._placed[placed.key]

    def to_json(self) -> list[dict[str, Any]]:
        """How they stand, for a daemon that comes after."""
        return [
            {
                "key": placed.key, "deck": placed.place.deck, "role": placed.place.role,
                "chain": [dict(element) for element in placed.chain], "share": placed.share,
                "gone_at": placed.gone_at,
            }
            for placed in self._placed.values()
        ]  # fmt: skip

    def restore(self, plain: Sequence[Mapping[str, Any]]) -> None:
        """Stand as another daemon had them."""
        for each in plain:
            place = Place(deck=each["deck"], role=each["role"])
            self._placed[each["key"]] = _Placed(
                key=each["key"], place=place, chain=tuple(each["chain"]), share=each["share"],
                gone_at=each["gone_at"],
            )  # fmt: skip
