"""Mailboxes keep order, lose nothing, and say when they are full."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd._kernel.mailbox import Mailbox, size_bytes


def make(capacity: int = 8) -> Mailbox:
    return Mailbox(bytearray(size_bytes(capacity)), capacity)


def test_an_entry_comes_out_as_it_went_in() -> None:
    box = make()
    assert box.post_command(7, 3, 2, -18.5, sample=99, ramp_frames=480)
    entry = box.take_command()
    assert entry is not None
    assert entry[:2] == (7, 3)
    assert (entry.dimension, entry.sample, entry.value, entry.ramp_frames) == (2, 99, -18.5, 480)
    assert box.take_command() is None


def test_a_full_mailbox_says_so_and_keeps_what_it_has() -> None:
    box = make(4)
    assert [box.post_command(i, 0, 0, 0.0) for i in range(5)] == [True] * 4 + [False]
    assert box.free == 0
    taken = [entry.id for _ in range(4) if (entry := box.take_command())]
    assert taken == [0, 1, 2, 3]
    assert box.post_command(5, 0, 0, 0.0)


@given(st.lists(st.booleans(), max_size=200))
def test_it_behaves_like_a_bounded_queue(posts: list[bool]) -> None:
    box, model, posted = make(8), [], 0
    for is_post in posts:
        if is_post:
            assert box.post_command(posted, 0, 0, 0.0) == (len(model) < 8)
            if len(model) < 8:
                model.append(posted)
            posted += 1
        else:
            entry = box.take_command()
            assert (entry.id if entry else None) == (model.pop(0) if model else None)
        assert len(box) == len(model)


def test_two_threads_pass_everything_in_order() -> None:
    box, total, taken = make(64), 5_000, []

    def consume() -> None:
        while len(taken) < total:
            if entry := box.take_command():
                taken.append(entry.id)

    consumer = threading.Thread(target=consume)
    consumer.start()
    for i in range(total):
        while not box.post_command(i, 0, 0, 0.0):
            pass
    consumer.join()
    assert taken == list(range(total))


def test_both_sides_of_a_shared_buffer_see_the_same_queue() -> None:
    memory = bytearray(size_bytes(8))
    sender = Mailbox(memory, 8)
    receiver = Mailbox(memory)
    sender.post_command(1, 0, 0, 2.0)
    entry = receiver.take_command()
    assert entry is not None
    assert entry.value == 2.0
    assert len(sender) == 0


@pytest.mark.parametrize("capacity", [0, 1, 3, -8, 2**21])
def test_impossible_capacities_are_refused(capacity: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        size_bytes(capacity)


@pytest.mark.parametrize("memory", [bytearray(10), bytearray(4096), bytearray(b"\xff" * 4096)])
def test_a_buffer_that_holds_no_mailbox_is_refused(memory: bytearray) -> None:
    with pytest.raises(ValueError, match=r"buffer|power of two"):
        Mailbox(memory)
