"""What fades out keeps its rights, and brings nothing up that is down."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from decks import BEAT, FADE, Order, assert_no_click, at, grid, tell
from sounds import Audio, music

from remixd._kernel import mailbox
from remixd._kernel.player import Player
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem

LENGTH = 20 * BEAT
OTHER, VOCALS = 3, 2
MIX_VOCALS, MIX_OTHER = 2, 5


@pytest.fixture(scope="module")
def pcm() -> Audio:
    return music(LENGTH, seed=1, level=0.2)


def held(vocals: Audio, quiet: Audio, **kwargs: Any) -> Player:
    """Vocals that may not be heard alone, and a band."""
    return Player([Stem.of(vocals), Stem.of(quiet)], [VOCALS, OTHER], loop=False, **grid(LENGTH), **kwargs)


@pytest.mark.parametrize("kind", [mailbox.EJECT, mailbox.LOAD, mailbox.SWAP, mailbox.PAUSE])
def test_what_fades_out_keeps_its_rights(pcm: Audio, kind: int) -> None:
    quiet = music(LENGTH, seed=8, level=0.2)
    session = Session()
    session.shelve(held(pcm, quiet, key=1, vocals_limit_db=0.0))
    session.shelve(held(pcm, quiet, key=2))
    tell(session, Order(-1, mailbox.LOAD, 0.0, 1.0), Order(-1, mailbox.PLAY))
    session.post(9, MIX_OTHER, -60.0)
    tell(session, Order(9000, kind, 0.0, 2.0))
    heard = session.render(12_000)
    assert not heard[2000 : 9000 - FADE].any()
    if kind == mailbox.SWAP:
        swapped = session.take_reports()[-1].position
        np.testing.assert_array_equal(heard[9000:], pcm[swapped : swapped + 3000])
        assert_no_click(heard, 9000, [pcm[8000:10_000]])
    else:
        assert not heard[2000:].any()


def test_vocals_fade_with_the_band_that_carries_them(pcm: Audio) -> None:
    quiet = music(LENGTH, seed=8, level=0.01)
    session = Session()
    for key in (1, 2):
        session.shelve(held(pcm, quiet, key=key, vocals_limit_db=0.0, mashable=True))
    for deck in range(2):
        tell(session, Order(-1, mailbox.LOAD, 0.0, deck + 1.0, deck), Order(-1, mailbox.PLAY, deck=deck))
    session.post(9, OTHER, -60.0, kind=mailbox.LEVEL, deck=0)
    session.post(9, VOCALS, -60.0, kind=mailbox.LEVEL, deck=1)
    tell(session, Order(9000, mailbox.PAUSE, deck=1))
    heard = session.render(12_000)
    assert np.std(heard[4000:8000]) > 0.5 * np.std(pcm[4000:8000])
    assert not heard[9000 + FADE :].any()
    assert_no_click(heard, 9000, [(pcm + quiet)[8000:9500]])


def test_a_summed_swap_brings_nothing_up_that_is_down(pcm: Audio) -> None:
    stems = [Stem.of(music(LENGTH, seed=8, level=0.02)), Stem.of(pcm)]
    heard = []
    for swapped in (False, True):
        session = Session(stems, [OTHER, VOCALS], loop=False, summed=True, mix=at(1.05))
        session.shelve(Player(stems, [OTHER, VOCALS], key=5, loop=False, summed=True))
        session.post(1, MIX_VOCALS, -60.0)
        if swapped:
            tell(session, Order(60_000, mailbox.SWAP, 0.0, 5.0))
        heard.append(session.render(80_000))
    assert np.abs(heard[1][55_000:]).max() < 1.5 * np.abs(heard[0][55_000:]).max()
    assert_no_click(heard[1], 60_000, [heard[0][58_000:62_000]])
