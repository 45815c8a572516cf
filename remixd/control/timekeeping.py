"""The timeline of one session: looked ahead for, and told when it has changed. Thread: [control]."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from remixd._kernel.mailbox import APPLIED, ENDED, PATTERN, RACK, STINGER
from remixd._kernel.ring import PacketEntry
from remixd.audience.told import PlannedMove
from remixd.control.action import DECK_NAMES
from remixd.control.bridging import bar_beats
from remixd.control.decks import Loaded
from remixd.control.fanout import Watchers
from remixd.control.forecast import Changes, HostClock, bar_beat, beats_of
from remixd.control.foresight import VIRTUAL, Ahead, Foresight, Stretch, missing
from remixd.control.order import EVERY_DECK, Order, mix_order
from remixd.control.rehearsal import planned
from remixd.control.streams import Watcher
from remixd.control.timeline import Coming, Timeline, revised_from
from remixd.errors import InvalidInput
from remixd.units import PACKET_FRAMES, RATE_HZ

if TYPE_CHECKING:
    from remixd.control.session import Session

log = logging.getLogger(__name__)

POSITION_ONE: Final = 1 << 24

AHEAD_S: Final = (4.0, 30.0)
"""It looks two bars ahead and a second more, but no less and no more than this."""

IDLE_S: Final = 1.0
"""How often it is told where no bar begins."""

LEAST_S: Final = 0.04
"""What changes more often than this is told together."""

OFF_FRAMES: Final = 48
"""By so much, a millisecond, music may be elsewhere than was foreseen before that is looked into."""

FANS_MAX: Final = 500
"""Of a larger crowd moves are told once they are decided, 300 ms ahead: a dry run copies its audience."""

OFF_S: Final = 0.25
"""How soon after the last look."""

SMOOTH: Final = 16
"""Of the host time of a device's packets, which comes with the jitter of its callbacks."""

JUMP_NS: Final = 20_000_000

FIRST_VIRTUAL: Final = VIRTUAL + 1000
"""Of the ids under which a director's moves are looked ahead with."""

SILENT_KINDS: Final = (PATTERN, RACK, STINGER)


