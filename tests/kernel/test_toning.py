"""Brightness, space and drive of a session: on their sample, within the rights of all that plays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from decks import BRIGHTNESS, DRIVE, OTHER, SPACE, Move, at, moves, steered
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import Audio, music

from remixd._kernel import mailbox, ring
from remixd._kernel.feed import Feed
from remixd._kernel.mailbox import Mailbox
from remixd._kernel.player import HIGH, LOW, Player
from remixd._kernel.ring import PacketRing
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem
from remixd._kernel.tone import ToneChain

FRAMES = 64 * 1500
PCM = music(FRAMES, seed=4, level=0.3)
TONES = [(BRIGHTNESS, 6.0), (SPACE, 0.8), (DRIVE, 0.7)]
SETTLES = 480 + 543


def playing(**kwargs: object) -> Session:
    return Session([Stem.of(PCM)], [OTHER], loop=True, **kwargs)


def narrow(dimension: int, low: float, high: float, key: int = 1) -> Player:
    """A track whose rights leave one dimension little."""
    lows, highs = list(LOW), list(HIGH)
    lows[dimension], highs[dimension] = low, high
    return Player([Stem.of(PCM)], [OTHER], key=key, low=lows, high=highs)


def toned(pcm: Audio, which: int, *moves_of_it: tuple[float, int]) -> Audio:
    chain = ToneChain()
    for value, sample in moves_of_it:
        chain.move(which - BRIGHTNESS, value, sample)
    return chain.process(pcm)


def heard(dimension: int, value: float, session: Session) -> float:
    """What is given to a dimension when a session is asked for a value."""
    assert session.post(1, dimension, value)
    session.render(4800)
    return next(report.value for report in session.take_reports() if report.id == 1)


@pytest.mark.parametrize(("dimension", "value"), TONES)
@pytest.mark.parametrize("sample", [9600, 9663, 10_001])
def test_a_move_begins_on_its_sample_and_is_what_the_chain_makes_of_the_mix(
    dimension: int, value: float, sample: int
) -> None:
    session = playing()
    assert session.post(7, dimension, value, sample=sample)
    out = session.render(48_000)
    np.testing.assert_array_equal(out, toned(PCM[:48_000], dimension, (value, sample)))
    np.testing.assert_array_equal(out[:sample], PCM[:sample])
    assert np.abs(out[sample:] - PCM[sample:48_000]).max() > 0.01
    (report,) = session.take_reports()
    assert (report.sample, report.settled_sample, report.value) == (sample, sample + SETTLES, value)


@pytest.mark.parametrize(("dimension", "value"), TONES)
def test_a_session_may_begin_with_it(dimension: int, value: float) -> None:
    mix = list(at())
    mix[dimension] = value
    chain = ToneChain()
    chain.start(dimension - BRIGHTNESS, value)
    np.testing.assert_array_equal(playing(mix=mix).render(9600), chain.process(PCM[:9600]))


@pytest.mark.parametrize(("dimension", "value"), TONES)
def test_one_deck_alone_cannot_have_it(dimension: int, value: float) -> None:
    session = playing()
    assert not session.post(7, dimension, value, deck=0)
    (report,) = session.take_reports()
    assert (report.kind, report.reason) == (mailbox.REFUSED, mailbox.UNKNOWN)
    np.testing.assert_array_equal(session.render(9600), PCM[:9600])


@pytest.mark.parametrize(("dimension", "value"), [(BRIGHTNESS, 99.0), (SPACE, 7.0), (DRIVE, -3.0)])
def test_no_value_is_beyond_the_table(dimension: int, value: float) -> None:
    assert heard(dimension, value, playing()) == min(max(value, LOW[dimension]), HIGH[dimension])


def test_rights_hold_it_from_the_first_sample_and_after() -> None:
    mix = list(at())
    mix[BRIGHTNESS] = 12.0
    session = playing(mix=mix, high=(*HIGH[:BRIGHTNESS], 2.0, *HIGH[SPACE:]))
    chain = ToneChain()
    chain.start(0, 2.0)
    np.testing.assert_array_equal(session.render(9600), chain.process(PCM[:9600]))
    assert heard(BRIGHTNESS, 5.0, session) == 2.0


def test_rights_that_forbid_the_artists_own_tone_are_refused() -> None:
    with pytest.raises(ValueError, match="artist's own"):
        narrow(DRIVE, 0.1, 0.5)


def test_of_several_decks_the_narrowest_range_holds_while_they_play() -> None:
    def brightness() -> float:
        feed.fill(9600, 0.0)
        newest = packets.read(packets.newest)
        assert newest is not None
        return newest.tone[0]

    session = playing()
    session.shelve(narrow(BRIGHTNESS, -1.0, 3.0, key=2))
    commands = Mailbox(bytearray(mailbox.size_bytes(64)), 64)
    packets = PacketRing(bytearray(ring.size_bytes(64, 480)), 64, 480)
    feed = Feed(session, commands, packets)
    session.post(1, BRIGHTNESS, 8.0)
    assert brightness() == 8.0
    session.post(2, 0, 0.0, kind=mailbox.LOAD, deck=1, extra=2.0)
    assert brightness() == 8.0  # it rests
    session.post(3, 0, 0.0, kind=mailbox.PLAY, deck=1)
    assert brightness() == 3.0
    session.post(4, BRIGHTNESS, -9.0)
    assert brightness() == -1.0
    session.post(5, 0, 0.0, kind=mailbox.PAUSE, deck=1)
    assert brightness() == -9.0


@settings(max_examples=25)
@given(told=moves(20_000, most=10), cuts=st.lists(st.integers(0, 9000), max_size=5))
def test_what_is_heard_does_not_depend_on_how_blocks_are_cut(told: list[Move], cuts: Sequence[int]) -> None:
    whole = steered(playing(), told, [], 24_000)
    assert np.isfinite(whole).all()
    np.testing.assert_array_equal(steered(playing(), told, cuts, 24_000), whole)


@pytest.mark.parametrize(("dimension", "value"), TONES)
def test_it_goes_on_where_another_engine_does(dimension: int, value: float) -> None:
    """Also in the middle of a ramp; the room begins silent."""
    session = playing()
    session.post(1, dimension, value, sample=4800, ramp_frames=20_000)
    session.render(9600)
    heirs = []
    for _ in range(2):
        heir = Session()
        heir.shelve(Player([Stem.of(PCM)], [OTHER]))
        heir.restore(session.checkpoint())
        heir.skip_to(12_800)
        heirs.append(heir.render(48_000))
    np.testing.assert_array_equal(*heirs)
    last = session.render(3200 + 48_000)[-9600:]
    if dimension != SPACE:
        np.testing.assert_allclose(heirs[0][-9600:], last, atol=2e-3)
    apart = np.abs(heirs[0][-9600:] - PCM[12_800 + 48_000 - 9600 : 12_800 + 48_000])
    assert apart.max() > 0.01
