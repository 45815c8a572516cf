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
from remixd._kernel.checkpoint import SIZE_BYTES, CheckpointMemory, mix_of, quantum_of, told_of
from remixd._kernel.feed import Feed
from remixd._kernel.mailbox import CommandEntry
from remixd._kernel.player import Player
from remixd._kernel.resume import next_clock, resume
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


def test_a_session_writes_down_how_it_stands_at_once_and_twice_a_second(songs: list[list[Stem]]) -> None:
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
    assert sorted(kept) == pytest.approx([480 + at * SECOND // 2 for at in range(4)], abs=200)


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


def command(number: int, sample: int, kind: int, value: float, **more: Any) -> CommandEntry:
    words = {"id": number, "session": 0, "kind": kind, "dimension": 2, "sample": sample, "value": value,
             "ramp_frames": 480, "deck": 0, "when": 0, "shape": 0, "expires": 0, "extra": -1.0}  # fmt: skip
    return CommandEntry(**(words | more))


def test_a_jump_that_was_told_of_is_in_the_checkpoint_even_before_it_is_heard(
    songs: list[list[Stem]],
) -> None:
    lived = stage(songs)
    begin(lived)
    lived.render(SECOND)
    told = told_of(lived.checkpoint())
    lived.take_reports()
    lived.post(7, 0, 8.0, kind=mailbox.JUMP, deck=0)
    lived.render(64)
    kept = lived.checkpoint()
    [jump] = lived.take_reports()
    assert jump.sample > quantum_of(kept) * 64, "it crosses over, and is not all there yet"
    assert jump.serial == told + 1 == told_of(kept), "so it must not be commanded again"
    restored = stage(songs)
    resume(restored, kept, [], next_clock(SECOND + 10_000, kept))
    lived.render(restored.clock - lived.clock)
    assert restored.decks()[0].position == pytest.approx(lived.decks()[0].position, abs=2)


def test_more_commands_than_a_session_lets_wait_are_all_done_in_order(songs: list[list[Stem]]) -> None:
    lived = stage(songs)
    begin(lived)
    lived.render(SECOND)
    kept = lived.checkpoint()
    gains = [
        command(
            100 + at, SECOND + 128 + 20 * at, mailbox.MIX, -0.1 * (at % 60), dimension=VOCALS_GAIN, deck=255
        )
        for at in range(1000)
    ]
    later = [command(5000 + at, SECOND + 40_000, mailbox.LEVEL, -float(at), ramp_frames=0) for at in range(3)]
    restored = stage(songs)
    resume(restored, kept, [*later, *gains], SECOND + 24_000 // 64 * 64)
    assert mix_of(restored.checkpoint())[VOCALS_GAIN] == pytest.approx(gains[-1].value)
    restored.render(SECOND)
    reports = [report for report in restored.take_reports() if report.kind == mailbox.APPLIED]
    assert [(each.id, each.sample) for each in reports] == [
        (each.id, each.sample) for each in [*gains, *later]
    ]


def test_who_goes_on_at_once_begins_where_the_checkpoint_stands(songs: list[list[Stem]]) -> None:
    """Which may be beyond the last packet: what the limiter delays was rendered already."""
    before, after = stage(songs), stage(songs)
    begin(before)
    before.render(24_480 - before.clock)
    kept = before.checkpoint()
    clock = next_clock(24_480, kept)
    assert 0 <= clock - 24_480 < 3 * 64
    resume(after, kept, [], clock)
    assert after.clock == clock
