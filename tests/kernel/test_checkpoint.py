"""A checkpoint is enough to go on elsewhere: the same place, the same mix, and always the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from decks import SECOND, TEMPO, VOCALS_GAIN, band
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import Audio

from remixd._kernel import mailbox
from remixd._kernel.checkpoint import SIZE_BYTES, CheckpointMemory, quantum_of
from remixd._kernel.feed import Feed
from remixd._kernel.player import Player
from remixd._kernel.ring import PacketRing, size_bytes
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem

LENGTH = 30 * SECOND
ROLES = [0, 1, 2, 3]
GRID: dict[str, Any] = {
    "beats": np.arange(0, LENGTH, 20_000.0),
    "levels": [1 + (i % 4 == 0) for i in range(LENGTH // 20_000)],
}
Steps = list[tuple[int, int, float, int]]


@pytest.fixture(scope="module")
def songs() -> list[list[Stem]]:
    return [band(LENGTH, seed=1), band(LENGTH, seed=7)]


def stage(songs: list[list[Stem]], **kwargs: Any) -> Session:
    """A session with a song on each of two decks, the first playing."""
    session = Session(**kwargs)
    for number, stems in enumerate(songs):
        session.shelve(Player(stems, ROLES, key=10 + number, vocals_limit_db=12.0, **GRID))
    return session


def begin(session: Session) -> None:
    for number in range(2):
        session.post(number, 0, 0.0, kind=mailbox.LOAD, deck=number, extra=10 + number)
    session.post(2, 0, 0.0, kind=mailbox.PLAY, deck=0)


def steer(session: Session, steps: Steps) -> None:
    for number, (sample, kind, value, deck) in enumerate(steps):
        session.post(100 + number, 2, value, kind=kind, deck=deck, sample=sample, extra=-1.0)


EVENTFUL: Steps = [
    (9_000, mailbox.SYNC, 1.0, 1),
    (9_600, mailbox.PLAY, 0.0, 1),
    (20_000, mailbox.LOOP, 4.0, 0),
    (50_000, mailbox.STRIP, -12.0, 1),
    (60_000, mailbox.LEVEL, -6.0, 0),
]


def test_what_goes_on_elsewhere_is_the_same_music_in_the_same_mix(songs: list[list[Stem]]) -> None:
    lived = stage(songs)
    begin(lived)
    lived.post(3, TEMPO, 1.04, sample=30_000)
    lived.post(4, VOCALS_GAIN, -9.0, sample=70_000)
    steer(lived, EVENTFUL)
    lived.render(2 * SECOND)
    kept = lived.checkpoint()
    restored = stage(songs)
    restored.restore(kept)
    clock = 2 * SECOND + 128 * 64
    restored.skip_to(clock)
    assert restored.clock == clock
    expected = lived.render(clock - lived.clock + SECOND)[-SECOND:]
    heard = restored.render(SECOND)
    for a, b in zip(lived.decks(), restored.decks(), strict=True):
        assert a == b
    # strokes are copied as they are, so what is left differs by the phases of the stretched stems alone
    for part in (slice(4800, 20_000), slice(20_000, SECOND)):
        ratio = np.std(heard[part]) / np.std(expected[part])
        assert 0.8 < ratio < 1.25
    spectra = [np.abs(np.fft.rfft(it[4800:, 0])) for it in (expected, heard)]
    assert np.corrcoef(spectra)[0, 1] > 0.8


def test_at_neutral_what_goes_on_is_the_same_to_the_bit(songs: list[list[Stem]]) -> None:
    lived = stage(songs)
    begin(lived)
    lived.render(SECOND)
    restored = stage(songs)
    restored.restore(lived.checkpoint())
    restored.skip_to(2 * SECOND)
    lived.render(SECOND)
    expected, heard = lived.render(SECOND), restored.render(SECOND)
    np.testing.assert_array_equal(heard[256:], expected[256:])


def test_what_was_commanded_since_is_done_on_its_sample(songs: list[list[Stem]]) -> None:
    lived = stage(songs)
    begin(lived)
    lived.render(SECOND)
    kept = lived.checkpoint()
    late: Steps = [
        (SECOND + 10_000, mailbox.SEEK, 500_000.0, 0),
        (SECOND + 90_000, mailbox.SEEK, 100_000.0, 0),
    ]
    restored = stage(songs)
    restored.restore(kept)
    steer(restored, late)
    steer(lived, late)
    restored.skip_to(2 * SECOND)
    lived.render(SECOND)
    expected, heard = lived.render(2 * SECOND), restored.render(2 * SECOND)
    np.testing.assert_array_equal(heard[256:], expected[256:])
    told = [(it.id, it.sample) for it in restored.take_reports()]
    assert told == [(100, SECOND + 10_000), (101, SECOND + 90_000)]


@settings(max_examples=15)
@given(
    cuts=st.lists(st.integers(1, 4000), max_size=20),
    at=st.integers(SECOND // 64, 3 * SECOND // 64),
    gap=st.integers(0, 200),
)
def test_restored_twice_it_is_the_same_however_cut(
    songs: list[list[Stem]], cuts: list[int], at: int, gap: int
) -> None:
    lived = stage(songs)
    begin(lived)
    lived.post(3, TEMPO, 0.93)
    steer(lived, EVENTFUL)
    lived.render(at * 64)
    kept, clock = lived.checkpoint(), lived.clock
    clock = (clock // 64 + 2 + gap) * 64

    def again(cuts: list[int]) -> Audio:
        session = stage(songs)
        session.restore(kept)
        session.skip_to(clock)
        blocks, done = [], 0
        for cut in [*cuts, 40_000]:
            blocks.append(session.render(min(cut, 40_000 - done)))
            done += len(blocks[-1])
        return np.concatenate(blocks)

    np.testing.assert_array_equal(again([]), again(cuts))


def test_a_track_that_is_gone_leaves_its_deck_empty(songs: list[list[Stem]]) -> None:
    lived = stage(songs)
    begin(lived)
    lived.render(SECOND)
    restored = Session()
    restored.restore(lived.checkpoint())
    restored.skip_to(2 * SECOND)
    assert not restored.render(4800).any()
    assert restored.decks()[0].player == 0


def test_a_session_writes_down_how_it_stands_twice_a_second(songs: list[list[Stem]]) -> None:
    checkpoints = CheckpointMemory(bytearray(SIZE_BYTES), create=True)
    session = stage(songs, checkpoints=checkpoints)
    begin(session)
    commands = mailbox.Mailbox(bytearray(mailbox.size_bytes(64)), 64)
    ring = PacketRing(bytearray(size_bytes(64, 480)), 64, 480)
    feed = Feed(session, commands, ring)
    assert checkpoints.read() is None
    kept = set()
    for _ in range(2 * SECOND // 480):
        feed.fill(480, 0.0)
        read = checkpoints.read()
        if read is not None:
            kept.add(quantum_of(read) * 64)
    assert sorted(kept) == pytest.approx([SECOND // 2, SECOND, 3 * SECOND // 2, 2 * SECOND], abs=1000)


def test_what_is_no_checkpoint_is_refused(songs: list[list[Stem]]) -> None:
    kept = stage(songs).checkpoint()
    with pytest.raises(ValueError, match="not a checkpoint"):
        quantum_of(kept[:-1])
    with pytest.raises(ValueError, match="not a checkpoint"):
        stage(songs).restore(bytes(len(kept)))
    with pytest.raises(ValueError, match="of this version"):
        CheckpointMemory(bytearray(SIZE_BYTES))
    begun = stage(songs)
    begun.render(64)
    with pytest.raises(ValueError, match="has begun"):
        begun.restore(kept)