class Timekeeper:
    """Tells one session's timeline: at least once a bar, and whenever what comes is no longer the same.

    Attributes:
        newest: the timeline that was told last; None before the first.
    """

    def __init__(self) -> None:
        self.newest: Timeline | None = None
        self._foresight: Foresight | None = None
        self._ahead = Ahead((), ())
        self._anchor_ns = 0
        self._seen: object = None
        self._looked_s = 0.0
        self._due = 0

    def tend(self, session: Session, watchers: Watchers, now_s: float) -> None:
        """Tell those watchers who asked; while nobody does, nobody looks ahead. `now_s` is monotonic."""
        if not watchers.want_timeline:
            self.newest = self._foresight = self._seen = None
            self._due = 0
        elif timeline := self.tell(session, now_s):
            watchers.put_timeline(timeline)

    def welcome(self, watcher: Watcher) -> None:
        """Tell somebody new what was told last."""
        if self.newest:
            watcher.put_timeline(self.newest)

    def tell(self, session: Session, now_s: float) -> Timeline | None:
        """The timeline, if there is something new; `now_s` is monotonic."""
        entry, checkpoint = session.desk.newest, session.memory.checkpoints.read()
        if entry is None or checkpoint is None:
            return None
        clock = HostClock(self._anchor(entry), entry.racks_delay_frames)
        seen = self._state(session, entry)
        changed = seen != self._seen or (now_s - self._looked_s >= OFF_S and self._is_off(session, entry))
        over = entry.sample >= self._due
        if not over and (not changed or now_s - self._looked_s < LEAST_S):
            return None
        self._seen, self._looked_s = seen, now_s
        try:
            told = self._look(session, entry, checkpoint, clock)
        except Exception:  # what a lamp lacks is no reason to lose the sound
            log.exception("session %s: nothing can be foreseen", session.id)
            self._due = entry.sample + round(IDLE_S * RATE_HZ)
            return None
        before = self.newest
        revised = revised_from(before, told) if before else None
        if before and not over and revised is None and before.loop_s == told.loop_s:
            return None
        self.newest = replace(told, revision=before.revision + 1 if before else 1, revised_sample=revised)
        self._due = self._next_bar(told)
        return self.newest

    def _anchor(self, entry: PacketEntry) -> int:
        """Host time of sample 0: exact where a host keeps it, smoothed where a device does."""
        anchor = entry.due_ns - entry.sample * 1_000_000_000 // RATE_HZ
        off = anchor - self._anchor_ns
        self._anchor_ns = anchor if abs(off) > JUMP_NS else self._anchor_ns + off // SMOOTH
        if abs(off) < SMOOTH:
            self._anchor_ns = anchor
        return self._anchor_ns

    @staticmethod
    def _state(session: Session, entry: PacketEntry) -> object:
        """What differs whenever other music may come."""
        decks = tuple((deck.player, deck.playing, deck.looping, deck.leading) for deck in entry.decks)
        return (
            session.engine_pid, session.desk.receipts.version, decks, session.desk.transitions.planned,
            entry.racks_delay_frames,
        )  # fmt: skip

    def _is_off(self, session: Session, entry: PacketEntry) -> bool:
        """Whether the music is elsewhere than was foreseen."""
        stretch = _stretch_at(self._ahead, entry.sample)
        shown = session.desk.decks.shown
        if stretch is None or stretch.deck != shown.index or not shown.is_playing:
            return (stretch is not None) != shown.is_playing
        foreseen = stretch.frame + stretch.pace * (entry.sample - stretch.start)
        return abs(foreseen - entry.position / POSITION_ONE) > OFF_FRAMES

    @staticmethod
    def _next_bar(told: Timeline) -> int:
        bars = [beat.sample for beat in told.beats if beat.level > 1 and beat.sample > told.sample]
        return min([*bars, told.sample + round(IDLE_S * RATE_HZ) * (4 if bars else 1)])

    # Looking

    def _look(self, session: Session, entry: PacketEntry, checkpoint: bytes, clock: HostClock) -> Timeline:
        desk = session.desk
        until = entry.sample + self._horizon(session)
        orders = missing(desk.receipts.ledger, checkpoint, entry.sample + PACKET_FRAMES)
        moves = self._rehearsed(session, orders)
        rehearsed = _tempo_moves(moves)
        sections = desk.transitions.sections_after(desk.decks.shown)
        self._foresight = self._foresight or Foresight()
        self._ahead = ahead = self._foresight.look(
            checkpoint, {**orders, **rehearsed}, session.players, entry.sample, until, sections
        )
        find = desk.decks.loaded_of
        changes = Changes(find, clock)
        coming = [
            *changes.of(ahead, entry.sample, until),
            *self._moves(session, orders, entry.sample, clock),
            *_tentative(moves, clock, until),
        ]
        coming = [event for event in coming if event.sample <= clock.heard(until)]
        coming += _mixes(session, clock)  # however far ahead
        return replace(
            self._now(session, entry, clock, changes),
            until_sample=clock.heard(until),
            beats=beats_of(ahead, find, clock, entry.sample),
            coming=tuple(sorted(coming, key=lambda event: event.sample)),
        )

    @staticmethod
    def _horizon(session: Session) -> int:
        """How many frames to look ahead."""
        shown = session.desk.decks.shown
        if shown.loaded is None or shown.entry is None:
            return round(AHEAD_S[0] * RATE_HZ)
        bar = bar_beats(shown.loaded) * shown.loaded.beats.interval(shown.frame)
        seconds = 2.0 * bar / max(abs(shown.entry.tempo), 1e-3) / RATE_HZ + 1.0
        return round(min(max(seconds, AHEAD_S[0]), AHEAD_S[1]) * RATE_HZ)

    @staticmethod
    def _rehearsed(session: Session, orders: dict[int, Order]) -> list[PlannedMove]:
        """The moves that the director would make in the next two bars, and has not decided."""
        desk = session.desk
        if desk.directing is None or len(desk.audience.fans) > FANS_MAX:
            return []
        try:
            moves = planned(desk, (), 2)
        except InvalidInput:
            return []
        decided = {(order.name, order.sample) for order in orders.values() if order.kind == 0}
        return [move for move in moves if (move.dimension, move.sample) not in decided]

    def _moves(
        self, session: Session, orders: dict[int, Order], start: int, clock: HostClock
    ) -> Iterator[Coming]:
        """What was ordered and is to be done, and where the music ends."""
        for report in self._ahead.reports:
            heard = clock.heard(report.sample)
            words: dict[str, Any] = {"sample": heard, "host_ns": clock.host_ns(heard)}
            if report.deck != EVERY_DECK:
                words["deck"] = DECK_NAMES[report.deck % len(DECK_NAMES)]
            order = orders.get(report.id)
            if report.sample < start or (order and order.kind in SILENT_KINDS):
                continue
            if report.kind == ENDED:
                yield Coming(kind="end", settled_sample=heard, **words)
            elif report.kind == APPLIED and order is not None:
                because, signals = session.desk.receipts.told_of(report.id)
                yield Coming(
                    kind="move", what=order.name, value=report.value, because=because, signals=signals,
                    settled_sample=clock.heard(report.settled_sample), **words,
                )  # fmt: skip

    def _now(self, session: Session, entry: PacketEntry, clock: HostClock, changes: Changes) -> Timeline:
        """What is heard where the newest packet begins."""
        shown = session.desk.decks.shown
        loaded, frame = shown.loaded, entry.position / POSITION_ONE
        stretch = _stretch_at(self._ahead, entry.sample)
        pace = stretch.pace if stretch else 0.0
        heard = clock.heard(entry.sample)
        host_ns = clock.host_ns(heard)
        part = changes.part(loaded.key, frame) if loaded else None
        bar, beat, phase, bpm = _beat_at(loaded, frame, pace)
        deck = shown.entry
        return Timeline(
            revision=0, revised_sample=None, sample=heard, host_ns=host_ns,
            unix_ns=host_ns + time.time_ns() - time.monotonic_ns(), until_sample=heard, deck=shown.name,
            track_id=loaded.track.id if loaded else "", position_s=frame / RATE_HZ, tempo=abs(pace), bpm=bpm,
            bar_beat=(loaded.bar_beat(frame) or None) if loaded else None, bar=bar, beat=beat, phase=phase,
            section=part.number if part else 0, label=part.label if part else "",
            loop_s=(deck.loop_start / RATE_HZ, deck.loop_end / RATE_HZ) if deck and deck.looping else None,
            beats=(), coming=(),
        )  # fmt: skip


