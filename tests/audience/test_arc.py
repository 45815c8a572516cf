"""Energy arcs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.audience.arc import AFTER_S_MAX, POINTS_MAX, arc_text, check_arc, parse_arc
from remixd.errors import InvalidInput

times = st.lists(st.floats(0.0, AFTER_S_MAX), unique=True, max_size=POINTS_MAX).map(sorted)
arcs = times.flatmap(
    lambda after: st.tuples(*(st.tuples(st.just(at_s), st.floats(0.0, 1.0)) for at_s in after))
)


@given(arc=arcs)
def test_an_arc_is_read_as_it_was_written(arc):
    assert parse_arc(arc_text(arc)) == check_arc(arc) == arc


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0:1.5", "energy goes from 0 to 1, not 1.5"),
        ("0:nan", "energy goes from 0 to 1"),
        ("nan:0.5", "after_s goes from 0"),
        ("inf:0.5", "after_s goes from 0"),
        ("-1:0.5", "after_s goes from 0"),
        ("0:.2,60:.5,60:.8", r"arc\[2\].after_s does not rise: 60 s follows 60 s"),
        ("60:.2,0:.5", "does not rise"),
        ("0.5", "'0.5' is not SECONDS:ENERGY"),
        ("0:.5,", "'' is not SECONDS:ENERGY"),
        ("a:b", "'a:b' is not SECONDS:ENERGY"),
        (",".join(f"{at_s}:0" for at_s in range(POINTS_MAX + 1)), "at most 64"),
    ],
)
def test_an_arc_that_cannot_be_is_refused(text, why):
    with pytest.raises(InvalidInput, match=why) as caught:
        parse_arc(text)
    assert caught.value.field == "arc"
