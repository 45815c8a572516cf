"""The presets of one session: the blend that it stands in, and the way from one to another.

Thread: [control].
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Final

from remixd._kernel.mailbox import RACK
from remixd.audience.signal import check_name
from remixd.control.command import Answer, Applied, Clamp, Refused
from remixd.control.decks import Decks
from remixd.control.directing import Clock, Directing, Due
from remixd.control.handling import Handled
from remixd.control.order import RACK_RAMP_FRAMES, RAMP_FRAMES, Order, mix_order
from remixd.control.places import Places, Wanted
from remixd.control.preset_plugins import with_plugins
from remixd.control.receipts import Receipt, Receipts
from remixd.control.start import Start, allowed
from remixd.director.blend import NO_PRESETS, Blend, as_preset, check_weights
from remixd.director.preset import Preset
from remixd.errors import Exhausted, InvalidInput
from remixd.mix import NEUTRAL, PLAYABLE, WHENS, When
from remixd.units import RATE_HZ, STEM_ROLES

OVER_BARS_MAX: Final = 64.0
DIRECTED_BARS: Final = 1.0
"""How long a directed session takes to another blend, unless it is told."""

REPLACED: Final = "other presets took their place"
LACKING: Final = "some effects are not there: "
PANIC: Final = "panic: the artist's own mix is back"

BAR_S: Final = 2.0
"""A bar where nothing plays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """Presets that are to be gone to. Valid once built, but for their names.

    Attributes:
        id: made by the sender; what becomes of it is told under it.
        weights: 0 to 1, by preset; above 1 together they are scaled down; the rest is the artist's.
        over_bars: how long the way takes; None for at once, or for a directed session a bar.
        at: when it begins; None for when its presets would have it, or a directed session the next phrase.
    """

    id: str
    weights: Mapping[str, float]
    over_bars: float | None = None
    at: When | None = None

    def __post_init__(self) -> None:
        check_name("id", self.id)
        if not self.weights:
            raise InvalidInput("no preset is named", field="weights")
        check_weights(self.weights)
        if self.over_bars is not None and not 0.0 <= self.over_bars <= OVER_BARS_MAX:
            raise InvalidInput(
                f"over_bars goes from 0 to {OVER_BARS_MAX:g}, not {self.over_bars:g}", field="over_bars"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A pick, and what it comes to.

    Attributes:
        blend: of its presets.
        mix: of the blend, as far as it is allowed, by dimension.
        clamps: what was not.
        racks: of the blend, each where it is wanted.
        notes: what is left out beside, in sentences.
    """

    pick: Pick
    blend: Blend
    mix: Mapping[str, float]
    clamps: tuple[Clamp, ...]
    racks: tuple[Wanted, ...]
    notes: tuple[str, ...]

    @property
    def at(self) -> When:
        """When it comes, hands-on."""
        return self.pick.at or self.blend.when


class Presets:
    """The blend that a session stands in, or goes to.

    Args:
        decks: the session's.
        receipts: the way to its engine.
        start: how it begins.
        tell: called with every second answer.

    Attributes:
        blend: the presets that it stands in or goes to, with their weights.
        centre: what these come to, by dimension.
        clamps: what of them the track did not allow.
        notes: what else of them is not as they have it, in sentences.
        places: where their racks are.
        awaited: the pick whose racks are made ready; None if none is.
        passed_by: whether its racks are left out, since its engine has too much to do.
    """

    def __init__(
        self, decks: Decks, receipts: Receipts, start: Start, tell: Callable[[Applied | Refused], None]
    ) -> None:
        self._decks = decks
        self._receipts = receipts
        self._tell = tell
        self._ahead: dict[str, int] = {}
        self.awaited: Pick | None = None
        self.passed_by = False
        self.places = Places(decks)
        self._coming: tuple[Chosen, Mapping[int, Wanted]] | None = None
        self.blend = start.blend
        self.centre = dict(start.mix)
        self.clamps = start.clamps
        self.notes = start.notes

    @property
    def name(self) -> str:
        """As people write them."""
        return str(self.blend)

    def told(self) -> dict[str, Any]:
        """How it stands, as in `SessionStatus`."""
        return {
            "preset": str(self.blend),
            "preset_weights": dict(self.blend.weights),
            "preset_clamps": self.clamps,
            "preset_notes": self.notes,
        }

    def saved(self, name: str, title: str, description: str, mix: Mapping[str, float]) -> Preset:
        """A preset that sounds like this, with a mix. Raises InvalidInput for a name that is none."""
        title = title or name.replace("-", " ").capitalize()
        return as_preset(name, title, description or f"Saved from a session in {self.name}.", mix, self.blend)

    def wanted(self, coming: int = -1) -> tuple[Wanted, ...]:
        """The racks that it has; see `Places.wanted`."""
        return () if self.passed_by else self.places.wanted(self.blend, coming)

    @property
    def may_pass_by(self) -> bool:
        """Whether it has racks, and none is on its way or back."""
        return bool(self.places.keys) and not any(order.kind == RACK for order in self._receipts.orders)

    def pass_by(self) -> list[Order]:
        """Do without racks: what takes every one of them away at once."""
        self.passed_by = True
        return self.silencing()

    def choose(self, pick: Pick, of: Blend) -> Chosen:
        """What a pick comes to now. Raises InvalidInput if its presets must not be used on what plays."""
        loaded = self._decks.shown.loaded
        if loaded and (objection := of.objection(loaded.track.roles, loaded.track.analysis.bpm)):
            raise InvalidInput(objection, field="weights")
        there = allowed(of, self._decks.rights, self._decks.roles)
        of, notes = with_plugins(of)
        return Chosen(
            pick=pick, blend=of, mix=there.mix, clamps=there.clamps,
            racks=() if self.passed_by else self.places.wanted(of), notes=(*of.left_out, *notes),
        )  # fmt: skip

    def expect(self, pick: Pick | None) -> None:
        """Await the racks of a pick; None: of none any more."""
        self._drop_awaited(REPLACED)
        self.awaited = pick

    def _drop_awaited(self, reason: str) -> None:
        if self.awaited:
            self._tell(Refused(id=self.awaited.id, reason=reason))
        self.awaited = None

    def give_up(self, pick: Pick, reason: str) -> None:
        """Nothing came of the racks of a pick."""
        if self.awaited is pick:
            self._drop_awaited(reason)

    def go_to(self, to: Chosen, made: Mapping[int, Wanted], room: int) -> Handled:
        """Go there as the pick says: every dimension and rack. Raises Exhausted, and notes nothing.

        Args:
            to: where.
            made: those of its racks that were missing, by key.
            room: how many orders there may be.
        """
        at = WHENS.index(to.at)
        self._ahead = {each: mark for each, mark in self._ahead.items() if self._receipts.awaits(each)}
        later = [mark for mark in dict.fromkeys(self._ahead.values()) if mark != at]
        most = (len(PLAYABLE) + len(to.racks) + len(self.places.keys)) * (1 + len(later))
        if most > room:
            raise Exhausted(f"the session can take {room} more commands now")
        self.awaited = None
        orders = self._orders(to, made, bars=0.0, when=at)
        if at:
            self._ahead[to.pick.id] = at
        # what another pick has at a mark cannot be taken back, only followed
        orders += [replace(order, when=mark) for mark in later for order in orders]
        return Handled(orders=orders, clamps=to.clamps, because=list(to.notes), done=partial(self._stand, to))

    def go_on_to(self, to: Chosen, made: Mapping[int, Wanted], directing: Directing, clock: Clock) -> Answer:
        """Go there at the next phrase, in a directed session. Raises InvalidInput if that cannot be."""
        if to.pick.at not in (None, "phrase"):
            raise InvalidInput("this session is directed: presets come at its next phrase", field="at")
        self.awaited = None
        self._drop_coming(REPLACED)
        self._coming = to, made
        planned = directing.recentre(to.mix, to.blend.locked, clock)
        return Answer(
            id=to.pick.id, accepted=True, clamps=to.clamps, planned_sample=planned,
            because="; ".join(("at the next phrase", *to.notes)),
        )  # fmt: skip

    def begin(self, due: Due) -> tuple[Receipt, str, list[Order]]:
        """The phrase is there: whom it is owed to, why, and the orders, for what the blends differ in."""
        if self._coming is None:
            raise ValueError("no presets were waiting for a phrase")
        to, made = self._coming
        self._coming = None
        orders = self._orders(to, made, bars=DIRECTED_BARS, sample=due.sample, only_changed=True)
        self._stand(to)
        because = f"the presets are {self.name}"
        for signal_id in due.recentred or ():
            self._tell(Refused(id=signal_id, reason=f"{because}, and it spoke of what they move"))
        return Receipt(to.pick.id), because, orders

    def _drop_coming(self, reason: str) -> None:
        if self._coming:
            self._tell(Refused(id=self._coming[0].pick.id, reason=reason))
        self._coming = None

    def _orders(
        self,
        to: Chosen,
        made: Mapping[int, Wanted],
        *,
        bars: float,
        sample: int = -1,
        when: int = 0,
        only_changed: bool = False,
    ) -> list[Order]:
        """The orders for mix and racks, over so many bars if the pick does not say."""
        frames = self._frames(bars if to.pick.over_bars is None else to.pick.over_bars)
        moves = [
            mix_order(name, to.mix[name], sample=sample, ramp_frames=max(frames, RAMP_FRAMES), when=when)
            for name in PLAYABLE
            if (name not in STEM_ROLES or name in self._decks.roles)
            and not (only_changed and to.mix[name] == self.centre[name])
        ]
        words = {"sample": sample, "when": when, "ramp_frames": max(frames, RACK_RAMP_FRAMES)}
        return moves + self.places.weigh(() if self.passed_by else to.racks, made, **words)

    def _frames(self, bars: float) -> int:
        """How long so many bars last from here on."""
        deck = self._decks.shown
        if deck.loaded is None or deck.entry is None or deck.entry.tempo <= 0.0:
            return round(bars * BAR_S * RATE_HZ)
        frame = deck.frame % deck.loaded.frames
        beats = deck.loaded.track.analysis.beats_per_bar
        return round(bars * beats * deck.loaded.beats.interval(frame) / deck.entry.tempo)

    def _stand(self, to: Chosen) -> None:
        """Note that it goes there."""
        self.blend, self.centre = to.blend, dict(to.mix)
        self.clamps, self.notes = to.clamps, to.notes

    def lacks(self, why: str) -> None:
        """Tell in the notes why some of its racks are not there; empty if they all are."""
        told = tuple(note for note in self.notes if not note.startswith(LACKING))
        self.notes = (*told, f"{LACKING}{why}") if why else told

    @property
    def is_coming(self) -> bool:
        """Whether others wait for a phrase."""
        return self._coming is not None

    def holds(self, made: Collection[int]) -> bool:
        """Whether any of these racks wait for a phrase."""
        return self._coming is not None and not set(made).isdisjoint(self._coming[1])

    def silencing(self) -> list[Order]:
        """What takes every rack away at once."""
        return self.places.weigh((), {}, ramp_frames=RACK_RAMP_FRAMES)

    def clear(self) -> None:
        """Note that the artist's own mix is back."""
        self._drop_coming(PANIC)
        self._drop_awaited(PANIC)
        self.blend, self.centre = NO_PRESETS, dict(NEUTRAL)
        self.clamps = self.notes = ()

    def to_json(self) -> dict[str, Any]:
        """How it stands, for a daemon that comes after."""
        pick = self.awaited or (self._coming and self._coming[0].pick)
        return {
            "weights": dict(self.blend.weights),
            "centre": self.centre,
            "clamps": [asdict(clamp) for clamp in self.clamps],
            "notes": list(self.notes),
            "racks": self.places.to_json(),
            "pick": asdict(replace(pick, weights=dict(pick.weights))) if pick else None,
        }

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Stand as another daemon had it."""
        self.centre = dict(plain["centre"])
        self.clamps = tuple(Clamp(**clamp) for clamp in plain["clamps"])
        self.notes = tuple(plain["notes"])
        self.places.restore(plain["racks"])
        self.awaited = Pick(**plain["pick"]) if plain["pick"] else None

    def resume(self) -> Pick | None:
        """The pick that another daemon had accepted and not carried out: it is to be taken again."""
        pick, self.awaited = self.awaited, None
        return pick
