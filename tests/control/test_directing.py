"""Directed sessions on a real engine: in time with the music, in small steps, and with their reasons."""

from __future__ import annotations

import numpy as np
import pytest
from sounds import music

from remixd.audience.audience import Audience
from remixd.audience.signal import Signal
from remixd.control.command import Answer, Applied, Refused
from remixd.control.directing import AHEAD_FRAMES, Clock, Directing
from remixd.control.session import Session
from remixd.control.sessions import Sessions
from remixd.control.streams import SessionStatus, Watcher
from remixd.director.arbiter import Arbiter
from remixd.mix import NEUTRAL

BPM = 240.0  # a bar a second, so that tests are short
BAR_FRAMES = 48_000
SONG = {role: music(48_000 * 8, seed=seed) for seed, role in enumerate(("drums", "bass", "vocals", "other"))}


@pytest.fixture
async def session(sessions: Sessions, shelf) -> Session:
    shelf.add("song-00000001", SONG, bpm=BPM)
    return await sessions.create("song-00000001", directed=True)


async def rendered(session: Session, sample: int) -> None:
    watcher = session.watch()
    async for event in watcher:
        if isinstance(event, SessionStatus) and event.sample >= sample:
            break
    watcher.close()


def wish(session: Session, signal_id: str, fan: str = "", **wishes: float) -> Answer:
    [answer] = session.receive([Signal(id=signal_id, fan=fan, wishes=wishes)])
    assert answer.accepted
    return answer


async def outcome(watcher: Watcher, signal_id: str) -> Applied | Refused:
    async for event in watcher:
        if not isinstance(event, SessionStatus) and event.id == signal_id:
            return event
    raise AssertionError("never heard of again")


async def test_a_directed_wish_waits_for_the_bar_and_the_answer_says_which(session: Session) -> None:
    watcher = session.watch()
    await rendered(session, 4_800)
    answer = wish(session, "a", drums=-9.0)
    assert answer.planned_sample % BAR_FRAMES == 0
    assert answer.because == "drums by 3 dB a bar: 3 bars"
    assert session.status().mix["drums"] == 0.0, "nothing moves yet"
    applied = await outcome(watcher, "a")
    assert isinstance(applied, Applied)
    assert applied.sample == answer.planned_sample
    assert applied.late_frames == 0
    assert applied.bar_beat.endswith(":1.00")
    [move] = applied.moves
    assert (move.dimension, move.settled_sample - move.sample) == ("drums", BAR_FRAMES)
    assert -3.0 <= move.value < 0.0
    assert applied.because == "a fan wishes drums at -9 dB, by at most 3 dB a bar"
    status = session.status()
    assert (status.mode, status.because) == ("directed", {"drums": applied.because})


async def test_the_tempo_bends_at_a_phrase_and_in_time(session: Session) -> None:
    watcher = session.watch()
    await rendered(session, 4_800)
    answer = wish(session, "a", tempo=1.06)
    applied = await outcome(watcher, "a")
    assert answer.planned_sample % (4 * BAR_FRAMES) == 0
    assert 0 <= applied.sample - answer.planned_sample < 64, "the time map bends on a grid of 64 frames"
    assert 1.0 < applied.moves[0].value <= 1.02


async def test_rights_and_the_preset_hold_a_directed_wish_and_it_is_told(session: Session) -> None:
    [tempo] = wish(session, "a", tempo=1.5).clamps
    assert (tempo.asked, tempo.given) == (1.5, pytest.approx(1.08))
    assert "near its preset" in tempo.because
    [pitch] = wish(session, "b", pitch=9.0).clamps
    assert (pitch.asked, pitch.given) == (9.0, 3.0)
    assert "rights" in pitch.because


async def test_a_replaced_wish_and_one_for_what_is_so_are_both_heard_of_again(session: Session) -> None:
    watcher = session.watch()
    await rendered(session, 4_800)
    wish(session, "first", "mina", drums=-6.0)
    wish(session, "second", "mina", drums=0.0)
    replaced = await outcome(watcher, "first")
    assert isinstance(replaced, Refused)
    assert "signal second of the same fan" in replaced.reason
    settled = await outcome(watcher, "second")
    assert settled.moves == ()
    assert "drums is at 0 dB" in settled.because


async def test_what_directed_sessions_render_is_ready_a_tenth_of_a_second_ahead(session: Session) -> None:
    await rendered(session, 9_600)
    newest = session._desk.newest
    assert 0.05 < (newest.due_ns - newest.rendered_ns) / 1e9 < 0.15


def test_every_start_is_decided_once_shortly_before_it_is_due(tmp_path) -> None:
    from packages import a_track

    from remixd.track.analysis import Analysis

    beats = tuple(np.arange(0.0, 20.0, 0.25).tolist())
    analysis = Analysis(source="demo", duration_s=20.0, beats_s=beats, downbeats_s=beats[::4])
    track = a_track(tmp_path, frames=20 * 48_000, analysis=analysis)
    directing = Directing(track, NEUTRAL, Audience(NEUTRAL), Arbiter())
    due = []
    for sample in range(0, 60 * 48_000, 480):
        clock = Clock(sample, sample / 48_000 % 20.0, 1.0)
        if (now := directing.due(dict(NEUTRAL), clock)) is not None:
            assert sample <= now.sample <= sample + AHEAD_FRAMES
            due.append(now.sample)
    assert due == [bar * 48_000 for bar in range(1, 61)], "round after round"
