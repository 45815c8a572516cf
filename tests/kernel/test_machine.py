"""A session that is told anything at any time: sound within bounds, one answer to each command, no click."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import numpy as np
from decks import SECOND, band
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from sounds import roughness

from remixd._kernel import mailbox
from remixd._kernel.player import Player
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem

QUANTUM = 64
FADE = 256
TOO_ROUGH = 1.5
BEAT = 20_000
LENGTH = 12 * BEAT
DECKS = 3
ROLES = [0, 1, 2, 3]
REACH = 2 * FADE // QUANTUM
CEILING = 10 ** (-1 / 20) + 1e-6


@cache
def songs(*, circle: bool) -> list[tuple[list[Stem], NDArray[np.float32]]]:
    """Three, one of them shorter: stems, and how rough all together are near every 64 frames.

    A song that goes round in a circle is followed by its own start.
    """
    found = []
    for seed, frames in ((1, LENGTH), (9, LENGTH), (5, LENGTH - 3 * BEAT)):
        stems = band(frames, seed=seed, every=LENGTH)
        whole = Session(stems, ROLES, loop=circle).render(frames + 2 * LENGTH)
        rough = roughness(np.concatenate([np.zeros((LENGTH, 2), np.float32), whole]))
        blocks = rough[: len(rough) // QUANTUM * QUANTUM].reshape(-1, QUANTUM).max(axis=1)
        near = sliding_window_view(np.pad(blocks, REACH, mode="edge"), 2 * REACH + 1).max(axis=1)
        found.append((stems, near))
    return found


TRANSPORT = (
    mailbox.PLAY, mailbox.PAUSE, mailbox.SEEK, mailbox.JUMP, mailbox.LOOP, mailbox.SCALE, mailbox.EXIT,
    mailbox.SLIP, mailbox.REVERSE, mailbox.KEYLOCK, mailbox.ALIGN, mailbox.SYNC, mailbox.LEAD, mailbox.EJECT,
)  # fmt: skip
ORDERED = (
    mailbox.SEEK,
    mailbox.JUMP,
    mailbox.ALIGN,
    mailbox.PAUSE,
    mailbox.LOAD,
    mailbox.EJECT,
    mailbox.SWAP,
)
"""What goes over from one place to another: never two at once."""

DECK = st.integers(0, DECKS - 1)
AHEAD = st.one_of(st.just(None), st.integers(-3000, 9000), st.sampled_from([-(1 << 62), 0, 64, 1 << 60]))
WHEN = st.sampled_from([0, 0, 0, 1, 2, 3, 4])


def values(kind: int) -> st.SearchStrategy[float]:
    """What may be sent with a command: sensible, at the edge, and not sensible at all."""
    if kind == mailbox.SEEK:
        return st.one_of(
            st.floats(0, LENGTH - 1.0), st.sampled_from([0.0, LENGTH - 1.0, LENGTH - 200.0, -5.0])
        )
    if kind in (mailbox.JUMP, mailbox.LOOP, mailbox.SCALE):
        return st.sampled_from([0.024, 0.125, 0.5, 1.0, 2.0, 4.0, 32.0, -1.0, -8.0, 1e11, 0.0])
    return st.sampled_from([0.0, 1.0])


class Told(RuleBasedStateMachine):
    """Two or three decks, told anything, rendered in blocks of any size."""

    @initialize(circle=st.booleans(), summed=st.booleans(), plain=st.booleans())
    def begin(self, *, circle: bool, summed: bool, plain: bool) -> None:
        self.session = Session()
        self.kwargs: dict[str, Any] = {"loop": circle, "summed": summed, "vocals_limit_db": 12.0}
        self.plain = plain
        self.songs: dict[int, int] = {}
        self.heard = [np.zeros((2, 2), np.float32)]
        self.bounds: list[list[float]] = []
        self.sounding = [0] * len(self.session.decks())
        self.keys = 0
        self.sent: list[int] = []
        self.answered: Counter[int] = Counter()
        self.newest = dict.fromkeys(range(DECKS), -1)
        self.ids = 100
        for deck in range(DECKS):
            self.load(deck, deck, mailbox.LOAD, None)
        self.tell(mailbox.PLAY, 0)
        self.tell(mailbox.PLAY, 1)
        self.render([640])

    def grid(self, frames: int) -> dict[str, Any]:
        beats = np.arange(0.0, frames, BEAT)
        return {"beats": beats, "levels": [1 + (i % 4 == 0) + (i % 8 == 0) for i in range(len(beats))]}

    def shelve(self, session: Session, song: int, key: int) -> bool:
        stems, _ = songs(circle=self.kwargs["loop"])[song]
        self.songs[key] = song
        player = Player(stems, ROLES, key=key, **self.kwargs, **self.grid(stems[0].frames))
        try:
            session.shelve(player)
        except ValueError:
            return False
        return True

    def tell(self, kind: int, deck: int, value: float = 0.0, ahead: int | None = None, **more: Any) -> None:
        self.ids += 1
        sample = -1 if ahead is None else max(min(self.session.clock + ahead, 1 << 61), -(1 << 61))
        more = {"dimension": 0, "extra": -1.0, "when": 0, "expires": 0, **more}
        if more["when"]:
            more["expires"] = self.session.clock + 40_000
        self.session.post(self.ids, value=value, kind=kind, deck=deck, sample=sample, **more)
        if not (sample > self.session.clock + 100_000):
            self.sent.append(self.ids)

    @rule(kind=st.sampled_from(TRANSPORT), deck=DECK, ahead=AHEAD, when=WHEN, data=st.data())
    def transport(self, kind: int, deck: int, ahead: int | None, when: int, data: st.DataObject) -> None:
        if self.plain and kind == mailbox.SYNC:
            return
        extra = data.draw(st.sampled_from([-1.0, 0.0, 50_000.0, LENGTH - 500.0]))
        self.tell(kind, deck, data.draw(values(kind)), ahead, when=when, extra=extra)

    @rule(deck=DECK, song=st.integers(0, 2), kind=st.sampled_from([mailbox.LOAD, mailbox.SWAP]), ahead=AHEAD)
    def load(self, deck: int, song: int, kind: int, ahead: int | None) -> None:
        self.keys += 1
        if self.shelve(self.session, song, self.keys):
            self.tell(kind, deck, 0.0, ahead, extra=float(self.keys))

    @rule(deck=DECK, ahead=AHEAD)
    def load_what_is_there(self, deck: int, ahead: int | None) -> None:
        self.tell(mailbox.LOAD, deck, 0.0, ahead, extra=float(max(self.keys - 1, 1)))

    @rule(
        deck=st.sampled_from([0, 1, 2, 255]),
        move=st.sampled_from([(0, 0.5), (0, 2.0), (0, 1.07), (0, 1.0), (1, -12.0), (1, 12.0), (1, 0.0)]),
        ahead=AHEAD,
        when=WHEN,
    )
    def bend(self, deck: int, move: tuple[int, float], ahead: int | None, when: int) -> None:
        if not self.plain:
            self.tell(mailbox.MIX, deck, move[1], ahead, dimension=move[0], when=when)

    @rule(
        deck=st.sampled_from([0, 1, 2, 255]),
        dimension=st.integers(2, 5),
        value=st.sampled_from([-60.0, -12.0, 0.0]),
        ramp=st.sampled_from([480, 2000]),
        ahead=AHEAD,
        when=WHEN,
    )
    def gain(self, deck: int, dimension: int, value: float, ramp: int, ahead: int | None, when: int) -> None:
        if not self.plain:
            self.tell(mailbox.MIX, deck, value, ahead, dimension=dimension, ramp_frames=ramp, when=when)

    @rule(
        deck=DECK,
        dimension=st.integers(0, 6),
        value=st.sampled_from([-60.0, -1.0, 0.0, 0.5, 1.0]),
        ahead=AHEAD,
    )
    def strip(self, deck: int, dimension: int, value: float, ahead: int | None) -> None:
        if not self.plain:
            self.tell(mailbox.STRIP, deck, value, ahead, dimension=dimension, ramp_frames=2000)

    @rule(move=st.sampled_from([(0, 12_000.0), (0, 300.0), (1, 0.9), (1, 0.0), (2, 500.0)]), ahead=AHEAD)
    def echo(self, move: tuple[int, float], ahead: int | None) -> None:
        if not self.plain:
            self.tell(mailbox.ECHO, 255, move[1], ahead, dimension=move[0])

    @rule(bpm=st.sampled_from([60.0, 140.0, 1e9, -4.0]))
    def pace(self, bpm: float) -> None:
        if not self.plain:
            self.tell(mailbox.PACE, 255, bpm)

    @rule(blocks=st.lists(st.sampled_from([1, 16, 63, 64, 65, 480, 1000, 4096]), min_size=1, max_size=6))
    def render(self, blocks: list[int]) -> None:
        for frames in blocks:
            if self.plain:
                self.render_and_listen(frames // QUANTUM + 1)
                continue
            heard = self.session.render(frames)
            assert np.isfinite(heard).all()
            assert np.abs(heard).max() <= CEILING
        assert self.session.nonfinite == 0
        self.take()
        self.session.collect()

    def render_and_listen(self, quanta: int) -> None:
        """Render, and note how rough it may be: as what each deck plays is where it is."""
        known = songs(circle=self.kwargs["loop"])
        for _ in range(quanta):
            self.heard.append(self.session.render(QUANTUM))
            decks = self.session.decks()
            self.sounding = [
                REACH if deck.playing else max(left - 1, 0)  # what has just come to rest fades out
                for deck, left in zip(decks, self.sounding, strict=True)
            ]
            self.bounds.append([
                float(known[self.songs[deck.player]][1][(round(deck.position) + LENGTH) // QUANTUM])
                if deck.player and left else 0.0
                for deck, left in zip(decks, self.sounding, strict=True)
            ])  # fmt: skip

    def assert_no_click(self) -> None:
        rough = roughness(np.concatenate(self.heard)).reshape(-1, QUANTUM).max(axis=1)
        bounds = np.pad(np.array(self.bounds), ((REACH, REACH), (0, 0)))
        bound = sliding_window_view(bounds, 2 * REACH + 1, axis=0).max(axis=2).sum(axis=1)
        found = np.flatnonzero(rough > TOO_ROUGH * bound + 1e-6)
        assert not len(found), f"a click after {found * QUANTUM}, {rough[found]}, {bound[found]}"

    @rule(gap=st.integers(2, 40))
    def go_on_elsewhere(self, gap: int) -> None:
        """What waited is sent again by who has it: here it is all forgotten."""
        before = self.session
        if self.plain:
            return
        self.take()
        restored = Session()
        for entry in before.decks():
            if entry.player:
                self.shelve(restored, entry.player % 3, entry.player)
        restored.restore(before.checkpoint())
        restored.skip_to((before.clock // QUANTUM + gap) * QUANTUM)
        for old, new in zip(before.decks(), restored.decks(), strict=True):
            assert (old.player, old.slipping, old.leading) == (new.player, new.slipping, new.leading)
        self.session = restored
        self.sent = list(self.answered)
        self.newest = dict.fromkeys(range(DECKS), -1)
        self.take()

    def take(self) -> None:
        for report in self.session.take_reports():
            if report.kind in (mailbox.ENDED, mailbox.WAITS):
                continue
            self.answered[report.id] += 1
            assert self.answered[report.id] == 1, f"told twice of {report}"
            assert report.sample >= 0
            assert report.late_frames >= 0
            if report.command in ORDERED and report.kind == mailbox.APPLIED and not report.superseded:
                assert report.sample >= self.newest[report.deck], report
                self.newest[report.deck] = report.sample

    @invariant()
    def every_deck_stands_somewhere(self) -> None:
        if not hasattr(self, "session"):
            return
        for deck in self.session.decks():
            assert abs(deck.position) <= LENGTH + 3 * SECOND
            assert 0.4 <= deck.tempo <= 2.1

    def teardown(self) -> None:
        if not hasattr(self, "session"):
            return
        for _ in range(30):
            self.render([4096])
        if self.plain:
            self.assert_no_click()
        told = set(self.sent)
        assert told <= set(self.answered), sorted(told - set(self.answered))


Told.TestCase.settings = settings(
    max_examples=400,
    stateful_step_count=30,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestTold = Told.TestCase
