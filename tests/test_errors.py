"""What ends an error message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.errors import BadAudio, InvalidInput, RemixdError, nearest


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("vocls", ["vocals", "drums"], "did you mean vocals?"),
        ("VOCALS", ["vocals", "drums"], "did you mean vocals?"),
        ("xyz", ["vocals", "drums"], "there are drums, vocals"),
        ("xyz", [], "there are none"),
        ("xyz", [f"a{number}" for number in range(13)], "there are 13"),
    ],
)
def test_a_hint_is_the_nearest_word_or_all_there_are(word, known, hint):
    assert nearest(word, known) == hint


@given(word=st.text(max_size=20), known=st.lists(st.text(alphabet="abcdef-", max_size=8), max_size=20))
def test_a_hint_is_one_line_whatever_was_typed(word, known):
    assert len(nearest(word, known).splitlines()) == 1


@given(known=st.lists(st.text(alphabet="abcdef", min_size=1), min_size=1, unique=True), data=st.data())
def test_a_known_word_is_its_own_nearest(known, data):
    word = data.draw(st.sampled_from(known))
    assert nearest(word, known) == f"did you mean {word}?"


def test_bad_audio_is_bad_input_and_both_are_refusals():
    assert issubclass(BadAudio, InvalidInput)
    assert issubclass(InvalidInput, RemixdError)
