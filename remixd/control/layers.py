"""Density, lowered: below neutral to levels of roles and a band, above to patterns of generated hits.

Patterns are kept one bar ahead of the deck that stands for the session; they reach the engine through
`grooving`. What is generated is a function of the track, the bar and the session's seed. Thread: [control].
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from remixd._kernel import mailbox
from remixd.control.accompaniment import Accompaniment
from remixd.control.action import DeckCommand
from remixd.control.decks import Deck, Decks, Loaded
from remixd.control.order import CHANNEL, LAYER, RAMP_FRAMES, Order, mix_order
from remixd.control.receipts import Receipt
from remixd.control.stingers import COOL_BARS, Stinger, begins, cool_frames
from remixd.director.groove import told
from remixd.director.measures import Measures
from remixd.director.thinning import low_db, thinned_db, together_db
from remixd.errors import InvalidInput
from remixd.mix import WHENS, When
from remixd.units import OFF_DB, PACKET_FRAMES, RATE_HZ, frames_from_seconds

DENSITY_ORDERS: Final = 16
"""Orders that a density may come to."""

KEPT: Final = 4
"""Patterns that the engine keeps on a deck."""

AHEAD_FRAMES: Final = 3 * RATE_HZ
"""How long before it begins a bar is laid, beyond the next one."""

WAIT_FRAMES: Final = 30 * RATE_HZ
"""How long after it was to land a stinger is waited for, if nobody says."""

QUIET_BASS_DB: Final = -18.0
"""A bass at this level or below leaves room for another."""


@dataclass(frozen=True, slots=True)
class _Laid:
    """A bar that the engine has."""

    bar: int
    version: tuple[float, bool]
    layers: Mapping[str, str]


class Layers:
    """What density does to one session.

    Args:
        session_id: the seed follows from it.
        decks: of the session.
        send: posts an order, as `Receipts.send`.
        mix: the value of every dimension, as it was wished; density is noted there.
    """

    def __init__(
        self, session_id: str, decks: Decks, send: Callable[..., int], mix: dict[str, float]
    ) -> None:
        self.seed = zlib.crc32(session_id.encode()) % 1000
        self._decks = decks
        self._send = send
        self._mix = mix
        self._keys = count((time.time_ns() >> 20) & 0x3FFFFFFF or 1)  # not those of a daemon that was killed
        self._songs: dict[int, Accompaniment] = {}
        self._laid: dict[int, list[_Laid]] = {}
        self._deck: Deck | None = None
        self._done = 0.0  # the density that orders were sent for,
        self._before = 0.0  # and the one before,
        self._turn = 0.0  # which bars have that begin before this source frame
        self._cool = 0  # no stinger lands before this sample
        self._has_stung = False

    @property
    def density(self) -> float:
        """As it was wished."""
        return self._mix["density"]

    def next_key(self) -> int:
        """A key that no pattern of the session has had."""
        return next(self._keys)

    # Below neutral, and the layer's own gain

    def given(self, name: str, value: float) -> float:
        """What a dimension is given in the engine, where density takes something off it."""
        offset_db = thinned_db(self._done, self._decks.roles).get(name, 0.0)
        return together_db(value, offset_db) if offset_db else value

    @property
    def mix(self) -> dict[str, float]:
        """What every dimension is given in the engine."""
        return {name: self.given(name, value) for name, value in self._mix.items()}

    def with_told(self, because: Mapping[str, str]) -> dict[str, str]:
        """Why each dimension was last moved; of density also what it comes to."""
        told_too = "; ".join(filter(None, (because.get("density", ""), self.because)))
        return {**because, "density": told_too} if told_too else dict(because)

    def orders(
        self, density: float, *, when: int = 0, sample: int = -1, ramp_frames: int = RAMP_FRAMES
    ) -> list[Order]:
        """What brings a density about; the first order is always there, and tells when it is done."""
        at: dict[str, Any] = {"when": when, "sample": sample}
        gain_db = 0.0 if density > 0.0 else OFF_DB
        orders = [
            Order(kind=mailbox.LEVEL, dimension=LAYER, deck=deck.index, value=gain_db, **at)
            for deck in (
                self._decks.shown,
                *(each for each in self._decks.all if each is not self._decks.shown),
            )
        ]
        if density <= 0.0 < self._done:
            orders += [Order(kind=mailbox.PATTERN, deck=index, **at) for index in self._laid_decks()]
        roles = self._decks.roles
        before, after = thinned_db(self._done, roles), thinned_db(density, roles)
        for role in (*before, *(each for each in after if each not in before)):
            if before.get(role) != after.get(role):
                level_db = together_db(self._mix[role], after.get(role, 0.0))
                orders.append(mix_order(role, level_db, ramp_frames=ramp_frames, **at))
        if low_db(density) != low_db(self._done):
            for deck in self._decks.all:
                level_db = max(deck.knobs.channel["low"] + low_db(density), OFF_DB)
                orders.append(
                    Order(kind=mailbox.STRIP, deck=deck.index, dimension=CHANNEL.index("low"), value=level_db,
                          ramp_frames=ramp_frames, **at)
                )  # fmt: skip
        return orders

    def turn(
        self,
        density: float,
        at: When,
        receipts: Sequence[Receipt],
        *,
        replaced: Sequence[tuple[Receipt, float]] = (),
        sample: int = -1,
        because: str = "",
    ) -> None:
        """Bring a density about at the next mark `at`, whose sample is given where it is known.

        What it comes to is told to the receipts as one move. Raises Exhausted.
        """
        when = 0 if sample >= 0 else WHENS.index(at)
        first, *others = self.orders(density, when=when, sample=sample)
        self._send(first, receipts, replaced=replaced, because=because, told=("density", density))
        for order in others:
            self._send(order)
        self._mix["density"] = density
        self.done(density, WHENS.index(at))

    def done(self, density: float, level: int = 0) -> None:
        """Note that the orders of a density were sent, for the next mark of a level; 0 is at once."""
        deck = self._decks.shown
        turn = deck.loaded.beats.next(level, deck.frame) if level and deck.loaded else None
        self._before, self._turn, self._done = self._done, turn or 0.0, density
        if density <= 0.0:
            self._forget()

    def calming(self) -> list[Order]:
        """What takes everything off that density and stingers have done, for panic; the mix aside."""
        orders: list[Order] = []
        for deck in self._decks.all:
            if self._done > 0.0:
                orders.append(Order(kind=mailbox.LEVEL, dimension=LAYER, deck=deck.index, value=OFF_DB))
            if low_db(self._done):
                orders.append(Order(kind=mailbox.STRIP, deck=deck.index, dimension=CHANNEL.index("low")))
            if deck.loaded and (self._has_stung or self._done > 0.0):
                orders.append(Order(kind=mailbox.PATTERN, deck=deck.index))
        return orders

    def _laid_decks(self) -> list[int]:
        keys = self._laid.keys()
        return [deck.index for deck in self._decks.all if deck.loaded and deck.loaded.key in keys]

    def _forget(self) -> None:
        self._laid.clear()
        self._deck = None

    # Stingers

    def check_cool(self) -> None:
        """Raise InvalidInput while it is too soon for another stinger."""
        if (left := self._cool - self._decks.sample) > 0:
            reason = f"stingers cool down for {COOL_BARS} bars: another {left / RATE_HZ:.1f} s"
            raise InvalidInput(reason, field="kind")

    def sting(self, command: DeckCommand, stinger: Stinger, key: int) -> bool:
        """Have the engine take a stinger that lies ready there; False if it is too late for it."""
        deck, now = self._decks.all[command.deck], self._decks.sample
        if deck.loaded is None or deck.entry is None or begins(stinger) <= deck.frame + PACKET_FRAMES:
            return False
        waits = frames_from_seconds(command.expires_s) or stinger.sample - now + WAIT_FRAMES
        order = Order(kind=mailbox.STINGER, deck=deck.index, extra=key, expires=now + waits)
        self._send(order, (Receipt(command.id),), told=(command.action.name, 1.0))
        self._has_stung = True
        self._cool = stinger.sample + cool_frames(deck.loaded, stinger, deck.entry.tempo)
        return True

    def restart(self) -> None:
        """Another engine goes on: it has neither patterns nor the layer's gain."""
        self._forget()
        if self._done > 0.0:
            for order in self.orders(self._done):
                self._send(order)

    # Above neutral: patterns

    def wanted(self) -> list[dict[str, Any]]:
        """The patterns to be laid now, as their scores; each is `laid` once the engine has it."""
        if self._done == self.density == 0.0:
            return []
        deck = self._decks.shown
        if self._done != self.density:  # what it began with
            for order in self.orders(self.density):
                self._send(order)
            self.done(self.density)
        if self._deck is not None and self._deck is not deck:
            self._send(Order(kind=mailbox.PATTERN, deck=self._deck.index))
            self._forget()
        loaded, entry = deck.loaded, deck.entry
        if self._done <= 0.0 or loaded is None or entry is None or not deck.counts or not deck.has_beats:
            return []
        if not loaded.track.rights.generated:
            return []
        self._deck = deck
        if deck.frame >= self._turn or deck.frame < self._turn - 32 * RATE_HZ:  # there, or gone elsewhere
            self._turn = 0.0
        return [score for bar in self._bars(deck, loaded) if (score := self._score(loaded, bar))]

    def _song(self, loaded: Loaded) -> Accompaniment:
        song = self._songs.get(loaded.key)
        if song is None:
            song = self._songs[loaded.key] = Accompaniment.of(loaded.track, loaded.beats, self.seed)
            self._songs = {key: each for key, each in self._songs.items() if key in self._decks.keys}
        return song

    def _bars(self, deck: Deck, loaded: Loaded) -> list[int]:
        """The bars to have ready: the one that plays, if it never was; the next; another, if that is soon."""
        measures, entry = self._song(loaded).measures, deck.entry
        if entry is None or not len(measures):
            return []
        frame = deck.frame % loaded.frames if loaded.loops else deck.frame
        here = measures.at(frame)
        bars = [] if here is None or any(each.bar == here for each in self._known(loaded)) else [here]
        following = here if here is not None else -1
        for ahead in range(KEPT - 1):
            following = self._after(
                following, entry.loop_start, entry.loop_end if entry.looping else 0, measures
            )
            start, _ = measures.span(following)
            to_go = start - frame if start >= frame else 0.0
            if following == here or (ahead and to_go > AHEAD_FRAMES * entry.tempo):
                break
            bars.append(following)
        return bars

    @staticmethod
    def _after(bar: int, loop_start: int, loop_end: int, measures: Measures) -> int:
        """The bar that is played after another."""
        following = bar + 1 if bar + 1 < len(measures) else 0
        if loop_end and measures.span(following)[0] >= loop_end:
            first = measures.at(loop_start)
            return following if first is None else first
        return following

    def _known(self, loaded: Loaded) -> list[_Laid]:
        return self._laid.setdefault(loaded.key, [])

    def _score(self, loaded: Loaded, bar: int) -> dict[str, Any] | None:
        """A bar's pattern; None if the engine has it."""
        song, known = self._song(loaded), self._known(loaded)
        bass_is_off = self._mix["bass"] <= QUIET_BASS_DB
        density = self._before if song.measures.span(bar)[0] < self._turn - 1.0 else self._done
        version = density, bass_is_off
        if density <= 0.0 or any(each.bar == bar and each.version == version for each in known):
            return None
        made = song.bar(bar, density, bass_is_off=bass_is_off)
        known[:] = [each for each in known if each.bar != bar][-(KEPT - 1) :]
        known.append(_Laid(bar, version, made.layers if made else {}))
        deck = self._decks.shown.index
        return song.score(bar, made, key=self.next_key(), player=loaded.key, deck=deck)

    def laid(self, scores: Sequence[Mapping[str, Any]]) -> None:
        """Have the engine take what lies ready there. Raises Exhausted."""
        for score in scores:
            self._send(Order(kind=mailbox.PATTERN, deck=score["deck"], extra=score["key"]))

    def lost(self) -> None:
        """What was to be laid is not there: it is made again."""
        self._laid.clear()

    # Told

    @property
    def generated(self) -> Mapping[str, str]:
        """What is generated over the bar that plays, or is laid last: each layer's name and rhythm."""
        if self._deck is None or self._deck.loaded is None or not (known := self._known(self._deck.loaded)):
            return {}
        here = self._song(self._deck.loaded).measures.at(self._deck.frame)
        return next((each.layers for each in known if each.bar == here), known[-1].layers)

    @property
    def because(self) -> str:
        """What is generated and what is taken away, in words; empty for neither."""
        if self._done < 0.0:
            off = [f"{role} {'off' if db <= OFF_DB else f'{db:.0f} dB'}" for role, db in
                   thinned_db(self._done, self._decks.roles).items()]  # fmt: skip
            low = [f"below 250 Hz {low_db(self._done):.0f} dB"] if low_db(self._done) else []
            return f"taken away: {', '.join(off + low)}" if off or low else ""
        return told(self.generated, self.seed)
