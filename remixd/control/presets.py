"""The presets of one session: the blend that it stands in, and the way from one to another.

Thread: [control].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

from remixd.audience.signal import check_name
from remixd.control.command import Answer, Applied, Clamp, Refused
from remixd.control.decks import Decks
from remixd.control.directing import Clock, Directing, Due
from remixd.control.handling import Handled
from remixd.control.order import RAMP_FRAMES, Order, mix_order
from remixd.control.receipts import Receipt
from remixd.control.start import Start, allowed
from remixd.director.blend import Blend, check_weights, weights_text
from remixd.errors import InvalidInput
from remixd.mix import NEUTRAL, PLAYABLE, WHENS, When
from remixd.units import RATE_HZ, STEM_ROLES

OVER_BARS_MAX: Final = 64.0
DIRECTED_BARS: Final = 1.0
"""How long a directed session takes to another blend, unless it is told."""

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
    """

    pick: Pick
    blend: Blend
    mix: Mapping[str, float]
    clamps: tuple[Clamp, ...]

    @property
    def at(self) -> When:
        """When it comes, hands-on."""
        return self.pick.at or self.blend.when


class Presets:
    """The blend that a session stands in, or goes to.

    Args:
        decks: the session's.
        start: how it begins.
        tell: called with every second answer.

    Attributes:
        weights: of its presets, by name; none for the artist's own mix.
        centre: what these come to, by dimension.
        locked: the dimensions that a director leaves alone.
        clamps: what of them the track did not allow.
        notes: what else of them is not as they have it, in sentences.
    """

    def __init__(self, decks: Decks, start: Start, tell: Callable[[Applied | Refused], None]) -> None:
        self._decks = decks
        self._tell = tell
        self._coming: Chosen | None = None
        self.weights = dict(start.weights)
        self.centre = dict(start.mix)
        self.locked = frozenset(start.locked)
        self.clamps = start.clamps
        self.notes = start.notes

    @property
    def name(self) -> str:
        """As people write them."""
        return weights_text(self.weights)

    def choose(self, pick: Pick, of: Blend) -> Chosen:
        """What a pick comes to now. Raises InvalidInput if its presets must not be used on what plays."""
        loaded = self._decks.shown.loaded
        if loaded and (objection := of.objection(loaded.track.roles, loaded.track.analysis.bpm)):
            raise InvalidInput(objection, field="weights")
        there = allowed(of, self._decks.rights, self._decks.roles)
        return Chosen(pick=pick, blend=of, mix=there.mix, clamps=there.clamps)

    def go_to(self, to: Chosen) -> Handled:
        """Go there as the pick says: every dimension."""
        orders = self._moves(to, bars=0.0, when=WHENS.index(to.at))
        return Handled(
            orders=orders, clamps=to.clamps, because=list(to.blend.left_out), done=partial(self._stand, to)
        )

    def go_on_to(self, pick: Pick, of: Blend, directing: Directing, clock: Clock) -> Answer:
        """Go there at the next phrase, in a directed session. Raises InvalidInput if that cannot be."""
        to = self.choose(pick, of)
        if pick.at not in (None, "phrase"):
            raise InvalidInput("this session is directed: presets come at its next phrase", field="at")
        self._drop_coming("other presets took their place")
        self._coming = to
        planned = directing.recentre(to.mix, of.locked, clock)
        return Answer(
            id=pick.id, accepted=True, clamps=to.clamps, planned_sample=planned,
            because="; ".join(("at the next phrase", *of.left_out)),
        )  # fmt: skip

    def begin(self, due: Due) -> tuple[Receipt, str, list[Order]]:
        """The phrase is there: whom it is owed to, why, and the orders, for what the blends differ in."""
        to, self._coming = self._coming, None
        if to is None:
            raise ValueError("no presets were waiting for a phrase")
        orders = self._moves(to, bars=DIRECTED_BARS, sample=due.sample, only_changed=True)
        self._stand(to)
        because = f"the presets are {self.name}"
        for signal_id in due.recentred or ():
            self._tell(Refused(id=signal_id, reason=f"{because}, and it spoke of what they move"))
        return Receipt(to.pick.id), because, orders

    def _drop_coming(self, reason: str) -> None:
        if self._coming:
            self._tell(Refused(id=self._coming.pick.id, reason=reason))
        self._coming = None

    def _moves(
        self, to: Chosen, *, bars: float, sample: int = -1, when: int = 0, only_changed: bool = False
    ) -> list[Order]:
        """The orders for the mix, over so many bars if the pick does not say."""
        over = bars if to.pick.over_bars is None else to.pick.over_bars
        ramp_frames = max(self._frames(over), RAMP_FRAMES)
        return [
            mix_order(name, to.mix[name], sample=sample, ramp_frames=ramp_frames, when=when)
            for name in PLAYABLE
            if (name not in STEM_ROLES or name in self._decks.roles)
            and not (only_changed and to.mix[name] == self.centre[name])
        ]

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
        self.weights, self.centre = dict(to.blend.weights), dict(to.mix)
        self.clamps, self.notes, self.locked = to.clamps, to.blend.left_out, to.blend.locked

    def clear(self) -> None:
        """Note that the artist's own mix is back."""
        self._drop_coming("panic: the artist's own mix is back")
        self.weights, self.centre = {}, dict(NEUTRAL)
        self.clamps = self.notes = ()
        self.locked = frozenset()

    def to_json(self) -> dict[str, Any]:
        """How it stands, for a daemon that comes after."""
        return {
            "weights": self.weights,
            "centre": self.centre,
            "clamps": [asdict(clamp) for clamp in self.clamps],
            "notes": list(self.notes),
        }

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Stand as another daemon had it."""
        self.weights, self.centre = dict(plain["weights"]), dict(plain["centre"])
        self.clamps = tuple(Clamp(**clamp) for clamp in plain["clamps"])
        self.notes = tuple(plain["notes"])
