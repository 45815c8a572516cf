"""Racks: where they stand, what they delay, how they come, go, and fail."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from decks import BASS, DRUMS, OTHER, SECOND, VOCALS, band, one
from hypothesis import given, settings
from hypothesis import strategies as st
from racks import QUANTUM, Call, Planar, late, owing, put, scaled, smooth, told, weigh
from sounds import music, roughness

from remixd._kernel import mailbox
from remixd._kernel.effects import Delay, Tremolo
from remixd._kernel.player import Player
from remixd._kernel.rack import Rack
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem

FRAMES = 3 * SECOND
SETTLED = 9000
"""By then what was commanded at the start has come to rest, delays of 100 ms too."""
LATE_SETTLED = 4800 + 1536 + 960 + 2 * QUANTUM
MASTER: dict[str, Any] = {}


@cache
def stems() -> list[Stem]:
    return band(FRAMES, every=FRAMES)


def playing(**kwargs: Any) -> Session:
    return Session(stems(), [DRUMS, BASS, VOCALS, OTHER], **{"loop": False, **kwargs})


def test_a_rack_that_does_nothing_changes_nothing() -> None:
    session, plain = playing(), playing().render(SECOND)
    put(session, 1, scaled(1.0), 0.5)
    np.testing.assert_allclose(session.render(SECOND), plain, atol=1e-7)


def test_a_rack_acts_from_its_sample_on_and_wholly_when_it_has_settled() -> None:
    session, plain = playing(), playing().render(SECOND)
    put(session, 1, scaled(0.25), 1.0, sample=5001)
    heard = session.render(SECOND)
    (report,) = told(session, mailbox.APPLIED)
    assert (report.sample, report.settled_sample) == (5001, 5001 + 960 + QUANTUM - 1)
    np.testing.assert_array_equal(heard[: report.sample], plain[: report.sample])
    assert (heard[report.sample + 1 : report.sample + 100] != plain[5002:5101]).any()
    np.testing.assert_array_equal(heard[report.settled_sample :], plain[report.settled_sample :] * 0.25)


@pytest.mark.parametrize("role", [DRUMS, BASS, VOCALS, OTHER])
def test_a_rack_on_a_role_hears_that_role_alone_at_its_gain(role: int) -> None:
    session = playing(mix=(1, 0, -6.0, -3.0, 3.0, -9.0))
    alone = [-60.0] * 4
    given = [-6.0, -3.0, 3.0, -9.0]
    dimension = {VOCALS: 0, DRUMS: 1, BASS: 2, OTHER: 3}[role]
    alone[dimension] = given[dimension]
    blocks: list[Planar] = []

    def listen(block: Planar, _beat: float, _rate: float) -> Planar:
        blocks.append(block.copy())
        return block * 0

    put(session, 1, listen, 1.0, deck=0, part=role)
    heard = session.render(SECOND)[SETTLED:]
    expected = playing(mix=(1, 0, *alone)).render(SECOND)
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1).T[:SECOND], expected[: len(blocks) * 64])
    without = list(given)
    without[dimension] = -60.0
    np.testing.assert_allclose(heard, playing(mix=(1, 0, *without)).render(SECOND)[SETTLED:], atol=1e-7)


def test_a_deck_has_its_racks_before_its_channel_and_the_master_after_all() -> None:
    heard: dict[int, list[Planar]] = {1: [], 2: []}

    def listener(key: int) -> Call:
        def call(block: Planar, _beat: float, _rate: float) -> Planar:
            heard[key].append(block.copy())
            return block

        return call

    session = playing()
    put(session, 1, listener(1), 1.0, deck=0)
    put(session, 2, listener(2), 1.0)
    session.post(9, 0, -12.0, kind=mailbox.STRIP, deck=0)
    out = session.render(SECOND)
    deck, master = (np.concatenate(heard[key], axis=1).T for key in (1, 2))
    plain = playing().render(SECOND)
    np.testing.assert_allclose(deck[SETTLED:SECOND], plain[SETTLED:], atol=1e-7)
    np.testing.assert_allclose(master[SETTLED:SECOND], plain[SETTLED:] * 10 ** (-12 / 20), atol=1e-6)
    np.testing.assert_array_equal(master[SETTLED:SECOND], out[SETTLED:])


def test_the_sound_of_an_echo_goes_through_the_racks_of_the_master() -> None:
    session = playing()
    put(session, 1, scaled(0.0), 1.0)
    session.post(9, 6, 1.0, kind=mailbox.STRIP, deck=0)
    assert not session.render(SECOND)[SETTLED:].any()


def test_weights_are_shares_of_one_sound() -> None:
    session, plain = playing(), playing().render(SECOND)
    for key, gain, weight in ((1, 0.0, 0.25), (2, 3.0, 0.25), (3, -1.0, 0.125)):
        put(session, key, scaled(gain), weight)
    gain = 0.25 * 3 - 0.125 + (1 - 0.625)
    np.testing.assert_allclose(session.render(SECOND)[SETTLED:], plain[SETTLED:] * gain, atol=1e-6)


def test_a_rack_at_rest_at_weight_0_is_given_back_and_its_place_is_free() -> None:
    session, plain = playing(), playing().render(2 * SECOND)
    for key in range(1, 5):
        put(session, key, scaled(0.0), 0.2)
    put(session, 5, scaled(0.0), 0.2)
    heard = [session.render(SECOND // 2)]
    (refused,) = told(session, mailbox.REFUSED)
    assert (refused.id, refused.reason) == (5, mailbox.FULL)
    for key in range(1, 5):
        weigh(session, key, 0.0)
    heard.append(session.render(SECOND // 2))
    assert session.racks.collect() == [1, 2, 3, 4]
    np.testing.assert_array_equal(
        np.concatenate(heard)[SECOND // 2 + SETTLED :], plain[SECOND // 2 + SETTLED : SECOND]
    )
    weigh(session, 5, 1.0)
    weigh(session, 1, 1.0)
    session.render(SECOND // 2)
    (refused,) = told(session, mailbox.REFUSED)
    assert (refused.id, refused.reason) == (1, mailbox.MISSING)
    assert session.racks.keys == [5]


def test_what_was_laid_down_and_never_used_can_be_withdrawn() -> None:
    session = playing()
    put(session, 1, scaled(1.0), 1.0)
    put(session, 2, scaled(1.0))
    session.render(640)
    assert [session.racks.withdraw(key) for key in (1, 2, 3)] == [False, True, False]
    assert session.racks.keys == [1]


def test_where_stems_are_summed_only_drums_have_racks() -> None:
    session = playing(summed=True)
    put(session, 1, scaled(0.0), 1.0, deck=0, part=VOCALS)
    put(session, 2, scaled(0.0), 1.0, deck=0, part=DRUMS)
    heard = session.render(SECOND)[SETTLED:]
    (refused,) = told(session, mailbox.REFUSED)
    assert (refused.id, refused.reason) == (1, mailbox.SUMMED)
    muted = playing(summed=True, mix=(1, 0, 0, -60.0, 0, 0)).render(SECOND)[SETTLED:]
    np.testing.assert_allclose(heard, muted, atol=1e-7)


@pytest.mark.parametrize(
    ("deck", "part", "key"), [(0, 5, 1), (0, 900, 1), (4, 0, 1), (0, 0, 0), (0, 0, -3), (255, 0, 1 << 33)]
)
def test_a_place_or_a_key_that_cannot_be_is_refused(deck: int, part: int, key: int) -> None:
    session = playing()
    assert not weigh(session, key, 1.0, deck=deck, part=part, id=7)
    (refused,) = told(session, mailbox.REFUSED)
    assert (refused.id, refused.reason) == (7, mailbox.UNKNOWN)


# Late racks


PLACES: dict[str, dict[str, Any]] = {
    "vocals": {"deck": 0, "part": VOCALS}, "deck": {"deck": 0}, "other deck": {"deck": 2}, "master": MASTER,
}  # fmt: skip


@pytest.mark.parametrize("frames", [1, 64, 100, 1000, 4800])
@pytest.mark.parametrize("place", PLACES)
def test_everything_waits_for_a_late_rack_to_the_sample(place: str, frames: int) -> None:
    session, plain = playing(), playing().render(SECOND)
    put(session, 1, late(frames), 1.0, delay_frames=frames, **PLACES[place])
    heard = session.render(SECOND)
    (report,) = told(session, mailbox.APPLIED)
    assert report.settled_sample <= LATE_SETTLED
    at = report.settled_sample
    np.testing.assert_allclose(heard[at:], plain[at - frames : SECOND - frames], atol=1e-7)
    assert weigh(session, 1, 0.5, **PLACES[place])
    heard = session.render(SECOND)[4800:]
    np.testing.assert_allclose(
        heard, playing().render(2 * SECOND)[SECOND + 4800 - frames : -frames], atol=1e-7
    )


def test_late_racks_of_roles_decks_and_the_master_add_up_along_the_longest_way() -> None:
    session, plain = playing(), playing().render(2 * SECOND)
    session.shelve(Player(stems(), [DRUMS, BASS, VOCALS, OTHER], key=5, loop=False))
    session.post(1, 0, 0.0, kind=mailbox.LOAD, deck=1, extra=5.0, sample=0)
    session.post(2, 0, 0.0, kind=mailbox.PLAY, deck=1, sample=0)
    session.render(SECOND // 2)
    session.take_reports()
    both = session.render(QUANTUM)
    offset = session.decks()[0].position - session.decks()[1].position
    put(session, 11, late(300), 1.0, delay_frames=300, deck=0, part=BASS)
    put(session, 12, late(77), 1.0, delay_frames=77, deck=0, part=OTHER)
    put(session, 13, late(500), 0.5, delay_frames=500, deck=0)
    put(session, 14, late(1100), 1.0, delay_frames=1100, deck=1, part=DRUMS)
    put(session, 15, late(200), 1.0, delay_frames=200)
    start = session.clock
    heard = session.render(SECOND)
    settled = max(report.settled_sample for report in told(session, mailbox.APPLIED))
    assert settled < start + LATE_SETTLED
    assert both.any()
    delay = 1100 + 200
    other = round(offset)
    for at in (settled, SECOND + 1000):
        part = slice(at - delay, at - delay + 2000)
        expected = plain[part] + plain[at - delay - other : at - delay - other + 2000]
        np.testing.assert_allclose(heard[at - start : at - start + 2000], expected, atol=1e-6)


def test_more_than_100_ms_on_one_way_is_refused() -> None:
    session, plain = playing(), playing().render(SECOND)
    put(session, 1, late(3000), 1.0, delay_frames=3000, deck=0, part=BASS)
    put(session, 2, late(1801), 1.0, delay_frames=1801, deck=0)
    heard = session.render(SECOND)
    (refused,) = told(session, mailbox.REFUSED)
    assert (refused.id, refused.reason) == (2, mailbox.DELAY)
    np.testing.assert_allclose(heard[SETTLED:], plain[SETTLED - 3000 : -3000], atol=1e-7)
    with pytest.raises(ValueError, match="4800"):
        Rack(late(1), 3, delay_frames=4801)


@pytest.mark.parametrize("pattern", [(0, 64, 64), (0, 0, 0, 64, 64, 64), (63, 64), (1, 50, 64)])
def test_what_a_rack_owes_comes_out_of_its_queue(pattern: tuple[int, ...]) -> None:
    owed = sum(QUANTUM - frames for frames in pattern)
    session, plain = playing(), playing().render(SECOND)

    call = owing((*pattern, *[QUANTUM] * SECOND))
    put(session, 1, call, 1.0, delay_frames=owed, owed_frames=owed)
    heard = session.render(SECOND)
    assert not told(session, mailbox.BYPASSED)
    np.testing.assert_array_equal(heard[SETTLED:], plain[SETTLED - owed : -owed])


def test_late_racks_come_and_go_without_a_click_and_leave_nothing_behind() -> None:
    pcm = music(4 * SECOND, seed=3, level=0.2)
    session = one(pcm)
    for number in range(6):
        place = {"deck": 0, "part": OTHER} if number % 2 else {"deck": 0}
        frames, at = 400 + 700 * number, 4000 + 17_000 * number
        put(session, 1 + number, late(frames), 1.0, delay_frames=frames, sample=at, **place)
        weigh(session, 1 + number, 0.0, sample=at + 14_500, **place)
    heard = session.render(4 * SECOND - 1000)
    assert roughness(heard).max() < 1.3 * roughness(pcm).max()
    assert sorted(session.racks.collect()) == [1, 2, 3, 4, 5, 6]
    np.testing.assert_array_equal(heard[-SECOND:], pcm[len(heard) - SECOND : len(heard)])


# Faults


def raising(_block: Planar, _beat: float, _rate: float) -> Planar:
    raise RuntimeError("broken")


INFINITY, LAST = np.float32(np.inf), np.arange(QUANTUM) == QUANTUM - 1
FAULTS: dict[str, tuple[Call, int]] = {
    "raises": (raising, mailbox.RAISED),
    "exits": (lambda *_: exec("raise SystemExit"), mailbox.RAISED),  # noqa: S102
    "NaN": (lambda block, *_: block * np.float32(np.nan), mailbox.NONFINITE),
    "one infinity": (lambda block, *_: np.where(LAST, INFINITY, block), mailbox.NONFINITE),
    "None": (lambda *_: None, mailbox.RAISED),
    "a list": (lambda *_: [1.0], mailbox.RAISED),
    "float64": (lambda block, *_: block.astype(np.float64), mailbox.SHAPE),
    "interleaved": (lambda block, *_: np.ascontiguousarray(block.T), mailbox.SHAPE),
    "mono": (lambda block, *_: block[:1], mailbox.SHAPE),
    "strided": (lambda block, *_: np.repeat(block, 2, axis=1)[:, ::2], mailbox.SHAPE),
    "too many frames": (lambda block, *_: np.repeat(block, 2, axis=1), mailbox.SHAPE),
    "too few frames": (lambda block, *_: block[:, :63], mailbox.SHAPE),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", ["vocals", "deck", "master"])
def test_a_faulty_rack_is_passed_by_from_the_next_quantum_on(fault: str, place: str) -> None:
    broken, reason = FAULTS[fault]
    calls = 0

    def call(block: Planar, beat: float, rate: float) -> Planar:
        nonlocal calls
        calls += 1
        return broken(block, beat, rate) if calls == 200 else block * np.float32(0.5)

    session, plain = playing(), playing().render(SECOND)
    rack = put(session, 1, call, 1.0, **PLACES[place])
    heard = session.render(SECOND)
    (report,) = told(session, mailbox.BYPASSED)
    at = 199 * QUANTUM
    assert (report.value, report.reason, report.deck) == (1.0, reason, 255 if place == "master" else 0)
    assert rack.fault == reason
    assert calls == 200
    half = playing()
    put(half, 1, scaled(0.5), 1.0, **PLACES[place])
    wet = half.render(SECOND)
    np.testing.assert_array_equal(heard[:at], wet[:at])
    np.testing.assert_allclose(heard[at + 240 :], plain[at + 240 :], atol=1e-7)
    near = slice(at - 240, at + 480)
    assert roughness(heard[near]).max() < 1.5 * max(roughness(plain[near]).max(), roughness(wet[near]).max())
    weigh(session, 1, 0.0, **PLACES[place])
    session.render(SECOND // 2)
    assert session.racks.collect() == [1]
    assert not told(session, mailbox.BYPASSED)


def test_one_faulty_rack_leaves_the_others_as_they_are() -> None:
    session, plain = playing(), playing().render(SECOND)
    put(session, 1, raising, 0.5)
    put(session, 2, scaled(0.5), 0.5)
    heard = session.render(SECOND)[SETTLED:]
    np.testing.assert_allclose(heard, plain[SETTLED:] * 0.75, atol=1e-7)


# State


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[int, int, float, int, int]]:
    """Racks that come, move and go: sample, key, weight, ramp, place."""
    place = {key: draw(st.sampled_from(["vocals", "deck", "master"])) for key in range(1, 7)}
    told = st.tuples(
        st.integers(0, 20_000),
        st.integers(1, 6),
        st.sampled_from([0.0, 0.3, 1.0]),
        st.sampled_from([0, 480, 3000]),
    )
    return [(*each, place[each[1]]) for each in draw(st.lists(told, min_size=1, max_size=12))]


def racked(story: list[tuple[int, int, float, int, Any]]) -> Session:
    session = playing()
    calls: list[Call] = [
        scaled(0.2), smooth(0.1), Tremolo(beats=0.25), Delay(beats=0.125), late(130), owing((0, *[64] * 2000))
    ]  # fmt: skip
    for key, call in enumerate(calls, 1):
        owed = {5: (130, 0), 6: (64, 64)}.get(key, (0, 0))
        put(session, key, call, delay_frames=owed[0], owed_frames=owed[1])
    for number, (sample, key, weight, ramp, place) in enumerate(story):
        weigh(session, key, weight, sample=sample, ramp_frames=ramp, id=number, **PLACES[place])
    return session


@settings(max_examples=25)
@given(
    story=stories(), cuts=st.lists(st.sampled_from([1, 16, 63, 64, 128, 480, 4096]), min_size=1, max_size=12)
)
def test_it_sounds_the_same_however_the_blocks_are_cut(story: list[Any], cuts: list[int]) -> None:
    whole = racked(story).render(24_000)
    session, blocks = racked(story), []
    while session.clock < 24_000:
        cut = cuts[len(blocks) % len(cuts)]
        blocks.append(session.render(min(cut, 24_000 - session.clock)))
    np.testing.assert_array_equal(np.concatenate(blocks), whole)
    assert np.isfinite(whole).all()


@settings(max_examples=15)
@given(story=stories(), crash=st.integers(0, 18_000))
def test_a_session_goes_on_elsewhere_with_its_racks(story: list[Any], crash: int) -> None:
    session = racked(story)
    session.render(crash)
    checkpoint, clock = session.checkpoint(), session.clock
    heard = []
    for _ in range(2):
        heir = Session()
        heir.shelve(Player(stems(), [DRUMS, BASS, VOCALS, OTHER], loop=False))
        for key in range(1, 7):
            put(heir, key, scaled(0.5), delay_frames=64 if key > 4 else 0)
        heir.restore(checkpoint)
        heir.skip_to((clock // QUANTUM + 3) * QUANTUM)
        heard.append(heir.render(9000))
    np.testing.assert_array_equal(*heard)


def test_an_heir_has_the_weights_where_they_were() -> None:
    plain = playing().render(SECOND)
    session = playing()
    put(session, 1, scaled(0.0), 0.25)
    put(session, 2, scaled(0.0), 0.5, deck=0)
    session.render(SECOND // 2)
    heir = Session()
    heir.shelve(Player(stems(), [DRUMS, BASS, VOCALS, OTHER], loop=False))
    for key in (1, 2):
        put(heir, key, scaled(0.0))
    heir.restore(session.checkpoint())
    heir.skip_to((session.clock // QUANTUM + 1) * QUANTUM)
    start = heir.clock
    heard = heir.render(9000)
    np.testing.assert_allclose(heard[1000:], plain[start + 1000 : start + 9000] * 0.75 * 0.5, atol=1e-7)
