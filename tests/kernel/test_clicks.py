"""Whatever a deck is told, and whenever: no click, the right place, and commands in the order they came.

A click stands out of the second difference. Around an event it is held to 1.5 times that of the louder of the
two sounds that are joined: the music itself at the old and at the new place where nothing is stretched, and
sessions that were not told anything where it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from decks import BEAT, FADE, NEAR, PITCH, SECOND, TEMPO, Order, assert_no_click, at, band, grid, player, tell
from numpy.typing import NDArray
from sounds import Audio, music, roughness, tone

from remixd._kernel import mailbox
from remixd._kernel.mailbox import ReportEntry
from remixd._kernel.player import Player
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem

QUANTUM = 64
LENGTH = 20 * BEAT
OTHER = 3


@pytest.fixture(scope="module")
def pcm() -> Audio:
    return music(LENGTH, seed=1, level=0.2)


@pytest.fixture(scope="module")
def shorter() -> Audio:
    return music(15 * BEAT, seed=2, level=0.2)


def playing(pcm: Audio, *others: Player, **kwargs: Any) -> Session:
    session = Session([Stem.of(pcm)], [OTHER], **{"loop": False, **grid(len(pcm)), **kwargs})
    for other in others:
        session.shelve(other)
    return session


def by_quanta(session: Session, frames: int) -> tuple[Audio, NDArray[np.float64]]:
    """What it plays, and where deck 0 is at the end of each quantum."""
    blocks, places = [], []
    for _ in range(frames // QUANTUM):
        blocks.append(session.render(QUANTUM))
        places.append(session.decks()[0].position)
    return np.concatenate(blocks), np.array(places)


def events(reports: Sequence[ReportEntry], places: NDArray[np.float64]) -> Iterator[int]:
    """The samples at which something was done, or the place is not the next one."""
    for report in reports:
        if report.kind == mailbox.APPLIED and not report.superseded:
            yield report.sample
    for index in np.flatnonzero(np.abs(np.abs(np.diff(places)) - QUANTUM) > 2):
        yield int(index + 1) * QUANTUM


def around(pcm: Audio, place: float, *, circle: bool) -> Audio:
    """The music 2 * FADE + NEAR frames to either side of a place; silence outside the music."""
    frames = np.arange(round(place) - 2 * FADE - NEAR, round(place) + 2 * FADE + NEAR)
    outside = not circle and ((frames < 0) | (frames >= len(pcm)))
    return np.where(np.reshape(outside, (-1, 1)), np.float32(0), pcm[frames % len(pcm)])


SEAM = LENGTH - 3000
STORIES: dict[str, tuple[bool, list[Order]]] = {
    "a jump while another fades": (
        False,
        [Order(9000, mailbox.SEEK, 200_123.0), Order(9100, mailbox.SEEK, 77_777.0)],
    ),
    "jumps every 6 ms": (False, [Order(5000 + 290 * i, mailbox.SEEK, 9000.0 * i) for i in range(40)]),
    "the end of a loop moved before the playhead": (
        False,
        [
            Order(3000, mailbox.LOOP, 2.0),
            Order(3000 + BEAT + 5000, mailbox.SCALE, 0.25),
            Order(3000 + 2 * BEAT, mailbox.SCALE, 4.0),
            Order(3000 + 3 * BEAT, mailbox.EXIT),
        ],
    ),
    "into the last 5 ms": (False, [Order(5000, mailbox.SEEK, LENGTH - 200.0)]),
    "a jump across the seam of a circle": (
        True,
        [Order(5000, mailbox.SEEK, float(SEAM)), Order(5000 + 3000, mailbox.SEEK, float(SEAM))],
    ),
    "a fade over the seam": (
        True,
        [Order(5000, mailbox.SEEK, 100.0), Order(9000, mailbox.SEEK, LENGTH - 9.0)],
    ),
    "backwards over the seam": (True, [Order(2000, mailbox.REVERSE, 1.0), Order(9000, mailbox.REVERSE, 0.0)]),
    "backwards at the very start": (
        False,
        [Order(300, mailbox.REVERSE, 1.0), Order(2500, mailbox.REVERSE, 0.0)],
    ),
    "loops of 10 ms": (False, [Order(5000, mailbox.LOOP, 0.02), Order(15_000, mailbox.EXIT)]),
    "a loop of 10 ms backwards": (
        False,
        [Order(5000, mailbox.LOOP, 0.02), Order(8000, mailbox.REVERSE, 1.0), Order(15_000, mailbox.EXIT)],
    ),
    "a loop that would end behind the end": (
        False,
        [Order(5000, mailbox.SEEK, LENGTH - 4000.0), Order(-1, mailbox.LOOP, 1.0, LENGTH - 10.0)],
    ),
    "a loop up to the seam": (
        True,
        [Order(2000, mailbox.SEEK, LENGTH - 7000.0), Order(2000, mailbox.LOOP, 0.25, LENGTH - 6000.0)],
    ),
    "slip out of a loop of an eighth": (
        False,
        [
            Order(2000, mailbox.SLIP, 1.0),
            Order(4000, mailbox.LOOP, 0.125),
            Order(20_000, mailbox.SLIP, 0.0),
        ],
    ),
    "paused and played while it fades": (
        False,
        [
            Order(4000, mailbox.SEEK, 99_999.0),
            Order(4100, mailbox.PAUSE),
            Order(4150, mailbox.PLAY),
            Order(4900, mailbox.PAUSE),
            Order(5000, mailbox.SEEK, 2.0),
            Order(5000, mailbox.PLAY),
        ],
    ),
    "ejected while it fades": (False, [Order(4000, mailbox.SEEK, 99_999.0), Order(4000, mailbox.EJECT)]),
    "key lock off and on": (False, [Order(4000, mailbox.KEYLOCK, 0.0), Order(4100, mailbox.KEYLOCK, 1.0)]),
    "told twice, told the contrary": (
        False,
        [
            Order(4000, mailbox.REVERSE, 1.0),
            Order(4000, mailbox.REVERSE, 0.0),
            Order(6000, mailbox.SLIP, 1.0),
            Order(6000, mailbox.SLIP, 1.0),
            Order(8000, mailbox.LOOP, 1.0),
            Order(8000, mailbox.EXIT),
            Order(9000, mailbox.PLAY),
            Order(9000, mailbox.PAUSE),
        ],
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_nothing_clicks_at_neutral(pcm: Audio, story: str) -> None:
    circle, orders = STORIES[story]
    session = playing(pcm, loop=circle)
    tell(session, *orders)
    heard, places = by_quanta(session, max(order.sample for order in orders) + 20_000)
    reports = session.take_reports()
    assert sorted(report.id for report in reports if report.command) == list(range(len(orders)))
    for sample in set(events(reports, places)):
        first, last = (sample - 2 * FADE) // QUANTUM, (sample + 2 * FADE) // QUANTUM
        joined = [around(pcm, place, circle=circle) for place in places[max(first, 0) : last + 1]]
        assert_no_click(heard, sample, joined)


@pytest.mark.parametrize("mix", [(0.5, 0.0), (2.0, 0.0), (1.07, -12.0), (0.93, 12.0), (1.3, 3.0)])
@pytest.mark.parametrize("summed", [False, True])
def test_nothing_clicks_where_a_stretched_deck_jumps(mix: tuple[float, float], *, summed: bool) -> None:
    stems, roles = band(LENGTH, seed=3, every=LENGTH), [0, 1, 2, 3]
    tempo, due, target = mix[0], 40_000, 200_000
    session = Session(stems, roles, loop=False, summed=summed, mix=at(*mix), **grid(LENGTH))
    tell(session, Order(due, mailbox.SEEK, float(target)))
    heard = session.render(60_000)
    (report,) = session.take_reports()
    assert (report.sample, report.position) == (due, target)
    joined = []
    for start in (0, round(target - due * tempo)):
        unswitched = Session(stems, roles, loop=False, summed=summed, mix=at(*mix), start=start)
        joined.append(unswitched.render(60_000)[due - FADE - NEAR : due + FADE + NEAR])
    assert_no_click(heard, due, joined)


@pytest.mark.parametrize("tempo", [0.5, 1.0, 2.0])
def test_a_loop_of_ten_milliseconds_keeps_its_period_at_any_tempo(tempo: float) -> None:
    sine = tone(LENGTH, 48_000 / 60)  # it goes into 480 frames whole: a lap is like the next
    session = playing(sine, mix=at(tempo))
    session.render(SECOND)
    tell(session, Order(-1, mailbox.LOOP, 0.02))
    before = session.render(2 * SECOND)
    _, places = by_quanta(session, 100 * QUANTUM)
    assert np.ptp(places) <= 480 + FADE * tempo, "what fades out is told until it has"
    assert roughness(before[SECOND:]).max() < 1.5 * roughness(sine).max()


def test_what_was_told_for_one_sample_is_done_in_its_order(pcm: Audio, shorter: Audio) -> None:
    for begun in (True, False):
        session = Session() if not begun else playing(pcm)
        session.shelve(player(shorter, 5))
        session.render(640)
        tell(
            session,
            Order(9000, mailbox.LOAD, 0.0, 5.0),
            Order(9000, mailbox.SEEK, 2.0 * BEAT),
            Order(9000, mailbox.PLAY),
        )
        heard = session.render(20_000)
        reports = session.take_reports()
        assert [(report.id, report.kind) for report in reports] == [(i, mailbox.APPLIED) for i in range(3)]
        due = reports[-1].sample
        assert (due == 9000) == (not begun), "what played has to fade out first"
        assert due <= 9000 + 3 * FADE
        played = heard[due - 640 :]
        np.testing.assert_array_equal(played, shorter[2 * BEAT : 2 * BEAT + len(played)])


def test_a_cue_is_played_from_its_first_frame(pcm: Audio) -> None:
    session = playing(pcm)
    tell(
        session,
        Order(1000, mailbox.PAUSE),
        Order(9000, mailbox.SEEK, 100_000.0),
        Order(9000, mailbox.LOOP, 0.25),
        Order(9000, mailbox.PLAY),
    )
    heard = session.render(9000 + BEAT)
    assert not heard[2000 : 9000 - FADE].any()
    for lap in range(3):
        start = 9000 + lap * BEAT // 4
        expected = pcm[100_000 : 100_000 + BEAT // 4 - FADE]
        np.testing.assert_array_equal(heard[start : start + len(expected)], expected)


def test_what_is_played_after_a_pause_plays(pcm: Audio) -> None:
    session = playing(pcm)
    tell(session, Order(9000, mailbox.PAUSE), Order(9050, mailbox.PLAY))
    session.render(20_000)
    assert session.decks()[0].playing
    assert [report.id for report in session.take_reports()] == [0, 1]


def test_in_a_circle_marks_come_every_lap(pcm: Audio) -> None:
    session = playing(pcm, loop=True)
    session.render(LENGTH + 6 * BEAT)
    assert session.post(1, TEMPO, 1.1, when=2)
    assert session.post(2, 0, 0.0, kind=mailbox.SEEK, deck=0, when=2)
    session.render(4 * BEAT)
    reports = {report.id: report for report in session.take_reports() if report.kind == mailbox.APPLIED}
    assert reports[1].sample == reports[2].sample == LENGTH + 8 * BEAT


def test_a_swap_in_the_second_lap_is_at_the_same_place(pcm: Audio, shorter: Audio) -> None:
    session = playing(pcm, player(shorter, 5, loop=True), loop=True)
    session.render(LENGTH + 2 * BEAT)
    tell(session, Order(LENGTH + 3 * BEAT, mailbox.SWAP, 0.0, 5.0))
    heard = session.render(2 * BEAT)
    np.testing.assert_array_equal(heard[BEAT:], shorter[3 * BEAT : 4 * BEAT])


def test_a_jump_in_a_circle_tells_a_place_that_there_is(pcm: Audio) -> None:
    session = playing(pcm, loop=True)
    tell(
        session,
        Order(1000, mailbox.JUMP, -3.0),
        Order(9000, mailbox.PAUSE),
        Order(12_000, mailbox.JUMP, -30.0),
    )
    session.render(20_000)
    reports = {report.id: report.position for report in session.take_reports()}
    assert reports[0] == 1000 + LENGTH - 3 * BEAT
    assert 0 <= reports[2] < LENGTH
    assert session.decks()[0].position == reports[2]


def test_a_loop_too_short_before_the_end_is_refused(pcm: Audio) -> None:
    session = playing(pcm)
    tell(session, Order(1000, mailbox.LOOP, 4.0, LENGTH - 10.0))
    session.render(3000)
    (report,) = session.take_reports()
    assert (report.kind, report.reason) == (mailbox.REFUSED, mailbox.SHORT)


def test_a_channel_rings_out_and_is_silent_when_played_again() -> None:
    low = tone(LENGTH, 90.0)
    session = playing(low)
    session.post(1, 3, -30.0, kind=mailbox.STRIP, deck=0)
    session.post(1, 5, -0.9, kind=mailbox.STRIP, deck=0)
    tell(session, Order(20_000, mailbox.PAUSE), Order(60_000, mailbox.SEEK, 0.0), Order(60_000, mailbox.PLAY))
    heard = session.render(70_000)
    calm = roughness(heard[10_000:19_000]).max()
    assert roughness(heard[19_500 : 60_000 - FADE]).max() < 1.5 * max(calm, roughness(low[:9000]).max() * 2)
    assert np.abs(heard[40_000 : 60_000 - FADE]).max() < 1e-6


def test_two_jumps_now_are_one_and_neither_is_told_for_no_sample(pcm: Audio) -> None:
    session = playing(pcm)
    session.render(6400)
    tell(session, Order(-1, mailbox.SEEK, 5.0), Order(-9, mailbox.SEEK, 6.0))
    session.render(3000)
    first, second = session.take_reports()
    assert (first.superseded, second.superseded, second.position) == (True, False, 6)
    assert first.sample >= 6400


def test_slip_told_twice_remembers_the_first(pcm: Audio) -> None:
    session = playing(pcm)
    tell(
        session,
        Order(6400, mailbox.SLIP, 1.0),
        Order(9600, mailbox.LOOP, 0.125),
        Order(20_000, mailbox.SLIP, 1.0),
        Order(30_000, mailbox.SLIP, 0.0),
    )
    heard = session.render(40_000)
    np.testing.assert_array_equal(heard[30_000:], pcm[30_000:40_000])


@pytest.mark.parametrize(("kind", "value"), [(mailbox.SEEK, 10.0 * BEAT), (mailbox.JUMP, 8.0)])
def test_a_jump_past_the_end_of_a_loop_leaves_it(pcm: Audio, kind: int, value: float) -> None:
    session = playing(pcm)
    tell(session, Order(BEAT, mailbox.LOOP, 1.0), Order(2 * BEAT + 2 * BEAT, kind, value))
    heard = session.render(6 * BEAT)
    (report,) = [report for report in session.take_reports() if report.command == kind]
    np.testing.assert_array_equal(heard[4 * BEAT :], pcm[report.position : report.position + 2 * BEAT])


def test_backwards_from_the_start_begins_at_the_end(pcm: Audio) -> None:
    session = playing(pcm)
    tell(session, Order(2000, mailbox.REVERSE, 1.0), Order(20_000, mailbox.PLAY))
    heard = session.render(30_000)
    np.testing.assert_allclose(heard[20_000:], pcm[LENGTH - 10_000 :][::-1], atol=1e-4)


def test_eight_stems_jump_and_are_swapped_transposed_by_an_octave() -> None:
    stems = [*band(LENGTH, seed=1, every=LENGTH), *band(LENGTH, seed=5, every=LENGTH)]
    roles = [0, 1, 2, 3] * 2
    orders = [Order(20_000, mailbox.SEEK, 200_000.0), Order(40_000, mailbox.SWAP, 0.0, 7.0)]
    heard = {}
    for told in (True, False):
        session = Session(stems, roles, loop=True, mix=at(0.97, -12.0), start=0 if told else 180_600)
        session.shelve(Player(stems, roles, key=7))
        tell(session, *(orders if told else []))
        session.post(5, PITCH, -11.5, sample=21_000)
        heard[told] = session.render(60_000)
    unswitched = Session(stems, roles, loop=True, mix=at(0.97, -12.0)).render(21_000)
    assert_no_click(heard[True], 20_000, [unswitched[19_000:], heard[False][19_000:21_000]])
    assert_no_click(heard[True], 40_000, [heard[False][39_000:41_000]])
