"""Whatever decks are told, and however blocks are cut."""

from __future__ import annotations

import numpy as np
import pytest
from decks import BEAT, TEMPO, band, grid
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import Audio

from remixd._kernel import mailbox
from remixd._kernel.player import Player
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem

Told = tuple[int, int, int, float, float]


def orders(last: int) -> st.SearchStrategy[list[Told]]:
    """Commands for any deck, sensible and not: sample, kind, deck, value, extra."""
    kinds = st.sampled_from(range(mailbox.PLAY, mailbox.PACE + 1))
    values = st.one_of(
        st.sampled_from([0.0, 1.0, 0.25, 0.5, 2.0, 4.0, -3.0]), st.floats(-1e5, 1e6), st.floats(0, 12 * BEAT)
    )
    return st.lists(
        st.tuples(
            st.integers(-1, last),
            kinds,
            st.integers(0, 2),
            values,
            st.sampled_from([-1.0, 0.0, 50_000.0, 100.0]),
        ),
        max_size=14,
    )


def played(told: list[Told], cuts: list[int], total: int, songs: list[list[Stem]]) -> Audio:
    session = Session(songs[0], [0, 1, 2, 3], vocals_limit_db=12.0, **grid(12 * BEAT, 20_000))
    session.shelve(Player(songs[1], [0, 1, 2, 3], key=100, loop=False, **grid(12 * BEAT, 21_000)))
    session.post(1, 0, 0.0, kind=mailbox.LOAD, deck=1, extra=100)
    session.post(2, TEMPO, 1.07)
    for number, (sample, kind, number_of_deck, value, extra) in enumerate(told):
        session.post(10 + number, 0, value, kind=kind, deck=number_of_deck, sample=sample, extra=extra)
    blocks, done = [], 0
    for cut in [*cuts, total]:
        blocks.append(session.render(min(cut, total - done)))
        done += len(blocks[-1])
    assert session.nonfinite == 0
    return np.concatenate(blocks)


@pytest.fixture(scope="module")
def songs() -> list[list[Stem]]:
    return [band(12 * BEAT, seed=1), band(12 * BEAT, seed=9)]


@settings(max_examples=40)
@given(told=orders(100_000), cuts=st.lists(st.integers(1, 5000), max_size=30))
def test_whatever_decks_are_told_it_is_finite_bounded_and_the_same_however_cut(
    songs: list[list[Stem]], told: list[Told], cuts: list[int]
) -> None:
    whole = played(told, [], 120_000, songs)
    assert np.isfinite(whole).all()
    assert np.abs(whole).max() <= 10 ** (-1 / 20) + 1e-6
    np.testing.assert_array_equal(whole, played(told, cuts, 120_000, songs))
