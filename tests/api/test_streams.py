"""What many streams send is serialised once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from remixd.api.streams import KEPT_MAX, Once


class Thing:
    def __init__(self, number: int) -> None:
        self.number = number


def test_a_thing_is_serialized_once_however_many_send_it():
    made = []

    def serialize(thing):
        made.append(thing)
        return str(thing.number).encode()

    once, things = Once(serialize), [Thing(number) for number in range(20)]
    for _ in range(200):
        for thing in things:
            assert once(thing) == str(thing.number).encode()
    assert made == things


@given(numbers=st.lists(st.integers(0, 3 * KEPT_MAX), max_size=5 * KEPT_MAX))
def test_every_thing_has_its_own_message_also_when_old_ones_are_forgotten(numbers):
    once = Once(lambda thing: str(thing.number).encode())
    for number in numbers:  # each is gone at once unless it is kept, and its id is used again
        assert once(Thing(number)) == str(number).encode()
    assert len(once._kept) <= KEPT_MAX
