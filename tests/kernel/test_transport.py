"""Decks are told to play, jump and loop: the right music, on the right sample, without a click."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from decks import BEAT, SECOND, TEMPO, grid
from sounds import Audio, music

from remixd._kernel import mailbox
from remixd._kernel.player import Player
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem

OTHER = 3
FADE = 256
LENGTH = 40 * BEAT


def song(seed: int = 1, frames: int = LENGTH) -> Audio:
    return music(frames, seed=seed, level=0.2)


def deck(pcm: Audio, **kwargs: Any) -> Session:
    kwargs = {"loop": False, **grid(len(pcm)), **kwargs}
    return Session([Stem.of(pcm)], [OTHER], **kwargs)


def tell(session: Session, kind: int, value: float = 0.0, *, deck: int = 0, **kwargs: Any) -> None:
    number = kwargs.pop("number", 7)
    assert session.post(number, 0, value, kind=kind, deck=deck, **kwargs)


def report_of(session: Session, number: int = 7) -> mailbox.ReportEntry:
    told = [report for report in session.take_reports() if report.kind != mailbox.WAITS]
    (found,) = [report for report in told if report.id == number]
    return found


@pytest.fixture(scope="module")
def pcm() -> Audio:
    return song()


def test_a_jump_is_heard_in_full_on_its_sample(pcm: Audio) -> None:
    session = deck(pcm)
    tell(session, mailbox.SEEK, 300_123, sample=50_001)
    heard = session.render(60_000)
    np.testing.assert_array_equal(heard[: 50_001 - FADE], pcm[: 50_001 - FADE])
    np.testing.assert_array_equal(heard[50_001:], pcm[300_123 : 300_123 + 9_999])
    report = report_of(session)
    assert (report.kind, report.sample, report.position, report.late_frames) == (
        mailbox.APPLIED,
        50_001,
        300_123,
        0,
    )


def test_a_jump_now_comes_with_the_next_fade(pcm: Audio) -> None:
    session = deck(pcm)
    session.render(1000)
    tell(session, mailbox.SEEK, 200_000)
    heard = session.render(4000)
    report = report_of(session)
    assert 1000 < report.sample <= 1000 + 64 + 64 + FADE
    at = report.sample - 1000
    np.testing.assert_array_equal(heard[at:], pcm[200_000 : 200_000 + 4000 - at])


def test_a_jump_for_the_past_is_done_now_and_told_late(pcm: Audio) -> None:
    session = deck(pcm)
    session.render(48_000)
    tell(session, mailbox.SEEK, 200_000, sample=1000)
    session.render(4000)
    report = report_of(session)
    assert report.kind == mailbox.APPLIED
    assert report.late_frames == report.sample - 1000 > 47_000


def test_a_loop_repeats_to_the_sample(pcm: Audio) -> None:
    session = deck(pcm)
    tell(session, mailbox.LOOP, 2.0, extra=-1.0, sample=BEAT)
    heard = session.render(10 * BEAT)
    for lap in range(4):
        start = BEAT + lap * 2 * BEAT
        np.testing.assert_array_equal(
            heard[start : start + 2 * BEAT - FADE], pcm[BEAT : 3 * BEAT - FADE], err_msg=f"lap {lap}"
        )


def test_a_loop_that_is_left_goes_on_behind_it(pcm: Audio) -> None:
    session = deck(pcm)
    tell(session, mailbox.LOOP, 2.0, extra=-1.0, sample=BEAT)
    tell(session, mailbox.EXIT, sample=6 * BEAT, number=8)
    heard = session.render(12 * BEAT)
    # left half-way through the third lap: it plays on to the loop's old end, and past it
    np.testing.assert_array_equal(heard[5 * BEAT : 12 * BEAT], pcm[BEAT : 8 * BEAT])


@pytest.mark.parametrize("beats", [1 / 8, 1 / 4, 1 / 2, 1, 4])
def test_loops_of_every_length_keep_their_period(pcm: Audio, beats: float) -> None:
    session = deck(pcm)
    tell(session, mailbox.LOOP, beats, extra=-1.0, sample=BEAT)
    heard = session.render(14 * BEAT)
    period = int(beats * BEAT)
    lap = heard[BEAT + period : BEAT + 2 * period]
    for start in range(BEAT + 2 * period, 14 * BEAT - period + 1, period):
        np.testing.assert_array_equal(heard[start : start + period], lap)


def test_slip_comes_back_to_where_the_song_would_be(pcm: Audio) -> None:
    session = deck(pcm)
    session.render(640)
    tell(session, mailbox.SLIP, 1.0)
    tell(session, mailbox.LOOP, 0.5, extra=-1.0, sample=2 * BEAT, number=8)
    tell(session, mailbox.EXIT, sample=5 * BEAT, number=9)
    heard = session.render(8 * BEAT)
    np.testing.assert_array_equal(heard[5 * BEAT - 640 :], pcm[5 * BEAT : 8 * BEAT + 640])
    assert not np.array_equal(heard[3 * BEAT : 3 * BEAT + 999], pcm[3 * BEAT + 640 : 3 * BEAT + 1639])


def test_backwards_is_the_music_turned_round(pcm: Audio) -> None:
    session = deck(pcm)
    tell(session, mailbox.REVERSE, 1.0, sample=10 * BEAT)
    heard = session.render(14 * BEAT)
    at = 10 * BEAT
    expected = pcm[at - 3 * BEAT + 1 : at + 1][::-1]
    assert np.abs(heard[at : at + 3 * BEAT] - expected).max() < 1e-4


def test_without_key_lock_pitch_goes_with_the_speed() -> None:
    t = np.arange(LENGTH) / SECOND
    sine = (0.3 * np.sin(2 * np.pi * 440.0 * t)).astype(np.float32)
    session = deck(np.stack([sine, sine], axis=1))
    tell(session, mailbox.KEYLOCK, 0.0)
    session.post(8, TEMPO, 1.25)
    session.render(SECOND)
    heard = session.render(SECOND)[:, 0]
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(SECOND)))
    assert np.argmax(spectrum) == pytest.approx(550, abs=1)
    away = np.delete(spectrum, np.arange(540, 560))
    assert away.max() < 1e-4 * spectrum.max()


def test_a_beat_jump_goes_by_beats(pcm: Audio) -> None:
    session = deck(pcm)
    tell(session, mailbox.JUMP, 8.0, sample=3 * BEAT)
    tell(session, mailbox.JUMP, -4.0, sample=5 * BEAT, number=8)
    heard = session.render(6 * BEAT)
    np.testing.assert_array_equal(heard[3 * BEAT : 5 * BEAT - FADE], pcm[11 * BEAT : 13 * BEAT - FADE])
    np.testing.assert_array_equal(heard[5 * BEAT :], pcm[9 * BEAT : 10 * BEAT])


def test_pause_rests_and_play_goes_on_there(pcm: Audio) -> None:
    session = deck(pcm)
    tell(session, mailbox.PAUSE, sample=BEAT)
    tell(session, mailbox.PLAY, sample=3 * BEAT, number=8)
    heard = session.render(5 * BEAT)
    assert not heard[BEAT + FADE : 3 * BEAT - FADE].any()
    np.testing.assert_array_equal(heard[3 * BEAT :], pcm[BEAT : 3 * BEAT])


@pytest.mark.parametrize(("when", "mark"), [(1, 2), (2, 4), (3, 16), (4, 32)])
def test_a_command_waits_for_its_mark(pcm: Audio, when: int, mark: int) -> None:
    session = deck(pcm)
    session.render(BEAT + 5000)
    tell(session, mailbox.SEEK, 0.0, when=when)
    session.render(35 * BEAT)
    report = report_of(session)
    assert (report.kind, report.sample, report.late_frames) == (mailbox.APPLIED, mark * BEAT, 0)


def test_a_mark_is_found_though_the_tempo_moves_on_the_way(pcm: Audio) -> None:
    session = deck(pcm)
    session.render(2 * BEAT)
    tell(session, mailbox.SEEK, 3 * BEAT, when=2)
    for number, tempo in enumerate((1.2, 0.9, 1.1, 0.8)):
        session.post(100 + number, TEMPO, tempo, sample=2 * BEAT + 5000 * number)
    clock, position = [], []
    for _ in range(4 * BEAT // 64):
        clock.append(session.clock)
        position.append(session.position)
        session.render(64)
    report = report_of(session)
    jumped = int(np.argmin(np.diff(position)))  # the first quantum that is heard behind the jump
    due = np.interp(4 * BEAT, position[: jumped + 1], clock[: jumped + 1])
    assert clock[jumped] <= report.sample <= clock[jumped + 1]
    assert report.sample == pytest.approx(due, abs=64)


def test_a_mark_that_never_comes_expires_and_is_told(pcm: Audio) -> None:
    session = deck(pcm)
    tell(session, mailbox.LOOP, 1.0, extra=-1.0, sample=BEAT)
    session.render(2 * BEAT)
    tell(session, mailbox.SEEK, 0.0, when=4, expires=9 * BEAT, number=8)
    session.render(12 * BEAT)
    assert report_of(session, 8).kind == mailbox.EXPIRED


def test_gains_at_a_bar_begin_on_it(pcm: Audio) -> None:
    session = deck(pcm)
    session.render(5000)
    assert session.post(7, 5, -60.0, when=2, ramp_frames=0)
    heard = session.render(4 * BEAT)
    np.testing.assert_array_equal(heard[: 4 * BEAT - 5000], pcm[5000 : 4 * BEAT])
    assert not heard[4 * BEAT - 5000 + 1 :].any()


def test_the_end_of_the_music_is_told_and_play_starts_over(pcm: Audio) -> None:
    session = deck(pcm)
    tell(session, mailbox.SEEK, LENGTH - SECOND, sample=1000)
    session.render(2 * SECOND)
    assert [report.kind for report in session.take_reports()] == [mailbox.APPLIED, mailbox.ENDED]
    assert not session.decks()[0].playing
    tell(session, mailbox.PLAY, sample=3 * SECOND)
    heard = session.render(2 * SECOND)
    np.testing.assert_array_equal(heard[SECOND:], pcm[:SECOND])


@pytest.mark.parametrize(
    ("kind", "value", "extra", "reason"),
    [
        (mailbox.SEEK, LENGTH, 0.0, mailbox.OUTSIDE),
        (mailbox.SEEK, -1.0, 0.0, mailbox.OUTSIDE),
        (mailbox.JUMP, 400.0, 0.0, mailbox.OUTSIDE),
        (mailbox.LOOP, 0.001, -1.0, mailbox.SHORT),
        (mailbox.LOOP, -4.0, -1.0, mailbox.SHORT),
        (mailbox.LOOP, 4.0, LENGTH + 5.0, mailbox.OUTSIDE),
        (mailbox.SCALE, 0.5, 0.0, mailbox.SHORT),
        (mailbox.LOAD, 0.0, 99.0, mailbox.MISSING),
        (mailbox.SWAP, 0.0, 99.0, mailbox.MISSING),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_reason_and_changes_nothing(
    pcm: Audio, kind: int, value: float, extra: float, reason: int
) -> None:
    session = deck(pcm)
    tell(session, kind, value, extra=extra, sample=2000)
    heard = session.render(10_000)
    report = report_of(session)
    assert (report.kind, report.reason) == (mailbox.REFUSED, reason)
    np.testing.assert_array_equal(heard, pcm[:10_000])


def test_an_empty_deck_says_so(pcm: Audio) -> None:
    session = deck(pcm)
    tell(session, mailbox.PLAY, deck=2)
    session.render(1000)
    assert report_of(session).reason == mailbox.EMPTY


def test_two_jumps_for_one_sample_are_one_the_later(pcm: Audio) -> None:
    session = deck(pcm)
    tell(session, mailbox.SEEK, 100_000, sample=5000, number=1)
    tell(session, mailbox.SEEK, 200_000, sample=5000, number=2)
    heard = session.render(10_000)
    np.testing.assert_array_equal(heard[5000:], pcm[200_000:205_000])
    first, second = session.take_reports()
    assert (first.id, first.superseded, second.id, second.superseded) == (1, True, 2, False)


def loaded(*songs: Audio, **kwargs: Any) -> Session:
    """A session with a song on each deck, at rest."""
    session = Session()
    for number, pcm in enumerate(songs):
        shelve(session, pcm, number, **kwargs)
    return session


def shelve(session: Session, pcm: Audio, number: int, *, kind: int = mailbox.LOAD, **kwargs: Any) -> None:
    kwargs = {"loop": False, **grid(len(pcm)), **kwargs}
    key = 100 + len(session.stems)
    session.shelve(Player([Stem.of(pcm)], [OTHER], key=key, **kwargs))
    assert session.post(50 + number, 0, 0.0, kind=kind, deck=number, extra=key)


def test_decks_sound_together_and_apart(pcm: Audio) -> None:
    other = song(2)
    session = loaded(pcm, other)
    tell(session, mailbox.PLAY, sample=4800)
    tell(session, mailbox.PLAY, sample=9600, deck=1)
    heard = session.render(48_000)
    np.testing.assert_array_equal(heard[4800 : 9600 - FADE], pcm[: 4800 - FADE])
    np.testing.assert_array_equal(heard[9600:], pcm[4800 : 48_000 - 4800] + other[: 48_000 - 9600])


def test_a_hand_on_one_deck_leaves_the_other_alone(pcm: Audio) -> None:
    other = song(2)
    session = loaded(pcm, other)
    tell(session, mailbox.PLAY, sample=480)
    tell(session, mailbox.PLAY, sample=480, deck=1)
    assert session.post(9, OTHER, -60.0, kind=mailbox.LEVEL, deck=0, sample=9600)
    heard = session.render(20_000)
    np.testing.assert_array_equal(heard[480:9600], pcm[:9120] + other[:9120])
    np.testing.assert_array_equal(heard[9600 + 480 :], other[9600 : 20_000 - 480])


def test_mix_and_hand_together_stay_within_rights(pcm: Audio) -> None:
    low = (0.5, -12.0, -60.0, -60.0, -60.0, -24.0)
    session = deck(pcm, low=low)
    tell(session, mailbox.LEVEL, -20.0, sample=4800)  # dimension 0: drums, which do not play
    assert session.post(9, OTHER, -20.0, kind=mailbox.LEVEL, deck=0, sample=4800)
    assert session.post(10, 5, -18.0, sample=9600)
    heard = session.render(20_000)
    part = slice(4800 + 480, 9600)
    np.testing.assert_allclose(heard[part], 10 ** (-20 / 20) * pcm[part], atol=1e-6)
    part = slice(9600 + 480, 20_000)
    np.testing.assert_allclose(heard[part], 10 ** (-24 / 20) * pcm[part], atol=1e-6)


def test_what_is_loaded_over_is_given_back(pcm: Audio) -> None:
    session = deck(pcm)
    session.render(4800)
    shelve(session, song(2), 0)
    session.render(1000)
    assert session.collect() == [1]
    assert session.decks()[0].player == 101
    assert session.collect() == []


def test_the_same_stems_swapped_in_null_even_while_stretched(pcm: Audio) -> None:
    stem = Stem.of(pcm)
    for tempo in (1.0, 1.13):
        sessions = [Session(), Session()]
        heard = []
        for swaps, session in enumerate(sessions):
            for player in [Player([stem], [OTHER], key=key, loop=False) for key in (1, 2)]:
                session.shelve(player)
            session.post(1, TEMPO, tempo)
            tell(session, mailbox.LOAD, extra=1)
            tell(session, mailbox.PLAY, sample=4800)
            if swaps:
                tell(session, mailbox.SWAP, extra=2, sample=40_000)
            heard.append(session.render(80_000))
        assert sessions[1].collect() == [1]
        assert np.abs(heard[1] - heard[0]).max() < 1e-3 * np.abs(heard[0]).max()


def test_a_follower_is_on_every_beat_of_its_leader() -> None:
    first, second = song(1, 60 * BEAT), song(2, 60 * BEAT)
    session = Session()
    rng = np.random.default_rng(5)
    drifting = np.cumsum(np.r_[3000.0, 22_000 * (1 + 0.01 * rng.standard_normal(50))])
    shelve(session, first, 0, beats=drifting, levels=[1 + (i % 4 == 0) for i in range(51)])
    shelve(session, second, 1, beats=np.arange(1000.0, 59 * BEAT, 24_500.0), levels=np.ones(58, np.uint8))
    tell(session, mailbox.PLAY, sample=4800, number=1)
    tell(session, mailbox.LEAD, 1.0, number=2)
    tell(session, mailbox.SYNC, 1.0, deck=1, number=3)
    tell(session, mailbox.PLAY, deck=1, sample=SECOND, number=4)
    places = []
    for _ in range(15 * SECOND // 64):
        session.render(64)
        places.append([entry.position for entry in session.decks()])
    a, b = np.array(places).T[:2]
    assert not [report for report in session.take_reports() if report.kind != mailbox.APPLIED]
    heard_from = int(1.2 * SECOND / 64)
    phase_a = np.interp(a, drifting, np.arange(51))
    phase_b = (b - 1000.0) / 24_500
    off = (phase_b - phase_a)[heard_from:]
    off -= np.round(off)
    assert np.abs(off).max() * 24_000 < 48, "within 1 ms of every beat"


def test_a_deck_without_beats_follows_nothing(pcm: Audio) -> None:
    session = loaded(pcm, song(2), heard=False)
    tell(session, mailbox.SYNC, 1.0, deck=1)
    tell(session, mailbox.LEAD, 1.0, deck=0, number=8)
    session.render(1000)
    reports = {report.id: report for report in session.take_reports()}
    assert reports[7].reason == reports[8].reason == mailbox.NO_BEAT


def test_each_command_has_one_answer(pcm: Audio) -> None:
    session = loaded(pcm, song(2))
    kinds = [*range(mailbox.PLAY, mailbox.PACE + 1)] * 3
    for number, kind in enumerate(kinds):
        session.post(1000 + number, 0, 1.0, kind=kind, deck=number % 2, sample=500 * number, extra=-1.0)
    session.render(500 * len(kinds) + 20_000)
    answered = [report.id for report in session.take_reports() if report.id >= 1000]
    assert sorted(answered) == [1000 + number for number in range(len(kinds))]
