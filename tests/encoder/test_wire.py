"""What goes up the encoder's pipe comes out the same, however it was cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.encoder.wire import DATA_BYTES_MAX, Kind, Message, Messages

WHOLE = st.integers(-(2**62), 2**62)
MESSAGES = st.builds(
    Message, st.sampled_from(Kind), st.integers(0, 2**32 - 1), WHOLE, WHOLE, WHOLE,
    st.floats(allow_nan=False), st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**32 - 1),
    st.binary(max_size=50),
)  # fmt: skip


@given(sent=st.lists(MESSAGES, max_size=8), cuts=st.lists(st.integers(0, 700), max_size=6))
def test_messages_survive_any_cut(sent, cuts):
    line = b"".join(message.to_bytes() for message in sent)
    edges = [0, *sorted(min(cut, len(line)) for cut in cuts), len(line)]
    messages = Messages()
    parts = [line[start:end] for start, end in itertools.pairwise(edges)]
    got = [each for part in parts for each in messages.feed(part)]
    assert got == sent


@pytest.mark.parametrize("line", [b"\xff" * 60, bytes(4) + b"\x09" + bytes(60)])
def test_noise_is_no_message(line):
    with pytest.raises(ValueError, match=r"bytes|not a valid"):
        list(Messages().feed(line))


def test_nothing_larger_than_the_bound_is_waited_for():
    head = Message(Kind.SOUND, data=bytes(DATA_BYTES_MAX)).to_bytes()
    assert len(list(Messages().feed(head))) == 1
