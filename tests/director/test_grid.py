"""Where the music of a track may change."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from remixd.director.grid import Grid
from remixd.mix import BOUNDARIES
from remixd.track.analysis import Analysis, Section


def grid(**known) -> Grid:
    analysis = Analysis(**{"source": "computed", "duration_s": 40.0, **known})
    return Grid.of(analysis, analysis.duration_s)


def downbeats(first_s: float, bar_s: float, count: int) -> tuple[float, ...]:
    return tuple(first_s + bar_s * bar for bar in range(count))


def test_what_the_analysis_knows_is_taken_as_it_is():
    bars = downbeats(0.0, 2.0, 20)
    found = grid(
        downbeats_s=bars, phrases_s=(0.0, 8.0, 24.0), sections=(Section(start_s=4.0, end_s=9.0, label="a"),)
    )
    assert (found.bars, found.phrases, found.sections) == (bars, (0.0, 8.0, 24.0), (4.0,))


def test_without_phrases_every_fourth_bar_from_the_first_downbeat_is_one_and_sections_are_phrases():
    found = grid(downbeats_s=downbeats(1.0, 2.0, 19))
    assert found.phrases == (1.0, 9.0, 17.0, 25.0, 33.0)
    assert found.sections == found.phrases


def test_before_the_first_downbeat_and_after_the_last_the_bars_go_on():
    found = grid(downbeats_s=downbeats(5.0, 2.0, 10))
    assert found.bars == downbeats(1.0, 2.0, 19)
    assert found.phrases == (5.0, 13.0, 21.0, 29.0, 37.0)


def test_without_downbeats_bars_are_counted_from_the_first_beat():
    assert grid(beats_s=downbeats(0.5, 0.5, 79), metre="3/4").bars[:3] == (0.5, 2.0, 3.5)


def test_without_beats_a_bar_lasts_two_seconds():
    assert grid().bars == downbeats(0.0, 2.0, 20)
    assert grid(duration_s=0.25).bars == (0.0,)


def test_after_the_last_start_comes_the_first_of_the_next_round():
    found = grid(downbeats_s=downbeats(0.0, 2.0, 20))
    assert found.until("bar", 1.0) == (1.0, 2.0)
    assert found.until("bar", 38.0) == (2.0, 2.0)
    assert found.until("phrase", 34.0) == (6.0, 8.0)


@given(
    times=st.lists(st.floats(0.0, 40.0), unique=True, max_size=30).map(sorted),
    position_s=st.floats(0.0, 40.0, exclude_max=True),
    every=st.sampled_from(BOUNDARIES),
)
def test_the_next_start_always_lies_ahead(times, position_s, every):
    found = grid(downbeats_s=tuple(times))
    until_s, length_s = found.until(every, position_s)
    assert 0.0 < until_s <= 80.0
    assert length_s > 0.0
    for starts in (found.bars, found.phrases, found.sections):
        assert starts
        assert all(a < b for a, b in itertools.pairwise(starts))
        assert starts[-1] < 40.0


def test_downbeats_on_top_of_each_other_do_not_fill_the_memory() -> None:
    found = grid(downbeats_s=(1.0, 1.0 + 1e-9, 1.0 + 2e-9), phrases_s=(0.0, 1e-12, 20.0))
    assert len(found.bars) <= 40 / 0.25
    assert found.phrases == (0.0, 20.0)
