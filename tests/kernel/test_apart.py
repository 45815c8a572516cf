"""Stems one by one: they add up to the mix, at every sample, however the blocks are cut."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from decks import DRUMS_GAIN, SECOND, TEMPO, VOCALS_GAIN, band, grid
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import Audio, level_db

from remixd._kernel import mailbox
from remixd._kernel.apart import PAIRS_COUNT
from remixd._kernel.feed import Feed
from remixd._kernel.mailbox import Mailbox
from remixd._kernel.player import Player
from remixd._kernel.ring import PacketRing, size_bytes
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem

FRAMES = 480
SLOTS = 512
LENGTH = 3 * SECOND
HEARD = SECOND
ROLES = [0, 1, 2, 3]
LIMITER = 64


@pytest.fixture(scope="module")
def songs() -> list[list[Stem]]:
    return [band(LENGTH, seed=1), band(LENGTH, seed=7)]


class Stage:
    """A session of two decks whose stems go into a ring."""

    def __init__(self, songs: list[list[Stem]], *, apart: bool = True, **rights: Any) -> None:
        memory = bytearray(size_bytes(SLOTS, FRAMES * PAIRS_COUNT))
        self.ring = PacketRing(memory, SLOTS, FRAMES * PAIRS_COUNT)
        self.session = Session(apart=self.ring if apart else None)
        for number, stems in enumerate(songs):
            words = rights if number == 0 else {}
            self.session.shelve(Player(stems, ROLES, key=10 + number, loop=True, **grid(LENGTH), **words))
            self.session.post(number, 0, 0.0, kind=mailbox.LOAD, deck=number, extra=10 + number)

    def post(self, number: int, kind: int, value: float, **words: Any) -> None:
        assert self.session.post(100 + number, words.pop("dimension", 0), value, kind=kind, **words)

    def stems(self) -> Audio:
        """(pairs, frames, 2), from sample 0 on."""
        packets = [self.ring.read(sequence) for sequence in range(1, self.ring.newest + 1)]
        assert [packet.sample for packet in packets if packet] == list(
            range(0, FRAMES * len(packets), FRAMES)
        )
        parts = [
            np.frombuffer(packet.pcm, np.float32).reshape(PAIRS_COUNT, -1, 2) for packet in packets if packet
        ]
        return np.concatenate(parts, axis=1)


Moves = list[tuple[int, int, float, int, int]]

MOVES = st.lists(
    st.one_of(
        st.tuples(st.just(mailbox.STRIP), st.integers(0, 5), st.floats(-60, 6), st.integers(0, 1)),
        st.tuples(st.just(mailbox.STRIP), st.just(1), st.floats(-1, 1), st.integers(0, 1)),
        st.tuples(st.just(mailbox.STRIP), st.just(5), st.floats(-1, 1), st.integers(0, 1)),
        st.tuples(st.just(mailbox.LEVEL), st.integers(0, 3), st.floats(-60, 6), st.integers(0, 1)),
        st.tuples(st.just(mailbox.MIX), st.just(TEMPO), st.floats(0.8, 1.25), st.just(255)),
        st.tuples(st.just(mailbox.MIX), st.just(DRUMS_GAIN), st.floats(-60, 0), st.just(255)),
        st.tuples(st.just(mailbox.MIX), st.just(VOCALS_GAIN), st.floats(-60, 0), st.just(255)),
        st.tuples(st.just(mailbox.SEEK), st.just(0), st.floats(0, LENGTH - 1), st.integers(0, 1)),
        st.tuples(st.just(mailbox.PLAY), st.just(0), st.just(0.0), st.integers(0, 1)),
        st.tuples(st.just(mailbox.PAUSE), st.just(0), st.just(0.0), st.integers(0, 1)),
    ).flatmap(lambda move: st.tuples(st.integers(0, HEARD), *map(st.just, move))),
    max_size=12,
)


def steer(stage: Stage, moves: Moves) -> None:
    stage.post(0, mailbox.PLAY, 0.0, deck=0, sample=300)
    for number, (sample, kind, dimension, value, deck) in enumerate(moves, start=1):
        stage.post(number, kind, value, dimension=dimension, deck=deck, sample=sample)


@settings(max_examples=15, deadline=None)
@given(moves=MOVES)
def test_stems_add_up_to_the_mix(songs: list[list[Stem]], moves: Moves) -> None:
    stage = Stage(songs)
    steer(stage, moves)
    mix = stage.session.render(HEARD)
    if np.abs(mix).max() > 0.8:
        return  # then the limiter works, which is not in the stems
    stems = stage.stems()
    off = stems.sum(axis=0) - mix[: stems.shape[1]]
    assert np.abs(off).max() < 2e-6


@settings(max_examples=5, deadline=None)
@given(moves=MOVES, cuts=st.lists(st.integers(100, 1500), min_size=1, max_size=6))
def test_stems_sound_the_same_however_the_blocks_are_cut(
    songs: list[list[Stem]], moves: Moves, cuts: list[int]
) -> None:
    whole, pieces = Stage(songs), Stage(songs)
    steer(whole, moves)
    steer(pieces, moves)
    mix = whole.session.render(HEARD)
    heard = []
    for cut in itertools.cycle(cuts):
        if pieces.session.clock == HEARD:
            break
        heard.append(pieces.session.render(min(cut, HEARD - pieces.session.clock)))
    np.testing.assert_array_equal(np.concatenate(heard), mix)
    np.testing.assert_array_equal(pieces.stems(), whole.stems())


def test_each_stem_is_its_own_at_its_gain(songs: list[list[Stem]]) -> None:
    stage = Stage(songs)
    stage.post(0, mailbox.PLAY, 0.0, deck=0)
    stage.post(1, mailbox.LEVEL, -6.0, dimension=1, deck=0, sample=0)
    mix = stage.session.render(SECOND)
    stems = stage.stems()
    began = int(np.flatnonzero(np.abs(mix).max(axis=1) > 0)[0])
    for role, stem in enumerate(songs[0]):
        expected = stem.read(4_800 + 0, SECOND // 2) * (10 ** (-6 / 20) if role == 1 else 1.0)
        found = [
            float(np.abs(stems[role][4_800 + shift : 4_800 + shift + SECOND // 2] - expected).max())
            for shift in range(max(began - 300, 0), began + 600)
        ]
        assert min(found) < 1e-5, role
    assert not stems[4].any()


@pytest.mark.parametrize("words", [{"separable": False}, {"summed": True}], ids=["rights", "summed"])
def test_what_may_not_be_taken_apart_is_silent_in_the_engine(
    songs: list[list[Stem]], words: dict[str, bool]
) -> None:
    stage = Stage(songs, **words)
    stage.post(0, mailbox.PLAY, 0.0, deck=0)
    mix = stage.session.render(SECOND)
    assert level_db(mix) > -40
    assert not stage.stems().any()
    stage.post(1, mailbox.PLAY, 0.0, deck=1)  # the other one may
    stage.session.render(SECOND)
    assert level_db(stage.stems()[3][-SECOND // 2 :]) > -60


def test_what_takes_its_place_on_the_deck_is_heard_only_once_the_other_has_faded(
    songs: list[list[Stem]],
) -> None:
    stage = Stage(songs[:1])
    hidden = Player(songs[1], ROLES, key=20, separable=False, loop=True, **grid(LENGTH))
    stage.session.shelve(hidden)
    stage.post(0, mailbox.PLAY, 0.0, deck=0)
    stage.post(1, mailbox.SWAP, 0.0, deck=0, extra=20, sample=24_000)
    stage.session.render(SECOND)
    stems = stage.stems()
    assert stems[:, :23_000].any()
    assert not stems[:, 24_000:].any()


def test_without_stems_the_mix_is_the_same_but_for_rounding(songs: list[list[Stem]]) -> None:
    mixes = []
    for apart in (True, False):
        stage = Stage(songs, apart=apart)
        stage.post(0, mailbox.PLAY, 0.0, deck=0)
        stage.post(1, mailbox.STRIP, -9.0, dimension=2, deck=0, sample=20_000)
        mixes.append(stage.session.render(SECOND))
    assert np.abs(mixes[0] - mixes[1]).max() < 1e-6


def test_a_session_that_goes_on_elsewhere_hands_its_stems_out_on_the_same_clock(
    songs: list[list[Stem]],
) -> None:
    lived = Stage(songs)
    lived.post(0, mailbox.PLAY, 0.0, deck=0)
    lived.session.render(SECOND)
    kept = lived.session.checkpoint()
    heir = Stage([])
    for number, stems in enumerate(songs):
        heir.session.shelve(Player(stems, ROLES, key=10 + number, loop=True, **grid(LENGTH)))
    heir.session.restore(kept)
    clock = SECOND + 4_800 + 64 - (SECOND + 4_800) % 64
    heir.session.skip_to(clock)
    mix = heir.session.render(SECOND)
    packets = [heir.ring.read(sequence) for sequence in range(1, heir.ring.newest + 1)]
    assert packets[0]
    assert packets[0].sample == clock
    total = np.concatenate(
        [np.frombuffer(p.pcm, np.float32).reshape(PAIRS_COUNT, -1, 2).sum(axis=0) for p in packets if p]
    )
    assert np.abs(total - mix[: len(total)]).max() < 2e-6


def test_stems_fade_out_with_the_session(songs: list[list[Stem]]) -> None:
    stage = Stage(songs)
    stage.post(0, mailbox.PLAY, 0.0, deck=0)
    ring = PacketRing(bytearray(size_bytes(64, FRAMES)), 64, FRAMES)
    feed = Feed(stage.session, Mailbox(bytearray(mailbox.size_bytes(64)), 64), ring)
    for _ in range(20):
        feed.fill(FRAMES, 0.0)
    feed.leave()
    last = np.frombuffer(feed.fill(FRAMES, 0.0), np.float32).reshape(-1, 2)
    stems = stage.stems()
    np.testing.assert_allclose(stems[:, -FRAMES:].sum(axis=0), last, atol=2e-6)
    assert np.abs(stems[:, -8:]).max() < 0.02
    feed.fill(FRAMES, 0.0)
    assert not stage.stems()[:, -FRAMES:].any()


def test_a_ring_that_does_not_hold_every_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="5 pairs"):
        Session(apart=PacketRing(bytearray(size_bytes(4, 481)), 4, 481))