def _stretch_at(ahead: Ahead, sample: float) -> Stretch | None:
    return next((each for each in ahead.stretches if each.start <= sample < each.end), None)


def _beat_at(loaded: Loaded | None, frame: float, pace: float) -> tuple[int, int, float, float | None]:
    """Bar, beat, how much of that is over, and beats a minute, at a source frame."""
    if loaded is None or not loaded.beats.heard:
        return 0, 0, 0.0, None
    place = loaded.track.analysis.bar_beat(frame / RATE_HZ)
    bar, beat = bar_beat(loaded, frame)
    phase = place.beat - int(place.beat) if place else 0.0
    return bar, beat, phase, 60.0 * RATE_HZ * abs(pace) / loaded.beats.interval(frame)


def _tempo_moves(moves: list[PlannedMove]) -> dict[int, Order]:
    """Those of a dry run that move the beats, as they would be posted."""
    return {
        FIRST_VIRTUAL + number: mix_order(
            "tempo", move.value, sample=move.sample, ramp_frames=move.ramp_frames
        )
        for number, move in enumerate(moves)
        if move.dimension == "tempo"
    }


def _tentative(moves: list[PlannedMove], clock: HostClock, until: int) -> Iterator[Coming]:
    for move in moves:
        heard = clock.heard(move.sample)
        if move.sample < until:
            yield Coming(
                kind="move", sample=heard, host_ns=clock.host_ns(heard), what=move.dimension,
                value=move.value, settled_sample=heard + move.ramp_frames, tentative=True,
                because=move.because,
            )  # fmt: skip


def _mixes(session: Session, clock: HostClock) -> Iterator[Coming]:
    if mix := session.desk.transitions.planned:
        sample, deck, how = mix
        heard = clock.heard(sample)
        yield Coming(
            kind="mix", sample=heard, host_ns=clock.host_ns(heard), what=how, deck=deck, settled_sample=heard
        )
