"""Decks that follow another: on its beats whatever it does, and nothing jumps."""

from __future__ import annotations

import numpy as np
import pytest
from decks import BEAT, SECOND, Order, grid, player, tell
from numpy.typing import NDArray
from sounds import music

from remixd._kernel import mailbox
from remixd._kernel.session import Session

QUANTUM = 64


class Pair:
    """A leader on deck 0 and one that follows it on deck 1, both playing."""

    def __init__(self, beats: tuple[float, float], third: float = 0.0) -> None:
        self.beats = [*beats, *([third] if third else [])]
        self.session = Session()
        for deck, beat in enumerate(self.beats):
            self.session.shelve(player(music(60 * BEAT, seed=deck + 1), deck + 1, **grid(60 * BEAT, beat)))
            tell(self.session, Order(-1, mailbox.LOAD, 0.0, deck + 1.0, deck))
        tell(self.session, Order(-1, mailbox.PLAY), Order(-1, mailbox.LEAD, 1.0))
        for deck in range(1, len(self.beats)):
            tell(self.session, Order(-1, mailbox.SYNC, 1.0, -1.0, deck), Order(-1, mailbox.PLAY, deck=deck))
        self.session.render(SECOND)
        self.session.take_reports()

    def go_on(self, seconds: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Beats of every deck, and tempos, quantum by quantum."""
        beats, tempos = [], []
        for _ in range(round(seconds * SECOND / QUANTUM)):
            self.session.render(QUANTUM)
            decks = self.session.decks()[: len(self.beats)]
            beats.append([deck.position / beat for deck, beat in zip(decks, self.beats, strict=True)])
            tempos.append([deck.tempo for deck in decks])
        return np.array(beats), np.array(tempos)


def off(beats: NDArray[np.float64], follower: int = 1, leader: int = 0) -> NDArray[np.float64]:
    """Beats between a follower's and its leader's."""
    error = beats[:, follower] - beats[:, leader]
    return error - np.round(error)


@pytest.mark.parametrize("kind", [mailbox.EJECT, mailbox.PAUSE, mailbox.REVERSE, mailbox.LOOP])
def test_a_follower_goes_on_when_its_leader_does_not(kind: int) -> None:
    pair = Pair((24_000.0, 23_500.0))
    before, steady = pair.go_on(1.0)
    assert np.abs(off(before)).max() < 48 / 24_000
    tell(pair.session, Order(-1, kind, 0.125 if kind == mailbox.LOOP else 1.0))
    after, tempos = pair.go_on(4.0)
    assert tempos[:, 1] == pytest.approx(steady[-1, 1], abs=1e-3)
    np.testing.assert_allclose(np.diff(after[:, 1]), QUANTUM / 24_000, rtol=0.01)


def test_a_leader_that_loops_a_beat_is_still_followed() -> None:
    pair = Pair((24_000.0, 23_500.0))
    tell(pair.session, Order(-1, mailbox.LOOP, 1.0))
    beats, _ = pair.go_on(4.0)
    assert np.median(np.abs(off(beats))) < 48 / 24_000


def test_who_leads_changes_in_mid_song_and_nothing_jumps() -> None:
    pair = Pair((24_000.0, 23_500.0), third=24_400.0)
    _, before = pair.go_on(1.0)
    tell(pair.session, Order(-1, mailbox.LEAD, 1.0, -1.0, 1), Order(-1, mailbox.SYNC, 1.0, -1.0, 0))
    beats, tempos = pair.go_on(3.0)
    assert np.abs(tempos - before[-1]).max() < 2e-3
    for deck in (0, 2):
        assert np.abs(off(beats, deck, 1)).max() < 48 / 24_000


def test_a_lead_at_twice_the_tempo_leaves_the_others_at_theirs() -> None:
    pair = Pair((24_000.0, 12_100.0), third=48_300.0)
    _, before = pair.go_on(1.0)
    assert before[-1] == pytest.approx([1.0, 12_100 / 12_000, 48_300 / 48_000], abs=1e-3)
    tell(pair.session, Order(-1, mailbox.LEAD, 1.0, -1.0, 1), Order(-1, mailbox.SYNC, 1.0, -1.0, 0))
    _, tempos = pair.go_on(3.0)
    assert np.abs(tempos - before[-1]).max() < 2e-3


def test_a_jump_by_one_beat_disturbs_no_follower_at_half_the_tempo() -> None:
    pair = Pair((24_000.0, 48_500.0))
    _, before = pair.go_on(1.0)
    tell(pair.session, Order(-1, mailbox.JUMP, 1.0))
    _, tempos = pair.go_on(2.0)
    assert np.abs(tempos - before[-1]).max() < 2e-3


def test_who_does_not_lead_cannot_give_up_the_lead() -> None:
    pair = Pair((24_000.0, 23_500.0))
    tell(pair.session, Order(-1, mailbox.LEAD, 0.0, -1.0, 1))
    pair.session.render(3000)
    assert pair.session.decks()[0].leading


def test_a_track_at_twice_the_tempo_is_loaded_on_a_deck_that_follows() -> None:
    pair = Pair((24_000.0, 23_500.0))
    pair.session.shelve(player(music(60 * BEAT, seed=9), 9, **grid(60 * BEAT, 12_200.0)))
    tell(pair.session, Order(-1, mailbox.LOAD, 0.0, 9.0, 1), Order(-1, mailbox.PLAY, deck=1))
    pair.session.render(SECOND)
    _, tempos = pair.go_on(1.0)
    assert tempos[-1, 1] == pytest.approx(12_200 / 12_000, abs=1e-3)
