"""Density, lowered: below neutral to levels of roles and a band, above to patterns of generated hits.

Patterns are kept one bar ahead of the deck that stands for the session; they reach the engine through
`grooving`. What is generated is a function of the track, the bar and the session's seed. Thread: [control].
"""

from __future__ import annotations

import math
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
from remixd.control.order import LAYER, RAMP_FRAMES, Order, mix_order
from remixd.control.receipts import Receipt
from remixd.control.standing import LOW, THINNED, Standing
from remixd.control.stingers import COOL_BARS, Stinger, begins, cool_frames
from remixd.director.groove import told
from remixd.director.measures import Measures
from remixd.director.thinning import low_db, thinned_db
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

PASSED_FRAMES: Final = RATE_HZ // 2
"""A mark that was passed no longer ago than this may not have been told of yet."""

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
        standing: of the session; densities are noted there.

    Attributes:
        is_stinging: whether a stinger is made ready.
    """

    def __init__(self, session_id: str, decks: Decks, send: Callable[..., int], standing: Standing) -> None:
        self.seed = zlib.crc32(session_id.encode()) % 1000
        self._decks = decks
        self._send = send
        self._standing = standing
        self._keys = count((time.time_ns() >> 20) & 0x3FFFFFFF or 1)  # not those of a daemon that was killed
        self._songs: dict[int, Accompaniment] = {}
        self._laid: dict[int, list[_Laid]] = {}
        self._deck: Deck | None = None
        self._has_begun = False
        self._landed = 0.0  # the density that the engine has now
        self._frames: dict[int, float] = {}  # where those that wait come, in the song, by command
        self._cool = 0  # no stinger lands before this sample
        self._has_stung = False
        self.is_stinging = False

    def next_key(self) -> int:
        """A key that no pattern of the session has had."""
        return next(self._keys)

    # Below neutral, and the layer's own gain

    def with_told(self, because: Mapping[str, str]) -> dict[str, str]:
        """Why each dimension was last moved; of density also what it comes to."""
        told_too = "; ".join(filter(None, (because.get("density", ""), self.because)))
        return {**because, "density": told_too} if told_too else dict(because)

    def _orders(
        self,
        density: float,
        before: float,
        *,
        when: int = 0,
        sample: int = -1,
        ramp_frames: int = RAMP_FRAMES,
    ) -> list[Order]:
        """What brings a density about; the first order is always there, and tells when it is done."""
        at: dict[str, Any] = {"when": when, "sample": sample}
        gain_db = 0.0 if density > 0.0 else OFF_DB
        shown = self._decks.shown
        orders = [
            Order(kind=mailbox.LEVEL, dimension=LAYER, deck=deck.index, value=gain_db, **at)
            for deck in (shown, *(each for each in self._decks.all if each is not shown))
        ]
        if density <= 0.0 < before:
            orders += [Order(kind=mailbox.PATTERN, deck=index, **at) for index in self._laid_decks()]
        roles = self._decks.roles
        was, will = thinned_db(before, roles), thinned_db(density, roles)
        orders += [
            mix_order(role, self._standing.value(role, when), ramp_frames=ramp_frames, **at)
            for role in THINNED
            if was.get(role) != will.get(role)
        ]
        if low_db(density) != low_db(before):
            orders += [
                self._standing.low_order(deck.index, ramp_frames=ramp_frames, **at)
                for deck in self._decks.all
            ]
        return orders

    def turn(
        self,
        density: float,
        at: When,
        receipts: Sequence[Receipt],
        *,
        replaced: Sequence[tuple[Receipt, float]] = (),
        sample: int = -1,
        ramp_frames: int = RAMP_FRAMES,
        because: str = "",
    ) -> None:
        """Bring a density about at the next mark `at`, whose sample is given where it is known.

        What it comes to is told to the receipts as one move. Raises Exhausted.
        """
        level = WHENS.index(at)
        when = 0 if sample >= 0 else level
        before = self._standing.value("density", when)
        first, *others = self._orders(density, before, when=when, sample=sample, ramp_frames=ramp_frames)
        command = self._send(first, receipts, replaced=replaced, because=because, told=("density", density))
        self._standing.wait(command, "density", density, when=when, level=level)
        if not when:
            self._standing.take("density", density)
        for order in others + self._standing.following_density(when):
            self._send(order)

    def take_report(self, report: mailbox.ReportEntry) -> None:
        """Take what became of an order, before the standing does."""
        wait = self._standing.densities.get(report.id)
        self._frames.pop(report.id, None)
        if wait and report.kind == mailbox.APPLIED:
            self._landed = wait.value
            if wait.value <= 0.0:
                self._forget()

    def calm(self) -> list[Order]:
        """What takes everything off that density and stingers have done, for panic; the mix aside."""
        densities = [self._landed, *(wait.value for wait in self._standing.densities.values())]
        orders: list[Order] = []
        for deck in self._decks.all:
            if max(densities) > 0.0:
                orders.append(Order(kind=mailbox.LEVEL, dimension=LAYER, deck=deck.index, value=OFF_DB))
            if any(map(low_db, densities)):
                orders.append(Order(kind=mailbox.STRIP, deck=deck.index, dimension=LOW))
            if deck.loaded and (self._has_stung or max(densities) > 0.0):
                orders.append(Order(kind=mailbox.PATTERN, deck=deck.index))
        return orders

    def clear(self) -> None:
        """Note that nothing of it is left."""
        self._landed = 0.0
        self._frames.clear()
        self._forget()

    def _laid_decks(self) -> list[int]:
        keys = self._laid.keys()
        return [deck.index for deck in self._decks.all if deck.loaded and deck.loaded.key in keys]

    def _forget(self) -> None:
        self._laid.clear()
        self._deck = None

    # Stingers

    def check_cool(self) -> None:
        """Raise InvalidInput while it is too soon for another stinger."""
        if self.is_stinging:
            raise InvalidInput("another stinger is on its way", field="kind")
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
        if self._landed > 0.0:
            for order in self._orders(self._landed, self._landed):
                self._send(order)

    # Above neutral: patterns

    def wanted(self) -> list[dict[str, Any]]:
        """The patterns to be laid now, as their scores; each is `laid` once the engine has it."""
        if not self._has_begun:
            self._begin()
        deck = self._decks.shown
        if self._deck is not None and self._deck is not deck:
            self._send(Order(kind=mailbox.PATTERN, deck=self._deck.index))
            self._forget()
        waits = self._standing.densities.values()
        if self._landed <= 0.0 and not any(wait.value > 0.0 for wait in waits):
            return []
        loaded, entry = deck.loaded, deck.entry
        if loaded is None or entry is None or not deck.counts or not deck.has_beats:
            return []
        if not loaded.track.rights.generated:
            return []
        self._deck = deck
        return self._scores(deck, loaded)

    def _scores(self, deck: Deck, loaded: Loaded) -> list[dict[str, Any]]:
        song, now = self._song(loaded), _frame(deck, loaded)
        coming = self._coming(deck, loaded)
        here = song.measures.at(now)
        scores = []
        for bar in self._bars(deck, loaded):
            ahead = 0.0 if bar == here else _ahead(song.measures.span(bar)[0], now, loaded)
            density = next((value for at, value in reversed(coming) if at <= ahead + 1.0), self._landed)
            if score := self._score(loaded, bar, density, is_here=bar == here):
                scores.append(score)
        return scores

    def _begin(self) -> None:
        """With the density that the session began with."""
        self._has_begun = True
        self._landed = self._standing.mix["density"]
        if self._landed:
            for order in self._orders(self._landed, 0.0):
                self._send(order)

    def _coming(self, deck: Deck, loaded: Loaded) -> list[tuple[float, float]]:
        """The densities that wait: how far ahead in the song each comes, and what it is, in turn."""
        now, coming = _frame(deck, loaded), []
        for command, wait in self._standing.densities.items():
            frame = self._frames.get(command, -PASSED_FRAMES)
            if now >= frame + PASSED_FRAMES:  # not known, or jumped over
                mark = loaded.beats.next(wait.level, now)
                if mark is None and loaded.loops:
                    mark = loaded.beats.next(wait.level, 0.0)
                frame = self._frames[command] = math.inf if mark is None else mark
            coming.append((_ahead(frame, now, loaded), wait.value))
        return sorted(coming, key=lambda each: each[0])

    def _song(self, loaded: Loaded) -> Accompaniment:
        song = self._songs.get(loaded.key)
        if song is None:
            song = self._songs[loaded.key] = Accompaniment.of(loaded.track, loaded.beats, self.seed)
            self._songs = {key: each for key, each in self._songs.items() if key in self._decks.keys}
        return song

    def _bars(self, deck: Deck, loaded: Loaded) -> list[int]:
        """The bars to have ready: the one that plays; the next; another, if that is soon."""
        measures, entry = self._song(loaded).measures, deck.entry
        if entry is None or not len(measures):
            return []
        frame = _frame(deck, loaded)
        here = measures.at(frame)
        bars = [] if here is None else [here]
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

    def _score(self, loaded: Loaded, bar: int, density: float, *, is_here: bool) -> dict[str, Any] | None:
        """A bar's pattern; None if the engine has it, or what is as good where the bar plays already."""
        song, known = self._song(loaded), self._known(loaded)
        version = density, self._standing.mix["bass"] <= QUIET_BASS_DB
        before = next((each.version for each in known if each.bar == bar), None)
        if density <= 0.0 or before == version or (is_here and before and before[0] == density):
            return None
        made = song.bar(bar, density, bass_is_off=version[1])
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
        density = self._standing.mix["density"]
        if density < 0.0:
            off = [f"{role} {'off' if db <= OFF_DB else f'{db:.0f} dB'}" for role, db in
                   thinned_db(density, self._decks.roles).items()]  # fmt: skip
            low = [f"below 250 Hz {low_db(density):.0f} dB"] if low_db(density) else []
            return f"taken away: {', '.join(off + low)}" if off or low else ""
        return told(self.generated, self.seed)


def _frame(deck: Deck, loaded: Loaded) -> float:
    """Where a deck is in its song."""
    return deck.frame % loaded.frames if loaded.loops else deck.frame


def _ahead(frame: float, now: float, loaded: Loaded) -> float:
    """How far ahead a place is; one that has just gone by is here."""
    ahead = frame - now
    if -PASSED_FRAMES < ahead <= 0.0:
        return 0.0
    return ahead % loaded.frames if loaded.loops and ahead < math.inf else ahead
